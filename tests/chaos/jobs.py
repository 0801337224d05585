"""The commands that are killed: small, on a shop with ratings, a table of items, a graph and a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from contents import content_of

USERS, ITEMS = 40, 24
# A model of each kind: a kind of batches, of side data and of fitting each.
KINDS: dict[str, dict[str, Any]] = {
    "SASRec": {"batches": "next_item", "loggers": ["csv"]},
    "GRU4Rec": {"batches": "prefix"},
    "BERT4Rec": {},
    "Mamba4Rec": {},
    "BPR": {},
    "LightGCN": {},
    "MultiVAE": {},
    "IALS": {},
    "KGAT": {},
    "DiffNet": {},
    "MarkovChain": {},
}
FITTED = ("IALS", "MarkovChain")
PLAN = {"models": ["BPR", "ItemKNN"], "data": ["log.csv"], "seeds": 1}


@dataclass(frozen=True)
class Job:
    """A command that writes to the folder `out`, in a folder where `make_shop` was."""

    name: str
    arguments: tuple[str, ...]
    told: Callable[[Path], Any] = content_of  # what a killed and continued command must share with a whole one
    is_into: bool = False  # whether the folder `out` must be there
    before: tuple[tuple[str, ...], ...] = ()  # commands that make what it begins with


def trials_of(out: Path) -> dict[tuple[str, ...], str]:
    """The values of trials by what they tried; a trial that was killed twice is no failure, and has none."""
    rows = content_of(out)["trials.csv"]
    done = [row for row in rows if row["state"] == "complete"]
    assert done
    assert (out / "best" / "report.json").exists()
    return {tuple(row[key] for key in ("model.dim", "training.learning_rate")): row["value"] for row in done}


def jobs() -> list[Job]:
    runs = [Job(f"run {name}", ("run", "--recipe", f"{name}.yaml", "--out", "out")) for name in KINDS]
    first = ("run", "--recipe", "SASRec.yaml", "--out", "first")
    tune = ("tune", "--recipe", "BPR.yaml", "--space", "space.yaml", "--trials", "3")
    return [
        *runs,
        Job("run --refit", ("run", "--recipe", "BPR.yaml", "--refit", "--out", "out")),
        Job("prepare", ("prepare", "log.csv", "--out", "out")),
        Job("tune", (*tune, "--out", "out"), trials_of),
        Job("experiment", ("experiment", "plan.yaml", "--out", "out")),
        Job("audit", ("audit", "log.csv", "--fast", "--out", "out", "--model.dim", "8", "--training.epochs", "2")),
        Job("update", ("update", "first", "--data", "newer.csv", "--out", "out"), before=(first,)),
        Job("export", ("export", "first", "--to", "out/bundle.zip", "--histories"), before=(first,), is_into=True),
        Job("export .pt2", ("export", "first", "--to", "out/model.pt2"), before=(first,), is_into=True),
    ]  # fmt: skip


def make_shop(folder: Path) -> None:
    rng = np.random.default_rng(0)
    met = [(user, rng.permutation(ITEMS)[: 5 + user % 6].tolist()) for user in range(USERS)]
    write_log(folder / "log.csv", met, 10**9)
    write_log(folder / "newer.csv", [(user, [ITEMS + user % 2]) for user in range(0, USERS, 3)], 2 * 10**9)
    items, users = [f"i{number}" for number in range(ITEMS)], [f"u{number}" for number in range(USERS)]
    pl.DataFrame({"item": items, "colour": [f"c{n % 4}" for n in range(ITEMS)]}).write_csv(folder / "items.csv")
    graph = {"head": items, "relation": ["made by"] * ITEMS, "tail": [f"m{n % 3}" for n in range(ITEMS)]}
    pl.DataFrame(graph).write_csv(folder / "graph.csv")
    pl.DataFrame({"item": items, "entity": items}).write_csv(folder / "links.csv")
    pl.DataFrame({"source": users, "target": users[1:] + users[:1]}).write_csv(folder / "trust.csv")
    for name, keys in KINDS.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(recipe_of(name, keys)))
    (folder / "space.yaml").write_text(
        "only: true\nmodel.dim: [4, 8]\ntraining.learning_rate: {low: 0.001, high: 0.1}\n"
    )
    (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN | {"recipe": {"evaluation": {"metrics": ["hr@5"]}}}))


def write_log(path: Path, met: list[tuple[int, list[int]]], begin: int) -> None:
    rows = [
        {"user_id": f"u{user}", "item_id": f"i{item}", "rating": 1 + item % 5, "timestamp": begin + 1000 * step + user}
        for user, items in met
        for step, item in enumerate(items)
    ]
    pl.DataFrame(rows).write_csv(path)


def recipe_of(name: str, training: dict[str, Any]) -> dict[str, Any]:
    side = {"item_table": "items.csv", "knowledge": "graph.csv", "links": "links.csv", "trust": "trust.csv"}
    found: dict[str, Any] = {
        "model": {"name": name},
        "data": {"source": "log.csv", **side},
        "evaluation": {"metrics": ["hr@5"], "baselines": ["Popularity"]},
    }
    if name in FITTED:
        return found
    if name != "MultiVAE":
        found["model"]["dim"] = 8
    return found | {"training": {"epochs": 4, "batch_size": 16, **training}}
