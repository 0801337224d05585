"""Scorers of triples: how plausible it is that a head has a relation to a tail."""

from nextitem.nn.triples.by_name import SCORERS
from nextitem.nn.triples.compl_ex import ComplEx
from nextitem.nn.triples.dist_mult import DistMult
from nextitem.nn.triples.rotat_e import RotatE
from nextitem.nn.triples.scorer import TripleScorer
from nextitem.nn.triples.trans_d import TransD
from nextitem.nn.triples.trans_e import TransE
from nextitem.nn.triples.trans_h import TransH
from nextitem.nn.triples.trans_r import TransR

__all__ = [
    "SCORERS",
    "ComplEx",
    "DistMult",
    "RotatE",
    "TransD",
    "TransE",
    "TransH",
    "TransR",
    "TripleScorer",
]
