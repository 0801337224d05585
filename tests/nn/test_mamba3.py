"""Mamba3Block: the recurrence in plain steps, one position at a time, what turning does, and Mamba-2 as a case."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.mamba3 import Mamba3Block, turned
from nextitem.nn.scan import Rows, chunked, plain, ssd

ROUNDING = 24 * 10 * 2**-24  # an output adds 24 products of about 1, each of numbers that were rounded ten times


def small(**settings: Any) -> Mamba3Block:
    return Mamba3Block(12, d_state=8, head_dim=8, **settings)  # 24 channels, 3 heads, 2 angles


def test_parameters_by_hand() -> None:
    """d_model 8, 16 channels, 2 heads, 4 states, 1 angle."""
    by_hand = 8 * (16 + 16 + 4 + 4 + 3 * 2 + 1) + 2 + 2 * 4 + 2 * 2 * 4 + 2 + 16 * 8
    assert sum(one.numel() for one in Mamba3Block(8, 4, head_dim=8).parameters()) == by_hand


def recurrence(block: Mamba3Block, u: Tensor) -> Tensor:
    """(L, D) -> (L, D): the definition, in loops over positions and heads."""
    z, x, b, c, dd, da, tr, th = torch.split(block.in_proj(u), [24, 24, 8, 8, 3, 3, 3, 2], -1)
    heads = []
    for head in range(3):
        state, angle, last, last_key, ys = torch.zeros(8, 8).double(), torch.zeros(2).double(), None, None, []
        for t in range(len(u)):
            size = math.log1p(math.exp(float(dd[t, head] + block.dt_bias[head])))
            raw = float(da[t, head])
            rate = max(1 + raw if raw >= 0 else 1 / (1 - raw), 1e-4)
            decay, share = math.exp(-rate * size), 1 / (1 + math.exp(-float(tr[t, head])))
            angle = (angle + math.pi * torch.tanh(th[t]) * size) % (2 * math.pi)
            key = _turn(_normed(b[t]) * block.key_norm.weight + block.key_bias[head], angle)
            query = _turn(_normed(c[t]) * block.query_norm.weight + block.query_bias[head], angle)
            own = x[t, 8 * head : 8 * head + 8]
            state = decay * state
            if last is not None and last_key is not None:
                state = state + (1 - share) * size * decay * torch.outer(last, last_key)
            state = state + share * size * torch.outer(own, key)
            ys.append(state @ query + block.D[head] * own)
            last, last_key = own, key
        heads.append(torch.stack(ys))
    return block.out_proj(torch.cat(heads, 1) * F.silu(z))


def _normed(vector: Tensor) -> Tensor:
    return vector / torch.sqrt((vector**2).mean() + 1e-5)


def _turn(vector: Tensor, angle: Tensor) -> Tensor:
    found = vector.clone()
    for pair in range(2):
        a, b, cos, sin = vector[2 * pair], vector[2 * pair + 1], angle[pair].cos(), angle[pair].sin()
        found[2 * pair], found[2 * pair + 1] = a * cos - b * sin, a * sin + b * cos
    return found


@torch.no_grad()
def test_the_recurrence_of_the_definition() -> None:
    low, u = small(), torch.randn(2, 9, 12)
    block = copy.deepcopy(low).double()
    for row, found in zip(u, low(u), strict=True):
        torch.testing.assert_close(found.double(), recurrence(block, row.double()), rtol=1e-4, atol=ROUNDING)


@pytest.mark.parametrize("settings", [{}, {"expand": 4}, {"initialisation": "recbole"}])
@torch.no_grad()
def test_step_by_step_equals_the_whole(settings: dict[str, Any]) -> None:
    block, u = small(**settings), torch.randn(3, 150, 12)  # three chunks
    exact, found = copy.deepcopy(block).double(), []
    state = exact.start(3)
    for t in range(150):
        y, state = exact.step(u[:, t].double(), state)
        found.append(y)
    torch.testing.assert_close(block(u).double(), torch.stack(found, 1), rtol=1e-4, atol=ROUNDING)


@torch.no_grad()
def test_without_angles_and_with_the_newest_tap_alone_it_is_mamba_2_without_a_convolution() -> None:
    block, u = small().double(), torch.randn(7, 12).double()
    for part in torch.split(block.in_proj.weight, block.parts)[5:]:
        part.zero_()  # A = -1, and no angles
    steps = block._steps(u)
    share = steps._replace(share=torch.ones_like(steps.share))
    block._steps = lambda _: share  # type: ignore[method-assign, assignment]
    one_head = steps.key[:, :1], steps.query[:, :1]
    assert torch.equal(steps.key, one_head[0].expand_as(steps.key))  # as biases begin alike
    rows = Rows.padded(1, 7)
    y = ssd(steps.x, steps.size, -torch.ones(3).double(), one_head[0][:, 0], one_head[1][:, 0], block.D, rows)
    torch.testing.assert_close(block.over(u, rows), block._leave(y.flatten(1), steps.z))


@torch.no_grad()
def test_one_position_does_not_depend_on_the_angles() -> None:
    """y = l D (q . k) x + D_h x: a turn of both leaves their product."""
    block, u = small().double(), torch.randn(1, 12).double()
    it = block._steps(u)
    product = (it.query * it.key).sum(-1)
    y = (it.share * it.size * product + block.D)[..., None] * it.x
    torch.testing.assert_close(block.over(u, Rows.padded(1, 1)), block._leave(y.flatten(1), it.z))


def test_turning_keeps_lengths_and_products() -> None:
    vectors, angles = torch.randn(2, 5, 8).double(), torch.randn(5, 2).double()
    one, other = (turned(vector, angles) for vector in vectors)
    torch.testing.assert_close((one * other).sum(-1), (vectors[0] * vectors[1]).sum(-1))
    assert torch.equal(one[:, 4:], vectors[0][:, 4:])


def test_the_chunks_are_the_recurrence_with_decays_and_keys_of_each_head() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = Rows.packed(torch.tensor([130, 1, 0, 64]))
    written, beside = (torch.randn(195, 3, 2, generator=generator).double() for _ in range(2))
    logs = -torch.rand(195, 3, generator=generator).double()
    b, c = (torch.randn(195, 3, 4, generator=generator).double() for _ in range(2))
    inputs = [one.requires_grad_() for one in (written, logs, b, c, beside)]
    found, wanted = (form.scan(*inputs[:4], inputs[4], rows) for form in (chunked, plain))
    torch.testing.assert_close(found, wanted)
    upstream = torch.randn(found.shape, generator=generator).double()
    for one, other in zip(*(torch.autograd.grad(y, inputs, upstream) for y in (found, wanted)), strict=True):
        torch.testing.assert_close(one, other)


@torch.no_grad()
def test_rows_of_any_length_equal_rows_alone() -> None:
    block, u = small().double(), torch.randn(9, 12).double()
    lengths = torch.tensor([4, 0, 5])
    together = block.over(u, Rows.packed(lengths))
    alone = [block.over(part, Rows.packed(torch.tensor([len(part)]))) for part in u.split([4, 5])]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("shape", [(0, 5, 12), (3, 0, 12)])
def test_nothing_to_read_gives_nothing(shape: tuple[int, ...]) -> None:
    assert small()(torch.zeros(shape)).shape == shape


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="head_dim must divide the 24 channels, found 5"):
        Mamba3Block(12, head_dim=5)
    with pytest.raises(InputError, match="d_state must be a multiple of 4"):
        Mamba3Block(12, d_state=6, head_dim=8)
