"""Fields: what stands for a row, and the two models whose towers are made of them, DSSM and FM."""

from __future__ import annotations

from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import needs_of
from nextitem.models.field_towers import FieldTowers
from nextitem.models.fields import Fields
from nextitem.models.general.bpr import BPR
from nextitem.models.general.dssm import DSSM
from nextitem.models.general.fm import FM
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.testing import RecommenderTests

Kind = TypeVar("Kind", bound=FieldTowers)
ALL = ["item_attributes", "user_attributes"]
# Six items of which 6 is in no row, four users of which 4 has no row; "rare" is a genre of item 6 alone.
ITEMS = pl.DataFrame({
    "genres": [["a", "b"], ["b"], [], ["a"], None, ["b", "rare"]],
    "maker": ["m", "n", "m", None, "n", "m"],
    "price": [1.0, 2.0, None, 4.0, 1.0, 3.0],
    "title": [f"title {item}" for item in range(1, 7)],
})  # fmt: skip
USERS = pl.DataFrame({"country": ["x", "y", "x", "y"]})
ROWS = [[1, 2, 3], [2, 4], [5, 1], []]


def data(items: pl.DataFrame = ITEMS) -> TrainingData:
    return TrainingData.of(Sequences.from_lists(ROWS), 6, Side(USERS, items))


def made(kind: type[Kind], train: TrainingData | None = None, **given: Any) -> Kind:
    train = train or data()
    torch.manual_seed(0)
    model = kind(train.sizes_for(ALL), **given)
    model.prepare(train)
    return model.eval()


class TestDSSM(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return DSSM(sizes, dim=16, layers=(16, 16), dropout=0.0, attributes="both", id_dropout=0.0)


class TestFM(RecommenderTests):
    learns = "taste"

    def made(self, sizes: Sizes) -> Recommender:
        return FM(sizes, dim=16, attributes="both")


def table(fields: Fields, name: str) -> nn.Embedding:
    found = fields.tables[f"of {name}"]
    assert isinstance(found, nn.Embedding)
    return found


def layer(tower: nn.Module, place: int) -> nn.Linear:
    assert isinstance(tower, nn.Sequential)
    found = tower[place]
    assert isinstance(found, nn.Linear)
    return found


def values(model: FieldTowers, name: str) -> Tensor:
    """The vectors of a column's values, in their order."""
    return table(model.items, name).weight.detach()


def test_a_row_has_its_own_vector_then_the_means_of_its_values_and_its_numbers() -> None:
    model = made(FM, item_columns=("genres", "maker", "price"))
    with torch.no_grad():
        found = model.items(torch.tensor([1, 3, 6]))  # (3, 4, D)
    a, b, _ = values(model, "genres")[1:]
    m = values(model, "maker")[1]
    price = (np.array([1.0, 3.0]) - 2.2) / np.std([1, 2, 4, 1, 3])
    slope, own = values(model, "price")[0], model.items.own.weight.detach()
    zero = torch.zeros_like(m)
    wanted = [
        torch.stack([own[1], (a + b) / 2, m, slope * price[0]]),
        torch.stack([own[3], zero, m, zero]),
        torch.stack([zero, b, m, slope * price[1]]),  # nobody met it, and nobody who met something knows "rare"
    ]
    torch.testing.assert_close(found, torch.stack(wanted).float())


def test_the_order_of_values_means_nothing() -> None:
    turned = ITEMS.with_columns(pl.col("genres").list.reverse())
    one, other = (made(DSSM, data(items)) for items in (ITEMS, turned))
    torch.testing.assert_close(one.item_vectors(), other.item_vectors())


def test_a_title_is_no_field_unless_it_is_named() -> None:
    assert made(FM).items.names == ("genres", "maker", "price")
    assert made(FM, item_columns=("title",)).items.names == ("title",)
    with pytest.raises(InputError, match=r'item_columns: there is no attribute "genre"; .*genres'):
        made(FM, item_columns=("genre",))
    with pytest.raises(InputError, match="no column has values that 6 rows share"):
        made(FM, data(ITEMS.select("title")))


@pytest.mark.parametrize("kind", [DSSM, FM])
def test_an_item_that_nobody_met_is_what_its_attributes_say(kind: type[FieldTowers]) -> None:
    """So two such items with the same attributes are the same, and what their own vectors hold means nothing."""
    model = made(kind)
    before = model.item_vectors().clone()
    with torch.no_grad():
        model.items.own.weight[6] += 1.0
        model.users.own.weight[4] += 1.0
        model.items.own.weight[5] += 1.0
    model.eval()
    assert torch.equal(model.item_vectors()[6], before[6])
    assert not torch.equal(model.item_vectors()[5], before[5])


def test_needs_hang_on_whose_attributes_are_read() -> None:
    assert needs_of(DSSM, {}) == ("item_attributes",)
    assert needs_of(FM, {"attributes": "both"}) == ("item_attributes", "user_attributes")
    assert made(FM, attributes="users").users.names == ("country",)
    with pytest.raises(InputError, match="user_columns: they are not read"):
        made(FM, user_columns=("country",))


def test_dssm_without_layers_and_attributes_is_matrix_factorisation() -> None:
    model = DSSM(Sizes(4, 6, item_attributes={}, user_attributes={"country": 2}), attributes="users", layers=(8,))
    assert layer(model.of_item, 0).in_features * 2 == layer(model.of_user, 0).in_features
    with pytest.raises(InputError, match="the 2 fields of users and the 1 of items"):
        DSSM(data().sizes_for(ALL), attributes="users", layers=())
    both = made(DSSM, layers=(), attributes="both", item_columns=("maker",))
    with torch.no_grad():
        for side in (both.users, both.items):
            for name in side.names:
                table(side, name).weight.zero_()
    both.eval()
    bpr = BPR(4, 6)
    with torch.no_grad():
        bpr.user_embedding.weight.copy_(both.users.own.weight)
        bpr.item_embedding.weight.copy_(both.items.own.weight)
    batch = Batch(users=torch.tensor([1, 3]), inputs=torch.tensor([[1], [5]]), targets=torch.tensor([[2], [1]]))
    torch.testing.assert_close(both.score(batch)[:, :6], bpr.score(batch)[:, :6].detach())  # item 6 is of nobody


def test_dssm_is_the_layers_written_out() -> None:
    model = made(DSSM, layers=(5, 3), item_columns=("maker",))
    fields = model.items(torch.tensor([1]))[0].flatten().detach()
    first, second = layer(model.of_item, 0), layer(model.of_item, 3)
    hidden = torch.tanh(first.weight @ fields + first.bias)
    torch.testing.assert_close(model.item_vectors()[1], (second.weight @ hidden + second.bias).detach())


def test_two_fields_of_a_machine() -> None:
    """Vectors (1, 2) and (3, -1), weights 5 and 7: 12 and the product 1."""
    model = made(FM, dim=2, item_columns=("maker",))
    with torch.no_grad():
        for one in (model.users.own, model.items.own, table(model.items, "maker")):
            one.weight.zero_()
        model.users.own.weight[1] = torch.tensor([1.0, 2.0, 5.0])
        model.items.own.weight[1] = torch.tensor([3.0, -1.0, 7.0])
    model.eval()
    batch = Batch(users=torch.tensor([1]), inputs=torch.tensor([[1]]), targets=torch.tensor([[2]]))
    assert model.score(batch)[0, 1].item() == pytest.approx(13.0)


def test_a_machine_is_the_sum_over_all_pairs_of_fields() -> None:
    model = made(FM, attributes="both", dim=4)
    with torch.no_grad():
        for one in model.modules():
            if isinstance(one, nn.Embedding):
                one.weight.normal_()
    model.eval()
    nothing, targets = torch.zeros(2, 1, dtype=torch.int64), torch.ones(2, 1, dtype=torch.int64)
    found = model.score(Batch(users=torch.tensor([1, 4]), inputs=nothing, targets=targets))
    for row, user in enumerate((1, 4)):
        for item in range(1, 7):
            sides = model.users(torch.tensor([user])), model.items(torch.tensor([item]))
            fields = [field for side in sides for field in side[0].detach()]
            pairs = sum(float(one[:-1] @ other[:-1]) for one, other in combinations(fields, 2))
            assert float(found[row, item]) == pytest.approx(sum(float(one[-1]) for one in fields) + pairs, abs=1e-4)


def test_sampled_negatives_score_as_the_whole_table_does() -> None:
    model = made(DSSM, dropout=0.0, id_dropout=0.0).train()
    model.objective = Sampled(binary_cross_entropy, unseen_sampler(data().rows, 6), 3, is_static=True)
    batch = Batch(users=torch.tensor([1, 2]), inputs=torch.tensor([[1], [2]]), targets=torch.tensor([[2], [4]]))
    in_training = model.loss(batch)
    with torch.no_grad():
        torch.testing.assert_close(model.eval().loss(batch), in_training.detach())
