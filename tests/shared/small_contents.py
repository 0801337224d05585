"""Small models that take contents, and a log of six items with attributes and ratings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.models.catalogue import arguments, make
from nextitem.models.names import (
    BERT4Rec,
    BSARec,
    CL4SRec,
    CoSeRec,
    DuoRec,
    FEARec,
    FMLPRec,
    GRU4Rec,
    GSASRec,
    ICLRec,
    Mamba4Rec,
    SASRec,
    TVRec,
    WEARec,
)
from nextitem.models.with_contents import WithContents

KINDS = [
    SASRec,
    GSASRec,
    CL4SRec,
    DuoRec,
    CoSeRec,
    ICLRec,
    FEARec,
    TVRec,
    FMLPRec,
    BSARec,
    WEARec,
    GRU4Rec,
    Mamba4Rec,
    BERT4Rec,
]
READERS = [SASRec, GSASRec, TVRec, FMLPRec, BSARec, WEARec, GRU4Rec, Mamba4Rec, BERT4Rec]
COLUMNS = ("colour", "tags")


def data() -> TrainingData:
    """Items 5 and 6 have no training rows, and 5 the attributes of 1; nobody knows what 6 is."""
    table = pl.DataFrame({
        "colour": ["red", "blue", None, "red", "red", None],
        "tags": [["a", "b"], [], ["a"], ["b"], ["a", "b"], ["new"]],
        "price": [1, 2, 3, 4, 5, 6],
    })  # fmt: skip
    rows = Sequences.from_lists([[1, 2, 3, 4]])
    return TrainingData.of(replace(rows, ratings=np.array([0.5, 5, 3, 3], dtype=np.float32)), 6, Side(item_table=table))


def small(kind: Any, train: TrainingData | None = None, **contents: Any) -> WithContents:
    torch.manual_seed(0)
    train = train or data()
    sizes = Sizes(1, 6, item_attributes=train.sizes_for(("item_attributes",)).item_attributes)
    if contents.get("attributes", "none") != "none":
        contents = {"attribute_columns": COLUMNS} | contents
    own = {"dim": 4, "dropout": 0.0, "max_length": 6}
    if "num_heads" in arguments(kind):
        own["num_heads"] = 1
    model = make(kind, sizes, own | contents)
    assert isinstance(model, WithContents)
    model.prepare(train)
    return model


def tables_of(model: WithContents) -> list[Tensor]:
    return [one.weight for one in (model.attribute_embeddings or {}).values() if isinstance(one, nn.Embedding)]


def histories(ratings: list[list[float]] | None = None) -> Batch:
    inputs = torch.tensor([[1, 2, 3], [4, 1, 0]])
    return Batch.of(inputs, ratings=None if ratings is None else torch.tensor(ratings))
