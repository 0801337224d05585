"""Known bad: releases with foreign code or a known hole, among what is pinned, locked or named in a bill of materials.

known_bad.csv holds them with their sources: few, found by hand, and no database. `make bill` and the tests look.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).parent
PINNED = (FOLDER.parent / "constraints.txt", *(FOLDER / f"{name}.txt" for name in ("run", "test", "cuda")))
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)")


def found_in(packages: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line for each of these names and versions that is known to be bad."""
    with (FOLDER / "known_bad.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, version in packages:
        for row in rows:
            if row["package"] == canonicalize_name(name) and any(
                SpecifierSet(one).contains(version, prereleases=True) for one in row["releases"].split("|")
            ):
                yield f"{name} {version}: {row['why']} ({row['source']})"


def pins_of(text: str) -> list[tuple[str, str]]:
    return [found.groups() for line in text.splitlines() if (found := PIN.match(line))]  # type: ignore[misc]


def main(bills: list[str]) -> int:
    """Looks at what is pinned, and at bills of materials (CycloneDX JSON); exit code 1 where something is found."""
    bad = [f"{path.name}: {line}" for path in PINNED for line in found_in(pins_of(path.read_text(encoding="utf-8")))]
    for bill in bills:
        components = json.loads(Path(bill).read_text(encoding="utf-8"))["components"]
        bad += [f"{bill}: {line}" for line in found_in((one["name"], one.get("version", "")) for one in components)]
    if bad:
        print("\n".join(["known bad, take another release:", *bad]), file=sys.stderr)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
