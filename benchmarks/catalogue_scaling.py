"""Step time and peak memory of SASRec's training as the catalogue grows from 10 thousand to 5 million items.

    python benchmarks/catalogue_scaling.py                         # on a machine that does nothing else
    python benchmarks/catalogue_scaling.py --items 10000 100000 --steps 3

SASRec of dim 64, 2 blocks; batches of 128 synthetic rows of 50 inputs, items drawn uniformly, which is the worst case
for caches and brings the fewest repeats. Two kinds of rows: `last`, a target a row (128 x 257 candidates a step), and
`every`, a target at each input (6,400 x 257). Where each target has `own` negatives, the rows that a step reads are
bounded by its candidates, and by the catalogue where that is smaller: the table counts them. `shared` negatives are one
set of 256 for the whole batch. Full cross-entropy up to 100 thousand items only.

Every configuration is a process of its own. Step times are medians after a warm-up epoch, which makes the optimizer's
state; the peak is of the whole process. Prints a table and writes it to results/catalogue_scaling.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Literal

import numpy as np
import torch
from contest import run_script
from rich.console import Console
from rich.table import Table

from nextitem.data.batches import Batch, NextItemBatches
from nextitem.data.sequences import Sequences
from nextitem.models.negatives import Trainable, make_sampler
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.recipe import OptimizerName
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

RESULTS = Path(__file__).resolve().parent / "results" / "catalogue_scaling.json"
ITEMS = (10_000, 100_000, 1_000_000, 5_000_000)
FULL_ITEMS = 100_000  # the most for full cross-entropy
DIM, BATCH_SIZE, LENGTH, NUM_NEGATIVES = 64, 128, 50, 256


@dataclass(frozen=True)
class Case:
    loss: Literal["own", "shared", "full"]  # negatives of each target's own, one set for all targets of a batch, all
    optimizer: OptimizerName
    targets: Literal["last", "every"]
    num_items: int


@dataclass(frozen=True)
class Measured:
    case: Case
    milliseconds: float  # of a step, the median
    low: float  # quartiles
    high: float
    peak_mb: float
    rows: int | None  # distinct items that the last step read; None where all are
    load: float  # of the machine, one minute's average at the end


class EqualRows:
    """Batches of rows of the same length; with `last`, the newest target alone."""

    def __init__(self, batches: NextItemBatches, targets: Literal["last", "every"]) -> None:
        self.batches, self.targets, self.num_targets = batches, targets, batches.num_targets

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int) -> Iterator[Batch]:
        for batch in self.batches.epoch(number):
            if self.targets == "last":
                batch.targets[:, :-1] = 0
            yield batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=ITEMS)
    parser.add_argument("--steps", type=int, default=10, help="timed, 2 at least, after as many to warm up")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--targets", choices=("last", "every"), help="one kind of rows alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a Case as JSON: what the processes run
    options = parser.parse_args()
    if options.one:
        print(json.dumps(asdict(measure(Case(**json.loads(options.one)), options.steps, options.threads))))
        return
    found: list[Measured] = []
    for case in cases(options.items, options.targets):
        print(case, file=sys.stderr)
        found.append(in_a_process(case, options.steps, options.threads))
    show(found)
    machine = {"cores": os.cpu_count(), "threads": options.threads, "machine": platform.machine()}
    machine |= {"python": platform.python_version(), "torch": torch.__version__, "steps": options.steps}
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "runs": [asdict(one) for one in found]}, indent=1) + "\n")


def cases(items: Iterable[int], only: Literal["last", "every"] | None) -> Iterator[Case]:
    kinds: tuple[Literal["last", "every"], ...] = ("last", "every") if only is None else (only,)
    for targets in kinds:
        yield from (Case("shared", "sparse_adam", targets, count) for count in items)
        yield from (Case("own", "sparse_adam", targets, count) for count in items)
        yield from (Case("own", "adam", targets, count) for count in items)
        yield from (Case("full", "adam", targets, count) for count in items if count <= FULL_ITEMS)


def in_a_process(case: Case, steps: int, threads: int) -> Measured:
    arguments = ["--one", json.dumps(asdict(case)), "--steps", str(steps), "--threads", str(threads)]
    report = run_script(Path(sys.executable), Path(__file__), arguments)
    return Measured(Case(**report.pop("case")), **report)


def measure(case: Case, steps: int, threads: int) -> Measured:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    num_users = BATCH_SIZE * steps
    items = np.random.default_rng(0).integers(1, case.num_items + 1, num_users * (LENGTH + 1)).astype(np.int32)
    starts = np.arange(num_users) * (LENGTH + 1)
    rows = Sequences(items, starts, starts + LENGTH + 1)
    model = SASRec(case.num_items, DIM, max_length=LENGTH)
    if case.loss != "full":
        sampler = make_sampler("uniform", Trainable(rows, case.num_items, rows), {"shared": case.loss == "shared"})
        model.objective = Sampled(binary_cross_entropy, sampler, NUM_NEGATIVES)
    optimizer = make_optimizer(model, case.optimizer)
    seconds: list[float] = []

    def timed(batches: Iterable[Batch], _: int) -> Iterator[Batch]:
        for batch in batches:
            start = time.perf_counter()
            yield batch
            seconds.append(time.perf_counter() - start)

    batches = EqualRows(NextItemBatches(rows, BATCH_SIZE, LENGTH), case.targets)
    list(train(model, batches, optimizer, last=2, track=timed))
    low, _, high = quantiles(seconds[len(seconds) // 2 :], n=4)
    grad = model.item_embedding.weight.grad
    rows_read = None if grad is None or not grad.is_sparse else len(torch.unique(grad._indices()[0]))
    return Measured(
        case,
        milliseconds=1000 * median(seconds[len(seconds) // 2 :]),
        low=1000 * low,
        high=1000 * high,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        rows=rows_read,
        load=os.getloadavg()[0],
    )


def show(found: list[Measured]) -> None:
    """The growth of a line is its step time over that of the smallest catalogue."""
    table = Table("targets", "loss", "optimizer", "items", "rows read", "ms a step", "quartiles", "growth", "peak MB")
    for one in found:
        case = one.case
        smallest = next(other for other in found if asdict(other.case) | {"num_items": case.num_items} == asdict(case))
        table.add_row(
            case.targets, case.loss, case.optimizer, f"{case.num_items:,}",
            "all" if one.rows is None else f"{one.rows:,}", f"{one.milliseconds:,.0f}",
            f"{one.low:,.0f} - {one.high:,.0f}", f"{one.milliseconds / smallest.milliseconds:.2f}",
            f"{one.peak_mb:,.0f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
