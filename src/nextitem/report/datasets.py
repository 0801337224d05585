"""The public data sets as tables: all of them, or one with all that is known of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text

from nextitem.data.log.shards import is_there
from nextitem.data.sources.public import FAMILIES, PUBLIC_DATA, PublicData
from nextitem.data.sources.public.cache import cache_folder, noted
from nextitem.data.sources.public.sources import Archive, Web
from nextitem.errors import InputError, suggest
from nextitem.report.tables import FittingTable


def datasets_table(family: str = "") -> Group:
    """All data sets, a row for the pattern of a family; or the members of one, by its name's beginning."""
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("data set", "users", "items", "interactions", "MB", "where"):
        justify = "left" if title in ("data set", "where") else "right"
        table.add_column(title, justify=justify, no_wrap=title != "where")  # type: ignore[arg-type]
    hidden = {name for members in FAMILIES.values() for name in members}
    for name, data in PUBLIC_DATA.items():
        if name.startswith(family) if family else name not in hidden:
            counts = (data.size.users, data.size.items, data.size.interactions)
            table.add_row(name, *map(_count, counts), _megabytes(data), whereabouts(data))
    notes = "- : not known. at hand: in the folder NEXTITEM_DATA, or in the cache from an earlier download."
    if not family:
        for pattern, members in FAMILIES.items():
            at_hand = sum(whereabouts(PUBLIC_DATA[name]).startswith("at hand") for name in members)
            how = "download" if PUBLIC_DATA[members[0]].downloads else "by hand"
            where = f"{how}, {len(members)} of them" + (f", {at_hand} at hand" if at_hand else "")
            table.add_row(pattern, "-", "-", "-", "-", where)
        notes += " nextitem datasets amazon-2014 lists a family; nextitem datasets NAME tells all of one."
    return Group(table, Text(notes))


def datasets_page(name: str) -> Group:
    """One data set, or the members of a family.

    Raises:
        InputError: there is no such data set.
    """
    if name not in PUBLIC_DATA:
        if any(known.startswith(f"{name}-") for known in PUBLIC_DATA):
            return datasets_table(name)
        raise InputError(f'there is no public data set "{name}"; {suggest(name, PUBLIC_DATA)}')
    data = PUBLIC_DATA[name]
    table = FittingTable(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    size = data.size
    rows = [
        ("where", whereabouts(data)),
        ("size", f"{_count(size.users)} users, {_count(size.items)} items, {_count(size.interactions)} interactions"),
        ("terms", data.terms),
        ("cite", data.citation),
        ("page", data.page),
        ("by hand", data.by_hand),
        *(("download", address(source)) for source in data.downloads),
        *(("file", f"{file.place}, read as {file.format}, {_checksum(data, index)}")
          for index, file in enumerate(data.files)),
        *(("rows", file.said) for file in data.files if file.said),
        ("split", ", ".join(f"{file.place} ({part})" for part, file in data.held_out.items())),
        ("beside", ", ".join(f"{file.place} ({role})" for role, file in data.beside.items())),
        ("recipe", " ".join(f"--{key} {_quoted(value)}" for key, value in data.recipe.items())),
    ]  # fmt: skip
    for title, text in rows:
        if text:
            table.add_row(title, text)
    return Group(Text(f"{name}: {data.description}", "bold"), table)


def facts_of(name: str) -> list[dict[str, object]]:
    """The data set of this name, or those whose names begin so.

    Raises:
        InputError: there is none.
    """
    found = [name] if name in PUBLIC_DATA else [known for known in PUBLIC_DATA if known.startswith(name)]
    if not found:
        raise InputError(f'there is no public data set "{name}"; {suggest(name, PUBLIC_DATA)}')
    return [{"name": one, "where": whereabouts(PUBLIC_DATA[one]), **vars(PUBLIC_DATA[one])} for one in found]


def whereabouts(data: PublicData) -> str:
    """At hand, for download, or by hand. Whether a file at hand is intact is seen when it is read."""
    folder = os.environ.get("NEXTITEM_DATA")
    for place in (Path(folder) if folder else None, cache_folder() if data.downloads else None):
        if place and any(is_there(place / file.place) for file in data.files):
            return "at hand"
    return "download" if data.downloads else "by hand"


def address(source: object) -> str:
    """Where a source downloads from, and how that is checked."""
    if not isinstance(source, (Archive, Web)):
        return str(source)
    what = f"{source.url} ({source.member})" if isinstance(source, Archive) else source.url
    size = f", {source.num_bytes / 1e6:,.0f} MB" if source.num_bytes else ""
    return f"{what}{size}, {source.checksum or 'checksum not published'}"


def _checksum(data: PublicData, index: int) -> str:
    file = data.files[index]
    if file.sha256:
        return f"sha256 {file.sha256[:16]}.."
    first = noted(file, cache_folder())
    return f"sha256 unknown, {first[:16]}.. at its first download" if first else "sha256 unknown"


def _quoted(value: object) -> str:
    """As a shell takes it."""
    return f'"{value}"' if re.search(r"[^\w.,-]", str(value)) else str(value)


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _megabytes(data: PublicData) -> str:
    return "-" if data.megabytes is None else f"{data.megabytes:,.0f}"
