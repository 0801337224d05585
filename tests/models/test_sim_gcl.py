"""SimGCL and XSimGCL: the conformance suite, their layers and losses by plain loops, and their noise."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.sim_gcl import SimGCL, perturbed
from nextitem.models.general.x_sim_gcl import XSimGCL
from nextitem.nn.losses.contrastive import info_nce_of_rows
from nextitem.testing import RecommenderTests

ROWS = [[1, 2, 3], [3, 4, 3], [], [5, 1, 2]]
NUM_ITEMS = 6  # nobody met item 6


class TestSimGCL(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SimGCL(num_users, num_items, dim=8, num_layers=2, contrast_weight=0.1)


class TestXSimGCL(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return XSimGCL(num_users, num_items, dim=8, num_layers=2)


def small(kind: type[SimGCL], **arguments: float) -> SimGCL:
    torch.manual_seed(0)
    model = kind(len(ROWS), NUM_ITEMS, dim=4, num_layers=2, **arguments)
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model.double()


def batch() -> Batch:
    targets = torch.tensor([[1], [2], [3], [5]])  # user 1 twice
    return Batch(torch.tensor([1, 1, 2, 4]), torch.zeros_like(targets), targets)


def plain_layers(model: SimGCL) -> list[tuple[Tensor, Tensor]]:
    """The tables and two propagations, edge by edge."""
    met = {(user, item) for user, row in enumerate(ROWS, start=1) for item in row}
    layers = [(model.user_embedding.weight.detach(), model.item_embedding.weight.detach())]
    for _ in range(2):
        users, items = (torch.zeros_like(one) for one in layers[0])
        for user, item in met:
            degrees = [sum(pair[end] == node for pair in met) for end, node in enumerate((user, item))]
            users[user] += layers[-1][1][item] / math.prod(degrees) ** 0.5
            items[item] += layers[-1][0][user] / math.prod(degrees) ** 0.5
        layers.append((users, items))
    return layers


def plain_contrast(one: Tensor, other: Tensor, nodes: list[int], temperature: float) -> float:
    cosines = [[float(F.cosine_similarity(one[a], other[b], dim=0)) / temperature for b in nodes] for a in nodes]
    losses = [math.log(sum(map(math.exp, row))) - row[place] for place, row in enumerate(cosines)]
    return sum(losses) / len(nodes)


def test_vectors_are_the_mean_of_the_layers_without_the_first() -> None:
    for model in (small(SimGCL), small(XSimGCL)):
        (_, one, other), found = plain_layers(model), model.propagated()
        for place in range(2):
            torch.testing.assert_close(found[place], (one[place] + other[place]) / 2, rtol=1e-6, atol=1e-6)


def test_contrast_is_that_of_plain_loops() -> None:
    """Without noise both views of SimGCL are the mean; XSimGCL's other view is the first layer."""
    for kind, temperature in ((SimGCL, 0.2), (XSimGCL, 0.15)):
        model = small(kind, noise=0.0, contrast_weight=0.5)
        _, first, second = plain_layers(model)
        means = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
        others = means if kind is SimGCL else first
        wanted = sum(
            plain_contrast(means[end], others[end], nodes, temperature)
            for end, nodes in enumerate(([1, 2, 4], [1, 2, 3, 5]))
        )
        assert float(model.parts(batch())["contrast"].detach()) == pytest.approx(0.5 * wanted, rel=1e-5)


@pytest.mark.parametrize(("temperature", "wanted"), [(1.0, 0.31326), (0.5, math.log(1 + math.exp(-2)))])
def test_contrast_of_two_orthonormal_rows(temperature: float, wanted: float) -> None:
    assert float(info_nce_of_rows(torch.eye(2), 3 * torch.eye(2), temperature)) == pytest.approx(wanted, abs=1e-5)


def test_noise_has_its_length_and_keeps_every_sign() -> None:
    torch.manual_seed(0)
    x = torch.randn(50, 8)
    x[3] = 0.0
    found = perturbed(x, 0.1)
    lengths = (found - x).norm(dim=1)
    torch.testing.assert_close(lengths[lengths > 0], torch.full((49,), 0.1))
    assert torch.equal(found.sign(), x.sign())
    assert not found[3].any()


def test_views_differ_in_training_alone() -> None:
    model = small(SimGCL, noise=0.5)
    noisy = [float(model.parts(batch())["contrast"].detach()) for _ in range(2)]
    assert noisy[0] != noisy[1]
    model.eval()
    assert torch.equal(model.parts(batch())["contrast"], model.parts(batch())["contrast"])


def test_a_row_that_weighs_nothing_is_not_contrasted() -> None:
    model = small(XSimGCL).eval()
    whole = batch()
    weights = torch.tensor([[1.0], [1.0], [2.0], [0.0]])
    weighed = Batch(whole.users, whole.inputs, whole.targets, weights=weights)
    found, wanted = (model.parts(one)["contrast"] for one in (weighed, whole.take(slice(0, 3))))
    torch.testing.assert_close(found, wanted)


def test_the_contrasted_layer_is_one_of_them() -> None:
    with pytest.raises(InputError, match=r"contrast_layer must lie in 1..num_layers, found 3 of 2"):
        XSimGCL(3, 3, num_layers=2, contrast_layer=3)
