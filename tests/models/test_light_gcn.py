"""LightGCN: the conformance suite, its propagation by plain means, and what is saved of it."""

import copy
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.data.batches import Batch, PairBatches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Split
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests, batch_of
from nextitem.training.checkpoint import FitState, load_checkpoint, save_checkpoint
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

NUM_ITEMS = 9
ROWS = Sequences.from_lists([[1, 2, 3], [3, 4, 3], [], [9, 1, 5, 2]])
LISTS = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=9), min_size=1, max_size=6)


class TestLightGCN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return LightGCN(num_users, num_items, dim=8)


class TestWithSampledNegatives(TestLightGCN):
    def built(self, split: Split) -> Recommender:
        model = super().built(split)
        assert isinstance(model, LightGCN)
        model.objective = Sampled(bpr, unseen_sampler(split.train, split.num_items))
        return model


def prepared(rows: Sequences = ROWS, num_layers: int = 3) -> LightGCN:
    torch.manual_seed(0)
    model = LightGCN(len(rows), NUM_ITEMS, dim=4, num_layers=num_layers)
    model.prepare(TrainingData.of(rows))
    model.objective = Sampled(bpr, unseen_sampler(rows, NUM_ITEMS))
    return model


def plain(model: LightGCN, rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Equation 3 of the paper, user by user and item by item; then the mean of the layers."""
    users, items = model.user_embedding.weight.detach(), model.item_embedding.weight.detach()
    met = {user: set(row) for user, row in enumerate(rows, 1)}
    by = {item: {user for user in met if item in met[user]} for item in range(1, NUM_ITEMS + 1)}
    user_layers, item_layers = [users], [items]
    for _ in range(model.num_layers):
        next_users, next_items = torch.zeros_like(users), torch.zeros_like(items)
        for user in met:
            for item in met[user]:
                weight = (len(met[user]) * len(by[item])) ** -0.5
                next_users[user] += weight * item_layers[-1][item]
                next_items[item] += weight * user_layers[-1][user]
        user_layers.append(next_users)
        item_layers.append(next_items)
    return torch.stack(user_layers).mean(0), torch.stack(item_layers).mean(0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(LISTS, st.integers(0, 4))
def test_propagation_is_that_of_the_paper(rows: list[list[int]], num_layers: int) -> None:
    model = prepared(Sequences.from_lists(rows), num_layers)
    torch.testing.assert_close(model.propagated(), plain(model, rows))


def test_gradient_reaches_the_initial_vectors_of_neighbours() -> None:
    model = prepared(num_layers=1)
    model.propagated()[0][1].sum().backward()
    grad = model.item_embedding.weight.grad
    assert grad is not None
    assert grad.any(1).nonzero().flatten().tolist() == [1, 2, 3]  # what user 1 has met


def test_gradient_of_the_loss_equals_finite_differences() -> None:
    model = prepared().double()
    model.objective = Sampled(bpr, unseen_sampler(ROWS, NUM_ITEMS), num_negatives=2, is_static=True)
    model.l2 = 0.1
    batch = Batch(torch.tensor([1, 4]), torch.zeros(2, 1, dtype=torch.int64), torch.tensor([[2], [9]]))

    def loss(users: Tensor, items: Tensor) -> Tensor:
        given = {"user_embedding.weight": users, "item_embedding.weight": items}
        return torch.func.functional_call(_Loss(model), {f"model.{name}": one for name, one in given.items()}, (batch,))

    tables = (torch.randn_like(model.user_embedding.weight), torch.randn_like(model.item_embedding.weight))
    found = [one.clone().requires_grad_() for one in tables]
    loss(*found).backward()
    for number, row in ((0, 1), (0, 4), (0, 3), (1, 2), (1, 9), (1, 7)):
        step = torch.zeros_like(tables[number])
        step[row, 1] = 1e-6
        up, down = ([one + sign * step if at == number else one for at, one in enumerate(tables)] for sign in (1, -1))
        grad = found[number].grad
        assert grad is not None
        assert float(grad[row, 1]) == pytest.approx(float(loss(*up) - loss(*down)) / 2e-6, rel=1e-4, abs=1e-9)


class _Loss(torch.nn.Module):
    def __init__(self, model: LightGCN) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        return self.model.loss(batch)


def test_penalty_by_hand() -> None:
    model = prepared()
    batch = next(PairBatches(ROWS, 4).epoch(1))
    users = model.user_embedding.weight[batch.users].square().sum(1).mean()
    targets = model.item_embedding.weight[batch.targets[:, 0]].square().sum(1).mean()
    average = model.item_embedding.weight[1:].square().sum(1).mean()
    losses = []
    for model.l2 in (0.0, 0.1):
        torch.manual_seed(1)  # the same negatives
        losses.append(model.loss(batch))
    torch.testing.assert_close(losses[1] - losses[0], 0.1 * (users + targets + average) / 2)


def trained(model: LightGCN, epochs: int = 1) -> LightGCN:
    for _ in train(model, PairBatches(ROWS, 4), make_optimizer(model, learning_rate=0.05), last=epochs):
        pass
    return model


def scores_of(model: LightGCN) -> Tensor:
    with torch.no_grad():
        return model.score(batch_of(model, [[1], [2], [3], [4]]))


def test_vectors_of_the_padding_stay_zero() -> None:
    model = trained(prepared(), epochs=3).eval()
    for table in (model.user_embedding.weight, model.item_embedding.weight, *model.propagated()):
        assert not table[0].any()


def test_scores_in_training_mode_are_those_of_the_weights_as_they_are() -> None:
    model = trained(prepared())
    torch.testing.assert_close(scores_of(model.train()), scores_of(model.eval()), rtol=0, atol=0)


def test_scores_follow_the_weights_after_more_training() -> None:
    model = trained(prepared()).eval()
    before = scores_of(model)
    users, items = trained(model).eval().propagated()
    assert not torch.equal(scores_of(model), before)
    torch.testing.assert_close(scores_of(model), users[1:] @ items.T)


def test_an_evaluation_propagates_once() -> None:
    model = prepared().eval()
    assert model.graph is not None
    calls = []
    model.graph.register_forward_hook(lambda *_: calls.append(1))
    model.eval()
    for _ in range(5):
        scores_of(model)
    assert len(calls) == model.num_layers


def test_a_training_step_propagates_once() -> None:
    model = prepared()
    assert model.graph is not None
    calls = []
    model.graph.register_forward_hook(lambda *_: calls.append(1))
    model.loss(next(PairBatches(ROWS, 4).epoch(1)))
    assert len(calls) == model.num_layers


def test_what_is_saved_while_training_scores_without_the_training_rows() -> None:
    model = trained(prepared())  # eval() was not called since the last step
    loaded = LightGCN(len(ROWS), NUM_ITEMS, dim=4)
    loaded.load_weights(model.state_dict())
    assert torch.equal(scores_of(loaded.eval()), scores_of(model.eval()))


def test_loaded_without_the_training_rows_it_cannot_train() -> None:
    model = LightGCN(len(ROWS), NUM_ITEMS, dim=4)
    with pytest.raises(InputError, match=r"call prepare\(train\) first"):
        model.loss(next(PairBatches(ROWS, 4).epoch(1)))


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    batches, whole = PairBatches(ROWS, 4), trained(prepared(), epochs=4)
    first = prepared()
    optimizer = make_optimizer(first, learning_rate=0.05)
    list(train(first, batches, optimizer, last=2))
    save_checkpoint(tmp_path / "checkpoint.safetensors", first, optimizer, FitState(epoch=2))
    second = prepared()
    optimizer = make_optimizer(second, learning_rate=0.05)
    load_checkpoint(tmp_path / "checkpoint.safetensors", second, optimizer)
    list(train(second, batches, optimizer, first=3, last=4))
    assert all(torch.equal(tensor, second.state_dict()[name]) for name, tensor in whole.state_dict().items())


def test_a_copy_is_saved_with_its_own_vectors() -> None:
    model = prepared()
    twin = trained(copy.deepcopy(model))
    loaded = LightGCN(len(ROWS), NUM_ITEMS, dim=4)
    loaded.load_weights(twin.state_dict())
    assert torch.equal(scores_of(loaded.eval()), scores_of(twin.eval()))
    assert not torch.equal(scores_of(loaded), scores_of(model.eval()))
