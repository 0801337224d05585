"""Checkpoints: whole or not at all, and the inverse of saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nextitem.errors import InputError
from nextitem.models.sequential.sasrec import SASRec
from nextitem.training.checkpoint import (
    FitState,
    load_checkpoint,
    load_weights,
    read_state,
    save_checkpoint,
    save_weights,
)
from nextitem.training.optimizers import make_optimizer


def made(dim: int = 4) -> tuple[SASRec, torch.optim.Optimizer]:
    model = SASRec(5, dim=dim, num_layers=1)
    optimizer = make_optimizer(model)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    return model, optimizer


def test_loading_is_the_inverse_of_saving(tmp_path: Path) -> None:
    model, optimizer = made()
    state = FitState(epoch=7, best_epoch=5, best_value=0.25, seconds=1.5)
    save_checkpoint(tmp_path / "c", model, optimizer, state)
    other, other_optimizer = made()
    assert load_checkpoint(tmp_path / "c", other, other_optimizer) == state == read_state(tmp_path / "c")
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    for number, values in optimizer.state_dict()["state"].items():
        for key, value in values.items():
            assert torch.equal(value, other_optimizer.state_dict()["state"][number][key])


def test_a_checkpoint_keeps_its_precision(tmp_path: Path) -> None:
    model, optimizer = made()
    model.double()
    model.item_embedding.weight.grad = torch.full_like(model.item_embedding.weight, 1 / 3)
    optimizer = make_optimizer(model)
    optimizer.step()
    save_checkpoint(tmp_path / "c", model, optimizer, FitState(epoch=1))
    other, other_optimizer = made()
    load_checkpoint(tmp_path / "c", other, other_optimizer)
    assert torch.equal(other.item_embedding.weight, model.item_embedding.weight)
    moments = other_optimizer.state[other.item_embedding.weight]["exp_avg"]
    assert torch.equal(moments, optimizer.state[model.item_embedding.weight]["exp_avg"])


def test_no_checkpoint_is_no_progress(tmp_path: Path) -> None:
    assert read_state(tmp_path / "none") == FitState()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    model, optimizer = made()
    save_checkpoint(tmp_path / "c", model, optimizer, FitState())
    with pytest.raises(InputError, match="another model"):
        load_checkpoint(tmp_path / "c", *made(dim=8))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights({"a": torch.ones(3)}, path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"model\.safetensors is damaged"):
        load_weights(path)


def test_a_failed_save_keeps_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    save_weights({"a": torch.ones(3)}, path)

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(InputError, match="No space left"):
        save_weights({"a": torch.zeros(3)}, path)
    assert load_weights(path)[0]["a"].tolist() == [1, 1, 1]
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_half_a_save_is_not_read(tmp_path: Path) -> None:
    """What kill -9 in the middle of a save leaves behind: the older file and a part beside it."""
    path = tmp_path / "model.safetensors"
    save_weights({"a": torch.ones(3)}, path)
    (tmp_path / "model.safetensors.part").write_bytes(b"half")
    assert load_weights(path)[0]["a"].tolist() == [1, 1, 1]
