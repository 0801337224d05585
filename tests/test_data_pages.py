"""docs/datasets.md and docs/data-doctor.md name commands, options, data sets and findings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from nextitem.cli.main import app
from nextitem.data.sources.public import FAMILIES, PUBLIC_DATA
from nextitem.diagnosis import compare, examine, graphs, networks, order, suspicions

DOCS = Path(__file__).parent.parent / "docs"
DATASETS, DOCTOR = ((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("datasets", "data-doctor"))


def test_every_data_set_outside_a_family_is_named_and_every_name_is_one() -> None:
    table = [line for line in DATASETS.split("## Large logs")[0].splitlines() if line.startswith("| `")]
    named = {name for line in table for name in re.findall(r"`([\w.-]*\w)`", line.split("|")[1])}
    assert named <= set(PUBLIC_DATA)
    assert set(PUBLIC_DATA) - {name for members in FAMILIES.values() for name in members} <= named


def test_commands_and_options_are_there() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in re.findall(r"(?:^    |\$ |`)(nextitem [a-z-]+[^\n`]*)", DATASETS + DOCTOR, re.MULTILINE):
        words = line.split("#")[0].split()
        assert words[1] in commands, line
        known = {option for parameter in commands[words[1]].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_every_finding_is_explained() -> None:
    source = "".join(
        Path(module.__file__ or "").read_text() for module in (examine, graphs, networks, order, suspicions)
    )
    raised = set(re.findall(r'Finding\(\s*"?[^,]*,\s*"([^"]+)",', source))
    explained = set(re.findall(r"^\| `([^`]+)` \|", DOCTOR, re.MULTILINE))
    assert explained == raised
    assert len(explained) == 22


def test_the_cores_that_search_tries_are_written() -> None:
    *most, last = map(str, compare.SOUGHT)
    assert f"cores of {', '.join(most)} and {last}" in " ".join(DOCTOR.split())
