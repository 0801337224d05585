"""experiment: the runs of a plan, one after the other or side by side, each a process of its own.

A run that is finished is not made again, one that was stopped goes on, so the same call after a kill continues. A run
that another process is writing is left to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nextitem.errors import InputError
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.several import making
from nextitem.runs.several.making import Entry, Slot, is_locked, shares
from nextitem.runs.several.plan import Planned


@dataclass
class Experiment:
    """The runs of a plan below one folder."""

    out: Path
    runs: Sequence[Planned]
    entries: list[Entry] = field(init=False)

    def __post_init__(self) -> None:
        self.entries = [Entry(one, self.out / one.name) for one in self.runs]
        for entry in self.entries:
            folder = RunFolder(entry.folder)
            if folder.has_recipe and (other := folder.differences(entry.planned.recipe)):
                raise InputError(
                    f"{entry.folder} holds a run of another recipe ({'; '.join(other[:3])}); name another folder with "
                    "--out, or remove that run"
                )
            entry.state = "done" if folder.is_finished else "waiting"

    def left(self) -> float | None:
        """Seconds that the waiting runs would take one after the other, by those that are done of the same data and
        kind; None where one of them has no such run."""
        known: dict[tuple[str, str], list[float]] = {}
        for entry in self.entries:
            if (seconds := entry.seconds) is not None:
                known.setdefault((entry.planned.data, entry.planned.kind), []).append(seconds)
        total = 0.0
        for entry in self.entries:
            if entry.state == "done":
                continue
            alike = known.get((entry.planned.data, entry.planned.kind))
            if alike is None:
                return None
            total += sum(alike) / len(alike)
        return total

    def execute(self, workers: int = 1, options: Sequence[str] = ()) -> Iterator[list[Entry]]:
        """Make the runs that are not done, `workers` at a time, which share the cores out among them; gives the entries
        every half second. `options` are further ones of `nextitem run`.

        A run that fails is noted, and the others go on.

        Raises:
            InputError: runs side by side would each count the energy of all.
        """
        if workers > 1 and any(entry.planned.recipe.evaluation.energy for entry in self.entries):
            raise InputError(
                "evaluation.energy: it is of the whole machine, on which --workers makes several runs at a time; take "
                "--workers 1, or leave the key out"
            )
        slots: list[Slot | None] = [None] * workers
        cores = shares(workers)
        try:
            while any(slots) or any(entry.state in ("waiting", "elsewhere") for entry in self.entries):
                for place, slot in enumerate(slots):
                    if slot is not None and slot.is_over():
                        slots[place] = None
                    if slots[place] is None and (entry := self._next()) is not None:
                        slots[place] = Slot.start(entry, self.out, cores[place], options)
                yield self.entries
                time.sleep(making.PAUSE)
            yield self.entries
        finally:
            for slot in slots:
                if slot is not None:
                    slot.stop()

    def _next(self) -> Entry | None:
        """The next run that nobody makes; those that somebody else does are looked at again."""
        for entry in self.entries:
            if entry.state not in ("waiting", "elsewhere"):
                continue
            if RunFolder(entry.folder).is_finished:
                entry.state = "done"
            elif is_locked(entry.folder):
                entry.state = "elsewhere"
            else:
                entry.state = "running"
                return entry
        return None
