"""Metrics against fractions worked by hand and against plain loops."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.errors import InputError
from nextitem.evaluation.metrics import METRICS, check, measure, parse
from nextitem.evaluation.ranking import Ranking

INF = math.inf
Value = Fraction | float


def ranking_of(cases: list[list[float]], num_ranked: int = 1000) -> Ranking:
    """The ranks of each case's targets, in any order, none of them in a tie."""
    ranks = np.full((len(cases), max(map(len, cases))), INF)
    for row, case in zip(ranks, cases, strict=True):
        row[: len(case)] = sorted(case)
    sizes = np.array([len(case) for case in cases])
    no_ties = np.ones(ranks.shape, dtype=np.int64)
    return Ranking(np.arange(1, len(cases) + 1), ranks - 1, no_ties, sizes, np.full(len(cases), num_ranked))


def value(name: str, case: list[float]) -> float:
    return float(measure(ranking_of([case]), [name], num_ranked=1000)[name][0])


SINGLE: list[tuple[str, float, Value]] = [
    ("hr@3", 1, 1),
    ("hr@3", 3, 1),
    ("hr@3", 4, 0),
    ("hr@3", 3.5, 0),
    ("recall@3", 3, 1),
    ("recall@3", 4, 0),
    ("precision@3", 2, Fraction(1, 3)),
    ("ndcg@5", 1, 1),
    ("ndcg@5", 3, Fraction(1, 2)),  # 1 / log2(4)
    ("ndcg@5", 2, 1 / math.log2(3)),
    ("ndcg@2", 3, 0),
    ("mrr@5", 4, Fraction(1, 4)),
    ("mrr@5", 2.5, Fraction(2, 5)),
    ("mrr@3", 4, 0),
    ("map@5", 4, Fraction(1, 4)),
    ("map@3", 4, 0),
]

MANY: list[tuple[str, list[float], Value]] = [
    ("hr@3", [2, 3, 9], 1),
    ("hr@3", [4, 9], 0),
    ("recall@3", [2, 3, 9], Fraction(2, 3)),
    ("recall_capped@2", [1, 3, 9], Fraction(1, 2)),
    ("recall_capped@5", [1, 3, 9], Fraction(2, 3)),
    ("precision@4", [2, 3, 9], Fraction(2, 4)),
    ("ndcg@10", [1, 2, 3], 1),
    ("ndcg@3", [1, 3], Fraction(3, 2) / Fraction(1 + 1 / math.log2(3))),
    ("ndcg@1", [1, 2, 3], 1),  # the list has one place, and a target is on it
    ("ndcg@3", [3, 7], Fraction(1, 2) / Fraction(1 + 1 / math.log2(3))),
    ("mrr@9", [9, 2, 3], Fraction(1, 2)),
    ("map@5", [1, 3], (1 + Fraction(2, 3)) / 2),
    ("map@5", [2, 4, 9], (Fraction(1, 2) + Fraction(2, 4)) / 3),
    ("map@2", [1, 2, 3, 4], 1),
]


@pytest.mark.parametrize(("name", "rank", "by_hand"), SINGLE)
def test_metric_of_a_single_target_by_hand(name: str, rank: float, by_hand: Value) -> None:
    assert value(name, [rank]) == pytest.approx(float(by_hand), rel=1e-12)


@pytest.mark.parametrize(("name", "case", "by_hand"), MANY)
def test_metric_of_many_targets_by_hand(name: str, case: list[float], by_hand: Value) -> None:
    assert value(name, case) == pytest.approx(float(by_hand), rel=1e-12)


def by_loop(kind: str, case: list[int], k: int) -> float:
    """Walk down the list of k places."""
    relevant = [place in case for place in range(1, k + 1)]
    best = min(len(case), k)
    gain = sum(1 / math.log2(place + 1) for place, is_hit in enumerate(relevant, 1) if is_hit)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, best + 1))
    first = next((1 / place for place, is_hit in enumerate(relevant, 1) if is_hit), 0.0)
    precisions = [sum(relevant[:place]) / place for place, is_hit in enumerate(relevant, 1) if is_hit]
    return {
        "hr": float(any(relevant)),
        "recall": sum(relevant) / len(case),
        "recall_capped": sum(relevant) / best,
        "precision": sum(relevant) / k,
        "f1": 2 / (k / sum(relevant) + len(case) / sum(relevant)) if any(relevant) else 0.0,
        "ndcg": gain / ideal,
        "mrr": first,
        "map": sum(precisions) / best,
    }[kind]


@pytest.mark.parametrize("kind", METRICS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    cases=st.lists(st.sets(st.integers(1, 15), min_size=1, max_size=6), min_size=1, max_size=5), k=st.integers(1, 12)
)
def test_metric_equals_a_plain_loop(kind: str, cases: list[set[int]], k: int) -> None:
    found = measure(ranking_of([list(case) for case in cases]), [f"{kind}@{k}"], num_ranked=15)[f"{kind}@{k}"]
    assert found.tolist() == pytest.approx([by_loop(kind, list(case), k) for case in cases])


def test_one_value_a_case() -> None:
    values = measure(ranking_of([[1], [2, 3], [9]]), ["hr@2", "mrr@9"], num_ranked=9)
    assert values["hr@2"].tolist() == [1, 1, 0]
    assert values["mrr@9"].tolist() == pytest.approx([1, 1 / 2, 1 / 9])


def test_a_list_as_long_as_the_catalogue_finds_everything() -> None:
    assert measure(ranking_of([[9]]), ["hr@9"], num_ranked=9)["hr@9"].tolist() == [1]


def test_a_list_longer_than_the_catalogue_is_an_error() -> None:
    with pytest.raises(InputError, match="hr@10: a list of 10 holds all 9 items"):
        measure(ranking_of([[1]]), ["hr@10"], num_ranked=9)


def test_parse_takes_name_and_length_apart() -> None:
    assert parse("ndcg@10") == ("ndcg", 10)


def test_unknown_metric_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(InputError, match='no metric "ndgc"; did you mean "ndcg"'):
        parse("ndgc@10")


@pytest.mark.parametrize(
    ("name", "nearest"), [("NDCG@10", "ndcg"), ("recal@5", "recall"), ("map10", "map"), ("precison@1", "precision")]
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(name: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f'did you mean "{nearest}"'):
        parse(name)


def test_auc_with_a_length_is_an_error_that_says_it_has_none() -> None:
    with pytest.raises(InputError, match='"auc@10": auc looks at the whole ranking and has no list; write auc alone'):
        check("auc@10")


@pytest.mark.parametrize("name", ["ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "ndcg@1.5"])
def test_metric_without_a_length_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match="written with the length of its list, such as ndcg@10"):
        parse(name)


@pytest.mark.parametrize(
    ("case", "num_ranked", "by_hand"),
    [
        ([1], 5, 1.0),
        ([5], 5, 0.0),
        ([3], 5, 1 / 2),
        ([1, 2], 5, 1.0),
        ([1, 4], 5, 1 - 2 / 6),  # the second target has two others before it: 2 of 2 * 3 pairs are wrong
        ([3, 5], 6, 1 - (2 + 3) / 8),
        ([2.5], 4, 1 / 2),  # tied with one of three others, behind another: (1 + 1 / 2) / 3
    ],
)
def test_auc_by_hand(case: list[float], num_ranked: int, by_hand: float) -> None:
    found = measure(ranking_of([case], num_ranked), ["auc"], num_ranked)["auc"][0]
    assert found == pytest.approx(by_hand)


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    values = measure(ranking_of([[1, 4, 9]]), ["f1@5", "precision@5", "recall@5"], 1000)
    precision, recall = values["precision@5"][0], values["recall@5"][0]
    assert values["f1@5"][0] == pytest.approx(2 * precision * recall / (precision + recall))
