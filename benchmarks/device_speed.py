"""Speeds of on_device.py: training, evaluation, full cross-entropy and the scan of Mamba at the peers' shapes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F

from nextitem.data.batches import make_batches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.data.training_data import Sizes
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.base import Trained
from nextitem.models.catalogue import MODELS, arguments, make
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import binary_cross_entropy, full_cross_entropy
from nextitem.nn.losses.full_score import cross_entropy_by_blocks
from nextitem.nn.objectives import Sampled
from nextitem.nn.scan.choose import selective_scan
from nextitem.nn.scan.plain import selective_scan as plain_scan
from nextitem.nn.scan.rows import Rows
from nextitem.training.optimizers import make_optimizer

SHAPES = {  # items, users, mean length, longest row, rows a batch
    "beauty": (12_101, 4_000, 9, 50, 256),
    "ml-1m": (3_416, 2_000, 165, 200, 128),
}
TRAINED = (("SASRec", "cross-entropy"), ("SASRec", "bce"), ("GRU4Rec", "cross-entropy"), ("BERT4Rec", "cross-entropy"),
           ("Mamba4Rec", "cross-entropy"))  # fmt: skip
LOSSES = ((2_000, 12_101, 64), (2_000, 12_101, 256), (2_000, 1_000_000, 64))  # targets, items, dim
SCANS = ((256, 50, 128, 32), (128, 200, 128, 32))  # rows, length, channels, states
DIM = 64

Row = dict[str, Any]


def measure_everything(device: torch.device, seconds: float) -> list[Row]:
    rows = []
    for row in _measured(device, seconds):
        print(
            "  ".join(
                f"{key} {value:,.1f}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
            )
        )
        rows.append(row)
    return rows


def _measured(device: torch.device, seconds: float) -> Iterator[Row]:
    for shape, (num_items, num_users, length, longest, size) in SHAPES.items():
        dataset = markov_chain(order=1, num_users=num_users, num_items=num_items, mean_length=length, seed=0)
        split = leave_one_out(dataset)
        for name, loss in TRAINED:
            model = made(name, loss, split, longest, device)
            yield {"what": "train", "name": f"{name} {loss}", "shape": shape} | train_speed(model, split, size, seconds)
            if loss == "cross-entropy":
                yield {"what": "evaluate", "name": name, "shape": shape} | evaluation_speed(model, split, seconds)
    for shape in LOSSES:
        for form, run in loss_forms(*shape, device).items():
            forget_peak(device)
            row = {"what": "loss", "name": form, "shape": "x".join(map(str, shape))}
            yield row | timed(run, device, seconds) | peak(device)
    for shape in SCANS:
        for form, run in scan_forms(*shape, device).items():
            yield {"what": "scan", "name": form, "shape": "x".join(map(str, shape))} | timed(run, device, seconds)


def made(name: str, loss: str, split: Split, longest: int, device: torch.device) -> Trained:
    torch.manual_seed(0)
    given = {key: value for key, value in {"dim": DIM, "max_length": longest}.items() if key in arguments(MODELS[name])}
    model = make(MODELS[name], Sizes(len(split.train), split.num_items), given)
    if not isinstance(model, Trained):
        raise TypeError(f"{name} is not trained")
    model.prepare(split.training_data)
    if loss == "bce":
        model.objective = Sampled(binary_cross_entropy, unseen_sampler(split.train, split.num_items))
    return model.to(device)


def train_speed(model: Trained, split: Split, size: int, seconds: float) -> Row:
    """Median seconds of a step, targets a second by it, and the device's peak memory."""
    kind = "next_item" if "next_item" in model.trains_on else model.trains_on[0]
    batches = make_batches(
        kind, split.train, size, max_length=model.max_length, num_items=split.num_items, seed=0, wanted=model.wanted()
    )
    optimizer, device = make_optimizer(model, learning_rate=1e-3), next(model.parameters()).device
    model.train()
    forget_peak(device)
    took, targets, started = list[float](), list[int](), time.perf_counter()
    epoch = 0
    while not took or time.perf_counter() - started < seconds:
        epoch += 1
        for batch in batches.epoch(epoch):
            before = synced(device)
            optimizer.zero_grad()
            model.loss(batch.to(device)).backward()
            optimizer.step()
            took.append(synced(device) - before)
            targets.append(int((batch.targets != 0).sum()))
            if time.perf_counter() - started > seconds and len(took) > 3:
                break
    step = median(took[2:] or took)
    return {"step_ms": 1000 * step, "targets_a_second": median(targets) / step, "steps": len(took)} | peak(device)


def evaluation_speed(model: Trained, split: Split, seconds: float) -> Row:
    """All items ranked for every test case."""
    device = next(model.parameters()).device
    forget_peak(device)
    found = timed(lambda: evaluate(model.eval(), split.test, ["ndcg@10"]), device, seconds)
    return {"users_a_second": len(split.test) / (found["ms"] / 1000)} | found | peak(device)


def loss_forms(num_targets: int, num_items: int, dim: int, device: torch.device) -> dict[str, Callable[[], Any]]:
    """Forward and backward of full cross-entropy: as it runs there, block by block, and with all scores at once."""
    generator = torch.Generator().manual_seed(0)
    queries, vectors = (torch.randn(size, dim, generator=generator) for size in (num_targets, num_items))
    given = [(one / dim**0.5).to(device).requires_grad_() for one in (queries, vectors)]
    targets = torch.randint(num_items, (num_targets,), generator=generator).to(device)
    forms = {
        "nextitem": lambda: full_cross_entropy(*given, targets).backward(),
        "block by block": lambda: cross_entropy_by_blocks(*given, targets, None).backward(),
    }
    if num_items < 100_000:  # of a million the scores and their gradients are 16 GB
        forms["torch"] = lambda: F.cross_entropy(given[0] @ given[1].T, targets).backward()
    return forms


def scan_forms(
    rows: int, length: int, channels: int, states: int, device: torch.device
) -> dict[str, Callable[[], Any]]:
    """Forward and backward of each form that runs there."""
    generator = torch.Generator().manual_seed(0)
    places = rows * length
    sizes = {"x": (places, channels), "raw": (places, channels), "a": (channels, states), "b": (places, states),
             "c": (places, states), "d": (channels,), "z": (places, channels), "bias": (channels,)}  # fmt: skip
    given = {name: torch.randn(size, generator=generator).to(device) for name, size in sizes.items()}
    given["a"] = -given["a"].abs() - 0.05
    given = {name: one.requires_grad_() for name, one in given.items()}
    where = Rows.padded(rows, length)

    def called(form: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: form(**given, rows=where).sum().backward()

    forms = {"nextitem": called(selective_scan), "plain": called(plain_scan)}
    if device.type == "cuda" and find_spec("triton"):
        forms["torch.compile"] = called(torch.compile(plain_scan))
    return forms


def timed(run: Callable[[], Any], device: torch.device, seconds: float) -> Row:
    """Median milliseconds of a call, the first not counted."""
    run()
    took, started = list[float](), time.perf_counter()
    while not took or time.perf_counter() - started < seconds:
        before = synced(device)
        run()
        took.append(synced(device) - before)
    return {"ms": 1000 * median(took), "calls": len(took)}


def synced(device: torch.device) -> float:
    """The time when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    if device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()


def forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: torch.device) -> Row:
    return {"peak_mib": torch.cuda.max_memory_allocated(device) / 2**20} if device.type == "cuda" else {}
