"""Licences: of every package in a bill of materials (CycloneDX JSON), a line a package; `make bill` makes both.

Exit code 1 where a package says nothing of its licence, and nothing is known here.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

# What packages do not say in a field: their files do.
KNOWN = {"protobuf": "BSD-3-Clause"}
UNKNOWN = "unknown"


def licence_of(component: dict[str, Any]) -> str:
    """Its expression, identifiers or names, as the bill has them."""
    found = []
    for one in component.get("licenses", []):
        stated = one.get("license", {})
        name = one.get("expression") or stated.get("id") or stated.get("name", "")
        if name and "\n" not in name:  # else the whole text
            found.append(name)
    return "; ".join(sorted(set(found))) or KNOWN.get(component["name"], UNKNOWN)


def main(bill: Path) -> int:
    components = json.loads(bill.read_text(encoding="utf-8"))["components"]
    rows = [(one["name"], one.get("version", ""), licence_of(one)) for one in components]
    with bill.with_name("licences.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("package", "version", "licence"), *sorted(rows, key=lambda row: row[0].lower())])
    unknown = [name for name, _, licence in rows if licence == UNKNOWN]
    if unknown:
        print(f"no licence is stated by {', '.join(unknown)}: look, and say it in KNOWN", file=sys.stderr)
    return int(bool(unknown))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
