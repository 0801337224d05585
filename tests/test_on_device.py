"""benchmarks/on_device.py sees what a device does otherwise; here `meta` stands for one, computed on the CPU."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.models.towers import SequenceModel
from nextitem.testing import other_device

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("device_checks")


@pytest.mark.parametrize("name", ["GRU4Rec", "BPR", "EASE", "Mamba4Rec"])
def test_a_device_that_computes_the_same_has_no_fault(checks: Any, name: str) -> None:
    with other_device() as device:
        assert checks.model_fault(name, device, 1e-4) == ""


def test_wrong_scores_are_seen(checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right = SequenceModel.score

    def wrong(model: SequenceModel, batch: Any) -> Tensor:
        scores = right(model, batch)
        return scores if scores.device.type == "cpu" else scores * 1.01

    monkeypatch.setattr(GRU4Rec, "score", wrong)
    with other_device() as device:
        assert checks.model_fault("GRU4Rec", device, 1e-4).startswith("scores: is off by")


def test_a_wrong_gradient_is_seen_and_rounding_is_not(checks: Any) -> None:
    here = {"weight": torch.tensor([1.0, -2.0]), "bias": torch.tensor([1e-9])}
    rounded = {name: (one, one + 1e-8) for name, one in here.items()}
    assert checks.gradient_fault(rounded, 1e-4) == ""
    wrong = {"weight": (here["weight"], torch.tensor([1.0, -1.9])), "bias": (here["bias"], here["bias"])}
    assert checks.gradient_fault(wrong, 1e-4).startswith("gradient of weight: is off by 0.1")
    assert checks.gradient_fault({"bias": (torch.ones(1), torch.tensor([float("nan")]))}, 1e-4)


def test_what_fails_is_a_row_with_its_words(checks: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> str:
        raise NotImplementedError("aten::nonzero on mps\nmore")

    (row,) = checks._rows([("layer", "any", fails)])
    assert row["fault"] == "NotImplementedError: aten::nonzero on mps"
    assert "aten::nonzero" in capsys.readouterr().out


@pytest.mark.parametrize(("kept", "is_right"), [(0.7, True), (0.9, False)])
def test_dropout_is_held_to_its_share(
    checks: Any, monkeypatch: pytest.MonkeyPatch, kept: float, is_right: bool
) -> None:
    def dropped(x: Tensor, p: float, seed: int) -> Tensor:
        return (torch.rand(x.shape) < kept) / torch.tensor(0.7)

    monkeypatch.setattr(checks, "dropout", dropped)
    assert (checks.dropout_fault(torch.device("cpu")) == "") == is_right
