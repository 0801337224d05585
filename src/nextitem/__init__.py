"""nextitem: which item comes next.

    dataset = ni.read_dataset("log.csv")
    split = ni.split.leave_one_out(dataset)
    model = ni.models.SASRec(split.num_items)
    for progress in ni.fit(model, split): ...
    ni.evaluate(model, split.test).means()

`ni.models`, `ni.split`, `ni.batches` and `ni.losses` hold what there is of each by name, `ni.spark` what is done inside
Spark. Public names load what they need when they are first used, so `import nextitem` itself is instant.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from nextitem.cores import bound_waiting

if TYPE_CHECKING:
    from nextitem import batches as batches
    from nextitem import losses as losses
    from nextitem import models as models
    from nextitem import spark as spark
    from nextitem import split as split
    from nextitem.data.batches import Batch as Batch
    from nextitem.data.batches import NextItemBatches as NextItemBatches
    from nextitem.data.batches import PrefixBatches as PrefixBatches
    from nextitem.data.dataset import Dataset as Dataset
    from nextitem.data.log.interactions import Interactions as Interactions
    from nextitem.data.sources.opening import open_data as open_data
    from nextitem.data.sources.opening import read_dataset as read_dataset
    from nextitem.data.splits.split import Holdout as Holdout
    from nextitem.data.splits.split import Split as Split
    from nextitem.data.splits.split import leave_one_out as leave_one_out
    from nextitem.errors import InputError as InputError
    from nextitem.evaluation.evaluate import Report as Report
    from nextitem.evaluation.evaluate import evaluate as evaluate
    from nextitem.evaluation.protocol import Protocol as Protocol
    from nextitem.models.base import Recommender as Recommender
    from nextitem.models.general.popularity import Popularity as Popularity
    from nextitem.models.sequential.markov_chain import MarkovChain as MarkovChain
    from nextitem.models.sequential.sasrec import SASRec as SASRec
    from nextitem.models.sequential.zero_block import ZeroBlock as ZeroBlock
    from nextitem.nn.objectives import FullSoftmax as FullSoftmax
    from nextitem.nn.objectives import Objective as Objective
    from nextitem.recipe import Recipe as Recipe
    from nextitem.recipe import make_recipe as make_recipe
    from nextitem.runs.asking.explain import Explanation as Explanation
    from nextitem.runs.asking.explain import explain as explain
    from nextitem.runs.asking.influence import Influenced as Influenced
    from nextitem.runs.asking.live import Session as Session
    from nextitem.runs.asking.recommend import Run as Run
    from nextitem.runs.asking.recommend import load as load
    from nextitem.runs.asking.recommendation import Recommendation as Recommendation
    from nextitem.runs.asking.saving import save as save
    from nextitem.runs.asking.similar import Similar as Similar
    from nextitem.runs.learning.epochs import epochs as epochs
    from nextitem.runs.learning.estimator import Estimator as Estimator
    from nextitem.runs.learning.estimator import make as make
    from nextitem.runs.learning.fit import History as History
    from nextitem.runs.learning.fit import events as events
    from nextitem.runs.learning.fit import fit as fit
    from nextitem.runs.learning.fit import run as run
    from nextitem.runs.learning.labelled import LabelReport as LabelReport
    from nextitem.runs.learning.labelled import fit_labelled as fit_labelled
    from nextitem.runs.learning.update import update as update
    from nextitem.runs.parts.objectives import sampled as sampled
    from nextitem.runs.several.blend import blend as blend
    from nextitem.runs.several.compare import Comparison as Comparison
    from nextitem.runs.several.compare import compare as compare
    from nextitem.testing import RecommenderTests as RecommenderTests
    from nextitem.training.fit import Progress as Progress
    from nextitem.training.links import LinkResult as LinkResult
    from nextitem.training.links import link_prediction as link_prediction
    from nextitem.tuning.result import Tuning as Tuning
    from nextitem.tuning.tune import tune as tune

bound_waiting(sys.platform, os.environ)

__version__: str

_ROOMS = ("batches", "losses", "models", "spark", "split")  # modules of names
_HOMES = {
    "Batch": "data.batches",
    "Comparison": "runs.several.compare",
    "Dataset": "data.dataset",
    "Estimator": "runs.learning.estimator",
    "Explanation": "runs.asking.explain",
    "FullSoftmax": "nn.objectives",
    "History": "runs.learning.fit",
    "Holdout": "data.splits.split",
    "Influenced": "runs.asking.influence",
    "InputError": "errors",
    "Interactions": "data.log.interactions",
    "LabelReport": "runs.learning.labelled",
    "LinkResult": "training.links",
    "MarkovChain": "models.sequential.markov_chain",
    "NextItemBatches": "data.batches",
    "Objective": "nn.objectives",
    "Popularity": "models.general.popularity",
    "PrefixBatches": "data.batches",
    "Progress": "training.fit",
    "Protocol": "evaluation.protocol",
    "Recipe": "recipe",
    "Recommendation": "runs.asking.recommendation",
    "Recommender": "models.base",
    "RecommenderTests": "testing",
    "Report": "evaluation.evaluate",
    "Run": "runs.asking.recommend",
    "SASRec": "models.sequential.sasrec",
    "Session": "runs.asking.live",
    "Similar": "runs.asking.similar",
    "Split": "data.splits.split",
    "Tuning": "tuning.result",
    "ZeroBlock": "models.sequential.zero_block",
    "blend": "runs.several.blend",
    "compare": "runs.several.compare",
    "epochs": "runs.learning.epochs",
    "evaluate": "evaluation.evaluate",
    "events": "runs.learning.fit",
    "explain": "runs.asking.explain",
    "fit": "runs.learning.fit",
    "fit_labelled": "runs.learning.labelled",
    "leave_one_out": "data.splits.split",
    "link_prediction": "training.links",
    "load": "runs.asking.recommend",
    "make": "runs.learning.estimator",
    "make_recipe": "recipe",
    "open_data": "data.sources.opening",
    "read_dataset": "data.sources.opening",
    "run": "runs.learning.fit",
    "sampled": "runs.parts.objectives",
    "save": "runs.asking.saving",
    "tune": "tuning.tune",
    "update": "runs.learning.update",
}

__all__ = sorted([*_HOMES, *_ROOMS])


if not TYPE_CHECKING:  # which would take any name for one that is there

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return import_module(f"nextitem.{name}")
        if name == "__version__":
            return import_module("importlib.metadata").version("nextitem")
        if name not in _HOMES:
            raise AttributeError(f"module 'nextitem' has no attribute {name!r}")
        return vars(import_module(f"nextitem.{_HOMES[name]}"))[name]


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
