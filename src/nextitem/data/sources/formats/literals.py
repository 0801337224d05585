"""Literals: a Python literal or a JSON object a line, as the McAuley lab's older files. Text is parsed, never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nextitem.data.sources.formats.files import each_line
from nextitem.data.sources.formats.json_lines import strict_json
from nextitem.errors import InputError

NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)  # as ast.literal_eval lists them


def read_literals(path: Path) -> Iterator[tuple[int, str, Any]]:
    """The number, the text and the value of each line that is not blank, as they are asked for.

    Raises:
        InputError: a line is neither JSON nor a literal, or what `each_line` raises.
    """
    for number, text in each_line(path):
        try:
            yield number, text, literal(text)
        except NO_LITERAL as error:
            raise InputError(
                f"{path.name}, line {number}: a line must be a JSON object or a Python literal, found '{text[:80]}'; "
                "mend or drop the line"
            ) from error


def literal(text: str) -> Any:
    """Raises: one of NO_LITERAL: it is neither JSON nor a literal."""
    try:
        return strict_json(text)
    except (ValueError, RecursionError):
        pass
    with warnings.catch_warnings(action="ignore"):  # of a backslash in a title
        return ast.literal_eval(text.strip())
