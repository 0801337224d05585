"""bench: the models that fit some data, one after the other within a time, each a run folder; and which to take.

What is left of the time is shared out among the models that are still to come. One that is trained ends between epochs
when its share is over; one that does not end is stopped, and left out by name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from os.path import lexists
from pathlib import Path
from typing import Any

from nextitem.errors import InputError
from nextitem.evaluation.beyond import is_listed
from nextitem.evaluation.evaluate import DEFAULT_METRICS
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.recipe.comparing import comparable, differences
from nextitem.recipe.suiting import suited
from nextitem.runs.folder.run_folder import REPORT, RunFolder
from nextitem.runs.learning.deadline import was_cut
from nextitem.runs.parts import build
from nextitem.runs.several import making
from nextitem.runs.several.contenders import CONTENDERS, SHARES, Facts, facts_of
from nextitem.runs.several.making import Entry, Slot, is_locked, shares
from nextitem.runs.several.plan import Planned
from nextitem.training.shapes import read_bytes
from nextitem.writing import make_folder, remove, write

KEPT = "bench.json"
MOST_CASES = 20_000  # that are ranked; of more so many are drawn, unless evaluation.users says otherwise
END = (5.0, 0.05, 60.0)  # for the table and the page: seconds at least, a share of the time, seconds at most
LEAST = 5.0  # seconds, below which no run is begun
SLACK = 1.5  # as much of its share a run may take, before it is stopped;
AT_ONCE = 4  # or a quarter of what is left: to start a process may cost more than to count
SAVED = 5.0  # seconds between two notes of the time that was spent


@dataclass
class Bench:
    """The models of one data set below a folder; `seconds` are of all calls together, and this one has `started`."""

    out: Path
    base: Recipe  # data, split, evaluation and seed are those of all
    training: Layer  # keys of those that are trained
    seconds: float
    started: float
    entries: list[Entry] = field(init=False, default_factory=list)
    _kept: dict[str, Any] = field(init=False, default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...] | None:
        """Those that were asked for, of which the first decides; None: compare's own."""
        asked = self.base.evaluation.metrics
        return None if asked == DEFAULT_METRICS else tuple(one for one in asked if not is_listed(one))

    def left(self) -> float:
        """Seconds for runs."""
        spent = self._kept.get("spent", 0.0) + time.perf_counter() - self.started
        return float(self.seconds - spent - min(END[2], max(END[0], END[1] * self.seconds)))

    def execute(self) -> Iterator[list[Entry]]:
        """Make the runs that are not there; gives the entries every half second.

        Raises:
            InputError: the folder holds something else, or the data is bad.
        """
        self._open()
        for entry in self.entries:
            if entry.state == "waiting":
                yield from self._make(entry)
                self._save()
        yield self.entries

    def _open(self) -> None:
        """Read what an earlier call left, or the data."""
        if lexists(self.out / KEPT):
            self._kept = _read(self.out / KEPT)
            other = differences(self._asked(), comparable(self._kept["recipe"]))
            if other or self._kept["training"] != self.training:
                told = "; ".join(other[:3]) or f"training keys {self._kept['training']}"
                raise InputError(f"{self.out} holds a bench of something else ({told}); name another folder with --out")
            facts = Facts(**self._kept["facts"] | {"has": tuple(self._kept["facts"]["has"])})
        else:
            dataset, _ = build.build_dataset(self.base.data)
            split = build.build_split(self.base.split, dataset, self.base.seed)
            facts = facts_of(dataset, self.base)
            users = self.base.evaluation.users or (MOST_CASES if len(split.test) > MOST_CASES else None)
            asked = self.base.model_dump(mode="json")
            self._kept = {
                "recipe": asked, "training": self.training, "facts": asdict(facts), "users": users, "seconds": 0.0,
                "spent": 0.0, "left_out": {},
            }  # fmt: skip
        has_more = self.seconds > self._kept["seconds"]
        left_out = {} if has_more else self._kept["left_out"]
        make_folder(self.out)
        self.entries = [
            self._entry(one.name, facts, one.why_not(facts), left_out.get(one.name), has_more) for one in CONTENDERS
        ]
        self._kept |= {"left_out": left_out, "seconds": max(self.seconds, self._kept["seconds"])}
        self._save()

    def _asked(self) -> Recipe:
        return comparable(self.base.model_dump(mode="json"))

    def _entry(self, name: str, facts: Facts, why_not: str, left_out: str | None, has_more: bool) -> Entry:
        folder = RunFolder(self.out / name)
        entry = Entry(Planned(name, Path(self.base.data.source).name, name, self.base), folder.path)
        try:
            entry.planned = Planned(name, entry.planned.data, name, self._recipe(name, facts))
        except InputError as error:
            why_not = why_not or str(error)
        if folder.has_recipe and not why_not and (other := folder.differences(entry.planned.recipe)):
            raise InputError(
                f"{folder.path} holds a run of another recipe ({'; '.join(other[:3])}); name another --out"
            )
        if has_more and folder.is_finished and was_cut(folder.read_report()):
            remove(folder.path / REPORT)  # its training goes on
        entry.said = why_not or left_out or ""
        entry.state = "done" if folder.is_finished else "left out" if entry.said else "waiting"
        return entry

    def _recipe(self, name: str, facts: Facts) -> Recipe:
        asked = self.base.model_dump(mode="json", include={"data", "split", "evaluation", "seed"})
        asked["evaluation"] |= {"baselines": [], "users": self._kept["users"]}
        recipe = make_recipe({"model": {"name": name}}, asked)
        if recipe.training is not None and self.training:
            recipe = make_recipe({"model": {"name": name}}, asked, {"training": self.training})
        return suited(recipe, facts.num_users, facts.mean_length)[0]

    def _make(self, entry: Entry) -> Iterator[list[Entry]]:
        """One run, to its end or that of its time."""
        rest = [one for one in self.entries if one.state == "waiting"]
        left = self.left()
        share = left * SHARES[entry.planned.name] / sum(SHARES[one.planned.name] for one in rest)
        if share < LEAST:
            share = min(left, LEAST)
        if share < LEAST:
            self._leave_out(entry, "no time was left")
            return
        deadline = time.perf_counter() + min(left, max(SLACK * share, left / AT_ONCE))
        while is_locked(entry.folder):  # a call that was killed left its run at it
            entry.state = "elsewhere"
            if time.perf_counter() > deadline:
                self._leave_out(entry, "another process is at it")
                return
            yield from self._pause()
        entry.state = "running"
        timed = ["--time", f"{share:.1f}s"] if entry.planned.recipe.training else []
        slot = Slot.start(entry, self.out, shares(1)[0], timed)
        begun = time.perf_counter()
        try:
            while not slot.is_over() and time.perf_counter() < deadline:
                yield from self._pause()
        finally:
            slot.stop()
        if slot.is_over() and slot.entry.state == "failed":
            took = time.perf_counter() - begun
            self._leave_out(entry, f"not done in {took:.0f} s" if time.perf_counter() > deadline else entry.said)

    def _pause(self) -> Iterator[list[Entry]]:
        yield self.entries
        time.sleep(making.PAUSE)
        if time.perf_counter() - self.started > SAVED:
            self._save()

    def _leave_out(self, entry: Entry, why: str) -> None:
        entry.state, entry.said = "left out", why
        self._kept["left_out"][entry.planned.name] = why

    def _save(self) -> None:
        """With the time that was spent so far, from which the next call counts on."""
        now = time.perf_counter()
        self._kept["spent"] += now - self.started
        self.started = now
        write(self.out / KEPT, (json.dumps(self._kept) + "\n").encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_bytes(path))
        _ = found["recipe"], found["training"], found["users"], found["left_out"], Facts(**found["facts"])
        _ = float(found["seconds"]), float(found["spent"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}); remove it, and the runs beside it stay") from error
    return dict(found)
