"""Fact: a line of an examination, and what to do where it is a problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "missing", "slow", "broken"]


@dataclass(frozen=True)
class Fact:
    """What was found of one thing.

    `missing`: what it is for can't be done, everything else can. `slow`: all can be done, some of it slower than need
    be. `broken`: runs will fail, or be wrong.
    """

    about: str  # what it belongs to, such as "packages"
    name: str
    found: str
    verdict: Verdict = "good"
    way: str = ""  # out of it, unless it is good
