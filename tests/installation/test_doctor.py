"""nextitem doctor: what is installed, what is missing, what is wrong, and the way out of each."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nextitem
from nextitem.cli import main
from nextitem.installation import computing, machine, packages
from nextitem.installation.computing import all_families
from nextitem.installation.fact import Fact
from nextitem.installation.machine import environment_facts
from nextitem.installation.packages import package_facts
from nextitem.nn.kernels.bf16 import has_units
from nextitem.nn.kernels.checking import FAMILIES, Family


def only(facts: list[Fact]) -> Fact:
    (fact,) = facts
    return fact


@pytest.mark.parametrize(
    ("version", "verdict", "found"),
    [
        ("2.6.4", "good", "2.6.4"),
        ("2.6.5+cpu", "good", "2.6.5+cpu"),
        ("2.6.1", "broken", "2.6.1, >=2.6 is needed"),
        ("2.6.3", "broken", "2.6.3, a compromised release"),
        (None, "broken", "missing, >=2.6 is needed"),
    ],
)
def test_a_core_package_is_held_to_what_is_asked(
    monkeypatch: pytest.MonkeyPatch, version: str | None, verdict: str, found: str
) -> None:
    monkeypatch.setattr(packages, "installed", lambda name: version)
    needed = ">=2.6" if version != "2.6.1" else ">=2.6.4"
    fact = only(package_facts([f"lightning-fabric{needed}"]))
    assert (fact.verdict, fact.found) == (verdict, found.replace(">=2.6 ", f"{needed} "))
    assert ("pip install" in fact.way) == (verdict == "broken")


def test_an_extra_names_what_is_not_there_and_how_it_is_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", {"onnx": "1.20", "faiss-cpu": "1.15"}.get)
    asked = ['onnx>=1.17; extra == "onnx"', 'onnxruntime>=1.20; extra == "onnx"', 'faiss-cpu>=1.15; extra == "ann"']
    assert package_facts(asked) == [
        Fact("extras", "ann", "faiss-cpu 1.15"),
        Fact("extras", "onnx", "onnxruntime is not there", "missing", 'pip install "nextitem[onnx]"'),
    ]


def test_an_extra_of_another_system_and_that_of_the_tests_are_not_told() -> None:
    asked = ['triton>=3; sys_platform == "plan9" and extra == "gpu"', 'pytest>=8; extra == "test"']
    assert package_facts(asked) == []


def test_little_memory_is_said(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal: 8388608 kB\nMemAvailable: 524288 kB\n")
    fact = machine._memory(file)
    assert (fact.found, fact.verdict) == ("0.5 GiB free of 8.0", "slow")
    file.write_text("MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n")
    assert machine._memory(file).verdict == "good"


def test_a_full_disk_and_a_folder_that_is_closed_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 1000})())
    monkeypatch.setattr("os.access", lambda place, how: False)
    assert machine._disk("here", tmp_path / "not" / "there").verdict == "broken"
    fact = machine._writable("downloads", tmp_path / "not" / "there")
    assert (fact.verdict, fact.way) == ("missing", "set NEXTITEM_CACHE to a folder of yours")


def test_variables_that_count_are_told_and_others_are_not() -> None:
    found = environment_facts({"OMP_NUM_THREADS": "2", "HOME": "/root", "NEXTITEM_DATA": "d", "SECRET": "x"})
    assert [(fact.name, fact.found) for fact in found] == [("NEXTITEM_DATA", "d"), ("OMP_NUM_THREADS", "2")]


def test_every_family_of_kernels_is_told() -> None:
    sources = [path.read_text() for path in Path(*nextitem.__path__).rglob("*.py")]
    written = {name for text in sources for name in re.findall(r"= Family\(\s*\"([^\"]+)\"", text)}
    of_units = set() if has_units() else {"cross-entropy of bf16 products"}  # what this processor has none for
    assert written - of_units <= set(all_families())
    assert len(written) >= 15


def test_kernels_are_compiled_and_compared_where_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(Family, "tried", lambda family: "is off by 3" if family.name == "dropout" else "")
    facts = {fact.name: fact for fact in computing.computing_facts(is_tried=True, tell=tried.append)}
    assert sorted(tried) == sorted(FAMILIES)
    assert (facts["dropout"].verdict, facts["dropout"].found) == ("slow", "not used: is off by 3")
    assert facts["attention"].found == "agrees with its plain form"


def test_a_family_that_was_tried_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    family = all_families()["search in histories"]
    assert family.tried() == ""
    monkeypatch.setattr(Family, "fault", lambda *_: "tried again")
    if family.is_tried():  # its agreement could be kept
        assert family.tried() == ""


def test_the_command_shows_all_rooms_and_speaks_json() -> None:
    result = CliRunner().invoke(main.app, ["doctor"])
    assert result.exit_code == 0, result.output
    for word in ("machine", "packages", "extras", "kernels", "devices", "torch", "polars"):
        assert word in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    found = json.loads(CliRunner().invoke(main.app, ["doctor", "--json"]).output)
    assert {"about", "name", "found", "verdict", "way"} == set(found[0])


def test_what_is_broken_ends_with_exit_code_1_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Fact("packages", "torch", "missing", "broken", 'pip install "torch>=2.8"')
    monkeypatch.setattr("nextitem.installation.examine.package_facts", lambda: [broken])
    result = CliRunner().invoke(main.app, ["doctor"])
    assert result.exit_code == 1
    assert "Broken: runs will fail, or be wrong" in result.output
    assert 'torch: missing; pip install "torch>=2.8"' in result.output


def test_a_fault_of_ours_leads_to_the_doctor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(main, "app", fails)
    with pytest.raises(ZeroDivisionError):
        main._run_app()
    way, line = capsys.readouterr().err.splitlines()
    assert "nextitem doctor" in way
    assert line.startswith("nextitem: nextitem 0.")
    assert f"torch {version('torch')}, numpy {version('numpy')}" in line
