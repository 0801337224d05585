"""Scorers of triples by name."""

from __future__ import annotations

from nextitem.nn.triples.compl_ex import ComplEx
from nextitem.nn.triples.dist_mult import DistMult
from nextitem.nn.triples.rotat_e import RotatE
from nextitem.nn.triples.scorer import TripleScorer
from nextitem.nn.triples.trans_d import TransD
from nextitem.nn.triples.trans_e import TransE
from nextitem.nn.triples.trans_h import TransH
from nextitem.nn.triples.trans_r import TransR

SCORERS: dict[str, type[TripleScorer]] = {
    one.__name__: one for one in (ComplEx, DistMult, RotatE, TransD, TransE, TransH, TransR)
}
