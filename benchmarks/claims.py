"""Measures anew what README.md and docs/claims.md claim: claim, measured, held or not.

    make bench-claims                                          # all of it: hours, on a machine that does nothing else
    python benchmarks/claims.py --list
    python benchmarks/claims.py --only stan_beauty --files FOLDER

A command that serves several claims runs once. Accuracies come from runs that are not kept, speeds from the other
scripts here, which write results/ anew; a claim whose peer or file is not there is not measured, and says what it
needs. --files is a folder with Beauty.txt.gz, ml-1m.txt.gz and ml-100k.inter, and room for the logs of the
preparation; public data sets are found as `nextitem run` finds them. Exits with 1 if a claim does not hold or its
command fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from claimed import CLAIMS, Claim
from contest import HERE
from kept import Result
from rich.console import Console
from rich.table import Column, Table

PEERS = HERE.parent / ".peers"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[claim.name for claim in CLAIMS], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="the claims, and measure nothing")
    parser.add_argument("--files", type=Path, default=HERE.parent / "runs" / "claims", help="where the logs lie")
    options = parser.parse_args()
    chosen = [claim for claim in CLAIMS if options.only is None or claim.name in options.only]
    if options.list:
        show(
            [[claim.name, claim.text, claim.bound, claim.told] for claim in chosen],
            ["claim", "as written", "holds", "by"],
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        lines = [checked(claim, options.files, Path(folder)) for claim in chosen]
    show(lines, ["claim", "as written", "holds", "measured", ""])
    sys.exit(int(any(line[-1].startswith(("NOT HELD", "failed")) for line in lines)))


def checked(claim: Claim, files: Path, folder: Path) -> list[str]:
    """A line of the table."""
    start = [claim.name, claim.text, claim.bound]
    missing = lacking(claim, files)
    if missing:
        return [*start, "", f"not measured: needs {', '.join(missing)}"]
    try:
        value = claim.read(measured(claim, files.resolve(), folder))
    except subprocess.CalledProcessError as error:
        return [*start, "", f"failed: its command exits with {error.returncode}"]
    return [*start, f"{value:.4g}", "held" if claim.holds(value) else "NOT HELD"]


def lacking(claim: Claim, files: Path) -> list[str]:
    peers = [
        f"{peer} (benchmarks/peers/setup.sh)" for peer in claim.peers if not (PEERS / peer / "bin/python").exists()
    ]
    return peers + [f"{name} in --files" for name in claim.files if not (files / name).exists()]


def measured(claim: Claim, files: Path, folder: Path) -> Result:
    """What the claim's command writes. One that has run for another claim does not run again."""
    place = folder / next(one.name for one in CLAIMS if one.command == claim.command)
    if not (place / "done").exists():
        place.mkdir(exist_ok=True)
        words = [word.format(files=files, runs=place) for word in claim.command]
        script = ["-m", "nextitem"] if words[0] == "nextitem" else [str(HERE / words[0])]
        subprocess.run([sys.executable, *script, *words[1:]], check=True)
        (place / "done").touch()
    written = Path(claim.result.format(runs=place, results=HERE / "results"))
    found: Result = json.loads(written.read_text(encoding="utf-8"))
    return found


def show(lines: list[list[str]], head: list[str]) -> None:
    table = Table(*(Column(name, overflow="fold") for name in head))
    for line in lines:
        table.add_row(*line)
    Console(markup=False, emoji=False).print(table)


if __name__ == "__main__":
    main()
