"""Contents: attributes of items in the models that take them, and keys that say nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_contents import COLUMNS, KINDS, READERS, histories, small, tables_of
from torch import nn

from nextitem.data.batches import Batch, ClozeBatches
from nextitem.data.splits.split import Split
from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import MODELS, arguments, make, needs_of, takes_contents
from nextitem.models.contents import Contents
from nextitem.models.names import (
    BERT4Rec,
    FMLPRec,
    SASRec,
    TVRec,
    WEARec,
)
from nextitem.recipe import make_recipe
from nextitem.testing import RecommenderTests, batch_of


class TestSums(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        model = TVRec(sizes.num_items, dim=16, num_layers=1, num_bases=4, dropout=0.0, max_length=20)
        return model.take_contents(Contents("sum", ratings=True, rating_weight=0.1), sizes.item_attributes)


class TestConcatenations(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        model = SASRec(sizes.num_items, dim=16, num_layers=1, dropout=0.0, max_length=20, tied=False)
        return model.take_contents(Contents("concat", attribute_columns=("maker",)), sizes.item_attributes)


class TestFrames(RecommenderTests):
    epochs = 60

    def made(self, sizes: Sizes) -> Recommender:
        model = FMLPRec(sizes.num_items, dim=16, num_layers=1, dropout=0.0, max_length=20)
        return model.take_contents(Contents("sum", "input", ratings=True), sizes.item_attributes)


class TestHiddenItems(RecommenderTests):
    epochs = 80
    learning_rate = 5e-3

    def made(self, sizes: Sizes) -> Recommender:
        model = BERT4Rec(sizes.num_items, dim=32, num_layers=1, num_heads=2, dropout=0.0, max_length=20)
        return model.take_contents(Contents("concat", rating_weight=0.1), sizes.item_attributes)

    def batches(self, model: Trained, split: Split) -> ClozeBatches:
        mask, wanted = split.num_items + 1, model.wanted()
        return ClozeBatches(split.train, 32, model.max_length, mask, seed=1, wanted=wanted, mask_share=0.4)


def test_the_models_that_take_contents() -> None:
    assert {name for name, model in MODELS.items() if takes_contents(model)} == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
class TestEveryModel:
    def test_its_first_weights_are_those_without(self, kind: Any) -> None:
        plain = small(kind).state_dict()
        found = small(kind, attributes="sum", rating_weight=0.1).state_dict()
        for name, weight in plain.items():
            same = found[name] if "embedding" not in name else found[name][:5]  # but those of items nobody met
            assert torch.equal(same, weight if "embedding" not in name else weight[:5]), name

    def test_with_zero_tables_it_scores_to_the_bit_as_without(self, kind: Any) -> None:
        plain, model = small(kind).eval(), small(kind, attributes="sum")
        with torch.no_grad():
            for table in tables_of(model):
                table.zero_()
        kept = plain.state_dict().keys()
        plain.load_weights({name: one for name, one in model.state_dict().items() if name in kept})
        assert torch.equal(model.eval().score(histories()), plain.score(histories()))

    def test_a_new_item_scores_as_the_attributes_of_another(self, kind: Any) -> None:
        model = small(kind, attributes="sum")
        with torch.no_grad():
            for table in (model.item_embedding, model.output_table()):
                if table is not None:
                    table.weight[1] = 0.0  # so that item 1 has nothing but its attributes, which 5 shares
        scores = model.eval().score(histories())
        torch.testing.assert_close(scores[:, 5], scores[:, 1])
        assert not torch.allclose(scores[:, 5], scores[:, 2])

    def test_new_items_are_read_by_their_attributes(self, kind: Any) -> None:
        model = small(kind, attributes="concat").eval()
        one, other = (model.score(Batch.of(torch.tensor([[item]]))) for item in (5, 6))
        assert not torch.allclose(one, other)

    def test_columns_of_padding_change_nothing(self, kind: Any) -> None:
        model = small(kind, attributes="concat", rating_weight=0.1, ratings=kind in READERS).eval()
        rows = [[1, 2, 3], [4, 1]]
        narrow, wide = (model.score(batch_of(model, rows, width)) for width in (3, 6))
        torch.testing.assert_close(wide, narrow)

    def test_whoever_loads_it_needs_no_attributes(self, kind: Any) -> None:
        model = small(kind, attributes="concat", rating_weight=0.1).eval()
        sizes, own = Sizes(1, 6, item_attributes={"colour": 2, "tags": 3}), {"dim": 4, "dropout": 0.0, "max_length": 6}
        own |= {"num_heads": 1} if "num_heads" in arguments(kind) else {}
        loaded = make(kind, sizes, own | {"attributes": "concat", "attribute_columns": COLUMNS, "rating_weight": 0.1})
        loaded.load_weights(model.state_dict())
        assert torch.equal(loaded.eval().score(histories()), model.score(histories()))


def test_what_is_concatenated_is_mapped_back() -> None:
    model = small(SASRec, attributes="concat")
    own, (colours, tags) = model.item_embedding.weight, tables_of(model)
    assert model.attribute_map is not None
    wanted = model.attribute_map.weight @ torch.cat([own[1], colours[2] + (tags[1] + tags[2]) / 2])
    torch.testing.assert_close(model.item_vectors()[1], wanted)
    assert not model.item_vectors()[0].any()


def test_in_the_input_alone_items_are_scored_by_their_table() -> None:
    model = small(SASRec, attributes="sum", attributes_in="input")
    assert model.item_vectors() is model.item_embedding.weight
    assert not torch.equal(model.input_vectors(torch.tensor([1]))[0], model.item_embedding.weight[1])


def test_a_value_that_training_never_saw_says_nothing() -> None:
    """Item 6 has the tag `new` alone: it is as one of which nothing is known, and learns as a class."""
    model = small(SASRec, attributes="sum")
    assert model.is_new is not None
    assert model.is_new[:, 0].nonzero()[:, 0].tolist() == [5]
    assert not model.item_vectors()[6].any()


def test_new_items_are_no_classes_and_stay_without_a_vector_of_their_own() -> None:
    model = small(SASRec, attributes="sum")
    batch = Batch(torch.tensor([1]), torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]]))
    vectors, states = model.item_vectors(), model.encode(batch)[0]
    classes = [1, 2, 3, 4, 6]
    by_hand = nn.functional.cross_entropy(states @ vectors[classes].T, torch.tensor([1, 2, 3]))
    loss = model.loss(batch)
    torch.testing.assert_close(loss, by_hand)
    loss.backward()
    assert model.item_embedding.weight.grad is not None
    assert model.item_embedding.weight.grad.any(1).tolist() == [False, True, True, True, True, False, True]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"attributes": "sums"}, r'there is no "sums"; did you mean "sum"'),
        ({"attributes_in": "input"}, r"model\.attributes_in: .*does nothing where attributes is none"),
        ({"attribute_columns": ("a",)}, r"model\.attribute_columns: .*does nothing where attributes is none"),
        ({"rating_levels": 5}, r"model\.rating_levels: .*does nothing where no ratings are read"),
        ({"rating_weight": -1.0}, r"model\.rating_weight: it must be 0 or more"),
    ],
)
def test_values_that_are_none_or_do_nothing_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Contents(**keys)


def test_columns_that_there_are_not_or_that_no_items_share_are_refused() -> None:
    with pytest.raises(InputError, match=r'model\.attribute_columns: "color" is no attribute .*mean "colour"'):
        small(SASRec, attributes="sum", attribute_columns=("color",))
    with pytest.raises(InputError, match=r"no column of texts or lists whose values 6 items share \(title, price\)"):
        Contents("sum").columns({"title": 6, "price": 0}, 6)


def test_a_recipe_that_asks_for_attributes_takes_what_stands_beside_the_log() -> None:
    keys = {"name": "WEARec", "attributes": "sum"}
    assert make_recipe({"model": keys}).data.side == "beside"
    assert make_recipe({"model": keys, "data": {"side": "none"}}).data.side == "none"
    assert make_recipe({"model": {"name": "WEARec"}}).data.side == "none"
    assert needs_of(WEARec, {"attributes": "sum"}) == ("item_attributes",)
