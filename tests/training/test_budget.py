"""The time of a tuning."""

from __future__ import annotations

import time

import pytest

from nextitem.errors import InputError
from nextitem.training.budget import LOOKS, ROOM, Budget, seconds_of


@pytest.mark.parametrize("text", ["", "60", "5 minutes", "-3m", "0s", "m5", "1h?"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="with its unit"):
        seconds_of(text)


def test_there_is_always_time_without_an_end() -> None:
    assert Budget().left() is None
    assert Budget().fits(1e9)


def test_the_winner_has_its_time_kept() -> None:
    budget = Budget(100.0, started=time.perf_counter())
    budget.saw(2.0)
    budget.saw(3.0)
    budget.saw(1.0)
    left = budget.left()
    assert left is not None
    assert 99 - ROOM - 2 * LOOKS < left <= 100 - ROOM - 2 * LOOKS


def test_the_next_trial_must_fit_by_the_mean_of_those_before() -> None:
    budget = Budget(100.0, started=time.perf_counter() - 50)
    assert budget.fits_trial()
    budget.trials += [60.0]
    assert not budget.fits_trial()
    budget.trials += [40.0, 20.0]  # the first one compiled
    assert budget.fits_trial()
