"""compare_values by a hand-worked example, and beside scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nextitem.evaluation.comparison import compare_values
from nextitem.evaluation.significance import mean_interval, paired_test

# Four cases, two seeds of A; B has one.
A = np.array([[1.0, 0.0, 0.5, 0.5], [0.0, 1.0, 0.5, 0.5]])  # means over seeds: .5 .5 .5 .5
B = np.array([[0.6, 0.7, 0.5, 0.8]])  # less A: .1 .2 0 .3, mean .15, sd .1291
C = np.array([[0.5, 0.5, 0.5, 0.4]])  # less A: 0 0 0 -.1, mean -.025, sd .05


def test_by_hand() -> None:
    first, second, third = compare_values({"A": A, "B": B, "C": C}, "A", "ndcg@10")
    assert first.gap is None
    assert (first.seeds, first.mean, first.spread) == (2, 0.5, 0.0)
    assert second.mean == pytest.approx(0.65)
    assert second.spread is None
    assert second.gap is not None
    assert second.gap.found.difference == pytest.approx(0.15)
    assert second.gap.effect == pytest.approx(0.15 / 0.129099, abs=1e-5)
    assert (second.gap.better, second.gap.worse) == (0.75, 0.0)
    # t = .15 / (.129099 / 2) = 2.3238 with 3 degrees of freedom: p = .1027, twice that with Holm; the interval of half
    # width 3.18245 * .0645497.
    assert second.gap.found.p_value == pytest.approx(0.10272, abs=1e-4)
    assert second.gap.corrected == pytest.approx(0.20544, abs=2e-4)
    assert second.gap.found.high == pytest.approx(0.15 + 3.18245 * 0.0645497, abs=1e-5)
    assert third.gap is not None
    assert third.gap.found.p_value == pytest.approx(0.39100, abs=1e-4)  # t = -1
    assert third.gap.corrected == pytest.approx(0.39100, abs=1e-4)


def test_spread_of_seeds_and_interval_over_cases() -> None:
    seeds = np.random.default_rng(0).random((5, 30))
    (line,) = compare_values({"A": seeds}, "A", "hr@1")
    assert line.spread == pytest.approx(seeds.mean(1).std(ddof=1))
    low, high = stats.t.interval(0.95, 29, seeds.mean(0).mean(), stats.sem(seeds.mean(0)))
    assert (line.low, line.high) == pytest.approx((low, high))
    assert mean_interval(np.ones(4)) == (1.0, 1.0)


def test_the_other_tests_are_scipys() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random(40), generator.random(40) - 0.1
    assert paired_test(first, second, "wilcoxon").p_value == pytest.approx(stats.wilcoxon(first - second).pvalue)
    drawn = paired_test(first, second, "randomisation")
    assert drawn == paired_test(first, second, "randomisation")
    assert drawn.p_value == pytest.approx(paired_test(first, second).p_value, abs=0.02)
    assert (drawn.low, drawn.high) == (paired_test(first, second).low, paired_test(first, second).high)


@pytest.mark.parametrize("test", ["t", "wilcoxon", "randomisation"])
def test_models_that_agree_have_p_1(test: str) -> None:
    values = np.arange(10) / 10
    assert paired_test(values, values, test).p_value == 1.0  # type: ignore[arg-type]


@pytest.mark.parametrize("test", ["wilcoxon", "randomisation"])
def test_always_better_by_the_same_is_decided_by_the_signs(test: str) -> None:
    values = np.arange(12) / 16  # without a rounding error in the differences
    found = paired_test(values + 0.25, values, test)  # type: ignore[arg-type]
    assert found.difference == pytest.approx(0.25)
    assert 0 < found.p_value < 0.01
