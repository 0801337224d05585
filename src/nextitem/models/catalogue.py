"""The models by name. A new model is a line here, a file beside this one, a recipe in `recipes/` and a test."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.keys import Key, check_keys, keys_of, named
from nextitem.models.base import Recommender
from nextitem.models.general.bpr import BPR
from nextitem.models.general.ease import EASE
from nextitem.models.general.ials import IALS
from nextitem.models.general.item_knn import ItemKNN
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.general.multi_vae import MultiVAE
from nextitem.models.general.ncf import NCF
from nextitem.models.general.popularity import Popularity
from nextitem.models.installed import brought_by, installed
from nextitem.models.knowledge.cke import CKE
from nextitem.models.sequential.bert4rec import BERT4Rec
from nextitem.models.sequential.cl4srec import CL4SRec
from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.models.sequential.mamba4rec import Mamba4Rec
from nextitem.models.sequential.markov_chain import MarkovChain
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.sasrecf import SASRecF
from nextitem.models.sequential.sigma import SIGMA
from nextitem.models.sequential.stamp import STAMP
from nextitem.models.sequential.tisasrec import TiSASRec
from nextitem.models.sequential.zero_block import ZeroBlock
from nextitem.models.social.diffnet import DiffNet

MODELS: dict[str, type[Recommender]] = {
    "BERT4Rec": BERT4Rec,
    "BPR": BPR,
    "CKE": CKE,
    "CL4SRec": CL4SRec,
    "DiffNet": DiffNet,
    "EASE": EASE,
    "GRU4Rec": GRU4Rec,
    "IALS": IALS,
    "ItemKNN": ItemKNN,
    "LightGCN": LightGCN,
    "Mamba4Rec": Mamba4Rec,
    "MarkovChain": MarkovChain,
    "MultiVAE": MultiVAE,
    "NCF": NCF,
    "Popularity": Popularity,
    "SASRec": SASRec,
    "SASRecF": SASRecF,
    "SIGMA": SIGMA,
    "STAMP": STAMP,
    "TiSASRec": TiSASRec,
    "ZeroBlock": ZeroBlock,
}


SIZES = tuple(one.name for one in fields(Sizes))  # what the data says, not the recipe


def find(name: str) -> type[Recommender]:
    """The class of one of our models.

    Raises:
        InputError: no model has this name, and the nearest one is named; or it is that of a model of the user's own.
    """
    if name not in MODELS:
        _refuse_own(name)
    return named("there is no model", name, MODELS)


def arguments(model: type[Recommender]) -> dict[str, Key]:
    """What the constructor takes beside the sizes of the data: a recipe's `model` keys."""
    return keys_of(model, SIZES)


def make(model: type[Recommender], sizes: Sizes, given: dict[str, Any]) -> Recommender:
    """A model with its first weights, drawn from torch's global random state; it takes the sizes that it names."""
    wanted = inspect.signature(model.__init__).parameters
    return model(**{size: getattr(sizes, size) for size in SIZES if size in wanted}, **given)


def check_arguments(model: type[Recommender], given: dict[str, Any]) -> dict[str, Any]:
    """All arguments of a model, the given ones checked against its signature, the others by default.

    Raises:
        InputError: an argument that the model does not have, a value of the wrong type, or a required one not given.
    """
    return check_keys("model", model.__name__, arguments(model), given)


def _refuse_own(name: str) -> None:
    """Code of other people's is never run because a file names it."""
    if ":" in name:
        whose = "code of your own"
    elif points := installed().get(name):
        whose = f"code that {brought_by(points[0])} brings"
    else:
        return
    raise InputError(
        f"the model {name} is {whose}, which runs only where you name it: with -m {name} on the command line, with "
        "--trust-code where a file names it, in Python with models=[..], its class"
    )
