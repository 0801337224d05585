"""Versions: the tests on the oldest and on the newest release of each core dependency, against an installed wheel.

`make versions` builds the wheel and installs it outside the repository, with each core dependency at its lower bound in
pyproject.toml (oldest) or at what the registry has (newest). The tests run there, as on a server: no sources beside,
a site-packages that cannot be written and, where root can make one of itself, a user who is not root.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
SETS = ("oldest", "newest")
NOBODY = 65534  # user and group
# They make the wheel themselves, or look at files beside the tests.
OF_SOURCES = ("tests/test_wheel.py", "tests/website/test_pages.py", "tests/serving/test_deploy.py")
OF_GPU = "nn/kernels/*_gpu.py"  # their import wants Triton
MAY_BE_OLD = ("-W", "default::DeprecationWarning", "-W", "default::FutureWarning")  # newer packages tell older ones
PIP = ("-m", "pip", "--disable-pip-version-check")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sets", nargs="*", default=SETS, help="oldest, newest; both")
    parser.add_argument("--python", default=sys.executable, help="the interpreter; this one")
    parser.add_argument("--torch", help="another torch than the set's, as 2.13.0, where that is no build for the CPU")
    parser.add_argument("--keep", type=Path, help="a folder to install into, and to find installed the next time")
    parser.add_argument("--tests", default="-n auto --dist loadfile", help="arguments of pytest, one string")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.sets) - set(SETS):
        parser.error(f"{', '.join(sorted(unknown))} is none of {', '.join(SETS)}")
    with TemporaryDirectory(prefix="nextitem-versions-") as temporary:
        place = (asked.keep or Path(temporary)).resolve()
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        built = wheel(place)
        failed = [
            name
            for name in asked.sets
            if tested(installed(place / name, name, built, asked.python, asked.torch), asked.tests.split())
        ]
    print(f"failed: {', '.join(failed)}" if failed else f"passed: {', '.join(asked.sets)}")
    return int(bool(failed))


def pins(name: str, torch: str | None) -> list[str]:
    """What holds the core dependencies of a set where they are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [line.replace(">=", "==") for line in project["dependencies"]] if name == "oldest" else []
    if torch:
        found = [line for line in found if not line.startswith("torch=")] + [f"torch=={torch}"]
    return found


def wheel(place: Path) -> Path:
    source = place / "source"  # a build leaves files beside the sources
    copy_tracked(source, ("pyproject.toml", "README.md", "LICENSE", "src"))
    run(sys.executable, *PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", place, source)
    shutil.rmtree(source)
    return next(place.glob("nextitem-*.whl"))


def installed(place: Path, name: str, built: Path, python: str, torch: str | None) -> Path:
    """The folder of an environment with the wheel, its tests' dependencies and the pins of the set."""
    held = place / "pins.txt"
    text = "".join(f"{line}\n" for line in pins(name, torch))
    own = place / "environment" / "bin" / "python"
    options = ("install", "--quiet", "--constraint", held)
    if not held.exists() or held.read_text() != text:
        shutil.rmtree(place, ignore_errors=True)
        run(python, "-m", "venv", place / "environment")
        held.write_text(text)
        run(own, *PIP, *options, "torch")
        run(own, *PIP, *options, f"{built}[test]")
    open_to_write(place, is_open=True)
    run(own, *PIP, "install", "--quiet", "--no-deps", "--force-reinstall", built)
    open_to_write(place, is_open=False)
    print(f"\n{name}:", flush=True)
    run(own, *PIP, "list")
    return place


def tested(place: Path, options: list[str]) -> int:
    """The exit code of the tests, which run in a copy of the repository without its sources."""
    repository, home = place / "repository", place / "home"
    for one in (repository, home):
        shutil.rmtree(one, ignore_errors=True)
    copy_tracked(repository, (".", ":!src"))
    home.mkdir()
    package = site_packages(place) / "nextitem"
    command = [str(place / "environment" / "bin" / "python"), "-m", "pytest", *MAY_BE_OLD, *options]
    if not any(Path(repository, one.partition("::")[0]).exists() for one in options):
        command += ["tests", str(package), *(f"--ignore={one}" for one in OF_SOURCES)]
        command += [f"--ignore-glob={package / OF_GPU}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NUMBA_", "XDG_"))}
    environment = kept | {"HOME": str(home)}
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return subprocess.run(command, cwd=repository, env=environment, check=False).returncode
    for one in (repository, home):
        run("chown", "-R", f"{NOBODY}:{NOBODY}", one)
    return subprocess.run(
        command, cwd=repository, env=environment, check=False, user=NOBODY, group=NOBODY, extra_groups=[]
    ).returncode


def site_packages(place: Path) -> Path:
    return next((place / "environment").glob("lib/python3.*/site-packages"))


def open_to_write(place: Path, *, is_open: bool) -> None:
    for one in (site_packages(place), *site_packages(place).rglob("*")):
        if not one.is_symlink():
            mode = one.stat().st_mode
            one.chmod(mode | 0o200 if is_open else mode & ~0o222)


def copy_tracked(folder: Path, paths: Sequence[str]) -> None:
    """Files of the repository, those not yet committed, too."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def run(*command: object) -> None:
    subprocess.run([str(one) for one in command], check=True)


if __name__ == "__main__":
    sys.exit(main())
