"""Ids, files and folders with every sign that some tool reads as its own: they come back as they went in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import nextitem
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.report.audit_console import AuditView
from nextitem.terminal import console

# No slash stands in a file's name; an id may have it.
FILES = ["[b]A[b]", ":fire:", "run[12]", "a*b?", "{a,b}", "a b", "a,b", "~", "$x$ & #1", "[red]", "null", "007", "-"]
IDS = [*FILES, "[/b]", "[b]A[/b]", "[link=x]y[/link]", "a/b", " a", "\\", "it's", "100%", '["x"]', "no", "1e3"]


def run_of(*arguments: object) -> str:
    """What a command prints; tables that are wider than the screen break lines, so spaces do not count."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return squeezed(result.output)


def squeezed(text: str) -> str:
    return "".join(text.split())


def write_log(path: Path, ids: list[str]) -> None:
    """Every user meets the items in a circle, from a place of their own; users are called as the items are."""
    path.parent.mkdir(exist_ok=True, parents=True)
    quoted = ['"' + one.replace('"', '""') + '"' for one in ids]
    lines = [
        f"{quoted[start]},{quoted[(start + step) % len(ids)]},{step}" for start in range(len(ids)) for step in range(6)
    ]
    path.write_text("\n".join(["user,item,timestamp", *lines, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("names")
    write_log(home / "log.csv", IDS)
    run_of("run", "-d", home / "log.csv", "-m", "MarkovChain", "--out", home / "run", "--mode", "light")
    return home / "run"


@pytest.mark.parametrize("place", range(len(IDS)))
def test_an_id_is_recommended_as_it_is_called(finished: Path, place: int) -> None:
    history, following = [IDS[place - 1]], IDS[place]
    shown = CliRunner().invoke(app, ["recommend", str(finished), "--history", json.dumps(history), "-k", "1"])
    assert shown.output.splitlines()[1].strip().startswith("1")
    assert f" {following} " in shown.output.splitlines()[1]


def test_ids_of_a_file_come_back_in_json(finished: Path, tmp_path: Path) -> None:
    rows = [json.dumps([one] if place % 2 else {"history": [one]}) for place, one in enumerate(IDS)]
    (tmp_path / "asked.jsonl").write_text("\n".join(rows), encoding="utf-8")
    command = ["recommend", str(finished), "-k", "1", "--histories"]
    answers = CliRunner().invoke(app, [*command, str(tmp_path / "asked.jsonl")]).output.splitlines()
    assert [json.loads(line)["items"] for line in answers] == [[one] for one in [*IDS[1:], IDS[0]]]
    assert CliRunner().invoke(app, [*command, "-"], input="\n".join(rows)).output.splitlines() == answers


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("[1", "line 2: a line is a JSON list"),
        ('"a"', "line 2: a history is a list"),
        ("[true]", "line 2: an item id is text or a whole number, found True"),
        ('{"user": "u"}', 'line 2: the keys are "history", and maybe .*, found user'),
        ('["zz"]', "line 2 has 1 item ids that the model does not know, and no other: 'zz'"),
    ],
)
def test_a_bad_line_of_histories_is_named(finished: Path, tmp_path: Path, line: str, rule: str) -> None:
    (tmp_path / "asked.jsonl").write_text(f'["no"]\n{line}\n', encoding="utf-8")
    with pytest.raises(InputError, match=rule):
        run_of("recommend", finished, "--histories", tmp_path / "asked.jsonl")


def test_skipped_lines_and_ids_say_so(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "asked.jsonl").write_text('["zz"]\n["no"]\n', encoding="utf-8")
    command = ["recommend", str(finished), "-k", "1", "--unknown", "skip"]
    lines = CliRunner().invoke(app, [*command, "--histories", str(tmp_path / "asked.jsonl")]).output.splitlines()
    first, second = map(json.loads, lines)
    assert (first["items"], first["skipped"], second["items"]) == ([], ["zz"], ["1e3"])
    assert "line 1 has 1 item ids" in first["problem"]
    assert "[red]zz" in CliRunner().invoke(app, [*command, "--history", "no,[red]zz"]).output


def test_histories_go_with_no_other_history(finished: Path) -> None:
    with pytest.raises(InputError, match=r"leave --history, --user, --live out"):
        run_of("recommend", finished, "--histories", "-", "--history", "no")


def test_a_long_id_is_neither_cut_nor_broken(tmp_path: Path) -> None:
    ids = [f"{one} {'very ' * 40}long" for one in "abcdefghijklmnopqrstuvwx"]
    write_log(tmp_path / "log.csv", ids)
    run_of("run", "-d", tmp_path / "log.csv", "-m", "MarkovChain", "--out", tmp_path / "run", "--mode", "light")
    shown = CliRunner().invoke(app, ["recommend", str(tmp_path / "run"), "--history", json.dumps(ids[:1]), "-k", "1"])
    assert ids[1] in shown.output


@pytest.mark.parametrize("name", FILES)
def test_files_and_folders_are_read_and_printed_as_they_are_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Path(f"at {name}")
    log, ready, out = home / f"{name}.csv", home / f"{name} ready", home / f"{name} run"
    write_log(log, IDS)
    write_log(home.with_name("other.csv"), IDS)
    called = squeezed(name)
    for command in ("check", "describe"):
        assert f"{called}.csv" in run_of(command, log)
    assert f"{called}.csv" in run_of("compare-data", log, "other.csv")
    assert squeezed(f"kept in {ready}") in run_of("prepare", log, "--out", ready)
    said = run_of("run", "-d", ready, "-m", "MarkovChain", "--out", out, "--mode", "light")
    assert squeezed(f"kept in {out}") in said
    assert f"{called}.csv:" in said
    assert f"Test:{called}.csv," in run_of("show", out)
    assert "hr@5" in run_of("evaluate", out, "--metrics", "hr@5")
    assert nextitem.load(out).recommend([["no"]], k=1)[0].items == ["1e3"]


@pytest.mark.parametrize("name", ["[b]A[/b]", "[/b]", ":fire:"])
def test_an_audit_prints_names_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    AuditView(console(), f"read from {name}")
    assert capsys.readouterr().out == f"read from {name}\n"


def test_samplers_read_a_folder_as_it_is_called(tmp_path: Path) -> None:
    out = tmp_path / "[b]run[1]*"
    command = ["run", "-d", "synthetic", "-m", "ZeroBlock", "--model.dim", "4", "--epochs", "1", "--mode", "light"]
    run_of(*command, "--evaluation.baselines", "[]", "--out", out)
    assert "uniform" in run_of("samplers", out, "--users", 5, "--draws", 3)


def test_a_session_answers_ids_with_spaces_as_texts(tmp_path: Path) -> None:
    ids = [*IDS[:21], "g  h", '"d', "z"]
    write_log(tmp_path / "log.csv", ids)
    keys = ["-m", "GRU4Rec", "--model.dim", "4", "--epochs", "1", "--mode", "light", "--evaluation.baselines", "[]"]
    run_of("run", "-d", tmp_path / "log.csv", "--out", tmp_path / "run", *keys)
    command = ["recommend", str(tmp_path / "run"), "--live", "--keep-seen", "-k", str(len(ids))]
    lines = CliRunner().invoke(app, command, input="g  h\n a\r\n").stdout.splitlines()
    for line in lines:
        words = re.findall(r'"(?:\\.|[^"\\])*"|\S+', line)
        assert sorted(json.loads(word) if word.startswith('"') else word for word in words) == sorted(ids)
    assert len(lines) == 2


def test_every_word_of_a_help_text_is_shown() -> None:
    group = get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        shown = run_of(name, "--help").replace("│", "")
        words = [word for one in command.params for word in (one.help or "").replace("\\[", "[").split()]
        assert [word for word in words if word not in shown] == [], name


def test_the_default_model_is_named_in_the_help() -> None:
    assert "Amodel'sname[SASRec]." in run_of("run", "--help").replace("│", "")
