"""The models by name: `nextitem.models.SASRec`. Each is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nextitem.models.general.bpr import BPR as BPR
    from nextitem.models.general.ease import EASE as EASE
    from nextitem.models.general.ials import IALS as IALS
    from nextitem.models.general.item_knn import ItemKNN as ItemKNN
    from nextitem.models.general.light_gcn import LightGCN as LightGCN
    from nextitem.models.general.multi_vae import MultiVAE as MultiVAE
    from nextitem.models.general.ncf import NCF as NCF
    from nextitem.models.general.popularity import Popularity as Popularity
    from nextitem.models.knowledge.cke import CKE as CKE
    from nextitem.models.sequential.bert4rec import BERT4Rec as BERT4Rec
    from nextitem.models.sequential.cl4srec import CL4SRec as CL4SRec
    from nextitem.models.sequential.gru4rec import GRU4Rec as GRU4Rec
    from nextitem.models.sequential.mamba4rec import Mamba4Rec as Mamba4Rec
    from nextitem.models.sequential.markov_chain import MarkovChain as MarkovChain
    from nextitem.models.sequential.sasrec import SASRec as SASRec
    from nextitem.models.sequential.sasrecf import SASRecF as SASRecF
    from nextitem.models.sequential.sigma import SIGMA as SIGMA
    from nextitem.models.sequential.stamp import STAMP as STAMP
    from nextitem.models.sequential.tisasrec import TiSASRec as TiSASRec
    from nextitem.models.sequential.zero_block import ZeroBlock as ZeroBlock
    from nextitem.models.social.diffnet import DiffNet as DiffNet

_HOMES = {
    "BERT4Rec": "sequential.bert4rec",
    "BPR": "general.bpr",
    "CKE": "knowledge.cke",
    "CL4SRec": "sequential.cl4srec",
    "DiffNet": "social.diffnet",
    "EASE": "general.ease",
    "GRU4Rec": "sequential.gru4rec",
    "IALS": "general.ials",
    "ItemKNN": "general.item_knn",
    "LightGCN": "general.light_gcn",
    "Mamba4Rec": "sequential.mamba4rec",
    "MarkovChain": "sequential.markov_chain",
    "MultiVAE": "general.multi_vae",
    "NCF": "general.ncf",
    "Popularity": "general.popularity",
    "SASRec": "sequential.sasrec",
    "SASRecF": "sequential.sasrecf",
    "SIGMA": "sequential.sigma",
    "STAMP": "sequential.stamp",
    "TiSASRec": "sequential.tisasrec",
    "ZeroBlock": "sequential.zero_block",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nextitem.models' has no attribute {name!r}")
    return vars(import_module(f"nextitem.models.{_HOMES[name]}"))[name]


def __dir__() -> list[str]:
    return __all__
