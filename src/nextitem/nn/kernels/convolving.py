"""The loops of the causal convolution of each channel with its own few taps, and SiLU, forward and backward.

torch's conv1d wants channels before positions and takes several times as long on a CPU as a pass over the memory.

Sizes: P positions, E channels, K taps. Workers as in scanning.py.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.kernels.curves import FUSED, F, sigmoid
from nextitem.nn.kernels.kinds import LINE, SIZE, SIZES, TABLE
from nextitem.nn.kernels.memory import WORKERS, flat_view, scratch, sums, written
from nextitem.nn.kernels.spreading import by_part, by_thread, spread
from nextitem.nn.kernels.threads import use_torch_threads


def conv(x: Tensor, weight: Tensor, bias: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
    """As plain.causal_conv -> (P, E)."""
    use_torch_threads()
    y = written(len(x), x.shape[1], lengths)
    taps = weight.detach().T.contiguous()
    conv_forward(
        WORKERS, *flat_view(x), taps, bias.detach().contiguous(), starts, lengths, y.view(-1), scratch(x.shape[1])
    )
    return y


def conv_gradients(
    x: Tensor, weight: Tensor, bias: Tensor, starts: Tensor, lengths: Tensor, g: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, weight and bias from g (P, E), that of the result."""
    use_torch_threads()
    dx = torch.zeros(x.shape)
    taps = weight.detach().T.contiguous()
    dtaps, dbias = sums(*taps.shape), sums(x.shape[1])
    conv_backward(
        WORKERS, *flat_view(x), *flat_view(g), taps, bias.detach().contiguous(), starts, lengths, dx.view(-1), dtaps,
        dbias, scratch(x.shape[1]),
    )  # fmt: skip
    return dx, dtaps.sum(0).T, dbias.sum(0)


@spread(LINE, SIZE, TABLE, LINE, *2 * [SIZES], LINE, by_thread(LINE), fastmath=FUSED, error_model="numpy", noalias=True)
def conv_forward(
    worker: int, x: Any, stride: int, weight: Any, bias: Any, starts: Any, lengths: Any, y: Any, total_t: Any
) -> None:
    """weight (K, E); writes y (P, E)."""
    taps, channels = weight.shape
    for row in range(worker, len(starts), WORKERS):
        for t in range(lengths[row]):
            place = starts[row] + t
            for e in range(channels):
                total_t[e] = bias[e]
            for k in range(max(0, taps - 1 - t), taps):
                w_k, there = weight[k], (place - (taps - 1 - k)) * stride
                x_k = x[there : there + channels]
                for e in range(channels):
                    total_t[e] += w_k[e] * x_k[e]
            out = y[place * channels : place * channels + channels]
            for e in range(channels):
                out[e] = total_t[e] * sigmoid(total_t[e])


@spread(
    *2 * [LINE, SIZE], TABLE, LINE, *2 * [SIZES], LINE, by_part(TABLE), by_part(LINE), by_thread(LINE),
    fastmath=FUSED, error_model="numpy", noalias=True,
)  # fmt: skip
def conv_backward(
    worker: int, x: Any, stride: int, g: Any, g_stride: int, weight: Any, bias: Any, starts: Any, lengths: Any,
    dx: Any, dweight: Any, dbias: Any, total_t: Any,
) -> None:  # fmt: skip
    """From g, the gradient of y: writes dx (P, E), zero before, and adds a worker's parts of the others."""
    taps, channels = weight.shape
    for row in range(worker, len(starts), WORKERS):
        for t in range(lengths[row]):
            place = starts[row] + t
            g_t = g[place * g_stride : place * g_stride + channels]
            for e in range(channels):
                total_t[e] = bias[e]
            for k in range(max(0, taps - 1 - t), taps):
                w_k, there = weight[k], (place - (taps - 1 - k)) * stride
                x_k = x[there : there + channels]
                for e in range(channels):
                    total_t[e] += w_k[e] * x_k[e]
            for e in range(channels):
                open_ = sigmoid(total_t[e])
                total_t[e] = g_t[e] * (open_ + total_t[e] * open_ * (F(1) - open_))
            for e in range(channels):
                dbias[e] += total_t[e]
            for k in range(max(0, taps - 1 - t), taps):
                w_k, dw_k, earlier = weight[k], dweight[k], place - (taps - 1 - k)
                x_k = x[earlier * stride : earlier * stride + channels]
                dx_k = dx[earlier * channels : earlier * channels + channels]
                for e in range(channels):
                    dw_k[e] += total_t[e] * x_k[e]
                for e in range(channels):
                    dx_k[e] += total_t[e] * w_k[e]
