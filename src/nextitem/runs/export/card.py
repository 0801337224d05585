"""Card: what a bundle says of itself to who opens it: data, protocol, figures, how to load it."""

from __future__ import annotations

from typing import Any

from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.folder.versions import versions

USE = """
## How to use it

    pip install nextitem=={version}
    nextitem show {name}
    nextitem recommend {name} --history ID,ID,ID
    nextitem similar {name} ID

```python
import nextitem as ni

run = ni.load("{name}")
run.recommend([["ID", "ID"]], k=10)
```

The file is checked against `manifest.json` when it is opened. Unzipped into a folder it is a run folder.
"""


def card(run: RunFolder, name: str, *, has_histories: bool, use: str = USE) -> str:
    """Markdown; `name` is what the bundle is called, and `use` tells how one asks it.

    Raises:
        InputError: a file of the run is damaged.
    """
    data = run.read_data()
    report = run.read_report() if run.is_finished else None
    made = versions()["nextitem"] if report is None else report["versions"].get("nextitem", versions()["nextitem"])
    model = run.model_name.rpartition(":")[2]
    head = [f"# {_line(model)} on {_line(data['name'])}", "", f"A recommender, made with nextitem {_line(made)}.", ""]
    sizes = f"{data['users']:,} users, {data['items']:,} items, {data['interactions']:,} interactions"
    about = ["## Data", "", f"{_line(data['name'])}: {sizes}; SHA-256 `{data['sha256']}`.", ""]
    figures = ["## Figures", "", *(_figures(model, report) if report else ["It was not evaluated."])]
    told = use.format(version=versions()["nextitem"], name=name)
    return "\n".join([*head, *about, *figures]) + "\n" + told + _personal(has_histories)


def _figures(model: str, report: dict[str, Any]) -> list[str]:
    """A table of the test cases under its protocol."""
    metrics = list(report["test"])
    lines = [f"Split: {_line(report['split'])}. Protocol: {_line(report['protocol'])}", ""]
    lines += [f"| | {' | '.join(map(_line, metrics))} |", "|---" * (len(metrics) + 1) + "|"]
    for name, values in {**report["baselines"], model: report["test"]}.items():
        lines.append(f"| {_line(name)} | {' | '.join(f'{value:.4f}' for value in values.values())} |")
    if report.get("refit"):
        lines += ["", "What recommends was trained once more, on all data; the figures are of the weights before."]
    return lines


def _personal(has_histories: bool) -> str:
    held = "`users.parquet` has the ids of the users, whose vectors may be in the weights"
    if has_histories:
        held += ", and `histories/` what each of them met: personal data, to be handled as such"
    else:
        held += "; what each of them met is not in it"
    return f"\n## Personal data\n\n{held[0].upper()}{held[1:]}.\n"


def _line(text: object) -> str:
    """On one line, and no table of its own."""
    return " ".join(str(text).split()).replace("|", "\\|")
