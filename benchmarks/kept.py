"""Kept results: a file of results/ by its name, where and when it was made, and the figures that are read from it."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

import yaml
from contest import HERE

Result = dict[str, Any]


def kept(name: str) -> Result:
    found: Result = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def made(name: str) -> str:
    """Machine, date and commit: what the result says, or measured.yaml of those that were made before results did."""
    own = kept(name).get("machine", {})
    facts = own if "date" in own else yaml.safe_load((HERE / "measured.yaml").read_text(encoding="utf-8"))[name]
    return f"{facts['processor']}, {facts['date']}, {facts['commit']}"


def seconds(pair: Result, name: str) -> tuple[float, float]:
    """Medians of the peer and of nextitem, which ran before and after it."""
    return median(pair["peer"][name]), median(value for one in pair["nextitem"] for value in one[name])


def speeds(pair: Result, name: str) -> tuple[float, float]:
    """A second: the peer's, and the median of nextitem's two."""
    return pair["peer"][name], median(one[name] for one in pair["nextitem"])


def served(result: Result, server: str, clients: int) -> tuple[float, float]:
    """Requests a second and the 99th percentile of their milliseconds, medians over the rounds."""
    rows = [row for row in result["runs"] if row["server"] == server and row.get("clients") == clients]
    rate, late = (median(row[name] for row in rows) for name in ("requests_per_second", "p99_ms"))
    return rate, late


def everyone(result: Result) -> Result:
    """Of both in everyone.py: users a second; and our peak."""
    rows = {who: [row for row in result["runs"] if row["who"] == who] for who in ("nextitem", "rectools")}
    ours, theirs = (result["users"] / median(row["seconds"] for row in rows[who]) for who in rows)
    return {
        "users": result["users"], "millions": result["millions"], "ours": ours, "theirs": theirs,
        "peak": median(row["peak_mb"] for row in rows["nextitem"]),
    }  # fmt: skip


def sharded(result: Result) -> Result:
    """Of shards_speed.py: seconds of 10 million events in files and of RecBole, of 100 million, and what these hold."""
    rows = {row["log"]: row.get("nextitem") or row["peer"] for row in result["runs"]}
    own = [found for log, found in rows.items() if "where and kinds" in log]
    (peer,) = (found for log, found in rows.items() if "RecBole" in log)
    few, many = sorted(own, key=lambda found: found["interactions"])
    seconds = [found["seconds"]["all"] for found in (few, peer, many)]
    return dict(zip(("shards", "rows", "most"), seconds, strict=True), held=many["peak_mb"])


def epoch_ratio(result: Result, model: str, batches: str) -> float:
    """How many times as long RecBole takes for an epoch."""
    pairs = result["runs"]
    (pair,) = (one for one in pairs if is_of(one, model, batches))
    peer, ours = seconds(pair, "epoch_seconds")
    return peer / ours


def is_of(pair: Result, model: str, batches: str) -> bool:
    return pair["peer"]["model"] == model and pair["nextitem"][0]["batches"] == batches


def block_ratio(result: Result, length: int, d_state: int, peer: str = "mambapy") -> float:
    """How many times as long a peer takes for a Mamba block."""
    (pair,) = (one for one in result["runs"] if is_shape(one["peer"], peer, length, d_state))
    theirs, ours = seconds(pair, "seconds")
    return theirs / ours


def is_shape(one: Result, form: str, length: int, d_state: int) -> bool:
    return (one["form"], one["length"], one["d_state"]) == (form, length, d_state)


def equal_width_ratio(result: Result, data: str, model: str) -> float:
    """Seconds of an epoch over SASRec's."""
    (row,) = (one for one in result["runs"] if one["data"].startswith(data) and one["model"] == model)
    return float(row["ratio"])


def preparation_ratio(result: Result) -> float:
    """How many times as long RecBole takes to prepare the same 10 million rows, as CSV for nextitem."""
    contest = result["contest"]
    return float(contest["peer"]["seconds"]["all"] / contest["csv"]["seconds"]["all"])


def step(result: Result, loss: str, optimizer: str, num_items: int) -> float | None:
    """Milliseconds of a step with a target at every place, or None where it was not measured."""
    case = {"loss": loss, "optimizer": optimizer, "targets": "every", "num_items": num_items}
    return next((float(row["milliseconds"]) for row in result["runs"] if row["case"] == case), None)


def growth(result: Result, loss: str, optimizer: str) -> float:
    """A step at 5 million items over one at 10 thousand."""
    first, last = (step(result, loss, optimizer, num_items) for num_items in (10_000, 5_000_000))
    assert first is not None
    assert last is not None
    return last / first
