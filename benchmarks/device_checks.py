"""Checks of on_device.py: the same numbers on a device and on the CPU."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor, nn

import nextitem.nn.scan.cpu as cpu_scan
import nextitem.nn.scan.cuda as cuda_scan
import nextitem.nn.scan.official as official_scan
import nextitem.nn.scan.plain as plain_scan
from nextitem.data.splits.split import leave_one_out
from nextitem.data.training_data import Sizes
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import MODELS, arguments, make
from nextitem.models.negatives import SAMPLERS, Trainable, make_sampler
from nextitem.nn.attention import CausalAttention
from nextitem.nn.dropout import dropout
from nextitem.nn.feed_forward import FeedForward
from nextitem.nn.kernels.checking import FAMILIES, difference
from nextitem.nn.kernels.choose import plain
from nextitem.nn.kernels.probing import PROBES, SUSPECTS, Probe
from nextitem.nn.losses.by_name import LOSSES, make_loss
from nextitem.nn.losses.full_score_gpu import FUSED, has_triton
from nextitem.nn.mamba import MambaBlock
from nextitem.nn.mamba2 import Mamba2Block
from nextitem.nn.mamba3 import Mamba3Block
from nextitem.nn.objectives import Sampled
from nextitem.nn.samplers.base import Positives
from nextitem.nn.scan.agreement import Scan, fault_of
from nextitem.testing import RecommenderTests
from nextitem.testing.logs import batch_of, tastes

SMALL = {"dim": 16, "num_layers": 2, "max_length": 8}
ROWS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11]]
DRAWN = 64  # negatives a target
WIDTH = 64  # of the layers

Row = dict[str, Any]
Fault = Callable[[], str]


def check_everything(device: torch.device, tolerance: float, models: list[str] | None = None) -> list[Row]:
    """A row a check: what, name, and the fault in words, empty where there is none."""
    checks = [("model", name, lambda name=name: model_fault(name, device, tolerance)) for name in models or MODELS]
    if models is None:
        checks += [("loss", name, lambda name=name: loss_fault(name, device, tolerance)) for name in LOSSES]
        checks += [("sampler", name, lambda name=name: sampler_fault(name, device)) for name in SAMPLERS]
        checks += [
            (
                "layer",
                "attention",
                lambda: layer_fault(CausalAttention(WIDTH, 2, 0.0), device, tolerance, num_inputs=2),
            ),
            ("layer", "feed-forward", lambda: layer_fault(FeedForward(WIDTH), device, tolerance)),
            ("layer", "dropout", lambda: dropout_fault(device)),
            *(
                ("layer", block.__name__, lambda block=block: layer_fault(block(WIDTH), device, tolerance))
                for block in (MambaBlock, Mamba2Block, Mamba3Block)
            ),
            *(("scan", name, lambda form=form: scan_fault(form, device)) for name, form in scans_for(device).items()),
        ]
        checks += [
            ("kernel", name, lambda probe=probe: probe.fault(device)) for name, probe in probes_for(device).items()
        ]
        if device.type == "cpu":
            checks += [("kernel", name, family.tried) for name, family in sorted(FAMILIES.items())]
    return list(_rows(checks))


def _rows(checks: list[tuple[str, str, Fault]]) -> Iterator[Row]:
    for what, name, fault in checks:
        try:
            found = fault()
        except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:  # what a device can't do, it says
            found = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        print(f"{what:8} {name:20} {found or 'agrees'}", flush=True)
        yield {"what": what, "name": name, "fault": found}


def scans_for(device: torch.device) -> dict[str, Scan]:
    """The forms of the selective scan that may run there, whichever is chosen."""
    found: dict[str, Scan] = {"plain": plain_scan.selective_scan}
    if device.type == "cpu":
        found["compiled"] = cpu_scan.selective_scan
    if device.type == "cuda" and has_triton():
        found["Triton"] = cuda_scan.selective_scan
    if device.type == "cuda" and find_spec("mamba_ssm"):
        found["mamba_ssm"] = official_scan.selective_scan
    return found


def probes_for(device: torch.device) -> dict[str, Probe]:
    """What must agree there. A suspect leaves out what does not; models and layers are checked with what it takes."""
    if device.type in SUSPECTS:
        return {}
    return {name: one for name, one in PROBES.items() if one is not FUSED or (device.type == "cuda" and has_triton())}


class _Small(RecommenderTests):
    """A small model of any name on the tests' data, without dropout."""

    learns = "taste"  # each user has met 6 of 20 items

    def __init__(self, name: str) -> None:
        self.name = name

    def made(self, sizes: Sizes) -> Recommender:
        keys = arguments(MODELS[self.name])
        given = {name: value for name, value in SMALL.items() if name in keys}
        given |= {name: 0.0 for name in keys if name.endswith("dropout") and isinstance(keys[name].default, float)}
        return make(MODELS[self.name], sizes, given)


def model_fault(name: str, device: torch.device, tolerance: float) -> str:
    small = _Small(name)
    here = small.built(leave_one_out(small.data())).eval()
    batch = batch_of(here, ROWS)
    there = copy.deepcopy(here).to(device)
    with torch.no_grad():
        wanted = here.score(batch)[:, 1:]
        with _plain_on(device):
            found = there.score(batch.to(device))[:, 1:].cpu()
    if fault := difference(found, wanted, tolerance):
        return f"scores: {fault}"
    return _loss_fault(small, device, tolerance) if isinstance(here, Trained) else ""


def _loss_fault(small: _Small, device: torch.device, tolerance: float) -> str:
    try:
        here, batches = small.untrained()
    except SkipTest:
        return ""
    if isinstance(here.objective, Sampled):
        return ""  # what it draws differs from device to device; samplers are checked by themselves
    here.eval()  # no chance but that of a loss's own
    for batch in batches:
        there = copy.deepcopy(here).to(device)
        torch.manual_seed(0)
        with _plain_on(device):
            found = there.loss(batch.to(device))
            found.backward()
        torch.manual_seed(0)
        here.zero_grad()
        wanted = here.loss(batch)
        wanted.backward()
        if fault := difference(found.detach().cpu(), wanted.detach(), tolerance):
            return f"loss: {fault}"
        pairs = {name: (one.grad, dict(there.named_parameters())[name].grad) for name, one in here.named_parameters()}
        dense = {
            name: (a.to_dense(), b.to_dense().cpu())
            for name, (a, b) in pairs.items()
            if a is not None and b is not None
        }
        if fault := gradient_fault(dense, tolerance):
            return fault
    return ""


def gradient_fault(pairs: dict[str, tuple[Tensor, Tensor]], tolerance: float) -> str:
    """By ten times the tolerance, of the largest gradient of all: those that are 0 in exact numbers (of the bias of
    keys, which a softmax does not see) are rounding alone."""
    largest = max((float(wanted.abs().max()) for wanted, _ in pairs.values() if wanted.numel()), default=0.0)
    for name, (wanted, found) in pairs.items():
        off = float((wanted - found).abs().max()) if wanted.numel() else 0.0
        if not off <= 10 * tolerance * largest:
            return f"gradient of {name}: is off by {off:.2g}, where the largest of all is {largest:.2g}"
    return ""


def loss_fault(name: str, device: torch.device, tolerance: float) -> str:
    generator = torch.Generator().manual_seed(0)
    positive, negative = torch.randn(32, generator=generator), torch.randn(32, 8, generator=generator)
    given = [positive, negative]
    if LOSSES[name].takes_log_q:
        given += [-positive.abs(), -negative.abs()]
    loss = make_loss(name, {}, num_items=100)
    here, there = ([one.clone().to(place).requires_grad_() for one in given] for place in ("cpu", device))
    found, wanted = loss(*there), loss(*here)
    if fault := difference(found.detach().cpu(), wanted.detach(), tolerance):
        return fault
    pairs = zip(torch.autograd.grad(found, there[:2]), torch.autograd.grad(wanted, here[:2]), strict=True)
    return next((fault for a, b in pairs if (fault := difference(a.cpu(), b, tolerance))), "")


def sampler_fault(name: str, device: torch.device) -> str:
    """Draws in range whose logs are finite, and no item of a history that the sampler says to leave out."""
    split = leave_one_out(tastes())
    sampler = make_sampler(name, Trainable(split.train, split.num_items, split.train), {}).to(device)
    vectors = torch.randn(split.num_items + 1, 16, generator=torch.Generator().manual_seed(0)).to(device)
    sampler.refresh(vectors)
    users, targets = torch.arange(1, 33, device=device), torch.ones(32, dtype=torch.long, device=device)
    queries = vectors[1:].repeat(2, 1)[:32]
    drawn = sampler(
        Positives(users, targets, lambda items: (queries[:, None] * vectors[items]).sum(-1), queries), DRAWN
    )
    items, logs = drawn.items.cpu(), drawn.log_q.cpu()
    if not bool(((items >= 1) & (items <= split.num_items)).all()):
        return f"draws item {int(items.min())} to {int(items.max())} of {split.num_items}"
    return "" if bool(logs.isfinite().all()) else "the log of the chance of a draw is not finite"


def layer_fault(layer: nn.Module, device: torch.device, tolerance: float, *, num_inputs: int = 1) -> str:
    """A layer and its gradients on (4, 30, WIDTH)."""
    x = torch.randn(4, 30, WIDTH, generator=torch.Generator().manual_seed(0))
    found: list[dict[str, Tensor]] = []
    for place in (torch.device("cpu"), device):
        own, given = copy.deepcopy(layer).to(place), x.clone().to(place).requires_grad_()
        with _plain_on(device) if found else nullcontext():
            y = own(*[given] * num_inputs)
            y.backward(torch.linspace(-1, 1, y.numel()).view(y.shape).to(place))
        leaves = {"the input": given, **dict(own.named_parameters())}
        found.append(
            {"": y.detach().cpu()} | {name: one.grad.cpu() for name, one in leaves.items() if one.grad is not None}
        )
    here, there = found
    if fault := difference(there.pop(""), here.pop(""), tolerance):
        return fault
    return gradient_fault({name: (one, there[name]) for name, one in here.items()}, tolerance)


def dropout_fault(device: torch.device) -> str:
    """The share that is kept, and what it is scaled to."""
    found = dropout(torch.ones(400, 500, device=device), 0.3, 7)
    share, values = float((found != 0).float().mean()), sorted(set(found.unique().cpu().tolist()))
    if abs(share - 0.7) > 0.01:
        return f"keeps {share:.3f} of the units in place of .7"
    return "" if len(values) == 2 and abs(values[1] - 1 / 0.7) < 1e-5 else f"makes {values[:5]} of ones"


def scan_fault(form: Scan, device: torch.device) -> str:
    """Of 16 and of 64 states."""
    return next(filter(None, (fault_of(form, device, states) for states in (16, 64))), "")


def _plain_on(device: torch.device) -> Any:
    """On a CPU the other side is torch's plain operations."""
    return plain() if device.type == "cpu" else nullcontext()
