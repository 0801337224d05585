"""Finding: one thing about a log that a person should know before trusting a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["serious", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    severity: Severity  # serious: results mean something else; warning: they may; note: good to know
    about: str  # a word or two
    found: str  # with the numbers
    why: str  # it matters
    way_out: str  # often a recipe key
