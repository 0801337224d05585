"""Our metrics against those of ranx, an independent implementation."""

from __future__ import annotations

import warnings

import numba
import numpy as np
import pytest

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
Cases = tuple[np.ndarray, list[np.ndarray]]


@pytest.fixture(scope="module")
def cases() -> Cases:
    """Scores (users, items) without ties, and one to eight targets a user."""
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(NUM_ITEMS, dtype=float), (NUM_USERS, 1)), axis=1)
    return scores, [rng.choice(NUM_ITEMS, rng.integers(1, 9), replace=False) for _ in range(NUM_USERS)]


@pytest.fixture(scope="module")
def theirs(cases: Cases) -> dict[str, np.ndarray]:
    """What ranx says of every user, by its own names; as plain Python, for it compiles for a minute otherwise."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ranx and numba warn about themselves
        patch.setattr(numba.config, "DISABLE_JIT", True)
        from ranx import Qrels, Run, evaluate

        scores, targets = cases
        qrels = Qrels({f"u{user}": {f"i{item}": 1 for item in found} for user, found in enumerate(targets)})
        run = Run({f"u{user}": {f"i{item}": one for item, one in enumerate(row)} for user, row in enumerate(scores)})
        order = [list(qrels.keys()).index(f"u{user}") for user in range(NUM_USERS)]
        names = OURS_TO_THEIRS.values()
        return {name: np.asarray(evaluate(qrels, run, name, return_mean=False))[order] for name in names}


@pytest.mark.parametrize("name", OURS_TO_THEIRS)
def test_metric_equals_that_of_ranx(cases: Cases, theirs: dict[str, np.ndarray], name: str) -> None:
    scores, targets = cases
    above = np.full((NUM_USERS, 8), np.inf)
    for user, found in enumerate(targets):
        above[user, : len(found)] = np.sort((scores[user] > scores[user, found][:, None]).sum(1))
    sizes = np.array([len(found) for found in targets])
    no_ties = np.ones(above.shape, dtype=np.int64)
    ranking = Ranking(np.arange(1, NUM_USERS + 1), above, no_ties, sizes, np.full(NUM_USERS, NUM_ITEMS))
    np.testing.assert_allclose(measure(ranking, [name], NUM_ITEMS)[name], theirs[OURS_TO_THEIRS[name]])
