"""Similar users: cosines of the model's vectors, and common items, against loops; what cannot be is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app


def call(*arguments: object) -> str:
    return CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False).output


def test_by_vectors_is_the_cosine_of_the_user_vectors(compared: Path, met: dict[str, list[str]]) -> None:
    loaded = ni.load(compared / "BPR")
    found = loaded.similar_users("u2", 4)
    assert isinstance(loaded.model, ni.models.BPR)
    with torch.no_grad():
        vectors = loaded.model.user_vectors().double()
    own = vectors[loaded.users.indices(["u2"])[0]]
    wanted = {
        name: float(torch.nn.functional.cosine_similarity(vectors[loaded.users.indices([name])[0]], own, dim=0))
        for name in met
        if name != "u2"
    }
    assert found.users == sorted(wanted, key=lambda name: -wanted[name])
    assert found.similarities == pytest.approx([wanted[str(name)] for name in found.users], abs=1e-6)


def test_by_counts_is_the_share_of_common_items(compared: Path, met: dict[str, list[str]]) -> None:
    found = ni.load(compared / "ItemKNN").similar_users("u1", 4, by="counts")
    sets = {user: set(row) for user, row in met.items()}
    wanted = {
        user: len(sets["u1"] & items) / math.sqrt(len(sets["u1"]) * len(items))
        for user, items in sets.items()
        if user != "u1" and sets["u1"] & items
    }
    assert dict(zip(found.users, found.similarities, strict=True)) == pytest.approx(wanted)
    assert (found.user, found.by, len(found.users)) == ("u1", "counts", 3)  # u5 shares nothing
    assert repr(found) == "SimilarUsers('u2' 0.6667, 'u3' 0.6667, 'u4' 0.6667; to 'u1' by counts)"


def test_what_cannot_be_compared_is_refused(compared: Path) -> None:
    with pytest.raises(ni.InputError, match=r"ItemKNN has no vectors of users .*--by counts .*BPR"):
        ni.load(compared / "ItemKNN").similar_users("u1", 3)
    of_bpr = ni.load(compared / "BPR")
    with pytest.raises(ni.InputError, match="keeps no histories"):
        of_bpr.similar_users("u1", 3, by="counts")
    with pytest.raises(ni.InputError, match="does not know the user 'zz'; its data has 5 users"):
        of_bpr.similar_users("zz", 3)
    with pytest.raises(ni.InputError, match=r"k must lie between 1 and 4 \(the other users\); found 5"):
        of_bpr.similar_users("u1", 5)
    with torch.no_grad():
        of_bpr.model.get_parameter("user_embedding.weight")[of_bpr.users.indices(["u1"])[0]] = 0
    with pytest.raises(ni.InputError, match="knows nothing of the user 'u1'"):
        of_bpr.similar_users("u1", 3)
    assert "u1" not in of_bpr.similar_users("u2", 4).users


def test_the_command_line_answers_the_same(compared: Path) -> None:
    wanted = ni.load(compared / "BPR").similar_users("u2", 3)
    found = json.loads(call("similar", compared / "BPR", "--user", "u2", "-k", 3, "--json"))
    assert (found["users"], found["by"], found["user"]) == (wanted.users, "vectors", "u2")
    shown = call("similar", compared / "BPR", "--user", "u2", "-k", 3).split("\n")
    assert shown[0].split() == ["rank", "user", "similarity"]
    assert [line.split()[1] for line in shown[1:4]] == wanted.users
    assert "nobody is like u5 by counts" in call(
        "similar", compared / "ItemKNN", "--user", "u5", "--by", "counts", "-k", 3
    )


@pytest.mark.parametrize("asked", [[], ["a", "--user", "u1"]])
def test_an_item_or_a_user_is_asked_for(compared: Path, asked: list[str]) -> None:
    with pytest.raises(ni.InputError, match="similar needs an item, or a user, and not both"):
        call("similar", compared / "BPR", *asked)
