"""nextitem: which item comes next.

Public names load what they need when they are first used, so `import nextitem` itself is instant.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from nextitem.cores import bound_waiting

if TYPE_CHECKING:
    from nextitem import models as models
    from nextitem.data.batches import Batch as Batch
    from nextitem.data.batches import NextItemBatches as NextItemBatches
    from nextitem.data.batches import PrefixBatches as PrefixBatches
    from nextitem.data.dataset import Dataset as Dataset
    from nextitem.data.log.interactions import Interactions as Interactions
    from nextitem.data.sources.opening import open_data as open_data
    from nextitem.data.sources.opening import read_dataset as read_dataset
    from nextitem.data.splits.split import leave_one_out as leave_one_out
    from nextitem.errors import InputError as InputError
    from nextitem.evaluation.evaluate import evaluate as evaluate
    from nextitem.evaluation.protocol import Protocol as Protocol
    from nextitem.models.general.popularity import Popularity as Popularity
    from nextitem.models.sequential.markov_chain import MarkovChain as MarkovChain
    from nextitem.models.sequential.sasrec import SASRec as SASRec
    from nextitem.models.sequential.zero_block import ZeroBlock as ZeroBlock
    from nextitem.recipe import make_recipe as make_recipe
    from nextitem.runs.live import Session as Session
    from nextitem.runs.recommend import load as load
    from nextitem.runs.run import run as run
    from nextitem.training.fit import fit as fit

bound_waiting(sys.platform, os.environ)

__version__: str

_HOMES = {
    "Batch": "data.batches",
    "Dataset": "data.dataset",
    "InputError": "errors",
    "Interactions": "data.log.interactions",
    "MarkovChain": "models.sequential.markov_chain",
    "NextItemBatches": "data.batches",
    "Popularity": "models.general.popularity",
    "PrefixBatches": "data.batches",
    "Protocol": "evaluation.protocol",
    "SASRec": "models.sequential.sasrec",
    "Session": "runs.live",
    "ZeroBlock": "models.sequential.zero_block",
    "evaluate": "evaluation.evaluate",
    "fit": "training.fit",
    "leave_one_out": "data.splits.split",
    "load": "runs.recommend",
    "make_recipe": "recipe",
    "open_data": "data.sources.opening",
    "read_dataset": "data.sources.opening",
    "run": "runs.run",
}

__all__ = sorted([*_HOMES, "models"])


def __getattr__(name: str) -> object:
    if name == "models":
        return import_module("nextitem.models")
    if name == "__version__":
        return import_module("importlib.metadata").version("nextitem")
    if name not in _HOMES:
        raise AttributeError(f"module 'nextitem' has no attribute {name!r}")
    return vars(import_module(f"nextitem.{_HOMES[name]}"))[name]


def __dir__() -> list[str]:
    return __all__
