"""Our metrics against those of ranx, an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from ranx import Qrels, Run
from ranx import evaluate as ranx_evaluate

from nextitem.evaluation.metrics import measure
from nextitem.evaluation.ranking import Ranking

NUM_USERS, NUM_ITEMS = 40, 30
OURS_TO_THEIRS = {
    "hr@5": "hit_rate@5",
    "recall@5": "recall@5",
    "precision@5": "precision@5",
    "f1@5": "f1@5",
    "ndcg@5": "ndcg@5",
    "ndcg@20": "ndcg@20",
    "mrr@5": "mrr@5",
    "map@20": "map@20",  # ranx divides by n, here it is min(n, k): the same where k >= n
}


@pytest.fixture(scope="module")
def cases() -> tuple[np.ndarray, list[np.ndarray]]:
    """Scores (users, items) without ties, and one to eight targets a user."""
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(NUM_ITEMS, dtype=float), (NUM_USERS, 1)), axis=1)
    return scores, [rng.choice(NUM_ITEMS, rng.integers(1, 9), replace=False) for _ in range(NUM_USERS)]


@pytest.mark.filterwarnings("ignore")  # ranx and numba warn about themselves
@pytest.mark.parametrize("name", OURS_TO_THEIRS)
def test_metric_equals_that_of_ranx(cases: tuple[np.ndarray, list[np.ndarray]], name: str) -> None:
    scores, targets = cases
    above = np.full((NUM_USERS, 8), np.inf)
    for user, found in enumerate(targets):
        above[user, : len(found)] = np.sort((scores[user] > scores[user, found][:, None]).sum(1))
    sizes = np.array([len(found) for found in targets])
    no_ties = np.ones(above.shape, dtype=np.int64)
    ranking = Ranking(np.arange(1, NUM_USERS + 1), above, no_ties, sizes, np.full(NUM_USERS, NUM_ITEMS))
    ours = measure(ranking, [name], NUM_ITEMS)[name]
    qrels = Qrels({f"u{user}": {f"i{item}": 1 for item in found} for user, found in enumerate(targets)})
    run = Run({f"u{user}": {f"i{item}": score for item, score in enumerate(row)} for user, row in enumerate(scores)})
    theirs = ranx_evaluate(qrels, run, OURS_TO_THEIRS[name], return_mean=False)
    order = [list(qrels.keys()).index(f"u{user}") for user in range(NUM_USERS)]
    np.testing.assert_allclose(ours, np.asarray(theirs)[order])
