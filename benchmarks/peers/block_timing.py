"""What the Mamba contestants share: the command line, the timing of a block, the JSON line they end with.

Imported by scripts that run in different environments, so it needs torch and the standard library alone.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable

import torch
from torch import nn


def time_block(description: str, makers: dict[str, Callable[[int, int], nn.Module]]) -> None:
    """`makers`: form -> (d_model, d_state) -> a block from (B, L, d_model) to the same shape."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--form", choices=makers, default=next(iter(makers)))
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--length", type=int, default=50)
    parser.add_argument("--d_model", type=int, default=64)
    parser.add_argument("--d_state", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    block = makers[options.form](options.d_model, options.d_state)
    warm = torch.randn(2, 8, options.d_model, requires_grad=True)
    block(warm).sum().backward()  # what is loaded or compiled at first use is not the block's memory
    x = torch.randn(options.batch_size, options.length, options.d_model, requires_grad=True)
    before = peak_mb()
    step(block, x)
    seconds = [step(block, x) for _ in range(options.repeats)]
    report = vars(options) | {"seconds": seconds, "peak_mb": peak_mb(), "growth_mb": peak_mb() - before}
    print(json.dumps(report))


def step(block: nn.Module, x: torch.Tensor) -> float:
    """Seconds of a forward and a backward pass."""
    block.zero_grad(set_to_none=True)
    x.grad = None
    start = time.perf_counter()
    block(x).sum().backward()
    return time.perf_counter() - start


def peak_mb() -> float:
    """Of the whole process, until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
