"""The other device: what is made on the wrong one is found, in a model that is right but for that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.testing import RecommenderTests, other_device


class Means(Trained):
    """The mean of a row's item vectors, with a tensor of its own made in the right place."""

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.vectors = nn.Embedding(num_items + 1, 8)

    def places(self, like: Tensor) -> Tensor:
        return torch.arange(like.shape[1], device=like.device)

    def score(self, batch: Batch) -> Tensor:
        weights = (batch.inputs > 0) * (self.places(batch.inputs) + 1.0)
        return (weights[..., None] * self.vectors(batch.inputs)).sum(1) @ self.vectors.weight.T

    def loss(self, batch: Batch) -> Tensor:
        rows, places = batch.targets.nonzero(as_tuple=True)
        return F.cross_entropy(self.score(batch)[rows], batch.targets[rows, places])


class PlacesOfTheCPU(Means):
    def places(self, like: Tensor) -> Tensor:
        return torch.arange(like.shape[1])


class TargetsOfTheCPU(Means):
    def loss(self, batch: Batch) -> Tensor:
        return F.cross_entropy(self.score(batch), torch.ones(len(batch.users), dtype=torch.int64))


class IndexOfTheCPU(Means):
    def score(self, batch: Batch) -> Tensor:
        return super().score(batch)[torch.arange(len(batch.inputs))]


class AnswerOfTheCPU(Means):
    def score(self, batch: Batch) -> Tensor:
        return torch.zeros(len(batch.users), self.num_items + 1)


class ThroughNumpy(Means):
    def score(self, batch: Batch) -> Tensor:
        return super().score(batch) + float(batch.inputs.numpy().sum())


class NoBuffer(Fitted):
    """Counts that `to` does not know of."""

    def fit(self, train: TrainingData) -> None:
        self.counts = torch.from_numpy(np.bincount(train.rows.flat_items(), minlength=self.num_items + 1))

    def score(self, batch: Batch) -> Tensor:
        return self.counts.expand(len(batch.users), -1) + torch.zeros(self.num_items + 1, device=batch.inputs.device)


def checks_of(kind: Callable[[int], Recommender]) -> RecommenderTests:
    class Checks(RecommenderTests):
        def make(self, num_users: int, num_items: int) -> Recommender:
            return kind(num_items)

    return Checks()


def test_a_model_that_names_the_device_passes() -> None:
    checks = checks_of(Means)
    checks.test_scores_are_made_where_the_model_lies()
    checks.test_the_loss_and_its_gradients_are_made_where_the_model_lies()


@pytest.mark.parametrize("kind", [PlacesOfTheCPU, IndexOfTheCPU, NoBuffer])
def test_scores_that_mix_devices_are_found(kind: Callable[[int], Recommender]) -> None:
    with pytest.raises(RuntimeError, match="takes tensors of both cpu and meta; name the device"):
        checks_of(kind).test_scores_are_made_where_the_model_lies()


@pytest.mark.parametrize("kind", [PlacesOfTheCPU, IndexOfTheCPU, TargetsOfTheCPU])
def test_a_loss_that_mixes_devices_is_found(kind: Callable[[int], Recommender]) -> None:
    with pytest.raises(RuntimeError, match="takes tensors of both cpu and meta; name the device"):
        checks_of(kind).test_the_loss_and_its_gradients_are_made_where_the_model_lies()


def test_scores_that_are_made_on_the_cpu_are_found() -> None:
    with pytest.raises(AssertionError, match="lies on meta, its scores on cpu"):
        checks_of(AnswerOfTheCPU).test_scores_are_made_where_the_model_lies()


def test_a_road_through_numpy_is_found() -> None:
    with pytest.raises(RuntimeError, match="numpy"):
        checks_of(ThroughNumpy).test_scores_are_made_where_the_model_lies()


def test_numbers_are_those_of_the_cpu_and_written_in_place() -> None:
    values = [[1.0, 2.0], [3.0, 4.0]]
    with other_device() as device:
        x = torch.tensor(values, device=device)
        x.transpose_(0, 1)
        x[0].fill_(7)
        assert x.device == device
        assert x.tolist() == [[7, 7], [2, 4]]
        assert (x > 3).nonzero().tolist() == [[0, 0], [0, 1], [1, 1]]
        x.copy_(torch.ones(2, 2))
        assert x.cpu().tolist() == [[1, 1], [1, 1]]


def test_gradients_are_those_of_the_cpu() -> None:
    layer, x = nn.GRU(3, 2, batch_first=True), torch.randn(2, 5, 3)
    layer(x)[0].sum().backward()
    wanted = {name: one.grad for name, one in layer.named_parameters()}
    layer.zero_grad()
    with other_device() as device:
        moved = layer.to(device)
        moved(x.to(device))[0].sum().backward()
    for name, one in moved.named_parameters():
        assert one.grad is not None
        torch.testing.assert_close(one.grad.cpu(), wanted[name])


def test_outside_it_meta_is_that_of_torch() -> None:
    with other_device():
        pass
    with pytest.raises(NotImplementedError, match="no data"):
        torch.ones(2, device="meta").cpu()
