"""Times SASRec in nextitem: training epochs and the full-ranking evaluation, as the peer scripts time theirs.

The options and the JSON line are those of `peers/`; it is run by the python that nextitem is installed in. The model
has FreeRec's layout (norm="freerec"), one row a user, the loss on all positions, one negative a position for BCE.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numba
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from protocol import Options, parse_options, print_report

from nextitem.compiling import parallel_kernel
from nextitem.data.batches import NextItemBatches
from nextitem.data.dataset import Dataset
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.data.splits.split import leave_one_out
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.negatives import unseen_sampler
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.kernels.tiles import multiply
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.recipe import TrainingRecipe
from nextitem.runs.parts.build import build_fabric
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer


def main() -> None:
    options = parse_options("Time SASRec in nextitem.", losses=("CE", "BCE"), precisions=("32-true", "bf16-mixed"))
    data = options.data.resolve()
    os.chdir(options.workdir)
    torch.set_num_threads(options.threads)
    split = leave_one_out(Dataset.from_interactions(read(data, format=sniff(data))), min_length=4)
    torch.manual_seed(1)
    model = SASRec(
        split.num_items, options.dim, options.blocks, options.heads, options.dropout, options.max_length, norm="freerec"
    )
    if options.loss == "BCE":
        model.objective = Sampled(binary_cross_entropy, unseen_sampler(split.train, split.num_items))
    batches = NextItemBatches(split.train, options.batch_size, options.max_length, seed=1)
    epochs, ends = [], []
    fabric = build_fabric(TrainingRecipe(precision=options.precision))
    for epoch in train(model, batches, make_optimizer(model), last=options.epochs, fabric=fabric):
        epochs.append(epoch)
        ends.append(time.time())
    evaluate(model, split.test, ["hr@10", "ndcg@10"])  # a warm-up, as the peers have
    start = time.perf_counter()
    evaluate(model, split.test, ["hr@10", "ndcg@10"])
    seconds = time.perf_counter() - start
    print_report(
        "nextitem", version("nextitem"), options, [epoch.seconds for epoch in epochs],
        batches.num_targets, len(split.test), seconds,
        flops=count_flops(batches.rows.lengths - 1, options, split.num_items), matmul_flops=time_matmul(),
        tile_flops=time_tiles(options.threads), epoch_ends=ends, precision=options.precision,
    )  # fmt: skip


def count_flops(lengths: np.ndarray, options: Options, num_items: int) -> float:
    """Floating-point operations of an epoch's matrix products on real positions, forward and twice that backward.

    A block: four projections and two layers as wide as `dim`, and causal attention. The scores of a target: with all
    items for CE, with two for BCE.
    """
    positions, pairs = int(lengths.sum()), int((lengths * (lengths + 1) // 2).sum())
    block = 6 * 2 * options.dim**2 * positions + 2 * 2 * options.dim * pairs
    scores = 2 * options.dim * (num_items if options.loss == "CE" else 2) * positions
    return 3.0 * (options.blocks * block + scores)


def time_matmul(size: int = 1024, repeats: int = 20) -> float:
    """Floating-point operations a second of torch's product of two square matrices, the best of some."""
    one, other, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(one, other, out=out)
        seconds.append(time.perf_counter() - start)
    return 2.0 * size**3 / min(seconds)


def time_tiles(threads: int, size: int = 64, products: int = 4000, repeats: int = 20) -> float:
    """Floating-point operations a second of nextitem's own tiles on matrices that stay in the cache, the best of some.

    torch's product does not reach what every processor can: this stands nearer to that.
    """
    numba.set_num_threads(threads)
    a, b = (torch.rand(threads, size * size).numpy() for _ in range(2))
    c = np.zeros((threads, size * size), np.float32)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        multiply_often(a, b, c, size, products)
        seconds.append(time.perf_counter() - start)
    return 2.0 * size**3 * products * threads / min(seconds[1:])  # the first compiles


@parallel_kernel()
def multiply_often(a: np.ndarray, b: np.ndarray, c: np.ndarray, size: int, products: int) -> None:
    for thread in numba.prange(len(a)):
        for _ in range(products):
            multiply(a[thread], 0, size, 1, b[thread], 0, size, c[thread], 0, size, size, size, size, False)


if __name__ == "__main__":
    main()
