"""Full cross-entropy in Triton, forward and backward; losses/full_score_gpu.py says what is made of it.

Checked in Triton's interpreter, not yet on a GPU.

A program holds a block of targets and walks a part of the items, or the other way round: scores of a block by a block
live in registers, are turned into what is wanted of them and dropped. No (N, V) numbers are ever written. Nothing is
added up across programs in an order that may change: each writes its part, and the parts are summed afterwards.

Imported late: importing this file imports triton, which with TRITON_INTERPRET=1 runs it on a CPU.

Sizes: N targets, V items, D dim; BO rows of a program's own, BW rows that it walks at a time, BD numbers of a vector.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def inner_products(
    own, others, stride_own, stride_others, rows, walked, is_row, is_walked, dim,
    block_o: tl.constexpr, block_w: tl.constexpr, block_d: tl.constexpr, precision: tl.constexpr,
):  # fmt: skip
    """(BO, BW): of the rows `rows` of own and `walked` of others, 0 where there is no such row."""
    scores = tl.zeros((block_o, block_w), tl.float32)
    for start in range(0, dim, block_d):
        d = start + tl.arange(0, block_d)
        left = tl.load(own + rows[:, None] * stride_own + d[None, :], is_row[:, None] & (d < dim)[None, :], 0.0)
        right = tl.load(
            others + walked[None, :] * stride_others + d[:, None], (d < dim)[:, None] & is_walked[None, :], 0.0
        )
        scores = tl.dot(left, right, scores, input_precision=precision)
    return scores


@triton.jit
def sum_exponentials(
    queries, vectors, stride_queries, stride_vectors, highs, sums, num_targets, num_items, items_of_part, dim,
    block_o: tl.constexpr, block_w: tl.constexpr, block_d: tl.constexpr, precision: tl.constexpr,
):  # fmt: skip
    """Of each target over a part of the items: the highest score, and the sum of exp(score - highest).

    Both (parts, N); the grid is (blocks of targets, parts).
    """
    rows = tl.program_id(0).to(tl.int64) * block_o + tl.arange(0, block_o)
    is_row = rows < num_targets
    first = tl.program_id(1) * items_of_part
    end = tl.minimum(first + items_of_part, num_items)
    high, total = tl.full((block_o,), float("-inf"), tl.float32), tl.zeros((block_o,), tl.float32)
    for start in range(first, end, block_w):
        items = start + tl.arange(0, block_w).to(tl.int64)
        scores = inner_products(
            queries, vectors, stride_queries, stride_vectors, rows, items, is_row, items < end, dim,
            block_o, block_w, block_d, precision,
        )  # fmt: skip
        scores = tl.where((items < end)[None, :], scores, float("-inf"))
        higher = tl.maximum(high, tl.max(scores, 1))
        total = total * tl.exp(high - higher) + tl.sum(tl.exp(scores - higher[:, None]), 1)
        high = higher
    there = tl.program_id(1).to(tl.int64) * num_targets + rows
    tl.store(highs + there, high, is_row)
    tl.store(sums + there, total, is_row)


@triton.jit
def add_gradient(
    own, others, stride_own, stride_others, targets, logs, shares, parts, num_own, num_others, others_of_part, dim,
    owns_items: tl.constexpr,
    block_o: tl.constexpr, block_w: tl.constexpr, block_d: tl.constexpr, block_g: tl.constexpr,
    precision: tl.constexpr,
):  # fmt: skip
    """The gradient of own rows over a part of the others, (parts, own, D): queries and items, or the other way round.

    That of a score is share * (exp(score - log of the sum) - one-hot); targets, logs and shares are (N,). The grid is
    (blocks of own rows, parts, blocks of BG numbers of a vector).
    """
    rows = tl.program_id(0).to(tl.int64) * block_o + tl.arange(0, block_o)
    is_row = rows < num_own
    d = tl.program_id(2) * block_g + tl.arange(0, block_g)
    first = tl.program_id(1) * others_of_part
    end = tl.minimum(first + others_of_part, num_others)
    gradient = tl.zeros((block_o, block_g), tl.float32)
    for start in range(first, end, block_w):
        walked = start + tl.arange(0, block_w).to(tl.int64)
        is_walked = walked < end
        scores = inner_products(
            own, others, stride_own, stride_others, rows, walked, is_row, is_walked, dim,
            block_o, block_w, block_d, precision,
        )  # fmt: skip
        if owns_items:
            log = tl.load(logs + walked, is_walked, 0.0)[None, :]
            share = tl.load(shares + walked, is_walked, 0.0)[None, :]
            is_hit = tl.load(targets + walked, is_walked, -1)[None, :] == rows[:, None]
        else:
            log = tl.load(logs + rows, is_row, 0.0)[:, None]
            share = tl.load(shares + rows, is_row, 0.0)[:, None]
            is_hit = tl.load(targets + rows, is_row, -1)[:, None] == walked[None, :]
        by_score = share * (tl.exp(scores - log) - tl.where(is_hit, 1.0, 0.0))
        by_score = tl.where(is_row[:, None] & is_walked[None, :], by_score, 0.0)  # exp of a row that is none may be inf
        vectors = tl.load(
            others + walked[:, None] * stride_others + d[None, :], is_walked[:, None] & (d < dim)[None, :], 0.0
        )
        gradient = tl.dot(by_score, vectors, gradient, input_precision=precision)
    there = (tl.program_id(1).to(tl.int64) * num_own + rows[:, None]) * dim + d[None, :]
    tl.store(parts + there, gradient, is_row[:, None] & (d < dim)[None, :])
