"""Metadata: `meta_X.json.gz`, a Python literal or a JSON object a line. Text is parsed, never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nextitem.data.formats.files import lines
from nextitem.data.formats.json_lines import strict_json
from nextitem.errors import InputError

NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)  # as ast.literal_eval lists them


def read_metadata(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The item (`asin`) and all that its line says, line by line as they are asked for.

    Raises:
        InputError: a line is neither JSON nor a literal, or has no `asin` that is text.
    """
    table = lines(path)
    for number, text in table.iter_rows():
        place = f"{path.name}, line {number}"
        value = _parsed(text, place)
        if not isinstance(value, dict) or not isinstance(value.get("asin"), str):
            raise InputError(
                f"{place}: a line must be a dict with the item's id as text under 'asin', found '{text[:80]}'; "
                "mend or drop the line"
            )
        yield value["asin"], value


def _parsed(text: str, place: str) -> Any:
    try:
        return strict_json(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings(action="ignore"):  # of a backslash in a title
            return ast.literal_eval(text.strip())
    except NO_LITERAL as error:
        raise InputError(
            f"{place}: a line must be a JSON object or a Python literal, found '{text[:80]}'; mend or drop the line"
        ) from error
