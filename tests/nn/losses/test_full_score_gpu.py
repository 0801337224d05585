"""Full cross-entropy for a GPU without one: Triton's kernels interpreted, compiled, and who takes them.

What a GPU makes of it these tests cannot say.

Sizes: N targets, D dim, V items.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from interpreting import Found, hold_to_plain, interpreted, needs_triton, program
from safetensors.torch import save_file
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from nextitem.nn.kernels import bf16
from nextitem.nn.kernels.bf16 import bf16_products
from nextitem.nn.kernels.choose import plain
from nextitem.nn.losses import full_cross_entropy, full_score_gpu
from nextitem.nn.losses.full_score_gpu import FUSED, plain_cross_entropy

CASES = {  # N, V, D, what queries are multiplied by
    "one of each": (1, 1, 1, 1.0),
    "one item": (5, 1, 3, 1.0),
    "one target": (1, 5, 3, 1.0),
    "few": (3, 7, 5, 1.0),
    "whole blocks": (64, 128, 16, 0.5),
    "a block and one": (65, 65, 17, 0.5),
    "parts of the items": (9, 300, 8, 1.0),
    "parts of the targets": (300, 9, 8, 1.0),
    "one part": (9, 300, 8, 1.0),
    "two blocks of a vector": (6, 70, 130, 0.2),
    "long vectors": (5, 9, 512, 0.1),
    "large scores": (8, 20, 4, 8.0),
}


def drawn(num_targets: int, num_items: int, dim: int, scale: float) -> dict[str, Tensor]:
    """Every third target counts nothing."""
    shares = torch.rand(num_targets) * (torch.arange(num_targets) % 3 != 1)
    queries, vectors = torch.randn(num_targets, dim) * scale, torch.randn(num_items, dim)
    targets = torch.randint(num_items, (num_targets,))
    return {"queries": queries, "vectors": vectors, "targets": targets, "shares": shares / shares.sum()}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """For each case the interpreter's results and those of the plain form in float64."""
    folder, wanted = tmp_path_factory.mktemp("cases"), {}
    torch.manual_seed(0)
    for name, sizes in CASES.items():
        given = drawn(*sizes)
        save_file(given, folder / f"{name}.safetensors")
        leaves = {key: given[key].double().requires_grad_() for key in ("queries", "vectors")}
        y = plain_cross_entropy(**leaves, targets=given["targets"], shares=given["shares"].double())
        gradients = torch.autograd.grad(y, list(leaves.values()), torch.tensor(2.0, dtype=torch.float64))
        wanted[name] = {"y": y.detach(), **dict(zip(leaves, gradients, strict=True))}
    return interpreted(folder, "losses", wanted)


@needs_triton
@pytest.mark.parametrize("case", CASES)
def test_in_the_interpreter_triton_equals_the_plain_form(case: str, found: Any) -> None:
    ours, wanted = found[case]
    hold_to_plain(ours, wanted, least=1e-7)


@needs_triton
@pytest.mark.parametrize("backend", ["cuda", "hip"])
def test_triton_compiles_for_gpus_that_are_not_there(backend: str, tmp_path: Path) -> None:
    assert program(tmp_path, "compile", "softmax_gpu", backend) == "compiled\n"


class Launches:
    """In place of a kernel: the grids of its launches, and nothing computed."""

    def __init__(self) -> None:
        self.grids: list[tuple[int, ...]] = []

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        self.grids.append(grid)
        return lambda *_, **__: None


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.size = max(self.size, made.numel())
        return made


def launched(monkeypatch: pytest.MonkeyPatch, num_targets: int, num_items: int, dim: int) -> tuple[Launches, int]:
    """The launches of a loss and its gradients, and the size of the largest tensor; nothing is computed."""
    launches, module = Launches(), ModuleType("softmax_gpu")
    monkeypatch.setattr(module, "sum_exponentials", launches, raising=False)
    monkeypatch.setattr(module, "add_gradient", launches, raising=False)
    monkeypatch.setitem(sys.modules, "nextitem.nn.kernels.softmax_gpu", module)
    with torch.device("meta"):
        queries, vectors = (torch.empty(size, dim, requires_grad=True) for size in (num_targets, num_items))
        targets, shares = torch.empty(num_targets, dtype=torch.int64), torch.empty(num_targets, dtype=torch.float64)
        with Largest() as largest:
            full_score_gpu.full_cross_entropy(queries, vectors, targets, shares).backward()
    return launches, largest.size


@pytest.mark.parametrize(("num_targets", "num_items"), [(2_000, 1_000_000), (100_000, 3_000), (100, 10_000_000)])
def test_scores_are_never_held(monkeypatch: pytest.MonkeyPatch, num_targets: int, num_items: int) -> None:
    """Nothing is larger than the larger input, or than the parts of as many programs as a launch should have."""
    launches, largest = launched(monkeypatch, num_targets, num_items, 64)
    assert largest <= max(64 * num_items, 64 * num_targets, 2 * full_score_gpu.PROGRAMS * full_score_gpu.BLOCK * 64)
    assert largest < num_targets * num_items
    assert all(grid[0] * grid[1] >= full_score_gpu.PROGRAMS for grid in launches.grids)


def test_few_rows_walk_in_parts_none_of_which_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    launches, _ = launched(monkeypatch, 70, 130, 200)
    assert launches.grids == [(3, 5), (3, 5, 2), (5, 3, 2)]  # 3 blocks of targets, 5 of items, 2 of a vector
    for num_own, num_others in [(1, 32 * 700), (32 * 3, 32 * 1000 + 1), (32 * 600, 9)]:
        blocks, parts, of_part = full_score_gpu._walk(num_own, num_others)
        assert (parts - 1) * of_part < num_others <= parts * of_part
        assert blocks * full_score_gpu.BLOCK >= num_own


def test_one_gradient_is_worked_out_where_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    launches, module = Launches(), ModuleType("softmax_gpu")
    for name in ("sum_exponentials", "add_gradient"):
        monkeypatch.setattr(module, name, launches, raising=False)
    monkeypatch.setitem(sys.modules, "nextitem.nn.kernels.softmax_gpu", module)
    with torch.device("meta"):
        table, queries = torch.empty(130, 5), torch.empty(70, 5, requires_grad=True)
        targets, shares = torch.empty(70, dtype=torch.int64), torch.empty(70)
        full_score_gpu.full_cross_entropy(queries, table, targets, shares).backward()
    assert launches.grids == [(3, 5), (3, 5, 1)]


@pytest.mark.parametrize(
    ("device", "dtype", "has_triton", "agrees", "runs"),
    [
        ("cuda", torch.float32, True, True, True),
        ("cuda", torch.float32, True, False, False),
        ("cuda", torch.float32, False, True, False),
        ("cuda", torch.bfloat16, True, True, False),
        ("cpu", torch.float32, True, True, False),
    ],
)
def test_it_takes_float32_on_a_cuda_device_where_it_agrees(
    monkeypatch: pytest.MonkeyPatch, device: str, dtype: torch.dtype, has_triton: bool, agrees: bool, runs: bool
) -> None:
    monkeypatch.setattr(full_score_gpu, "has_triton", lambda: has_triton)
    monkeypatch.setattr(FUSED, "agrees", lambda device: agrees)
    with FakeTensorMode():
        queries, vectors = (torch.empty(size, 3, device=device, dtype=dtype) for size in (2, 5))
    assert full_score_gpu.runs(queries, vectors) == runs


@pytest.mark.parametrize(("capability", "exact", "rounded"), [((8, 0), "tf32x3", "tf32"), ((7, 5), "ieee", "ieee")])
def test_products_may_be_rounded_where_that_is_asked_for(
    capability: tuple[int, int], exact: str, rounded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    found = [full_score_gpu._precision.__wrapped__(torch.device("cuda"), may_round) for may_round in (False, True)]
    assert found == ([exact, rounded] if torch.version.hip is None else ["ieee", "ieee"])


def test_its_agreement_is_tried_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def agrees(device: torch.device) -> bool:
        asked.append(bf16.are_wanted())
        return True

    monkeypatch.setattr(full_score_gpu, "has_triton", lambda: True)
    monkeypatch.setattr(FUSED, "agrees", agrees)
    with FakeTensorMode(), bf16_products():
        assert full_score_gpu.runs(*(torch.empty(size, 3, device="cuda") for size in (2, 5)))
    assert asked == [False]


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 0.0, 3.0])])
def test_the_loss_goes_by_it_where_it_runs(monkeypatch: pytest.MonkeyPatch, weight: Tensor | None) -> None:
    taken = []

    def fused(*arguments: Tensor) -> Tensor:
        taken.append(arguments)
        return plain_cross_entropy(*arguments).to(arguments[0].dtype)

    queries, vectors, targets = torch.randn(3, 4), torch.randn(5, 4), torch.tensor([4, 0, 0])
    wanted = full_cross_entropy(queries, vectors, targets, weight=weight)
    monkeypatch.setattr(full_score_gpu, "runs", lambda *_: True)
    monkeypatch.setattr(full_score_gpu, "full_cross_entropy", fused)
    torch.testing.assert_close(full_cross_entropy(queries, vectors, targets, weight=weight), wanted)
    with plain():
        full_cross_entropy(queries, vectors, targets, weight=weight)
    assert len(taken) == 1


def test_a_wrong_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_shares(queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
        return plain_cross_entropy(queries, vectors, targets, torch.full_like(shares, 1 / len(shares)))

    monkeypatch.setattr(FUSED, "form", plain_cross_entropy)
    assert FUSED.fault(torch.device("cpu")) == ""
    monkeypatch.setattr(FUSED, "form", without_shares)
    assert FUSED.fault(torch.device("cpu")).startswith("short vectors: the result is off by")
