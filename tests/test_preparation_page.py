"""docs/preparation.md names the keys, kinds and codes that there are, with their defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
import yaml

from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.splits.codes import parse_code
from nextitem.recipe import DataRecipe, SplitRecipe
from nextitem.recipe.data import SplitKind
from nextitem.runs.parts.build import build_split

PAGE = (Path(__file__).parent.parent / "docs" / "preparation.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_data_key_and_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\S+)` \|", section("Keys"), re.MULTILINE)
    assert {key: yaml.safe_load(default) for key, default in rows} == DataRecipe().model_dump(mode="json")


def test_every_kind_of_split_and_its_keys() -> None:
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", section("Splits"), re.MULTILINE)
    assert {kind for kind, _ in rows} == set(get_args(SplitKind))
    named = {key for _, keys in rows for key in re.findall(r"`(\w+)`", keys)}
    of_every_kind = set(re.findall(r"^`(\w+)` is a key of \[every kind\]", section("Splits"), re.MULTILINE))
    assert named | of_every_kind | {"kind"} == set(SplitRecipe.model_fields)


@pytest.mark.parametrize(
    ("keys", "cases"),
    [
        ({"kind": "leave_one_out"}, [("abc", "d")]),
        ({"kind": "leave_k_out", "k": 1}, [("abc", "d")]),
        ({"kind": "user_entry", "valid": 1, "test": 1, "order": "time"}, [("abc", "d"), ("e", "f")]),
        ({"kind": "entry", "valid": 1, "test": 1, "order": "time"}, [("e", "f")]),
        ({"kind": "user", "valid": 1, "test": 1, "order": "time"}, [("e", "f")]),
        ({"kind": "cold_items", "valid": 1, "test": 1}, [("abc", "d")]),
        ({"kind": "cold_users", "valid": 1, "test": 1}, [("", "ef")]),
        ({"kind": "at_time", "valid_from": 3, "test_from": 4}, [("abc", "d"), ("", "ef")]),
        ({"kind": "late_users", "days": 0.5 / 86_400}, [("e", "f")]),
    ],
)
def test_the_examples_of_the_splits(keys: dict[str, object], cases: list[tuple[str, str]]) -> None:
    """A user C, who is gone early, is there so that no part is empty where users are split."""
    log = [("A", "a", 1), ("A", "b", 2), ("A", "c", 3), ("A", "d", 4), ("B", "e", 4), ("B", "f", 5)]
    early = [("C", "x", 0), ("C", "y", 0)] if keys["kind"] in ("user", "late_users", "cold_users") else []
    frame = pl.DataFrame(log + early, schema=["user", "item", "timestamp"], orient="row")
    data = prepare(Interactions.from_frame(frame), Rules())
    drawn = range(40) if keys["kind"] in ("user", "cold_items", "cold_users") else [0]
    found = []
    for seed in drawn:
        test = build_split(SplitRecipe.model_validate(keys), data, seed).test
        rows = zip(test.history.to_lists(), test.target.to_lists(), strict=True)
        found.append(
            [("".join(map(str, data.items.ids(one))), "".join(map(str, data.items.ids(two)))) for one, two in rows]
        )
    assert cases in found


def test_every_code_on_the_page_is_one() -> None:
    codes = re.findall(r"`(X_\w+)`", section("Codes")) + re.findall(r"run -d (\S+)", section("Codes"))
    assert len(codes) >= 10
    assert all(parse_code(code) for code in codes)
