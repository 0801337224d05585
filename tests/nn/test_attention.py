"""Causal attention, and the five layouts of its block.

Sizes: B rows, T positions, D dim, H heads.
"""

from collections.abc import Callable
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.attention import CausalAttention
from nextitem.nn.blocks import NORMS, AttentionBlock, AttentionStack, Norm, attention_block
from nextitem.nn.feed_forward import FeedForward

DIM = 6
Layer = Callable[[Tensor], Tensor]
Attention = Callable[[Tensor, Tensor], Tensor]


def original(x: Tensor, attend: Attention, feed: Layer, norm_1: Layer, norm_2: Layer) -> Tensor:
    q = norm_1(x)
    x = q + attend(q, x)
    y = norm_2(x)
    return y + feed(y)


def paper(x: Tensor, attend: Attention, feed: Layer, norm_1: Layer, norm_2: Layer) -> Tensor:
    y = norm_1(x)
    x = x + attend(y, y)
    return x + feed(norm_2(x))


def freerec(x: Tensor, attend: Attention, feed: Layer, norm_1: Layer, norm_2: Layer) -> Tensor:
    x = x + attend(norm_1(x), x)
    y = norm_2(x)
    return y + feed(y)


def post(x: Tensor, attend: Attention, feed: Layer, norm_1: Layer, norm_2: Layer) -> Tensor:
    x = norm_1(x + attend(x, x))
    return norm_2(x + feed(x))


ROWS_OF_THE_TABLE = {"original": original, "paper": paper, "freerec": freerec, "pre": paper, "post": post}


@pytest.mark.parametrize("num_heads", [1, 2, 3])
def test_attention_equals_torch(num_heads: int) -> None:
    attention = CausalAttention(DIM, num_heads)
    queries, context = torch.randn(4, 5, DIM), torch.randn(4, 5, DIM)
    query, key, value = (
        projected.view(4, 5, num_heads, DIM // num_heads).transpose(1, 2)  # (B, H, T, D / H)
        for projected in (attention.query(queries), attention.key(context), attention.value(context))
    )
    mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).reshape(4, 5, DIM)
    torch.testing.assert_close(attention(queries, context), attention.output(mixed))


def test_attention_of_a_position_ignores_later_context() -> None:
    attention, queries, context = CausalAttention(DIM, 2), torch.randn(2, 5, DIM), torch.randn(2, 5, DIM)
    changed = context.clone()
    changed[:, 3:] = 1e3
    one, other = attention(queries, context), attention(queries, changed)
    torch.testing.assert_close(one[:, :3], other[:, :3])
    assert not torch.isclose(one[:, 3:], other[:, 3:]).any()


def test_first_position_attends_to_itself_alone() -> None:
    attention, context = CausalAttention(DIM), torch.randn(2, 3, DIM)
    found = attention(torch.randn(2, 3, DIM), context)[:, 0]
    torch.testing.assert_close(found, attention.output(attention.value(context[:, 0])))


def test_heads_must_divide_dim() -> None:
    with pytest.raises(InputError, match="dim 6 and 4 heads"):
        CausalAttention(6, 4)


def test_feed_forward_works_position_by_position() -> None:
    feed, x = FeedForward(DIM, inner_dim=9), torch.randn(2, 4, DIM)
    torch.testing.assert_close(feed(x)[:, 2], feed.outer(torch.relu(feed.inner(x[:, 2]))))


@pytest.mark.parametrize("norm", ROWS_OF_THE_TABLE)
def test_block_follows_its_row_of_the_table(norm: Norm) -> None:
    block, x = AttentionBlock(DIM, 2, 0.0, norm), torch.randn(2, 4, DIM)
    for layer_norm in (block.attention_norm, block.feed_forward_norm):
        nn.init.normal_(layer_norm.weight)
        nn.init.normal_(layer_norm.bias)
    by_table = ROWS_OF_THE_TABLE[norm](
        x, block.attention, block.feed_forward, block.attention_norm, block.feed_forward_norm
    )
    torch.testing.assert_close(block(x), by_table)


@pytest.mark.parametrize("norm", NORMS)
def test_stack_ends_in_a_layer_norm_unless_it_is_the_papers_or_berts(norm: Norm) -> None:
    stack, x = AttentionStack(DIM, 2, 1, 0.0, norm), torch.randn(2, 4, DIM)
    state = stack.blocks[1](stack.blocks[0](x))
    torch.testing.assert_close(stack(x), state if norm in ("paper", "bert") else F.layer_norm(state, (DIM,), eps=1e-8))


@pytest.mark.parametrize("norm", NORMS)
def test_stack_is_causal(norm: Norm) -> None:
    stack, x = AttentionStack(DIM, 2, 2, 0.0, norm), torch.randn(1, 5, DIM)
    (gradient,) = torch.autograd.grad(stack(x.requires_grad_())[0, 2, 0], x)
    assert gradient[0, :3].any(1).all()
    assert not gradient[0, 3:].any()


def test_unknown_norm_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(InputError, match='no norm "papper"; did you mean "paper"'):
        attention_block(DIM, 1, 0.0, cast(Norm, "papper"))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_a_place_alone_has_the_state_that_it_has_beside_the_others(norm: Norm, num_layers: int) -> None:
    stack = AttentionStack(8, num_layers, 2, 0.0, norm).double()
    x, places = torch.randn(4, 6, 8, dtype=torch.float64, requires_grad=True), torch.tensor([0, 3, 5, 2])
    alone, beside = stack(x, places)[:, 0], stack(x)[torch.arange(4), places]
    torch.testing.assert_close(alone, beside)
    grads = [torch.autograd.grad(one.square().sum(), x)[0] for one in (alone, beside)]
    torch.testing.assert_close(*grads)
