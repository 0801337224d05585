"""Every metric is from 0 to 1, on any log, under any protocol."""

from __future__ import annotations

from typing import get_args

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.splits.ratio import By, ratio_split
from nextitem.data.splits.split import Split, leave_k_out, leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.metrics import AUC, METRICS
from nextitem.evaluation.protocol import Protocol, Seen, Ties
from nextitem.models.base import Recommender

ROUNDING = 1e-12  # a sum of so few terms of 1 at most, in float64


class ByUser(Recommender):
    """Scores are a table's row of the user."""

    table: Tensor  # (users + 1, V)

    def __init__(self, table: Tensor) -> None:
        super().__init__(table.shape[1] - 1)
        self.register_buffer("table", table)

    def score(self, batch: Batch) -> Tensor:
        return self.table[batch.users]


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """Few items, so that they repeat within rows and within the targets of a case."""
    num_items = draw(st.integers(2, 7))
    row = st.lists(st.integers(1, num_items), min_size=3, max_size=12)
    dataset = dataset_of(draw(st.lists(row, min_size=2, max_size=5)), num_items=num_items)
    kind = draw(st.sampled_from(["one", "two", *get_args(By)]))
    if kind == "one":
        return leave_one_out(dataset)
    try:
        return leave_k_out(dataset, 2) if kind == "two" else ratio_split(dataset, 0.2, 0.5, kind)
    except InputError:  # no row is long enough for it
        return leave_one_out(dataset)


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    candidates = draw(st.one_of(st.none(), st.integers(1, 6)))
    return Protocol(candidates, draw(st.sampled_from(get_args(Seen))), draw(st.sampled_from(get_args(Ties))))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(split=splits(), protocol=protocols(), k=st.integers(1, 7), values=st.integers(1, 4), seed=st.integers(0, 99))
def test_every_metric_is_from_0_to_1(split: Split, protocol: Protocol, k: int, values: int, seed: int) -> None:
    shape = (len(split.train) + 1, split.num_items + 1)
    scores = torch.randint(0, values, shape, generator=torch.Generator().manual_seed(seed)).float()
    k = min(k, protocol.num_ranked(split.num_items))
    try:
        found = evaluate(ByUser(scores), split.test, [*(f"{kind}@{k}" for kind in METRICS), AUC], protocol).values
    except InputError as error:
        assume("have met all" not in str(error))  # nothing is left to draw
        raise
    for name, measured in found.items():
        kept = measured[~np.isnan(measured)] if name == AUC else measured  # auc has no value without other candidates
        assert ((kept >= -ROUNDING) & (kept <= 1 + ROUNDING)).all(), name
