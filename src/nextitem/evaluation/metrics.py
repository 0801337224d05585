"""Metrics of ranks, one value a case, all from 0 to 1.

A case has n distinct targets at ranks r_1 < .. < r_n among all candidates; k is the length of the list. With one
target, hr is recall, and ndcg and mrr are 1/log2(1 + r) and 1/r where r <= k. `expected.py` has what they are on
average where a target shares its score with other candidates.

Sizes: R cases, M most targets of a case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nextitem.errors import InputError, suggest
from nextitem.evaluation.beyond import LISTED, is_listed
from nextitem.evaluation.expected import EXPECTED, Listed
from nextitem.evaluation.ranking import Ranking

Metric = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
AUC = "auc"  # the one metric without a list


def hr(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """1 if any target is among the k best, else 0 (hit rate)."""
    return (ranks[:, 0] <= k).astype(float)


def recall(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """The share of the n targets that is among the k best."""
    return (ranks <= k).sum(1) / num_targets


def recall_capped(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """The targets among the k best over min(n, k), so that a full list has 1 however many targets there are.

    Recall@k of Liang et al., "Variational Autoencoders for Collaborative Filtering", WWW 2018.
    """
    return (ranks <= k).sum(1) / np.minimum(num_targets, k)


def precision(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """The share of the k best that are targets."""
    return (ranks <= k).sum(1) / k


def ndcg(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """Sum of 1/log2(1 + r) over targets among the k best, over the sum that min(n, k) targets in front would give.

    Järvelin & Kekäläinen 2002, with gain 1.
    """
    gained = np.where(ranks <= k, 1 / np.log2(1 + ranks), 0.0).sum(1)
    best = np.cumsum(1 / np.log2(np.arange(2, k + 2)))
    ideal: np.ndarray = best[np.minimum(num_targets, k) - 1]
    return gained / ideal


def mrr(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """1/r of the best target if it is among the k best, else 0."""
    return np.where(ranks[:, 0] <= k, 1 / ranks[:, 0], 0.0)


def average_precision(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """Sum of j / r_j over targets among the k best (r_j is the j-th best), over min(n, k). Its mean is MAP."""
    order = np.arange(1, ranks.shape[1] + 1)
    return np.where(ranks <= k, order / ranks, 0.0).sum(1) / np.minimum(num_targets, k)


def f1(ranks: np.ndarray, num_targets: np.ndarray, k: int) -> np.ndarray:
    """The harmonic mean of precision and recall, which is twice the targets found over k + n."""
    return 2 * (ranks <= k).sum(1) / (k + num_targets)


def auc(ranking: Ranking) -> np.ndarray:
    """How probably a target stands before another candidate: 1 is best, 0.5 is chance, a tie counts a half.

    Where `ties` says optimistic or pessimistic, a tie counts as it is ranked. A target that has left the ranking
    stands behind all others. NaN for a case whose every candidate is a target.
    """
    ranks, count = ranking.ranks, ranking.num_targets
    others = (ranking.num_ranked - count)[:, None]
    before = ranks - np.arange(1, ranks.shape[1] + 1)  # others before each target
    # The last rank, of a target that has left, is that of the whole catalogue; its rivals are those that are left.
    before = np.where(ranking.tied == 1, np.minimum(before, others), before)
    with np.errstate(invalid="ignore"):
        return 1 - np.where(np.isfinite(ranks), before, 0.0).sum(1) / (count * others[:, 0])


METRICS: dict[str, Metric] = {
    "hr": hr,
    "ndcg": ndcg,
    "mrr": mrr,
    "recall": recall,
    "recall_capped": recall_capped,
    "precision": precision,
    "map": average_precision,
    "f1": f1,
}


def check(name: str) -> None:
    """Raises InputError for what is no metric; see `parse`."""
    if name != AUC:
        parse(name)


def check_monitor(name: str, key: str) -> None:
    """Raises InputError for what is no metric, or none by which an epoch is better than another; `key` asked for it."""
    check(name)
    if is_listed(name):
        raise InputError(
            f"{key}: {name} says what is on the lists, and more of it is not better; take a metric of the targets, "
            "such as ndcg@10, and name it among the metrics"
        )


def parse(name: str) -> tuple[str, int]:
    """`ndcg@10` -> ("ndcg", 10).

    Raises:
        InputError: an unknown metric, or no length after the @.
    """
    kind, _, length = name.partition("@")
    if kind == AUC:
        raise InputError(f'"{name}": {AUC} looks at the whole ranking and has no list; write {AUC} alone')
    if kind not in METRICS and kind not in LISTED:
        raise InputError(f'"{name}": there is no metric "{kind}"; {suggest(kind, [*METRICS, *LISTED, AUC])}')
    if not length.isdecimal() or int(length) < 1:
        raise InputError(f'"{name}": a metric is written with the length of its list, such as {kind}@10')
    return kind, int(length)


def measure(ranking: Ranking, names: Sequence[str], num_ranked: int) -> dict[str, np.ndarray]:
    """name -> (R,) values.

    Raises:
        InputError: a list longer than the `num_ranked` items that are ranked: every target would be on it. Or a metric
            of the lists themselves (`beyond.py`), which a ranking of targets does not hold.
    """
    values = {}
    for name in names:
        if name == AUC:
            values[name] = auc(ranking)
            continue
        if parse(name)[1] > num_ranked:
            raise InputError(too_long(name, num_ranked))
        if is_listed(name):
            raise InputError(
                f"{name} is of the items on the lists, and only the ranks of targets were kept; "
                f"nextitem evaluate RUN --metrics {name} ranks again and measures it"
            )
        values[name] = measured(ranking, name)
    return values


def too_long(name: str, num_ranked: int) -> str:
    """What is wrong with a list of `num_ranked` items or more."""
    return f"{name}: a list of {parse(name)[1]} holds all {num_ranked} items that are ranked; take a smaller k"


def measured(ranking: Ranking, name: str) -> np.ndarray:
    """(R,) values of a metric of a list, however long that is."""
    kind, k = parse(name)
    values = METRICS[kind](ranking.ranks, ranking.num_targets, k)
    is_open = (ranking.tied > 1).any(1)  # (R,): the rank of some target is a matter of chance
    if ranking.ties == "expected" and is_open.any():
        cases = Listed.of(ranking.above[is_open], ranking.tied[is_open], ranking.num_targets[is_open], k)
        values[is_open] = EXPECTED[kind](cases)
    return values
