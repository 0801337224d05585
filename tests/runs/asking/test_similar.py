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


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result.output if code == 0 else str(result.exception)


def test_by_vectors_is_the_cosine_of_the_item_vectors(compared: Path) -> None:
    loaded = ni.load(compared / "BPR")
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


def test_by_counts_is_the_share_of_common_users(compared: Path, met: dict[str, list[str]]) -> None:
    users_of = {item: {user for user, row in met.items() if item in row} for item in "abcdefgh"}
    found = ni.load(compared / "ItemKNN").similar("a", 7, by="counts")
    wanted = {
        item: len(users_of["a"] & users) / math.sqrt(len(users_of["a"]) * len(users))
        for item, users in users_of.items()
        if item != "a" and users_of["a"] & users
    }
    assert set(found.items) == {"b", "c", "d", "e"}  # nobody met a and f: fewer than were asked for
    assert found.similarities == pytest.approx(sorted(wanted.values(), reverse=True))
    assert dict(zip(found.items, found.similarities, strict=True)) == pytest.approx(wanted)


def test_what_cannot_be_compared_is_refused_by_name(compared: Path) -> None:
    with pytest.raises(ni.InputError, match=r"ItemKNN has no vectors of items to compare; count .* BPR"):
        ni.load(compared / "ItemKNN").similar("a", 3)
    with pytest.raises(ni.InputError, match="keeps no histories"):
        ni.load(compared / "BPR").similar("a", 3, by="counts")
    with pytest.raises(ni.InputError, match="does not know the item 'zz'; its data has 8 items"):
        ni.load(compared / "BPR").similar("zz", 3)
    with pytest.raises(ni.InputError, match="k must lie between 1 and 7"):
        ni.load(compared / "BPR").similar("a", 8)
    with pytest.raises(ni.InputError, match="by must be vectors"):
        ni.load(compared / "BPR").similar("a", 3, by="names")  # type: ignore[arg-type]


def test_an_item_of_which_nothing_is_known_is_refused(compared: Path) -> None:
    loaded = ni.load(compared / "BPR")
    with torch.no_grad():
        loaded.model.get_parameter("item_embedding.weight")[loaded.items.indices(["a"])[0]] = 0
    with pytest.raises(ni.InputError, match="knows nothing of the item 'a'"):
        loaded.similar("a", 3)
    assert "a" not in loaded.similar("b", 7).items


def test_the_command_line_answers_the_same(compared: Path) -> None:
    wanted = ni.load(compared / "BPR").similar("b", 3)
    found = json.loads(call("similar", compared / "BPR", "b", "-k", 3, "--json"))
    assert (found["items"], found["by"], found["item"]) == (wanted.items, "vectors", "b")
    shown = call("similar", compared / "BPR", "b", "-k", 3).split("\n")
    assert [line.split()[1] for line in shown[1:4]] == wanted.items
    assert "nothing is like" not in call("similar", compared / "ItemKNN", "a", "-k", 3, "--by", "counts")
