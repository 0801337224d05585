"""S3Rec: the conformance suite, its pre-training against plain loops, and the two stages of a run."""

from __future__ import annotations

import json
import math
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from rich.console import Console
from torch import Tensor

from nextitem.data.batches import Batch, make_batches
from nextitem.data.splits.split import leave_one_out
from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.s3rec import S3Rec
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.attention import BidirectionalAttention
from nextitem.recipe import Recipe, make_recipe
from nextitem.report.console import RunView
from nextitem.runs.learning.run import Built, run
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered
from nextitem.training.fit import Progress, fit

SPLIT = leave_one_out(ordered())
SIZES = SPLIT.training_data.sizes_for(("item_attributes",))
SMALL: dict[str, Any] = {"dim": 8, "num_layers": 1, "dropout": 0.0, "max_length": 10}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Of two epochs that pre-train and two more, on twenty users and items of four colours."""
    folder = tmp_path_factory.mktemp("shop")
    log = [{"user": u, "item": f"i{(u + 5 * t) % 12}", "timestamp": t} for u in range(20) for t in range(6)]
    pl.DataFrame(log).write_csv(folder / "log.csv")
    items = [{"item": f"i{number}", "colour": f"c{number % 4}"} for number in range(12)]
    pl.DataFrame(items).write_csv(folder / "items.csv")
    data = {"source": str(folder / "log.csv"), "item_table": str(folder / "items.csv")}
    model = {"name": "S3Rec", "dim": 8, "pretrain_epochs": 2}
    return make_recipe({"model": model, "data": data, "training": {"epochs": 4}, "evaluation": {"metrics": ["hr@5"]}})


class TestS3Rec(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        keys: dict[str, Any] = {"num_layers": 1, "dropout": 0.0, "max_length": 20, "pretrain_epochs": 3}
        return S3Rec(sizes.num_items, sizes.item_attributes, dim=16, **keys)


def begun(**keys: Any) -> tuple[S3Rec, Batch]:
    torch.manual_seed(0)
    model = S3Rec(NUM_ITEMS, SIZES.item_attributes, **SMALL | keys)
    model.prepare(SPLIT.training_data)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    batches = make_batches("prefix", SPLIT.train, 32, max_length=10, num_items=NUM_ITEMS, seed=1, wanted=model.wanted())
    return model, next(batch for batch in batches.epoch(1) if 1 in (batch.inputs != 0).sum(1))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def state_of(model: S3Rec, row: list[int]) -> Tensor:
    """The states (T, D) of a row without padding, by its blocks' own words."""
    return model.both_ways(torch.tensor([row]))[0]


def attributes_of(item: int) -> list[float]:
    """Whether it has each of the values of all columns, in their order."""
    found = list[float]()
    for name in ("genres", "maker"):
        bags = SPLIT.training_data.item_attributes.bags(name)
        own = bags.codes[bags.offsets[item] : bags.offsets[item + 1]].tolist()
        found += [float(code in own) for code in range(1, bags.num_values + 1)]
    return found


@torch.no_grad()
def test_the_parts_are_those_of_plain_loops() -> None:
    weights = {"attribute_weight": 0.3, "item_weight": 0.7, "masked_attribute_weight": 0.9, "segment_weight": 0.4}
    model, batch = begun(**weights)
    assert batch.views is not None
    sums = dict.fromkeys(["attributes", "masked_items", "masked_attributes", "segments"], 0.0)
    table, vectors = model.attribute_embedding.weight, model.item_embedding.weight
    for inputs, views in zip(batch.inputs.tolist(), batch.views.tolist(), strict=True):
        length = sum(item > 0 for item in inputs)
        masked, untrue, context, stretch, other = (view[:length] for view in views)
        for place, state in enumerate(state_of(model, masked)):
            is_hidden = masked[place] == NUM_ITEMS + 1
            asking = model.heads[2 if is_hidden else 0](state)
            for value, has in zip(table, attributes_of(inputs[place]), strict=True):
                chance = sigmoid(float(asking @ value))
                sums["masked_attributes" if is_hidden else "attributes"] -= math.log(chance if has else 1 - chance)
            if is_hidden:
                asking = model.heads[1](state)
                true, false = (sigmoid(float(asking @ vectors[one])) for one in (inputs[place], untrue[place]))
                sums["masked_items"] -= math.log(sigmoid(true - false))
        if length > 1:
            asking, *ends = (state_of(model, one)[-1] for one in (context, stretch, other))
            true, false = (sigmoid(float(model.heads[3](asking) @ end)) for end in ends)
            sums["segments"] -= math.log(sigmoid(true - false))
    found = model.parts(batch)
    for (name, total), weight in zip(sums.items(), weights.values(), strict=True):
        assert found[name].item() == pytest.approx(weight * total / len(batch.inputs), rel=1e-4), name
    torch.testing.assert_close(model.loss(batch), sum(found.values(), torch.zeros(())))


@torch.no_grad()
def test_what_pre_trains_sees_both_ways_and_what_recommends_what_is_older() -> None:
    model, _ = begun()
    model.eval()
    one, other = torch.tensor([[1, 2, 3]]), torch.tensor([[1, 2, 4]])
    assert not torch.allclose(model.both_ways(one)[:, :2], model.both_ways(other)[:, :2])
    torch.testing.assert_close(model.encode(Batch.of(one))[:, :2], model.encode(Batch.of(other))[:, :2])
    padded = torch.tensor([[1, 2, 3, 0], [5, 6, 7, 8]])
    torch.testing.assert_close(model.both_ways(padded)[:1, :3], model.both_ways(one))


@torch.no_grad()
def test_attention_both_ways_is_that_of_bert() -> None:
    torch.manual_seed(0)
    model, _ = begun()
    own = model.stack.blocks[0].mixer.attention  # type: ignore[union-attr]
    bert = BidirectionalAttention(8, 2)
    bert.load_state_dict(own.state_dict())  # type: ignore[union-attr]
    x, lengths = torch.randn(2, 5, 8), torch.tensor([5, 3])
    assert torch.equal(own.both_ways(x, lengths), bert(x, lengths))  # type: ignore[operator, union-attr]


def test_once_pre_trained_it_is_sasrec_in_berts_layout() -> None:
    model, batch = begun(pretrain_epochs=1)
    model.begin_epoch(2)
    assert not model.parts(batch)
    plain = SASRec(NUM_ITEMS, **SMALL, num_heads=2, norm="bert")
    weights = {name: one for name, one in model.state_dict().items() if name in plain.state_dict()}
    weights["item_embedding.weight"] = weights["item_embedding.weight"][:-1]
    plain.load_weights(weights)
    assert torch.equal(model.loss(batch), plain.loss(batch))


def test_a_run_pre_trains_then_validates_and_goes_on_where_it_stopped(recipe: Recipe, tmp_path: Path) -> None:
    built = next(event for event in run(recipe, tmp_path / "told") if isinstance(event, Built))
    screen = Console(file=StringIO(), width=500)
    RunView(screen).show(built)
    assert isinstance(screen.file, StringIO)
    assert "the first 2 pre-train, and are not validated; then every 1 epochs" in screen.file.getvalue()
    list(run(recipe, tmp_path / "whole"))
    epochs = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [bool(one.get("valid")) for one in epochs] == [False, False, True, True]
    assert list(epochs[1]["parts"]) == ["attributes", "masked_items", "masked_attributes", "segments"]
    assert not epochs[2].get("parts")
    events = run(recipe, tmp_path / "cut")
    assert any(isinstance(event, Progress) for event in events)
    events.close()  # type: ignore[attr-defined]
    list(run(recipe, tmp_path / "cut"))
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == other


def test_epochs_that_only_pre_train_are_refused() -> None:
    model, _ = begun(pretrain_epochs=5)
    with pytest.raises(
        InputError, match=r"S3Rec pre-trains for 5 epochs .* there are 5 in all; take more \(--epochs\)"
    ):
        next(fit(model, SPLIT, epochs=5))


def test_what_it_cannot_learn_from_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.attribute_columns: \"price\" is no attribute with values"):
        S3Rec(NUM_ITEMS, SIZES.item_attributes, attribute_columns=("price",))
    with pytest.raises(InputError, match=r"model\.pretrain_epochs: it must be 0 or more, found -1"):
        S3Rec(NUM_ITEMS, SIZES.item_attributes, pretrain_epochs=-1)
    with pytest.raises(InputError, match=r"S3Rec was made without attributes of items; give it the sizes of the data"):
        S3Rec(NUM_ITEMS, {}).prepare(SPLIT.training_data)
    model = S3Rec(NUM_ITEMS, SIZES.item_attributes, **SMALL)
    with pytest.raises(InputError, match=r"pre-trains on views of its rows .* call prepare\(train\) first"):
        model.loss(Batch.of(torch.tensor([[1, 2]])))
