"""Codes: a data set, its filters and its split in one word, FreeRec's and ours.

    Amazon2014Beauty_554_LOU           FreeRec's: users 5, items 5, ratings 4 and more; leave-one-out on users
    amazon-beauty:u5,i5,r4:leave_one_out   the same in ours, with separators

FreeRec joins the digits of its numbers: `{users}{items}{stars}`, then for ROU, RAU and ROD the shares (8, 1, 1), for
DOU and DOD the days. They are read back by these rules, and a code that has two readings under them is refused:
no number has a leading zero, a core has one or two digits, stars are 0 to 5, shares are three digits that add up to
ten, days are 1 to 99. Where shares or days are left out they are 8, 1, 1 and one day. So 1000 is 10, 0, 0 and 10100
is 10, 10, 0, while 1550 could be 1, 55, 0 or 15, 5, 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from nextitem.data.splits.ratio import By
from nextitem.errors import InputError, suggest

SPLITS = ("LOU", "ROU", "RAU", "ROD", "DOU", "DOD")
FREEREC = re.compile(r"(?P<name>.+)_(?P<digits>\d{3,})_(?P<split>[A-Z]{3})")
OURS = re.compile(r"(?P<name>.+?):(?P<filters>[uir]\d[\d.]*(?:,[uir]\d[\d.]*)*)(?::(?P<kind>\w+))?")
KINDS = (
    "leave_one_out",
    *get_args(By),
    "cold_items",
    "cold_users",
    "at_time",
    "late_users",
    "given",
)  # those that need no key beside
NAMES = {  # FreeRec's names of our public data sets
    "Amazon2014Beauty": "amazon-beauty",
    "Amazon2014Sports": "amazon-sports",
    "MovieLens100K": "ml-100k",
    "MovieLens1M": "ml-1m",
}


@dataclass(frozen=True)
class Code:
    """The keys of a recipe that a code stands for."""

    data: dict[str, Any]
    split: dict[str, Any]


def parse_code(text: str) -> Code | None:
    """None if it is no code at all.

    >>> parse_code("Amazon2014Beauty_554_LOU").data
    {'source': 'amazon-beauty', 'user_core': 5, 'item_core': 5, 'min_rating': 4}
    >>> parse_code("log.csv:u5,i5").data
    {'source': 'log.csv', 'user_core': 5, 'item_core': 5}

    Raises:
        InputError: the digits of a code can be read in two ways, or in none, or its split is not known.
    """
    if ours := OURS.fullmatch(text):
        return _ours(text, ours)
    if freerec := FREEREC.fullmatch(text):
        return _freerec(text, freerec["name"], freerec["digits"], freerec["split"])
    return None


def _ours(text: str, found: re.Match[str]) -> Code:
    names = {"u": "user_core", "i": "item_core", "r": "min_rating"}
    data: dict[str, Any] = {"source": found["name"]}
    for one in found["filters"].split(","):
        key, value = names[one[0]], one[1:]
        if key in data or (key != "min_rating" and not value.isdecimal()) or value.count(".") > 1:
            raise InputError(
                f'"{text}": filters are u5 (users), i5 (items), r4 (ratings), each once; found "{one}"; '
                "cores are whole numbers"
            )
        data[key] = float(value) if "." in value else int(value)
    if (kind := found["kind"]) is None:
        return Code(data, {})
    if kind not in KINDS:
        raise InputError(f'"{text}" has no split "{kind}"; {suggest(kind, KINDS)}')
    return Code(data, {"kind": kind})


def _freerec(text: str, name: str, digits: str, split: str) -> Code:
    if split not in SPLITS:
        raise InputError(f'"{text}" has no split "{split}"; {suggest(split, SPLITS)}')
    readings = list(_readings(digits, split, has_tail=True)) or list(_readings(digits, split, has_tail=False))
    if len(readings) != 1:
        listed = " or ".join(f"users {users}, items {items}, stars {stars}" for users, items, stars, _ in readings)
        raise InputError(
            f'"{text}": its digits {digits} can be read as {listed or "no core, core and stars"}; '
            f"write it with separators, such as {NAMES.get(name, name)}:u10,i5:leave_one_out"
        )
    users, items, stars, tail = readings[0]
    keys = {"user_core": users, "item_core": items, "min_rating": stars}
    data = {"source": NAMES.get(name, name), **{key: value for key, value in keys.items() if value}}
    return Code(data, _split(split, tail))


def _readings(digits: str, split: str, has_tail: bool) -> Iterator[tuple[int, int, int, tuple[int, ...]]]:
    """(users, items, stars, shares or days) that the digits may be."""
    for numbers, tail in _tails(digits, split, has_tail):
        cores, stars = numbers[:-1], int(numbers[-1])
        for length in range(1, len(cores)):
            users, items = cores[:length], cores[length:]
            if stars <= 5 and all(len(one) <= 2 and (one == "0" or one[0] != "0") for one in (users, items)):
                yield int(users), int(items), stars, tail


def _tails(digits: str, split: str, has_tail: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What stands before shares or days, and those."""
    if split == "LOU":
        yield from () if has_tail else ((digits, ()),)
    elif split.startswith("D"):
        if not has_tail:
            yield digits, (1,)
        for length in (1, 2) if has_tail else ():
            if digits[-length] != "0" and len(digits) >= length + 3:
                yield digits[:-length], (int(digits[-length:]),)
    elif not has_tail:
        yield digits, (8, 1, 1)
    else:
        shares = tuple(map(int, digits[-3:]))
        if len(digits) >= 6 and min(shares) > 0 and sum(shares) == 10:
            yield digits[:-3], shares


def _split(split: str, tail: tuple[int, ...]) -> dict[str, Any]:
    """Keys of the split section. FreeRec lets users with three interactions or fewer only train."""
    if split == "LOU":
        return {"kind": "leave_one_out", "min_length": 4}
    if split in ("DOU", "DOD"):
        return {"kind": "late_users" if split == "DOU" else "at_time", "days": tail[0]}
    shares = {"valid": tail[1] / 10, "test": tail[2] / 10}
    if split == "ROD":
        return {"kind": "at_time", **shares}
    rounding = "cumulative" if split == "ROU" else "cumulative_one"
    return {"kind": "user_entry", "order": "time", "rounding": rounding, **shares}
