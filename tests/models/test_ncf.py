"""NCF: the conformance suite in every variant, and what its scores are made of."""

import itertools
from typing import get_args

import pytest
import torch
from torch import nn

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.ncf import NCF, Perceptron, Product, Variant
from nextitem.models.towers import PAIR_BLOCK
from nextitem.testing import RecommenderTests

VARIANTS: tuple[Variant, ...] = get_args(Variant)
every_variant = pytest.mark.parametrize("variant", VARIANTS)


class TestNeuMF(RecommenderTests):
    learns = "taste"
    epochs = 10  # after 30 it knows by heart which four items of a taste a user has met, and ranks the others last
    variant: Variant = "neumf"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return NCF(num_users, num_items, dim=8, hidden_sizes=(16, 8), dropout=0.0, variant=self.variant)


class TestGMF(TestNeuMF):
    variant = "gmf"


class TestMLP(TestNeuMF):
    variant = "mlp"


def users_batch(users: list[int]) -> Batch:
    nothing = torch.zeros(len(users), 1, dtype=torch.int64)
    return Batch(torch.tensor(users), nothing, nothing)


@every_variant
def test_scores_of_all_items_equal_interact_pair_by_pair(variant: Variant) -> None:
    num_users, num_items = PAIR_BLOCK[0] + 3, PAIR_BLOCK[1] + 5  # a whole block and a part of one, both ways
    model = NCF(num_users, num_items, dim=4, hidden_sizes=(6, 3), variant=variant).eval()
    users = list(range(1, num_users + 1))
    scores = model.score(users_batch(users))
    assert scores.shape == (num_users, num_items + 1)
    for user, item in itertools.product((1, 16, 17, num_users), (1, 255, 256, 257, num_items)):
        alone = model.interact(torch.tensor([user]), torch.tensor([[item]]))
        torch.testing.assert_close(scores[user - 1, item], alone[0, 0])


@every_variant
def test_items_of_one_row_are_scored_for_every_user(variant: Variant) -> None:
    model = NCF(3, 5, dim=4, hidden_sizes=(6, 3), variant=variant).eval()
    users, items = torch.tensor([3, 1]), torch.tensor([[2, 5, 4]])
    torch.testing.assert_close(model.interact(users, items), model.interact(users, items.expand(2, -1)))


def test_neumf_is_the_formula_of_the_paper() -> None:
    """h . [p * q; relu(W2 relu(W1 [p'; q'] + b1) + b2)] + b, with the first map written as one."""
    model = NCF(3, 5, dim=4, hidden_sizes=(6, 3)).eval()
    product, perceptron = model.branches["gmf"], model.branches["mlp"]
    assert isinstance(product, Product)
    assert isinstance(perceptron, Perceptron)
    layers = perceptron.hidden
    first = torch.cat([layers.from_query.weight, layers.from_vector.weight], 1)
    pair = torch.cat([perceptron.user_embedding.weight[2], perceptron.item_embedding.weight[4]])
    hidden = layers.later[0](torch.relu(first @ pair + layers.from_query.bias)).relu()
    matched = product.user_embedding.weight[2] * product.item_embedding.weight[4]
    by_hand = model.output(torch.cat([matched, hidden]))
    torch.testing.assert_close(model.interact(torch.tensor([2]), torch.tensor([[4]]))[0], by_hand)


@pytest.mark.parametrize(
    ("variant", "by_hand"),
    [
        ("gmf", 4 * 4 + 6 * 4 + (4 + 1)),  # users and items 4 wide, one output
        ("mlp", 4 * 4 + 6 * 4 + (8 * 6 + 6) + (6 * 3 + 3) + (3 + 1)),
        ("neumf", 2 * (4 * 4 + 6 * 4) + (8 * 6 + 6) + (6 * 3 + 3) + (4 + 3 + 1)),  # each branch has vectors of its own
    ],
)
def test_number_of_parameters_by_hand(variant: Variant, by_hand: int) -> None:
    model = NCF(3, 5, dim=4, hidden_sizes=(6, 3), variant=variant)
    assert sum(one.numel() for one in model.parameters()) == by_hand


def test_dropout_is_for_training_alone() -> None:
    model = NCF(3, 50, dim=8, dropout=0.5)
    pairs = torch.tensor([1]), torch.arange(1, 51)[None]
    assert not torch.equal(model.train().interact(*pairs), model.interact(*pairs))
    assert torch.equal(model.eval().interact(*pairs), model.interact(*pairs))


def test_vectors_of_the_padding_are_zero() -> None:
    tables = [part for part in NCF(3, 5).modules() if isinstance(part, nn.Embedding)]
    assert len(tables) == 4
    assert not any(table.weight[0].any() for table in tables)


def test_cross_entropy_is_refused_with_the_way_out() -> None:
    pair = Batch(torch.tensor([1]), torch.tensor([[0]]), torch.tensor([[2]]))
    with pytest.raises(InputError, match=r"a vector an item; set loss\.name to one with sampled negatives"):
        NCF(3, 5).loss(pair)  # the objective that a model has before a recipe gives it another


def test_unknown_variant_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(InputError, match='no variant "neuMF"; did you mean "neumf"'):
        NCF(3, 5, variant="neuMF")  # type: ignore[arg-type]


def test_no_hidden_layer_is_refused() -> None:
    with pytest.raises(InputError, match="hidden_sizes must name one layer or more"):
        NCF(3, 5, hidden_sizes=())
