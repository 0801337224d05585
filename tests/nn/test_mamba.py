"""MambaBlock: its shapes, one position at a time, its first weights."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from nextitem.errors import InputError
from nextitem.nn.mamba import MambaBlock


def test_the_authors_example_keeps_its_shape() -> None:
    block = MambaBlock(d_model=64, d_state=256, d_conv=4, expand=2)
    assert block(torch.randn(2, 10, 64)).shape == (2, 10, 64)


def test_parameters_by_hand() -> None:
    """d_model 8, 16 channels, 4 states, rank 1."""
    by_hand = 8 * 32 + (16 * 4 + 16) + 16 * (1 + 8) + (16 + 16) + 16 * 4 + 16 + 16 * 8
    assert sum(one.numel() for one in MambaBlock(8, 4).parameters()) == by_hand


@pytest.mark.parametrize(
    "settings", [{}, {"d_conv": 1}, {"d_state": 1, "conv_bias": False, "bias": True, "dt_rank": 3}]
)
def test_step_by_step_equals_the_whole(settings: dict[str, Any]) -> None:
    block, u = MambaBlock(12, **settings), torch.randn(3, 9, 12)
    exact, found = copy.deepcopy(block).double(), []
    state = exact.start(3)
    for t in range(9):
        y, state = exact.step(u[:, t].double(), state)
        found.append(y)
    # An output adds 24 products of about 1, each of numbers that were rounded ten times.
    torch.testing.assert_close(block(u).double(), torch.stack(found, 1), rtol=1e-5, atol=24 * 10 * 2**-24)


def test_rows_of_any_length_equal_rows_alone() -> None:
    block, u = MambaBlock(12, 4), torch.randn(2, 6, 12)
    both = block(u, torch.tensor([6, 2]))
    torch.testing.assert_close(both[1, :2], block(u[1:, :2])[0])
    torch.testing.assert_close(both[0], block(u[:1])[0])


def test_a_position_ignores_later_ones() -> None:
    block, u = MambaBlock(12, 4), torch.randn(1, 6, 12)
    later = torch.cat([u[:, :3], torch.randn(1, 3, 12)], 1)
    torch.testing.assert_close(block(u)[:, :3], block(later)[:, :3])


def test_first_step_sizes_are_spread_between_the_bounds() -> None:
    dt = F.softplus(MambaBlock(64, dt_min=0.01, dt_max=0.05).dt_proj.bias.detach())
    assert 0.0099 < float(dt.min()) < 0.012
    assert 0.04 < float(dt.max()) < 0.0501


def test_decays_begin_as_s4d_real() -> None:
    torch.testing.assert_close(MambaBlock(4, 5).A_log.exp()[3], torch.arange(1.0, 6))


def test_constant_steps_have_one_weight() -> None:
    assert MambaBlock(64, dt_init="constant").dt_proj.weight.unique().tolist() == [0.5]  # 1 / sqrt(rank 4)


def test_recbole_draws_linear_maps_anew_and_clears_the_bias_of_steps() -> None:
    block = MambaBlock(64, initialisation="recbole")
    assert not block.dt_proj.bias.any()
    for part in (block.in_proj, block.x_proj, block.dt_proj, block.out_proj):
        assert float(part.weight.detach().std()) == pytest.approx(0.02, rel=0.15)
    assert float(F.softplus(block.dt_proj.bias.detach())[0]) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"d_state": 0}, "d_state must be at least 1, found 0"),
        ({"initialisation": "recbol"}, 'did you mean "recbole"'),
        ({"dt_init": "randm"}, 'did you mean "random"'),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MambaBlock(4, **settings)
