"""Is the difference between two models real? Paired over the users, since both answered the same cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

TestName = Literal["t", "wilcoxon", "randomisation"]
TESTS: dict[TestName, str] = {
    "t": "paired t test",
    "wilcoxon": "Wilcoxon's signed-rank test, cases without a difference left out",
    "randomisation": "randomisation test of the mean, 9,999 draws of signs",
}
DRAWS = 9_999
DRAWN_TOGETHER = 2**23  # signs


@dataclass(frozen=True)
class PairedTest:
    difference: float  # mean of (first - second)
    low: float  # 95 % confidence interval of the mean difference
    high: float
    p_value: float  # two-sided, of a difference at least as large if there were none


def paired_test(first: np.ndarray, second: np.ndarray, test: TestName = "t") -> PairedTest:
    """A paired test of two (R,) metrics of the same cases; the interval is Student's, whichever the test.

    Smucker, Allan & Carterette (CIKM 2007) find the t test to agree with the randomisation test on ranking metrics,
    and Wilcoxon's to stray from both. Models that agree on every case have p = 1; by the t test one that is better by
    the same on every case has p = 0. The randomisation test draws from a seed of its own, the same every time.
    """
    differences = first - second
    if len(differences) < 2 or np.ptp(differences) == 0:
        mean = float(differences.mean())
        p_value = 0.0 if len(differences) > 1 and mean else 1.0
        return PairedTest(mean, mean, mean, p_value if test == "t" or not mean else _p_value(differences, test))
    found = stats.ttest_1samp(differences, 0.0)
    interval = found.confidence_interval(0.95)
    p_value = float(found.pvalue) if test == "t" else _p_value(differences, test)
    return PairedTest(float(differences.mean()), float(interval.low), float(interval.high), p_value)


def _p_value(differences: np.ndarray, test: TestName) -> float:
    if test == "wilcoxon":
        return float(stats.wilcoxon(differences).pvalue)
    found = stats.permutation_test(
        (differences,), lambda sample, axis: sample.mean(axis), permutation_type="samples", vectorized=True,
        n_resamples=DRAWS, batch=max(1, DRAWN_TOGETHER // len(differences)), rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(found.pvalue)


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % confidence interval of the mean of (R,) values, by Student's t; the mean itself where all are alike."""
    mean = float(values.mean())
    if len(values) < 2 or np.ptp(values) == 0:
        return mean, mean
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean - half, mean + half


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's correction of (T,) p values of as many tests: the chance of even one false discovery stays at the level.

    The smallest counts T times, the next T - 1 times, .., and none is below one before it. Holm, "A Simple Sequentially
    Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return corrected
