"""The verdict: shares by hand, classes, intervals."""

from __future__ import annotations

import numpy as np
import pytest

from nextitem.analysis.verdict import Cases, classify, judge


def cases(full: float, shuffled: float, shuffled_all: float, last_only: float, popularity: float) -> Cases:
    noise = np.random.default_rng(0).normal(0, 0.05, 2000)  # the same for all: users differ more than variants do
    return Cases(*(value + noise for value in (full, shuffled, shuffled_all, last_only, popularity)))


def test_shares_by_hand() -> None:
    verdict = judge(cases(0.5, 0.4, 0.2, 0.3, 0.1))
    assert verdict.gain.value == pytest.approx(0.4)
    assert verdict.order_information.value == pytest.approx(0.25)
    assert verdict.recency_information.value == pytest.approx(0.75)
    assert verdict.last_item_share.value == pytest.approx(0.5)


def test_the_interval_is_that_of_the_mean() -> None:
    rng = np.random.default_rng(1)
    full = rng.normal(0.5, 0.2, 4000)
    gain = judge(Cases(full, full, full, full, np.zeros(4000))).gain
    half = 1.96 * full.std() / np.sqrt(4000)
    assert gain.low == pytest.approx(full.mean() - half, abs=1e-3)
    assert gain.high == pytest.approx(full.mean() + half, abs=1e-3)


def test_no_gain_has_no_shares() -> None:
    values = np.random.default_rng(0).random(500)
    verdict = judge(Cases(values, values, values, values, values[::-1]))
    assert verdict.name == "no gain"
    assert verdict.order_information.value is verdict.last_item_share.low is None


@pytest.mark.parametrize(
    ("order", "recency", "last_item", "name"),
    [
        (0.3, 0.9, 0.1, "strongly ordered"),
        (0.14, 0.5, 0.5, "weakly ordered"),  # ml-1m in the article
        (0.0, 0.6, 0.87, "last item only"),  # Beauty in the article
        (0.0, 0.6, 0.5, "last item and set"),
        (0.02, 0.03, 0.3, "no order"),
        (-0.1, -0.1, 0.3, "no order"),
    ],
)
def test_classes(order: float, recency: float, last_item: float, name: str) -> None:
    assert classify(order, recency, last_item) == name


def test_a_class_near_its_threshold_is_not_sure() -> None:
    rng = np.random.default_rng(0)
    full = rng.random(400)
    shuffled = full - 0.025 + rng.normal(0, 0.1, 400)  # order information about 0.05
    assert not judge(Cases(full, shuffled, shuffled, full, np.zeros(400))).is_sure
    assert judge(cases(0.5, 0.1, 0.1, 0.2, 0.0)).is_sure
