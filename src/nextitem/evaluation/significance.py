"""Is the difference between two models real? Paired over the users, since both answered the same cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class PairedTest:
    difference: float  # mean of (first - second)
    low: float  # 95 % confidence interval of the mean difference
    high: float
    p_value: float  # two-sided, of a difference at least as large if there were none


def paired_test(first: np.ndarray, second: np.ndarray) -> PairedTest:
    """Student's paired t test of two (R,) metrics of the same cases.

    Smucker, Allan & Carterette (CIKM 2007) find it to agree with the randomisation test on ranking metrics.
    Models that agree on every case have p = 1; one that is better by the same on every case has p = 0.
    """
    differences = first - second
    if len(differences) < 2 or np.ptp(differences) == 0:
        mean = float(differences.mean())
        return PairedTest(mean, mean, mean, 0.0 if len(differences) > 1 and mean else 1.0)
    test = stats.ttest_1samp(differences, 0.0)
    interval = test.confidence_interval(0.95)
    return PairedTest(float(differences.mean()), float(interval.low), float(interval.high), float(test.pvalue))


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
