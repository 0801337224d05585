"""Attributes of items, such as genres: from a MovieLens movies.dat, or a JSON object."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from nextitem.data.ids import IdMap
from nextitem.errors import InputError


def read_attributes(path: Path, items: IdMap) -> dict[int, set[str]]:
    """Item index -> its attributes. Lines are `item::name::a|b` (latin-1), or the file is one JSON object
    `{"item": ["a", "b"]}`; either may be gzipped.

    Raises:
        InputError: the file cannot be read so, or names none of the items.
    """
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.name.endswith(".gz") else content
    except OSError as error:
        raise InputError(f"attributes {path} cannot be read ({error})") from error
    text = content.decode("latin-1")
    if text.lstrip().startswith("{"):
        try:
            found = {str(item): {str(one) for one in values} for item, values in json.loads(text).items()}
        except (ValueError, TypeError) as error:
            raise InputError(f'attributes {path} must be JSON such as {{"item": ["a", "b"]}} ({error})') from error
    else:
        found = {}
        for number, line in enumerate(text.splitlines(), start=1):
            cells = line.split("::")
            if len(cells) != 3:
                raise InputError(f"attributes {path}, line {number}: expected item::name::a|b, found {line[:60]!r}")
            found[cells[0]] = set(cells[2].split("|"))
    known = {index: found[str(item)] for index, item in enumerate(items.values.tolist(), start=1) if str(item) in found}
    if not known:
        raise InputError(f"attributes {path} names none of the {len(items):,} items; are its ids those of the log?")
    return known
