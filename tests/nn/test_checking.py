"""Kernels are held to their plain forms before they first run: found out, said once, noted, and asked again."""

from __future__ import annotations

import ast
import importlib
import logging
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import nextitem.nn
from nextitem import agreements
from nextitem.compiling import target_of_kernels
from nextitem.installation.computing import all_families
from nextitem.nn import mixture
from nextitem.nn.kernels import checking
from nextitem.nn.kernels.bf16 import has_units
from nextitem.nn.kernels.checking import FAMILIES, Family, difference, drawn
from nextitem.nn.kernels.choose import plain, runs_compiled

KERNELS = Path(checking.__file__).parent
LEFT_OUT = {  # kernels that no family runs, and why
    "scanning_gpu": "Triton's, on a GPU: nn/scan/agreement.py holds them to the plain form before their first use",
    "softmax_gpu": "Triton's, on a GPU: nn/kernels/probing.py does",
}
all_families()  # which loads those outside of nn, too
for one in pkgutil.walk_packages(nextitem.nn.__path__, "nextitem.nn."):
    if one.name.rpartition(".")[2] not in (*LEFT_OUT, "official"):  # which import what is not here
        importlib.import_module(one.name)


class Doubling:
    """A compiled form, right or wrong, that counts its calls."""

    def __init__(self, factor: float = 2.0) -> None:
        self.factor, self.calls = factor, 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.factor


def doubled(x: Tensor) -> Tensor:
    return x + x


def examples() -> list[Any]:
    return [(drawn((3, 4))[0],)]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where agreements are noted; no family of a test stays."""
    monkeypatch.setattr(checking, "folder_of_kernels", lambda _: tmp_path)
    monkeypatch.setattr(checking, "FAMILIES", dict(FAMILIES))
    return tmp_path


def family(compiled: Callable[..., Any], *, has_gradients: bool = False) -> Family:
    return Family("doubling", compiled, doubled, examples, has_gradients=has_gradients)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


def test_a_right_kernel_is_tried_once_and_runs(caplog: pytest.LogCaptureFixture) -> None:
    compiled = Doubling()
    doubling = family(compiled)
    assert all(doubling.runs(torch.ones(2)) for _ in range(3))
    assert (compiled.calls, messages(caplog)) == (1, [])


def test_a_wrong_kernel_is_said_once_and_never_runs(caplog: pytest.LogCaptureFixture, folder: Path) -> None:
    compiled = Doubling(2.5)
    doubling = family(compiled)
    assert not any(doubling.runs(torch.ones(2)) for _ in range(3))
    assert compiled.calls == 1
    (said,) = messages(caplog)
    largest = float(doubled(*examples()[0]).abs().max())
    processor = target_of_kernels()["processor"]
    assert said.startswith(f"doubling: the compiled loops are not used on this processor ({processor})")
    assert f"result 1 is off by {largest / 4:.2g}, where the largest number is {largest:.2g}" in said
    assert str(folder) in said


def test_a_kernel_that_fails_is_said_and_never_runs(caplog: pytest.LogCaptureFixture) -> None:
    def fails(x: Tensor) -> Tensor:
        raise RuntimeError("no such instruction")

    assert not family(fails).runs(torch.ones(2))
    assert "it fails, RuntimeError: no such instruction" in messages(caplog)[0]


def test_a_layer_with_a_wrong_kernel_takes_the_plain_form(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Family("attention", lambda *_: torch.zeros(()), mixture.row_mixture, mixture._examples)
    (query, key, value), seen = drawn(*[(2, 5, 8)] * 3), torch.tensor([5, 3])
    with plain():
        wanted = mixture.row_mixture(query, key, value, 2, seen, True, 0.0, 0)
    monkeypatch.setattr(mixture, "ATTENTION", wrong)
    assert torch.equal(mixture.row_mixture(query, key, value, 2, seen, True, 0.0, 0), wanted)


def test_wrong_gradients_are_found_out_where_some_are_wanted() -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Any:
            return gradients[0] * 3

    doubling, leaf = family(Wrong.apply, has_gradients=True), torch.ones(2, requires_grad=True)
    assert doubling.runs(torch.ones(2))
    assert not doubling.runs(leaf)
    assert doubling.fault(True).startswith("the gradient of x is off by")
    with torch.no_grad():
        assert doubling.runs(leaf)


def test_agreement_is_noted_and_honoured(folder: Path) -> None:
    assert family(Doubling()).runs(torch.ones(2))
    (noted,) = folder.iterdir()
    assert noted.name.startswith("doubling-")
    assert f"torch: {torch.__version__}" in noted.read_text()
    later = Doubling(3.0)
    assert family(later).runs(torch.ones(2))
    assert later.calls == 0


def test_agreement_without_gradients_says_nothing_of_them(folder: Path) -> None:
    first, later = (family(Doubling(), has_gradients=True) for _ in range(2))
    assert first.runs(torch.ones(2))
    assert later.runs(torch.ones(2, requires_grad=True))
    assert later.compiled.calls == 1  # type: ignore[attr-defined]
    assert len(list(folder.iterdir())) == 2


def test_disagreement_is_asked_again_by_every_process(folder: Path) -> None:
    assert not family(Doubling(3.0)).runs(torch.ones(2))
    assert list(folder.iterdir()) == []
    assert family(Doubling()).runs(torch.ones(2))


@pytest.mark.parametrize("changed", ["torch", "numba", "features", "source"])
def test_what_changed_is_asked_again(changed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "kernel.py"
    source.write_text("one")
    before = agreements.circumstances([source], torch="1")
    agreements.note(tmp_path, "doubling", before)
    assert agreements.is_noted(tmp_path, "doubling", agreements.circumstances([source], torch="1"))
    target = dict(target_of_kernels())
    if changed == "source":
        source.write_text("two")
    elif changed != "torch":
        monkeypatch.setattr(agreements, "target_of_kernels", lambda: target | {changed: "another"})
    after = agreements.circumstances([source], torch="2" if changed == "torch" else "1")
    assert not agreements.is_noted(tmp_path, "doubling", after)


def test_a_family_with_other_circumstances_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert family(Doubling()).runs(torch.ones(2))
    monkeypatch.setattr(checking, "_circumstances", lambda _: "numba: another\n")
    assert not family(Doubling(3.0)).runs(torch.ones(2))


def test_machines_that_share_a_folder_keep_a_note_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    agreements.note(tmp_path, "doubling", "one")
    monkeypatch.setattr(agreements, "target_of_kernels", lambda: {"processor": "another"})
    agreements.note(tmp_path, "doubling", "other")
    assert sorted(one.read_text() for one in tmp_path.iterdir()) == ["one", "other"]


@pytest.mark.parametrize("place", ["none", "no folder"])
def test_where_nothing_can_be_written_each_process_tries(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(checking, "folder_of_kernels", lambda _: None if place == "none" else tmp_path / "file")
    for _ in range(2):
        compiled = Doubling()
        doubling = family(compiled)
        assert all(doubling.runs(torch.ones(2)) for _ in range(2))
        assert compiled.calls == 1


def test_the_plain_form_is_never_tried() -> None:
    compiled = Doubling()
    with plain():
        assert not family(compiled).runs(torch.ones(2))
    assert not family(compiled).runs(torch.ones(2).double())
    assert compiled.calls == 0


def test_threads_that_ask_at_once_try_once() -> None:
    class Slow(Doubling):
        def __call__(self, x: Tensor) -> Tensor:
            time.sleep(0.05)
            return super().__call__(x)

    compiled, found = Slow(), list[bool]()
    doubling = family(compiled)
    threads = [threading.Thread(target=lambda: found.append(doubling.runs(torch.ones(2)))) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (found, compiled.calls) == ([True] * 4, 1)


def test_no_mode_of_the_caller_reaches_the_examples() -> None:
    seen = []

    def compiled(x: Tensor) -> Tensor:
        seen.append((torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"), runs_compiled(x)))
        return x * 2

    packed: list[Tensor] = []
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda x: packed.append(x) or x, lambda x: x)  # type: ignore[func-returns-value]
    with hooks, torch.autocast("cpu", torch.bfloat16):
        assert family(compiled, has_gradients=True).runs(torch.ones(2, requires_grad=True))
    with torch.inference_mode():
        assert family(compiled).runs(torch.ones(2))
    assert seen[0] == (False, False, True)
    assert packed == []


def test_the_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    for name in ("attention", "feed-forward", "cross-entropy", "selective scan", "dropout"):
        FAMILIES[name].fault(FAMILIES[name].has_gradients)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6]), ""),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]), "is off by 0.1, where the largest number is 2.1"),
        (torch.tensor([torch.nan]), torch.tensor([1.0]), "is off by nan, where the largest number is 1"),
        (torch.tensor([10_001]), torch.tensor([10_000]), "is off by 1, where the largest number is 1e+04"),
        (torch.tensor([True]), torch.tensor([False]), "is off by 1, where the largest number is 0"),
        (torch.ones(2), torch.ones(3), "is of shape (2,), where the plain form has (3,)"),
        (torch.ones(0), torch.ones(0), ""),
    ],
)
def test_a_difference_is_told_in_words(found: Tensor, wanted: Tensor, said: str) -> None:
    assert difference(found, wanted) == said


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_agrees_here(name: str) -> None:
    assert FAMILIES[name].fault(FAMILIES[name].has_gradients) == ""


def kernels() -> Iterator[tuple[str, str]]:
    """Modules and names of the functions in nn/kernels that Python calls and threads share."""
    for path in KERNELS.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                decorators = {ast.unparse(one).split("(")[0] for one in node.decorator_list}
                if decorators & {"parallel_kernel", "spread"}:
                    yield path.stem, node.name


def test_every_kernel_is_run_by_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = set()

    def recording(place: tuple[str, str], called: Callable[..., Any]) -> Callable[..., Any]:
        def record(*arguments: Any) -> Any:
            ran.add(place)
            return called(*arguments)

        return record

    wanted = {place for place in kernels() if place[0] not in LEFT_OUT and (has_units() or place[0] != "softmax_bf16")}
    for module, name in wanted:
        home = importlib.import_module(f"nextitem.nn.kernels.{module}")
        monkeypatch.setattr(home, name, recording((module, name), getattr(home, name)))
    for one in FAMILIES.values():
        one.fault(one.has_gradients)
    assert ran == wanted


def test_layers_ask_their_family_before_they_run_a_kernel() -> None:
    """The scan alone asks both questions apart, for it widens narrower types first."""
    root = Path(nextitem.nn.__path__[0]).parent
    asking = {path for path in root.rglob("*.py") if "runs_compiled(" in path.read_text()}
    assert {str(path.relative_to(root)) for path in asking} == {
        "nn/kernels/choose.py", "nn/kernels/checking.py", "nn/scan/choose.py",
    }  # fmt: skip
