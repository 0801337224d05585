"""Ctrl-C and signals to end: what a command says then, in one line, with exit code 128 and the signal's number."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from numba import njit
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

from nextitem.cli.interrupted import SignalError, ending_in_order
from nextitem.cli.main import main
from nextitem.training import fit, loop, refit

KEYS = ["--epochs", "3", "--dim", "4", "--batch-size", "512", "--training.batches", "next_item", "--mode", "light"]


class CommandLine:
    """Runs `nextitem` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> tuple[int, str]:
        """Exit code and what is said on stderr."""
        self.monkeypatch.setattr("sys.argv", ["nextitem", *map(str, arguments)])
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        return code or 0, " ".join(self.capsys.readouterr().err.split())


@pytest.fixture
def nextitem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
def interrupts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Interrupts the training of a module (fit, refit) in an epoch of that number, once."""

    def at(module: object, number: int, interrupt: Callable[[], None] = stopped) -> None:
        backward, seen = loop._backward, {"epoch": 0, "stops": 1}

        def train(*given: Any, **options: Any) -> Iterator[loop.Epoch]:
            seen["epoch"] = options["first"]
            for epoch in loop.train(*given, **options):
                yield epoch
                seen["epoch"] += 1

        def step(*given: Any) -> float:
            if seen["epoch"] == number and seen["stops"]:
                seen["stops"] = 0
                interrupt()
            return backward(*given)

        monkeypatch.setattr(module, "train", train)
        monkeypatch.setattr(loop, "_backward", step)

    return at


def command_in(said: str) -> list[str]:
    return shlex.split(said.partition("and nextitem ")[2].partition(" goes on")[0])


def test_a_run_says_after_which_epoch_it_stands_and_the_command_that_goes_on(
    nextitem: CommandLine, interrupts: Callable[..., None], tmp_path: Path
) -> None:
    folder = tmp_path / "a run"
    interrupts(fit, 3)
    code, said = nextitem("run", "synthetic", "--out", folder, *KEYS)
    assert code == 130
    kept = "nextitem: interrupted; 2 epochs are kept"
    assert said == f"{kept}, and nextitem run --resume '{folder}' goes on after epoch 2"
    assert nextitem(*command_in(said)) == (0, "")
    assert (folder / "report.json").exists()


def test_nothing_is_kept_before_the_first_epoch_is_over(
    nextitem: CommandLine, interrupts: Callable[..., None], tmp_path: Path
) -> None:
    interrupts(fit, 1)
    code, said = nextitem("run", "synthetic", "--out", tmp_path, *KEYS)
    assert code == 130
    assert said == (
        "nextitem: interrupted before the first epoch was over: nothing is kept yet, start again with the same command"
    )


def test_a_refit_goes_on_too(nextitem: CommandLine, interrupts: Callable[..., None], tmp_path: Path) -> None:
    interrupts(refit, 2)
    code, said = nextitem("run", "synthetic", "--out", tmp_path, "--refit", *KEYS)
    assert code == 130, said
    assert said.startswith("nextitem: interrupted after epoch 1 of the training on all data; the run is evaluated")
    assert nextitem(*command_in(said)) == (0, "")
    assert (tmp_path / "refit.safetensors").exists()


def test_with_again_the_run_that_is_to_be_replaced_is_not_told_of(
    nextitem: CommandLine, interrupts: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    interrupts(fit, 2)
    nextitem("run", "synthetic", "--out", tmp_path, *KEYS)
    monkeypatch.setattr("nextitem.runs.parts.build.build_split", stopped)
    code, said = nextitem("run", "synthetic", "--out", tmp_path, "--again", *KEYS)
    assert code == 130
    assert "before training began: nothing is kept yet" in said
    assert "1 epoch is kept" in nextitem("run", "--resume", tmp_path)[1]  # the older run goes on where it was


@pytest.fixture(autouse=True)
def a_terminal() -> Iterator[None]:
    """Ctrl-C is heard, and a terminal's end: what a shell starts beside it ignores SIGINT, and under nohup SIGHUP."""
    heard: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler}
    if sys.platform != "win32":
        heard[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_to_end_leaves_what_ctrl_c_leaves(
    nextitem: CommandLine, interrupts: Callable[..., None], tmp_path: Path, number: str, code: int
) -> None:
    interrupts(fit, 2, lambda: signal.raise_signal(signal.Signals[number]))
    before = signal.getsignal(signal.SIGTERM)
    word = "interrupted" if number == "SIGINT" else f"ended by {number}"
    goes_on = f"nextitem: {word}; 1 epoch is kept, and nextitem run --resume {tmp_path} goes on after epoch 1"
    assert nextitem("run", "synthetic", "--out", tmp_path, *KEYS) == (code, goes_on)
    assert signal.getsignal(signal.SIGTERM) is before
    assert nextitem("run", "--resume", tmp_path) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_run_under_nohup_outlives_its_terminal(
    nextitem: CommandLine, interrupts: Callable[..., None], tmp_path: Path
) -> None:
    interrupts(fit, 2, lambda: signal.raise_signal(signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert nextitem("run", "synthetic", "--out", tmp_path, *KEYS) == (0, "")
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_not_lost_where_llvm_calls_back(number: signal.Signals) -> None:
    compiled = JITCodeLibrary._object_compiled_hook

    def hook(module: Any, buffer: Any) -> None:
        if heard == []:
            heard.append(number)
            signal.raise_signal(number)
        compiled(module, buffer)

    heard: list[int] = []
    engine = cpu_target.target_context.codegen()._engine
    engine.set_object_cache(hook, JITCodeLibrary._object_getbuffer_hook)

    def compile_and_wait() -> None:
        with ending_in_order():
            njit(lambda x: x + 1)(1)
            assert heard == [number]
            time.sleep(5)  # the signal ends it

    try:
        with pytest.raises(SignalError) as found:
            compile_and_wait()
    finally:
        engine.set_object_cache(compiled, JITCodeLibrary._object_getbuffer_hook)
    assert found.value.number == number


def stopped(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_audit_says_that_the_same_command_goes_on(
    nextitem: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("nextitem.analysis.audit.audit", stopped)
    said = nextitem("audit", "synthetic", "--out", tmp_path)
    assert said == (130, "nextitem: interrupted; the same nextitem audit command goes on where it was")


def test_other_commands_are_just_interrupted(nextitem: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextitem.runs.asking.recommend.load", stopped)
    assert nextitem("recommend", "runs/none", "--history", "1") == (130, "nextitem: interrupted")
