"""paired_test against scipy, and where there is nothing to test."""

import numpy as np
import pytest
from scipy import stats

from nextitem.evaluation.significance import PairedTest, holm, paired_test


def two_models(num_cases: int = 50) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    first, second = generator.random(num_cases), generator.random(num_cases)
    return first + 0.1, second


def test_equals_scipys_paired_t_test() -> None:
    first, second = two_models()
    test = stats.ttest_rel(first, second)
    interval = test.confidence_interval(0.95)
    found = paired_test(first, second)
    by_scipy = PairedTest(float(np.mean(first) - np.mean(second)), interval.low, interval.high, test.pvalue)
    assert vars(found) == pytest.approx(vars(by_scipy))


def test_order_of_the_cases_changes_nothing() -> None:
    first, second = two_models()
    order = np.random.default_rng(1).permutation(len(first))
    assert vars(paired_test(first[order], second[order])) == pytest.approx(vars(paired_test(first, second)))


def test_changing_sides_changes_the_sign() -> None:
    first, second = two_models()
    one, other = paired_test(first, second), paired_test(second, first)
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low))
    assert one.p_value == pytest.approx(other.p_value)


def test_models_that_agree_on_every_case_have_p_1() -> None:
    values = np.array([0.0, 1.0, 0.5])
    assert paired_test(values, values.copy()) == PairedTest(0.0, 0.0, 0.0, 1.0)


def test_a_model_better_by_the_same_on_every_case_has_p_0() -> None:
    assert paired_test(np.ones(4), np.zeros(4)) == PairedTest(1.0, 1.0, 1.0, 0.0)


def test_one_case_shows_nothing() -> None:
    assert paired_test(np.ones(1), np.zeros(1)) == PairedTest(1.0, 1.0, 1.0, 1.0)


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    """.01 three times, .02 twice, .04 once, and .03 is not below the .04 before it."""
    assert holm(np.array([0.02, 0.01, 0.04])) == pytest.approx([0.04, 0.03, 0.04])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    assert holm(np.array([])).size == 0
