"""docs/formats.md names the formats, endings, options and types that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from nextitem.cli.main import app
from nextitem.data.log.units import RANGES
from nextitem.data.sources.beside import beside
from nextitem.data.sources.formats.atomic_header import TYPES
from nextitem.data.sources.formats.reading import FORMATS
from nextitem.data.sources.formats.writing import ENDINGS, FORMS, NUMBERS
from nextitem.data.sources.side_tables import SideTables

PAGE = (Path(__file__).parent.parent / "docs/formats.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> dict[str, list[str]]:
    """First cell -> the others."""
    lines = [line.strip("| ").split(" | ") for line in section(title).splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in lines}


def test_every_format_that_is_read_has_its_row() -> None:
    assert list(rows("What is read")) == list(FORMATS)


def test_every_format_that_is_written_has_its_row() -> None:
    assert list(rows("What is written")) == list(FORMS)


@pytest.mark.parametrize("format", FORMS)
def test_row_says_what_a_form_needs_and_may_hold(format: str) -> None:
    form = FORMS[format]
    holds = rows("What is written")[format][0]
    assert holds.startswith("needs") == (form.needs == NUMBERS)
    assert ("where there are any" in holds) == (form.may_hold == NUMBERS)
    assert ("order alone" in holds) == (not form.needs and not form.may_hold)


def test_endings_are_those_of_the_code() -> None:
    found = {
        ending: name
        for name, cells in rows("What is written").items()
        for ending in re.findall(r"`(\.\w+)`", cells[-1])
    }
    assert found == ENDINGS


def test_types_times_and_side_endings_are_those_of_the_code(tmp_path: Path) -> None:
    refused = section("What is refused")
    assert [kind for kind in TYPES if f"`{kind}`" not in refused] == []
    assert RANGES["ms"] == (10**11, 10**14)
    assert "between 10¹¹ and 10¹⁴" in section("Times")
    for ending in (".inter", ".user", ".item", ".kg", ".link", ".net"):
        (tmp_path / f"x{ending}").touch()
    endings = {path.suffix for path in beside(tmp_path / "x.inter").values()}
    assert len(endings) == len(set(SideTables.__dataclass_fields__) - {"trust_users"})
    assert set(re.findall(r"\.\w+", "".join(re.findall(r"`(\.user [^`]+)`", refused)))) == endings


def test_commands_and_options_are_there() -> None:
    check = typer.main.get_command(app).commands["check"]  # type: ignore[attr-defined]
    known = {option for parameter in check.params for option in parameter.opts}
    used = {word for line in re.findall(r"^    nextitem check .*", PAGE, re.MULTILINE) for word in line.split()}
    assert {word for word in used if word.startswith("--")} <= known
