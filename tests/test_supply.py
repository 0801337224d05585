"""What is installed by digests: all that pyproject.toml asks for, at the versions that the tests ran with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
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


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(SUPPLY)
    yield
    for name in ("known_bad", "lock", "versions"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("scripts")
def test_nothing_that_is_pinned_is_known_to_be_bad(capsys: pytest.CaptureFixture[str]) -> None:
    import known_bad

    assert (known_bad.main([]), capsys.readouterr().err) == (0, "")
    assert all(len(known_bad.pins_of(path.read_text())) > 10 for path in known_bad.PINNED)


@pytest.mark.usefixtures("scripts")
def test_what_is_known_to_be_bad_is_named_with_its_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import known_bad

    told = {name: [f"{name} {one}" for one in versions] for name, versions in COMPROMISED.items()}
    for name, versions in COMPROMISED.items():  # what the doctor names
        assert [line.split(":")[0] for line in known_bad.found_in([(name, one) for one in versions])] == told[name]
    bill = tmp_path / "sbom.json"
    components = [{"name": "Lightning", "version": "2.6.3"}, {"name": "lightning", "version": "2.6.4"}]
    bill.write_text(json.dumps({"components": components}))
    assert known_bad.main([str(bill)]) == 1
    assert "Lightning 2.6.3: foreign code (GHSA-w37p-236h-pfx3)" in (said := capsys.readouterr().err)
    assert "2.6.4" not in said


@pytest.mark.usefixtures("scripts")
def test_a_torch_gets_the_digest_of_its_own_build_alone() -> None:
    import lock

    ((version, digest),) = lock.CPU_TORCH.items()
    assert locked("run.txt")["torch"][0] == version
    assert f"--hash=sha256:{digest}" in locked("run.txt")["torch"][1]
    blocks = [
        f"torch=={version} \\\n    --hash=sha256:{64 * 'a'}",
        "triton==3.4.0 \\\n    --hash=x",
        "torchmetrics==1.0",
    ]
    kept, cuda = lock.parts_of(blocks)
    assert kept == f"{blocks[0]} \\\n    --hash=sha256:{digest}\n{blocks[2]}\n"
    assert cuda == blocks[1] + "\n"
    with pytest.raises(SystemExit, match=r"no digest is known of torch 1\.0\.0's build"):
        lock.parts_of([f"torch==1.0.0 \\\n    --hash=sha256:{64 * 'a'}"])


@pytest.mark.usefixtures("scripts")
def test_other_parts_of_cuda_in_the_tests_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import lock

    monkeypatch.setattr(lock, "FOLDER", tmp_path)
    monkeypatch.setattr(lock, "compiled", lambda extras: [f"triton=={len(extras)}"])
    with pytest.raises(SystemExit, match="the tests lock other parts of CUDA than a run"):
        lock.main()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("scripts")
def test_the_oldest_set_is_every_lower_bound(tmp_path: Path) -> None:
    import versions

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = [Requirement(line) for line in versions.pins("oldest", None)]
    assert [one.name for one in pins] == [Requirement(line).name for line in project["dependencies"]]
    assert all(str(one.specifier).startswith("==") for one in pins)
    assert "torch==2.13.0" in versions.pins("oldest", "2.13.0")
    assert (versions.pins("newest", None), versions.pins("newest", "2.13.0")) == ([], ["torch==2.13.0"])
