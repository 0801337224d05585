"""Full cross-entropy on a GPU by Triton, float32: autograd's side of nn/kernels/softmax_gpu.py.

Checked in Triton's interpreter, not yet on a GPU; `FUSED` holds it to its plain form before it is used.

Between the passes the inputs and two numbers a target are kept; the backward pass makes the scores anew, once for the
gradient of the queries and once for that of the items (twice, three times where D goes beyond 128, 256). Few blocks of
rows would leave most of a GPU idle, so that what they walk is taken in parts, each with a result of its own. How many
depends on the sizes alone: the same inputs give the same bits on a device. Inside `bf16_products` a product is one of
TF32, which rounds its factors less than bf16, in place of the three that are as exact as float32.

Sizes: N targets, D dim, V items.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

import nextitem.nn.kernels.bf16 as bf16
from nextitem.nn.kernels.checking import drawn
from nextitem.nn.kernels.probing import Probe
from nextitem.nn.once import once_differentiable

BLOCK = 32  # rows of a program, and rows that it walks at a time: ptxas for sm_80 spills none, and does with 64
MOST_PRODUCTS = 64  # numbers of two vectors that are multiplied at a time
MOST_GRADIENT = 128  # numbers of a vector whose gradient a program holds
PROGRAMS = 512  # that a launch should have at least, where there are so many blocks
_BUILD: dict[str, Any] = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": True}


def full_cross_entropy(queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
    """queries (N, D), vectors (V, D), targets (N,) in 0..V-1, shares (N,) of the losses -> their sum, a scalar."""
    loss: Tensor = _FusedCrossEntropy.apply(queries, vectors, targets, shares)  # type: ignore[no-untyped-call]
    return loss


def runs(queries: Tensor, vectors: Tensor) -> bool:
    """Whether it takes these: float32 on a CUDA device, where Triton is installed and it agrees with its plain form."""
    if not (vectors.is_cuda and queries.dtype == vectors.dtype == torch.float32 and has_triton()):
        return False
    with bf16.bf16_products(False):  # it is held to float32
        return FUSED.agrees(vectors.device)


@cache
def has_triton() -> bool:
    """Whether it is installed."""
    return find_spec("triton") is not None


class _FusedCrossEntropy(Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
        queries, vectors, targets = _readable(queries), _readable(vectors), targets.contiguous()
        ctx.precision = _precision(queries.device, bf16.are_wanted())
        logs = log_sums(queries, vectors, ctx.precision)
        ctx.save_for_backward(queries, vectors, targets, logs.float(), shares)
        hits = (queries * vectors.index_select(0, targets)).sum(1)
        return ((logs - hits) * shares).sum().to(queries.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        queries, vectors, targets, logs, shares = ctx.saved_tensors
        of_target = targets, logs, (shares * grads[0]).float()
        wants_queries, wants_vectors = ctx.needs_input_grad[:2]
        query_grad = gradient(queries, vectors, *of_target, ctx.precision, owns_items=False) if wants_queries else None
        vector_grad = gradient(vectors, queries, *of_target, ctx.precision, owns_items=True) if wants_vectors else None
        return query_grad, vector_grad, None, None


def log_sums(queries: Tensor, vectors: Tensor, precision: str) -> Tensor:
    """(N,) float64: log of the sum of exp(score) over all items."""
    from nextitem.nn.kernels.softmax_gpu import sum_exponentials

    (num_targets, dim), num_items = queries.shape, len(vectors)
    blocks, parts, items_of_part = _walk(num_targets, num_items)
    highs, sums = (queries.new_empty(parts, num_targets) for _ in range(2))
    with torch.cuda.device_of(queries):  # type: ignore[no-untyped-call]
        sum_exponentials[blocks, parts](
            queries, vectors, queries.stride(0), vectors.stride(0), highs, sums, num_targets, num_items, items_of_part,
            dim, block_o=BLOCK, block_w=BLOCK, block_d=_padded(dim, MOST_PRODUCTS), precision=precision, **_BUILD,
        )  # fmt: skip
    return (highs.double() + sums.double().log()).logsumexp(0)


def gradient(
    own: Tensor, others: Tensor, targets: Tensor, logs: Tensor, shares: Tensor, precision: str, *, owns_items: bool
) -> Tensor:
    """That of `own`, queries or vectors, of its shape; `others` are the others, `logs` and `shares` (N,) float32."""
    from nextitem.nn.kernels.softmax_gpu import add_gradient

    (num_own, dim), num_others = own.shape, len(others)
    blocks, parts, others_of_part = _walk(num_own, num_others)
    held = _padded(dim, MOST_GRADIENT)
    found = own.new_empty(parts, num_own, dim)
    with torch.cuda.device_of(own):  # type: ignore[no-untyped-call]
        add_gradient[blocks, parts, math.ceil(dim / held)](
            own, others, own.stride(0), others.stride(0), targets, logs, shares, found, num_own, num_others,
            others_of_part, dim, owns_items=owns_items, block_o=BLOCK, block_w=BLOCK,
            block_d=_padded(dim, MOST_PRODUCTS), block_g=held, precision=precision, **_BUILD,
        )  # fmt: skip
    return found[0] if parts == 1 else found.sum(0)


def _walk(num_own: int, num_others: int) -> tuple[int, int, int]:
    """Blocks of own rows, parts of the others, and how many of these a part has: whole blocks, none of them empty."""
    blocks, walked = math.ceil(num_own / BLOCK), math.ceil(num_others / BLOCK)
    of_part = math.ceil(walked / min(walked, math.ceil(PROGRAMS / blocks)))
    return blocks, math.ceil(walked / of_part), of_part * BLOCK


def _padded(dim: int, most: int) -> int:
    """A power of two that tl.dot takes, at least 16."""
    return min(most, max(16, 1 << (dim - 1).bit_length()))


@cache
def _precision(device: torch.device, may_round: bool) -> str:
    """Of a product. Three products of TF32 are as exact as one of float32, and tensor cores have them."""
    has_tensor_cores = device.type == "cuda" and not torch.version.hip
    if not has_tensor_cores or torch.cuda.get_device_capability(device) < (8, 0):
        return "ieee"
    return "tf32" if may_round else "tf32x3"


def _readable(x: Tensor) -> Tensor:
    """(N, D) whose rows have no gaps: read as it stands, or copied."""
    return x if x.stride(1) == 1 else x.contiguous()


def plain_cross_entropy(queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
    """The definition, which holds all scores at once."""
    return (F.cross_entropy(queries @ vectors.T, targets, reduction="none") * shares.detach()).sum()


def _examples() -> dict[str, tuple[Any, ...]]:
    """More than a block of targets and of items, of sizes that fill none; vectors of one block and of two."""

    def example(dim: int) -> tuple[Any, ...]:
        queries, vectors = drawn((70, dim), (150, dim))
        return queries / dim**0.5, vectors, torch.arange(70) * 2, torch.linspace(0, 1, 70) / 35

    return {"short vectors": example(5), "long vectors": example(200)}


FUSED = Probe(
    "full cross-entropy by Triton",
    full_cross_entropy,
    plain_cross_entropy,
    _examples,
    instead="torch's products of blocks of targets run instead",
)
