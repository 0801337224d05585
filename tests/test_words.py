"""Words: an argument that is one of some words refuses every other, from Python as from a recipe.

Else `Protocol(seen="masked")` would keep what was seen, and nobody would know.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import polars as pl
import pytest

import nextitem as ni
from nextitem.data.synthetic import markov_chain
from nextitem.data.training_data import Sizes
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS

WRONG = "wrongword"


def words_of(function: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """Of the arguments that take one of some words, these."""
    hints = {name: kind for name, kind in get_type_hints(function).items() if name != "return"}
    return {name: found for name, kind in hints.items() if (found := in_words(kind))}


def in_words(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return tuple(one for one in get_args(kind) if isinstance(one, str))
    return tuple(word for one in get_args(kind) for word in in_words(one))


def arguments() -> Iterator[tuple[type[Recommender], str]]:
    for model in MODELS.values():
        for name in words_of(model.__init__):
            yield model, name


@pytest.mark.parametrize(("model", "name"), [*arguments()], ids=lambda one: getattr(one, "__name__", one))
def test_a_model_refuses_a_word_that_it_does_not_know(model: type[Recommender], name: str) -> None:
    given: dict[str, Any] = {
        one.name: Sizes(num_users=7, num_items=7) if one.name == "sizes" else 7
        for one in inspect.signature(model.__init__).parameters.values()
        if one.name != "self" and one.default is inspect.Parameter.empty
    }
    with pytest.raises(ni.InputError, match=WRONG):
        model(**given | {name: WRONG})


@dataclass(frozen=True)
class Things:
    """What functions are called with."""

    split: ni.Split
    dataset: ni.Dataset
    log: ni.Interactions
    run: ni.Run
    folder: Path


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Things:
    folder = tmp_path_factory.mktemp("words")
    frame = pl.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": [1, 2, 3, 2, 3, 1], "timestamp": range(6)})
    log = ni.Interactions.from_frame(frame, timestamp="timestamp")
    frame.write_csv(folder / "log.csv")
    dataset = markov_chain(num_users=20, num_items=9)
    split = ni.split.leave_one_out(dataset)
    model = ni.models.BPR(dataset.num_users, dataset.num_items, dim=4)
    ni.save(model, dataset, folder / "run", {"dim": 4})
    return Things(split, dataset, log, ni.load(folder / "run"), folder)


def fit(things: Things, **given: Any) -> object:
    return ni.fit(
        ni.models.BPR(things.dataset.num_users, things.dataset.num_items, dim=4), things.split, epochs=1, **given
    )


CALLS: dict[str, tuple[Callable[..., Any], Callable[[Things, dict[str, Any]], object]]] = {
    "Protocol": (ni.Protocol.__init__, lambda _, given: ni.Protocol(**given)),
    "from_interactions": (
        ni.Dataset.from_interactions, lambda things, given: ni.Dataset.from_interactions(things.log, **given)
    ),
    "from_frame": (
        ni.Interactions.from_frame,
        lambda _, given: ni.Interactions.from_frame(
            pl.DataFrame({"user": [1], "item": [1], "timestamp": [1]}), timestamp="timestamp", **given
        ),
    ),
    "read_dataset": (ni.read_dataset, lambda things, given: ni.read_dataset(things.folder / "log.csv", **given)),
    "open_data": (ni.open_data, lambda things, given: ni.open_data(things.folder / "log.csv", **given)),
    "recommend": (ni.Run.recommend, lambda things, given: things.run.recommend(users=["1"], k=3, **given)),
    "explain": (ni.Run.explain, lambda things, given: things.run.explain(user="1", **given)),
    "similar": (ni.Run.similar, lambda things, given: things.run.similar("1", **given)),
    "similar_users": (ni.Run.similar_users, lambda things, given: things.run.similar_users("1", **given)),
    "hidden": (ni.Run.hidden, lambda things, given: things.run.hidden([["1"]], **given)),
    "compare": (
        ni.compare, lambda things, given: ni.compare([things.folder / "run", things.folder / "run"], **given)
    ),
    "fit": (ni.fit, lambda things, given: fit(things, **given)),
    "sampled": (ni.sampled, lambda things, given: ni.sampled("bpr", things.split, sampler="popularity", **given)),
    "one_target": (ni.split.one_target, lambda things, given: ni.split.one_target(things.split, **given)),
    "ratio": (ni.split.ratio, lambda things, given: ni.split.ratio(things.dataset, **given)),
}  # fmt: skip


@pytest.mark.parametrize(("call", "name"), [(call, name) for call in CALLS for name in words_of(CALLS[call][0])])
def test_a_function_refuses_a_word_that_it_does_not_know(call: str, name: str, things: Things) -> None:
    with pytest.raises(ni.InputError, match=WRONG):
        CALLS[call][1](things, {name: WRONG})
