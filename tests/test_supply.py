"""What is installed by digests: all that pyproject.toml asks for, at the versions that the tests ran with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nextitem.installation.packages import COMPROMISED

ROOT = Path(__file__).parent.parent
SUPPLY = ROOT / "supply"
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Version and digests by package."""
    blocks = re.split(r"\n(?=\S)", (SUPPLY / name).read_text().strip())
    found: dict[str, tuple[str, list[str]]] = {}
    for block in blocks:
        one = Requirement(block.split("\\")[0].strip())
        found[canonicalize_name(one.name)] = (str(one.specifier).removeprefix("=="), HASH.findall(block))
    return found


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("name", ["run.txt", "test.txt", "cuda.txt"])
def test_every_package_has_digests_and_the_version_of_the_tests(name: str) -> None:
    pins = pinned()
    for package, (version, digests) in locked(name).items():
        assert digests, package
        assert pins.get(package, version) == version, package
        assert version not in COMPROMISED.get(package, ()), package


def test_all_that_is_asked_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, asked in (("run.txt", []), ("test.txt", project["optional-dependencies"]["test"])):
        found = locked(name)
        for line in project["dependencies"] + asked:
            one = Requirement(line)
            assert one.specifier.contains(found[canonicalize_name(one.name)][0]), line
    assert locked("run.txt").keys() <= locked("test.txt").keys()


def test_licences_are_listed_and_one_that_is_unknown_is_an_error(tmp_path: Path) -> None:
    known = {"name": "a", "version": "1", "licenses": [{"license": {"id": "MIT"}}, {"expression": "0BSD"}]}
    bill = tmp_path / "sbom.json"

    def listed(components: list[object]) -> subprocess.CompletedProcess[str]:
        bill.write_text(json.dumps({"components": components}))
        command = [sys.executable, str(SUPPLY / "licences.py"), str(bill)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert listed([known]).returncode == 0
    assert (tmp_path / "licences.csv").read_text().splitlines()[1] == "a,1,0BSD; MIT"
    unknown = listed([known, {"name": "b", "licenses": [{"license": {"name": "a text\nof lines"}}]}])
    assert unknown.returncode == 1
    assert "no licence is stated by b" in unknown.stderr
