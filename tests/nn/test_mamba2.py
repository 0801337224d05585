"""Mamba2Block: its formula in plain steps, one position at a time, its first weights."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from nextitem.errors import InputError
from nextitem.nn.mamba2 import Mamba2Block

ROUNDING = 24 * 10 * 2**-24  # an output adds 24 products of about 1, each of numbers that were rounded ten times


def small(**settings: Any) -> Mamba2Block:
    return Mamba2Block(12, d_state=5, head_dim=8, **settings)  # 24 channels, 3 heads


def test_parameters_by_hand() -> None:
    """d_model 8, 16 channels, 2 heads, 4 states, 4 taps."""
    read = 16 + 2 * 4
    by_hand = 8 * (16 + read + 2) + read * 4 + read + 3 * 2 + 16 + 16 * 8
    assert sum(one.numel() for one in Mamba2Block(8, 4, head_dim=8).parameters()) == by_hand


def test_the_formula_of_the_authors_code() -> None:
    """In torch's own convolution and a loop, from one product that is cut into z, (x, B, C) and dt; in float64."""
    low, u = small(), torch.randn(2, 7, 12)
    found, block, u = low(u), copy.deepcopy(low).double(), u.double()
    z, read, dt = torch.split(block.in_proj(u), [24, 34, 3], -1)
    assert block.conv_bias is not None
    padded = F.pad(read.transpose(1, 2), (3, 0))
    read = F.silu(F.conv1d(padded, block.conv_weight[:, None], block.conv_bias, groups=34)).transpose(1, 2)
    x, b, c = torch.split(read, [24, 5, 5], -1)
    dt, state, ys = F.softplus(dt + block.dt_bias), torch.zeros(2, 3, 8, 5).double(), []
    for t in range(7):
        decay = torch.exp(dt[:, t] * -block.A_log.exp())
        heads = x[:, t].view(2, 3, 8)
        state = decay[:, :, None, None] * state + torch.einsum("bh,bhw,bn->bhwn", dt[:, t], heads, b[:, t])
        ys.append((torch.einsum("bhwn,bn->bhw", state, c[:, t]) + block.D[:, None] * heads).flatten(1))
    y = torch.stack(ys, 1) * F.silu(z)
    y = y / torch.sqrt((y**2).mean(-1, keepdim=True) + 1e-5) * block.norm.weight
    torch.testing.assert_close(found.double(), block.out_proj(y), rtol=1e-4, atol=ROUNDING)


@pytest.mark.parametrize("settings", [{}, {"d_conv": 1}, {"conv_bias": False, "bias": True, "expand": 4}])
def test_step_by_step_equals_the_whole(settings: dict[str, Any]) -> None:
    block, u = small(**settings), torch.randn(3, 70, 12)
    exact, found = copy.deepcopy(block).double(), []
    state = exact.start(3)
    for t in range(70):
        y, state = exact.step(u[:, t].double(), state)
        found.append(y)
    torch.testing.assert_close(block(u).double(), torch.stack(found, 1), rtol=1e-4, atol=ROUNDING)


def test_step_by_step_in_float32_equals_it_in_float64() -> None:
    block, u = small(), torch.randn(3, 12)
    exact = copy.deepcopy(block).double()
    (found, _), (wanted, _) = block.step(u, block.start(3)), exact.step(u.double(), exact.start(3))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=ROUNDING)


@pytest.mark.parametrize("shape", [(0, 5, 12), (3, 0, 12)])
def test_nothing_to_read_gives_nothing(shape: tuple[int, ...]) -> None:
    assert small()(torch.zeros(shape)).shape == shape


def test_large_inputs_give_large_steps_and_no_overflow() -> None:
    block, u = small(), 1e4 * torch.randn(2, 6, 12, requires_grad=True)
    y = block(u)
    assert y.isfinite().all()
    assert torch.autograd.grad(y.sum(), list(block.parameters()))[0].isfinite().all()


def test_rows_of_any_length_equal_rows_alone() -> None:
    block, u = small(), torch.randn(2, 6, 12)
    both = block(u, torch.tensor([6, 2]))
    torch.testing.assert_close(both[1, :2], block(u[1:, :2])[0])
    torch.testing.assert_close(both[0], block(u[:1])[0])


def test_a_position_ignores_later_ones() -> None:
    block, u = small(), torch.randn(1, 6, 12)
    later = torch.cat([u[:, :3], torch.randn(1, 3, 12)], 1)
    torch.testing.assert_close(block(u)[:, :3], block(later)[:, :3])


def test_first_weights() -> None:
    block = Mamba2Block(64, head_dim=1, dt_min=0.01, dt_max=0.05, a_min=2.0, a_max=3.0, initialisation="recbole")
    dt, a = F.softplus(block.dt_bias.detach()), block.A_log.detach().exp()
    assert 0.0099 < float(dt.min()) < 0.012
    assert 0.04 < float(dt.max()) < 0.0501
    assert 2.0 <= float(a.min()) <= float(a.max()) <= 3.0
    assert float(block.in_proj.weight.detach().std()) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head_dim": 3}, "head_dim must divide the 8 channels, found 3"),
        ({"head_dim": 0}, "head_dim must be at least 1, found 0"),
        ({"head_dim": 4, "a_min": 3.0, "a_max": 2.0}, "in order, found 3.0 and 2.0"),
        ({"head_dim": 4, "initialisation": "oficial"}, 'did you mean "official"'),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mamba2Block(4, **settings)
