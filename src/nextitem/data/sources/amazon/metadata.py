"""Metadata: `meta_X.json.gz`, a Python literal or a JSON object a line. Text is parsed, never run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nextitem.data.sources.formats.literals import read_literals
from nextitem.errors import InputError


def read_metadata(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The item (`asin`) and all that its line says, line by line as they are asked for.

    Raises:
        InputError: a line is neither JSON nor a literal, or has no `asin` that is text.
    """
    for number, text, value in read_literals(path):
        if not isinstance(value, dict) or not isinstance(value.get("asin"), str):
            raise InputError(
                f"{path.name}, line {number}: a line must be a dict with the item's id as text under 'asin', "
                f"found '{text[:80]}'; mend or drop the line"
            )
        yield value["asin"], value
