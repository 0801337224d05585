"""Schedules: factors worked by hand, and what a plateau counts."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nextitem.recipe import ScheduleName
from nextitem.training.checkpoint import FitState
from nextitem.training.schedules import Schedule


def factors(schedule: Schedule, num_lowered: int = 0) -> list[float]:
    steps = range(1, schedule.steps_per_epoch + 1)
    return [schedule.factor(epoch, step, num_lowered) for epoch in range(1, schedule.epochs + 1) for step in steps]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule("constant", 2, 2), [1, 1, 1, 1]),
        (Schedule("warmup", 2, 3, warmup_steps=4), [1 / 4, 2 / 4, 3 / 4, 1, 1, 1]),
        (Schedule("cosine", 2, 2), [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
        (Schedule("cosine", 1, 4, warmup_steps=2), [1 / 2, 1, 1, 0.5]),
        (Schedule("exponential", 3, 2, decay=0.5), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (Schedule("exponential", 2, 2, decay=0.5, warmup_steps=3), [1 / 3, 2 / 3, 0.5, 0.5]),
    ],
)  # fmt: skip
def test_factors_by_hand(schedule: Schedule, expected: list[float]) -> None:
    assert factors(schedule) == pytest.approx(expected)


def test_a_plateau_lowers_the_rate_by_decay_each_time() -> None:
    schedule = Schedule("plateau", 1, 2, decay=0.1)
    assert factors(schedule) == [1, 1]
    assert factors(schedule, num_lowered=2) == pytest.approx([0.01, 0.01])


@given(
    st.sampled_from(["constant", "warmup", "cosine", "exponential"]),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 40),
)
def test_a_factor_lies_between_0_and_1(name: ScheduleName, epochs: int, steps: int, warmup_steps: int) -> None:
    assert all(0 < one <= 1 for one in factors(Schedule(name, epochs, steps, warmup_steps, decay=0.3)))


def test_the_cosine_is_torchs() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)
    for one in factors(Schedule("cosine", 3, 4)):
        assert one == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 4))
def test_a_plateau_is_torchs(is_best: list[bool], patience: int) -> None:
    """ReduceLROnPlateau with patience p lowers the rate at the (p + 1)th bad validation."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, "max", factor=0.5, patience=patience - 1, eps=0.0, threshold=0.0
    )
    schedule = Schedule("plateau", decay=0.5, plateau_patience=patience)
    state, value = FitState(), 1.0
    theirs.step(value)
    for better in is_best:
        value += better
        theirs.step(value if better else 0.0)
        state = schedule.after_validation(state, better)
        assert schedule.factor(1, 1, state.num_lowered) == pytest.approx(theirs.get_last_lr()[0])


def test_only_a_plateau_counts_validations() -> None:
    assert Schedule("cosine").after_validation(FitState(epoch=3), is_best=False) == FitState(epoch=3)
