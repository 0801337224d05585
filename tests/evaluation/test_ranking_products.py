"""Ranking by products: what is measured is what the held scores give, with ties, several targets and seen ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rankings import TIES, holdout_of

from nextitem.data.splits.split import Holdout
from nextitem.evaluation.by_products import tower_of
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.protocol import Protocol, Ties
from nextitem.models.general.bpr import BPR
from nextitem.nn.kernels.choose import plain

METRICS = ["ndcg@3", "recall@3", "hr@3", "mrr@3", "map@3", "precision@3"]


def tied_model(num_users: int, num_items: int, seed: int) -> BPR:
    """Vectors of -1, 0 and 1: products are exact, and most of them equal others."""
    model = BPR(num_users, num_items, dim=3)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randint(-1, 2, weight.shape, generator=generator).float())
    return model


def some_cases(num_users: int, num_items: int, seed: int) -> Holdout:
    """One to four targets a user, some of them seen."""
    drawn = np.random.default_rng(seed)
    histories = [drawn.choice(num_items, drawn.integers(0, 6), replace=False) + 1 for _ in range(num_users)]
    targets = [drawn.choice(num_items, drawn.integers(1, 5), replace=False) + 1 for _ in range(num_users)]
    return holdout_of([one.tolist() for one in histories], [one.tolist() for one in targets])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), ties=st.sampled_from(TIES), masks=st.booleans())
def test_every_metric_is_that_of_the_held_scores(seed: int, ties: Ties, masks: bool) -> None:
    model, holdout = tied_model(25, 12, seed), some_cases(25, 12, seed)
    protocol = Protocol(ties=ties, seen="mask" if masks else "keep")
    assert tower_of(model) is not None
    found = evaluate(model, holdout, METRICS, protocol).values
    with plain():
        assert tower_of(model) is None
        wanted = evaluate(model, holdout, METRICS, protocol).values
    for metric in METRICS:
        np.testing.assert_allclose(found[metric], wanted[metric], rtol=1e-12, err_msg=metric)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_tie_beside_a_case_of_fewer_targets_is_measured(compiled: bool) -> None:
    """User 1: items 1 and 2 tie for the first place; one of two targets on a list of one, by half a chance each."""
    model = BPR(2, 3, dim=1)
    with torch.no_grad():
        model.user_embedding.weight.fill_(1.0)
        model.item_embedding.weight.copy_(torch.tensor([[0.0], [2.0], [2.0], [1.0]]))
    holdout = holdout_of([[], []], [[1], [1, 3]])
    if compiled:
        values = evaluate(model, holdout, ["recall@1"]).values
    else:
        with plain():
            values = evaluate(model, holdout, ["recall@1"]).values
    assert values["recall@1"].tolist() == [0.5, 0.25]
