"""benchmarks/claims.py measures what the project claims, and nothing that it does not."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return import_module("claims")


def test_every_claim_stands_on_the_page_as_it_is_written(claims: ModuleType) -> None:
    assert [claim.text for claim in claims.CLAIMS if claim.text not in PAGE] == []
    assert len({claim.name for claim in claims.CLAIMS}) == len(claims.CLAIMS)


@pytest.mark.parametrize("page", ["docs/claims.md", "README.md", "README.zh.md"])
def test_every_bold_figure_is_measured(claims: ModuleType, page: str) -> None:
    rows = [line for line in (ROOT / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    figures = {figure for row in rows for figure in re.findall(r"\*\*([\d./, ]+?)\*\*", row)}
    assert len(figures) > 8
    assert sorted(figure for figure in figures if not any(figure in claim.text for claim in claims.CLAIMS)) == []


def test_the_commands_are_such_as_there_are(claims: ModuleType) -> None:
    for command in {claim.command for claim in claims.CLAIMS}:  # seconds: each recipe is made whole
        if command[0] == "nextitem":
            asked = CliRunner().invoke(app, ["recipe", *command[2:-2]])
            assert asked.exit_code == 0, asked.output
        else:
            script = (ROOT / "benchmarks" / command[0]).read_text(encoding="utf-8")
            own = command[: command.index("--")] if "--" in command else command
            assert [word for word in own if word.startswith("--") and f'"{word}"' not in script] == []


def test_the_kept_results_hold(claims: ModuleType) -> None:
    kept = [claim for claim in claims.CLAIMS if claim.result.startswith("{results}")]
    assert len(kept) > 15
    for claim in kept:
        result = Path(claim.result.format(results=ROOT / "benchmarks" / "results"))
        assert claim.holds(claim.read(json.loads(result.read_text(encoding="utf-8")))), claim.name


def test_what_a_claim_needs_is_named(claims: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "PEERS", tmp_path)
    (claim,) = (one for one in claims.CLAIMS if one.name == "epoch_bpr")
    assert claims.checked(claim, tmp_path, tmp_path)[-1] == (
        "not measured: needs recbole (benchmarks/peers/setup.sh), ml-100k.inter in --files"
    )


def test_a_claim_that_falls_short_is_not_held(claims: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    (claim,) = (one for one in claims.CLAIMS if one.name == "stan_beauty")
    for value, said in ((0.0478, "held"), (0.0470, "NOT HELD")):
        monkeypatch.setattr(claims, "measured", lambda *_, value=value: {"test": {"ndcg@10": value}})
        assert claims.checked(claim, ROOT, ROOT)[-1] == said
