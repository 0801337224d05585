"""Contents: attributes of items, ratings that are read and ratings that are learned, in the models that take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, ClozeBatches, make_batches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout, Split, leave_one_out
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.evaluation.ratings import rating_errors
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import MODELS, arguments, make, needs_of, takes_contents
from nextitem.models.contents import Contents
from nextitem.models.names import (
    BERT4Rec,
    BSARec,
    CL4SRec,
    CoSeRec,
    DuoRec,
    FEARec,
    FMLPRec,
    GRU4Rec,
    GSASRec,
    ICLRec,
    Mamba4Rec,
    SASRec,
    TVRec,
    WEARec,
)
from nextitem.models.with_contents import WithContents
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import RecommenderTests, batch_of, ordered

KINDS = [
    SASRec,
    GSASRec,
    CL4SRec,
    DuoRec,
    CoSeRec,
    ICLRec,
    FEARec,
    TVRec,
    FMLPRec,
    BSARec,
    WEARec,
    GRU4Rec,
    Mamba4Rec,
    BERT4Rec,
]
READERS = [SASRec, GSASRec, TVRec, FMLPRec, BSARec, WEARec, GRU4Rec, Mamba4Rec, BERT4Rec]
COLUMNS = ("colour", "tags")


def data() -> TrainingData:
    """Items 5 and 6 have no training rows, and 5 the attributes of 1; nobody knows what 6 is."""
    table = pl.DataFrame({
        "colour": ["red", "blue", None, "red", "red", None],
        "tags": [["a", "b"], [], ["a"], ["b"], ["a", "b"], ["new"]],
        "price": [1, 2, 3, 4, 5, 6],
    })  # fmt: skip
    rows = Sequences.from_lists([[1, 2, 3, 4]])
    return TrainingData.of(replace(rows, ratings=np.array([0.5, 5, 3, 3], dtype=np.float32)), 6, Side(item_table=table))


def small(kind: Any, train: TrainingData | None = None, **contents: Any) -> WithContents:
    torch.manual_seed(0)
    train = train or data()
    sizes = Sizes(1, 6, item_attributes=train.sizes_for(("item_attributes",)).item_attributes)
    if contents.get("attributes", "none") != "none":
        contents = {"attribute_columns": COLUMNS} | contents
    own = {"dim": 4, "dropout": 0.0, "max_length": 6}
    if "num_heads" in arguments(kind):
        own["num_heads"] = 1
    model = make(kind, sizes, own | contents)
    assert isinstance(model, WithContents)
    model.prepare(train)
    return model


def tables_of(model: WithContents) -> list[Tensor]:
    return [one.weight for one in (model.attribute_embeddings or {}).values() if isinstance(one, nn.Embedding)]


def histories(ratings: list[list[float]] | None = None) -> Batch:
    inputs = torch.tensor([[1, 2, 3], [4, 1, 0]])
    return Batch.of(inputs, ratings=None if ratings is None else torch.tensor(ratings))


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


@pytest.mark.parametrize("kind", READERS)
def test_ratings_matter_where_they_are_read_and_unknown_ones_are_nothing(kind: Any) -> None:
    model, plain = small(kind, ratings=True).eval(), small(kind).eval()
    low = model.score(histories([[0.5, 3.0, 3.0], [3.0, 0.5, 0.0]]))
    high = model.score(histories([[5.0, 3.0, 3.0], [3.0, 5.0, 0.0]]))
    none = model.score(histories([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]))
    assert not torch.allclose(low, high)
    assert torch.equal(none, plain.score(histories()))
    with pytest.raises(InputError, match="goes by ratings: the batch has none"):
        model.score(histories())


@pytest.mark.parametrize("kind", [CL4SRec, DuoRec, CoSeRec, ICLRec, FEARec])
def test_who_cannot_read_ratings_says_so(kind: Any) -> None:
    with pytest.raises(InputError, match=rf"model\.ratings: {kind.__name__} does not read ratings"):
        small(kind, ratings=True)


@pytest.mark.parametrize("contents", [{"ratings": True}, {"rating_weight": 0.1}])
def test_a_log_without_ratings_is_refused_by_name(contents: dict[str, Any]) -> None:
    bare = TrainingData.of(Sequences.from_lists([[1, 2]]), 6, data().side)
    with pytest.raises(InputError, match=r"SASRec learns from ratings, and the log has none.*--data\.rating"):
        small(SASRec, bare, **contents)


def test_the_loss_has_the_squared_error_of_the_standardised_ratings_of_the_targets() -> None:
    model, plain = small(SASRec, rating_weight=0.5), small(SASRec)
    given = torch.tensor([[5.0, 3, 3]])
    batch = Batch(torch.tensor([1]), torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]]), target_ratings=given)
    ratings = torch.tensor([0.5, 5, 3, 3])
    states, vectors = model.encode(batch)[0], model.item_vectors()
    assert model.rating_head is not None
    found = torch.stack([
        model.rating_head(torch.cat([state, vectors[item]]))[0] for state, item in zip(states, (2, 3, 4), strict=True)
    ])  # fmt: skip
    errors = (found - (given[0] - ratings.mean()) / ratings.std(correction=0)).square()
    torch.testing.assert_close(model.loss(batch), plain.loss(batch) + 0.5 * errors.mean())
    assert torch.equal(model.eval().score(batch), plain.eval().score(batch))


@pytest.mark.parametrize("batches", ["next_item", "prefix", "cloze"])
def test_batches_bring_the_ratings_of_their_targets(batches: str) -> None:
    train = leave_one_out(ordered()).train
    for kind in (SASRec, BERT4Rec):
        wanted = small(kind, rating_weight=0.1).wanted()
    batch = next(iter(make_batches(batches, train, 8, num_items=20, wanted=wanted).epoch(1)))
    assert batch.target_ratings is not None
    is_target = batch.targets != 0
    assert torch.equal(batch.target_ratings[is_target], (1 + batch.targets[is_target] % 5).float())


def test_errors_of_ratings_are_those_of_a_plain_loop() -> None:
    model = small(SASRec, rating_weight=0.1, ratings=True)
    rated = replace(Sequences.from_lists([[1, 2], [3]]), ratings=np.array([5, 3, 0.5], dtype=np.float32))
    target = replace(Sequences.from_lists([[3, 4], [1]]), ratings=np.array([1, 5, 3], dtype=np.float32))
    holdout = Holdout(np.array([1, 2]), rated, rated, target, 0)
    errors = rating_errors(model, holdout, rated)
    model.eval()
    missed = []
    for items, ratings, asked, given in (([1, 2], [5.0, 3.0], 3, 1), ([1, 2], [5.0, 3.0], 4, 5), ([3], [0.5], 1, 3)):
        state = model.query(Batch.of(torch.tensor([items]), ratings=torch.tensor([ratings])))
        missed.append(model.rate(state, torch.tensor([asked])).item() - given)
    assert errors is not None
    assert errors.rmse == pytest.approx(float(np.sqrt(np.square(missed).mean())), rel=1e-5)
    assert errors.mae == pytest.approx(float(np.abs(missed).mean()), rel=1e-5)


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


def test_more_ratings_than_levels_are_refused() -> None:
    with pytest.raises(InputError, match=r"model\.rating_levels: the log has 3 different ratings, more than 2"):
        small(SASRec, ratings=True, rating_levels=2)


def test_a_recipe_that_asks_for_attributes_takes_what_stands_beside_the_log() -> None:
    keys = {"name": "WEARec", "attributes": "sum"}
    assert make_recipe({"model": keys}).data.side == "beside"
    assert make_recipe({"model": keys, "data": {"side": "none"}}).data.side == "none"
    assert make_recipe({"model": {"name": "WEARec"}}).data.side == "none"
    assert needs_of(WEARec, {"attributes": "sum"}) == ("item_attributes",)


def test_a_run_reports_new_items_and_the_errors_of_ratings_and_is_loaded_without_its_data(tmp_path: Path) -> None:
    rows = [
        (f"u{user}", f"i{(user + step) % 12}", user + step, step % 5 + 1) for user in range(30) for step in range(6)
    ]
    rows += [("u0", "new", 99, 5)]
    log, items = tmp_path / "log.csv", tmp_path / "items.csv"
    pl.DataFrame(rows, ["user", "item", "timestamp", "rating"], orient="row").write_csv(log)
    names = [*(f"i{one}" for one in range(12)), "new"]
    pl.DataFrame({"item": names, "kind": [f"kind {len(name) + one % 3}" for one, name in enumerate(names)]}).write_csv(
        items
    )
    model = {"name": "SASRec", "dim": 8, "attributes": "sum", "ratings": True, "rating_weight": 0.1}
    layer = {"model": model, "data": {"source": str(log), "item_table": str(items)}, "training": {"epochs": 2}}
    *_, finished = run(make_recipe(layer), tmp_path / "run")
    report: Any = finished
    assert report.report["ratings"]["ratings"] == 30
    assert report.report["slices"]["cold items"]["cases"] == 1
