"""What `nextitem check` says of a file: what was understood, or the line that breaks a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.text import Text

from nextitem.data.dataset import Dataset
from nextitem.data.log.units import WORDS
from nextitem.data.sources.checked import Checked, SideFile
from nextitem.data.sources.formats.checking import Understood
from nextitem.data.sources.formats.files import whole
from nextitem.data.sources.formats.reading import FORMATS
from nextitem.data.sources.strangers import Strangers
from nextitem.diagnosis.graphs import graph_findings, measure_graph
from nextitem.diagnosis.networks import measure_network, network_findings
from nextitem.errors import InputError
from nextitem.report.diagnosis import finding
from nextitem.report.graph import graph_table
from nextitem.report.network import network_table
from nextitem.report.tables import FittingTable

YEAR_9999 = 253_402_300_799  # seconds; later ones are no date
WIDTH = 100  # of a line that is shown
PLACE = re.compile(r", line (\d+)[:,]")  # of what a message is about


def checked_report(checked: Checked) -> Group:
    """All of it, file by file, and whether they fit together."""
    log, found = checked.log, checked.found
    shown = [refusal_report(log, found) if isinstance(found, InputError) else understood_report(log.name, found)]
    for path, table in ((one.path, one.found) for one in checked.beside.values()):
        shown.append(refusal_report(path, table) if isinstance(table, InputError) else side_report(path.name, table))
    if checked.strangers:
        shown.append(strangers_report(checked.strangers))
    return Group(*shown, *_graph_report(checked), *(warning(text) for text in checked.warnings))


def checked_facts(checked: Checked) -> dict[str, Any]:
    """The same for programs."""
    log, found = checked.log, checked.found
    return {
        "is_good": checked.is_good,
        "log": refusal_facts(log, found) if isinstance(found, InputError) else _understood_facts(log, found),
        "beside": {role: _side_facts(one) for role, one in checked.beside.items()},
        "strangers": checked.strangers,
        "knowledge": _graph_facts(checked, "knowledge"),
        "trust": _graph_facts(checked, "trust"),
        "warnings": checked.warnings,
    }


def _graph_report(checked: Checked) -> Iterator[RenderableType]:
    """Of the graphs beside the log: what is to be said of each, what it is like, and what is suspicious in it."""
    for graph, found in checked.numbered.items():
        if isinstance(found, InputError):
            yield refusal_report(checked.beside[graph].path, found)
            continue
        yield from (Text(_visible(note)) for note in found.notes)
        if found.knowledge is not None:
            yield graph_table(measure_graph(found.knowledge))
            yield from (finding(one) for one in graph_findings(found.knowledge, found))
        if found.trust is not None:
            measured = measure_network(found.trust, found)
            yield network_table(measured)
            yield from (finding(one) for one in network_findings(measured))


def _graph_facts(checked: Checked, graph: Literal["knowledge", "trust"]) -> dict[str, Any] | None:
    found = checked.numbered.get(graph)
    if isinstance(found, InputError):
        return refusal_facts(checked.beside[graph].path, found)
    if found is not None and found.knowledge is not None:
        measures, findings = measure_graph(found.knowledge), graph_findings(found.knowledge, found)
        return {"notes": found.notes, "measures": measures, "findings": findings}
    if found is not None and found.trust is not None:
        measured = measure_network(found.trust, found)
        return {"notes": found.notes, "measures": measured, "findings": network_findings(measured)}
    return None


def refusal_facts(path: Path, error: InputError) -> dict[str, Any]:
    """The rule that is broken, and in which line, where it is one of lines."""
    place = PLACE.search(str(error))
    return {"file": path.name, "is_good": False, "refused": str(error), "line": place and int(place[1])}


def _understood_facts(log: Path, found: Understood) -> dict[str, Any]:
    return {
        "file": log.name, "is_good": True, "format": found.format, "why": found.why, "compression": found.compression,
        "columns": dict(found.columns), "interactions": found.rows, "users": found.users, "items": found.items,
        "span": found.span, "times": found.times, "time_unit": found.time_unit, "first": found.first.to_dicts(),
        "warnings": found.warnings,
    }  # fmt: skip


def _side_facts(one: SideFile) -> dict[str, Any]:
    if isinstance(one.found, InputError):
        return refusal_facts(one.path, one.found)
    columns = {column: _plain(dtype) for column, dtype in one.found.schema.items()}
    return {"file": one.path.name, "is_good": True, "rows": len(one.found), "columns": columns}


def understood_report(name: str, found: Understood) -> Group:
    table = FittingTable(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    roles = "\n".join(f"{column} -> {'not read' if role == '-' else role}" for column, role in found.columns)
    for title, text in (
        ("format", f"{found.format} ({FORMATS[found.format].title})"),
        ("why", found.why),
        ("compression", found.compression),
        ("columns", roles),
        ("interactions", f"{found.rows:,} of {found.users:,} users with {found.items:,} items"),
        ("times", _times(found)),
    ):
        table.add_row(title, _visible(text))
    shown: list[RenderableType] = [_headline(name, is_good=True), table, _first(found.first)]
    return Group(*shown, *(warning(text) for text in found.warnings))


def prepared_report(name: str, dataset: Dataset) -> Group:
    """A folder of arrays that fit together, and what its making had to say."""
    parts = "" if dataset.parts is None else ", in the parts train, valid and test"
    said = Text(f"a prepared folder{parts}; nextitem run -d takes it as it is")
    return Group(_headline(name, is_good=True), said, *(Text(_visible(note)) for note in dataset.notes))


def side_report(name: str, table: pl.DataFrame) -> Group:
    """A side table that breaks no rule."""
    columns = ", ".join(f"{column} ({_plain(dtype)})" for column, dtype in table.schema.items())
    return Group(_headline(name, is_good=True), Text(_visible(f"{len(table):,} rows: {columns}")))


def refusal_report(path: Path, error: InputError) -> Group:
    """The rule that is broken, and the line itself between its neighbours."""
    shown: list[RenderableType] = [_headline(path.name, is_good=False), Text(_visible(str(error)))]
    if place := PLACE.search(str(error)):
        line = int(place[1])
        content = whole(path).rstrip(b"\n").split(b"\n")
        for number in range(max(1, line - 1), min(len(content), line + 1) + 1):
            text = content[number - 1].decode("utf-8-sig", errors="replace").rstrip("\r")[:WIDTH]
            mark = ">" if number == line else " "
            shown.append(Text(f"{mark} {number:>6}  {_visible(text)}", "bold red" if number == line else "dim"))
    return Group(*shown)


def strangers_report(found: Sequence[Strangers]) -> Group:
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("ids in", "missing in", "how many", "of", "the first"):
        table.add_column(title, justify="right" if title in ("how many", "of") else "left", overflow="fold")
    for one in found:
        first = "" if one.first is None else _visible(one.first)
        style = "yellow" if one.count else None
        table.add_row(one.where, one.missing_in, f"{one.count:,}", f"{one.total:,}", first, style=style)
    return Group(Text("Do the files fit together?", "bold"), table)


def warning(text: str) -> Text:
    return Text.assemble(("warning: ", "bold yellow"), _visible(text))


def _headline(name: str, *, is_good: bool) -> Text:
    return Text.assemble((name, "bold"), ": ", ("good", "bold green") if is_good else ("refused", "bold red"))


def _times(found: Understood) -> str:
    if found.span is None:
        return f"none: {found.order}"
    first, last = (
        f"{datetime.fromtimestamp(one, UTC):%Y-%m-%d %H:%M:%S}" if one <= YEAR_9999 else f"{one:.15g}"
        for one in found.span
    )
    unit = WORDS[found.time_unit]
    turned = "" if found.times == unit else f", kept in {unit}" if found.times == "seconds" else f", turned to {unit}"
    return f"{first} to {last} UTC ({found.times}{turned})"


def _first(rows: pl.DataFrame) -> FittingTable:
    table = FittingTable(
        box=SIMPLE_HEAD, pad_edge=False, title="first interactions", title_justify="left", title_style="dim"
    )
    for column in rows.columns:
        table.add_column(column, justify="left" if column in ("user", "item") else "right", overflow="fold")
    for row in rows.rows():
        table.add_row(*(f"{cell:.15g}" if isinstance(cell, float) else _visible(str(cell)) for cell in row))
    return table


def _plain(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.List):
        return f"list of {_plain(dtype.inner)}"  # type: ignore[arg-type]
    return "text" if dtype == pl.String else "number" if dtype.is_numeric() else str(dtype)


def _visible(text: str) -> str:
    """Without the control characters of a file, which a terminal would obey."""
    return "".join(one if one.isprintable() or one in "\t\n" else "\N{REPLACEMENT CHARACTER}" for one in text)
