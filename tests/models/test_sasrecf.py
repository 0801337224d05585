"""SASRecF: the conformance suite, what an item is made of, codes of ratings, and a run that is loaded without data."""

from __future__ import annotations

from dataclasses import replace

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
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.sasrecf import SASRecF
from nextitem.testing import RecommenderTests

SMALL = {"dim": 4, "num_layers": 1, "dropout": 0.0, "max_length": 5}


class TestAttributes(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        return SASRecF(sizes.num_items, sizes.item_attributes, dim=16, num_layers=1, dropout=0.0, max_length=20)


class TestRatings(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        return SASRecF(
            sizes.num_items,
            sizes.item_attributes,
            dim=16,
            num_layers=1,
            dropout=0.0,
            max_length=20,
            attributes=("maker",),
            ratings=True,
        )


def data() -> TrainingData:
    """Item 4 has never been trained on; the colour of item 3 is unknown."""
    table = pl.DataFrame(
        {"colour": ["red", "blue", None, "red"], "tags": [["a", "b"], [], ["a"], ["b"]], "price": [1, 2, 3, 4]}
    )
    rows = Sequences.from_lists([[1, 2, 3]])
    rated = replace(rows, ratings=np.array([0.5, 5.0, 3.0], dtype=np.float32))
    return TrainingData.of(rated, 4, Side(item_table=table))


def small(**more: object) -> SASRecF:
    torch.manual_seed(0)
    train = data()
    model = SASRecF(4, train.sizes_for(("item_attributes",)).item_attributes, **SMALL, **more)  # type: ignore[arg-type]
    model.prepare(train)
    return model


def tables_of(model: SASRecF) -> list[Tensor]:
    return [
        one.weight
        for one in (model.attribute_embeddings or {}).values()
        if isinstance(one, nn.Module) and isinstance(one.weight, Tensor)
    ]


def test_an_item_is_its_own_vector_and_the_means_of_its_attributes() -> None:
    model = small()
    own, (colours, tags) = model.item_embedding.weight, tables_of(model)
    found = model.item_vectors()
    torch.testing.assert_close(found[1], own[1] + colours[2] + (tags[1] + tags[2]) / 2)
    torch.testing.assert_close(found[2], own[2] + colours[1])
    torch.testing.assert_close(found[3], own[3] + tags[1])


def test_an_item_without_training_rows_is_what_its_attributes_say() -> None:
    model = small()
    colours, tags = tables_of(model)
    torch.testing.assert_close(model.item_vectors()[4], colours[2] + tags[2])


def test_numbers_are_no_attributes_unless_asked_for_which_is_refused() -> None:
    assert small().names == ("colour", "tags")
    with pytest.raises(InputError, match=r'model\.attributes: "price" is no attribute with values'):
        small(attributes=("price",))
    with pytest.raises(InputError, match=r'"color" is no attribute with values; did you mean "colour"'):
        small(attributes=("color",))


def test_with_zero_tables_it_is_sasrec_to_the_bit() -> None:
    model, plain = small().eval(), SASRec(4, **SMALL, norm="freerec").eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for table in tables_of(model):
            table.zero_()
    kept = plain.state_dict().keys()
    plain.load_weights({name: weight for name, weight in model.state_dict().items() if name in kept})
    batch = Batch.of(torch.tensor([[1, 2, 3], [4, 0, 0]]))
    model.refresh()
    assert torch.equal(model.score(batch), plain.score(batch))


def test_ratings_are_coded_by_their_place_and_others_are_unknown() -> None:
    model = small(ratings=True)
    assert model.rating_codes(torch.tensor([[0.5, 3.0, 5.0, 4.0, 0.0]])).tolist() == [[1, 2, 3, 0, 0]]


def test_ratings_matter_where_they_are_read() -> None:
    model = small(ratings=True).eval()
    items = torch.tensor([[1, 2]])
    low, high = (model.score(Batch.of(items, ratings=torch.tensor([[3.0, one]]))) for one in (0.5, 5.0))
    assert not torch.allclose(low, high)
    with pytest.raises(InputError, match="goes by ratings: the batch has none"):
        model.score(Batch.of(items))


def test_more_ratings_than_levels_are_refused() -> None:
    with pytest.raises(InputError, match=r"model\.num_levels: the log has 3 different ratings, more than 2"):
        small(ratings=True, num_levels=2)


def test_whoever_loads_it_needs_no_attributes_to_score_and_is_told_to_train() -> None:
    model = small()
    loaded = SASRecF(4, {"colour": 2, "tags": 2}, **SMALL)  # type: ignore[arg-type]
    loaded.load_weights(model.state_dict())
    batch = Batch.of(torch.tensor([[1, 2, 3]]))
    assert torch.equal(loaded.eval().score(batch), model.eval().score(batch))
    with pytest.raises(InputError, match=r"without the attributes of its items.*prepare"):
        loaded.train().score(batch)
