"""Similar items: cosines of the model's vectors, and of users, against loops; what cannot be compared is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.learning.run import run

ROWS = {  # the last item of all is in one row alone
    "u1": ["a", "b", "c", "a"],
    "u2": ["a", "b", "d"],
    "u3": ["b", "c", "d"],
    "u4": ["a", "c", "e"],
    "u5": ["f", "g", "h"],
}

LAYERS: dict[str, Layer] = {"BPR": {"model": {"dim": 4}, "training": {"epochs": 1}}, "ItemKNN": {}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("similar")
    lines = [f"{user},{item},{step}" for user, row in ROWS.items() for step, item in enumerate(row)]
    (place / "log.csv").write_text("user,item,timestamp\n" + "\n".join(lines) + "\n")
    for name, layer in LAYERS.items():
        evaluation = {"baselines": [], "keep_histories": name == "ItemKNN"}
        of: Layer = {"data": {"source": str(place / "log.csv")}, "model": {"name": name}, "evaluation": evaluation}
        list(run(make_recipe(layer, of), place / name))
    return place


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result.output if code == 0 else str(result.exception)


def test_by_vectors_is_the_cosine_of_the_item_vectors(home: Path) -> None:
    loaded = ni.load(home / "BPR")
    found = loaded.similar("b", 7)
    assert isinstance(loaded.model, ni.models.BPR)
    with torch.no_grad():
        vectors = loaded.model.item_vectors().double()
    own = vectors[loaded.items.indices(["b"])[0]]
    wanted = {
        name: float(torch.nn.functional.cosine_similarity(vectors[loaded.items.indices([name])[0]], own, dim=0))
        for name in "acdefgh"
    }
    assert found.items == sorted(wanted, key=lambda name: -wanted[name])
    assert found.similarities == pytest.approx([wanted[str(name)] for name in found.items], abs=1e-6)


def test_by_counts_is_the_share_of_common_users(home: Path) -> None:
    met = {item: {user for user, row in ROWS.items() if item in row} for item in "abcdefgh"}
    found = ni.load(home / "ItemKNN").similar("a", 7, by="counts")
    wanted = {
        item: len(met["a"] & users) / math.sqrt(len(met["a"]) * len(users))
        for item, users in met.items()
        if item != "a" and met["a"] & users
    }
    assert set(found.items) == {"b", "c", "d", "e"}  # nobody met a and f: fewer than were asked for
    assert found.similarities == pytest.approx(sorted(wanted.values(), reverse=True))
    assert dict(zip(found.items, found.similarities, strict=True)) == pytest.approx(wanted)


def test_what_cannot_be_compared_is_refused_by_name(home: Path) -> None:
    with pytest.raises(ni.InputError, match=r"ItemKNN has no vectors of items to compare; count .* BPR"):
        ni.load(home / "ItemKNN").similar("a", 3)
    with pytest.raises(ni.InputError, match="keeps no histories"):
        ni.load(home / "BPR").similar("a", 3, by="counts")
    with pytest.raises(ni.InputError, match="does not know the item 'zz'; its data has 8 items"):
        ni.load(home / "BPR").similar("zz", 3)
    with pytest.raises(ni.InputError, match="k must lie between 1 and 7"):
        ni.load(home / "BPR").similar("a", 8)
    with pytest.raises(ni.InputError, match="by must be vectors"):
        ni.load(home / "BPR").similar("a", 3, by="names")  # type: ignore[arg-type]


def test_an_item_of_which_nothing_is_known_is_refused(home: Path) -> None:
    loaded = ni.load(home / "BPR")
    with torch.no_grad():
        loaded.model.get_parameter("item_embedding.weight")[loaded.items.indices(["a"])[0]] = 0
    with pytest.raises(ni.InputError, match="knows nothing of the item 'a'"):
        loaded.similar("a", 3)
    assert "a" not in loaded.similar("b", 7).items


def test_the_command_line_answers_the_same(home: Path) -> None:
    wanted = ni.load(home / "BPR").similar("b", 3)
    found = json.loads(call("similar", home / "BPR", "b", "-k", 3, "--json"))
    assert (found["items"], found["by"], found["item"]) == (wanted.items, "vectors", "b")
    shown = call("similar", home / "BPR", "b", "-k", 3).split("\n")
    assert [line.split()[1] for line in shown[1:4]] == wanted.items
    assert "nothing is like" not in call("similar", home / "ItemKNN", "a", "-k", 3, "--by", "counts")
