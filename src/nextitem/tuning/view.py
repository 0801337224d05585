"""A tuning on the terminal: a line a trial while it lasts, and what came of it. Elsewhere the result alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from rich.console import Console

from nextitem.data.batches import Batch
from nextitem.report.results import test_table
from nextitem.runs.learning.run import Prepared
from nextitem.terminal import tracked
from nextitem.training.fit import Progress
from nextitem.tuning.page import shown_value
from nextitem.tuning.result import Tuning, sentences
from nextitem.tuning.trial import Outcome
from nextitem.tuning.tune import TrialBegun, TrialEnded, TuningEvent


class TuningView:
    """Shows events as they come."""

    def __init__(self, screen: Console) -> None:
        self.screen, self.is_live = screen, screen.is_terminal
        self.begun: TrialBegun | None = None
        self.epoch, self.since = 0, 0.0

    def show(self, event: TuningEvent) -> None:
        match event:
            case Prepared():
                self._prepared(event)
            case TrialBegun():
                self.begun, self.epoch, self.since = event, 0, time.perf_counter()
            case Progress():
                self.epoch = event.epoch.number
            case TrialEnded():
                self._ended(event)
            case Tuning():
                self._found(event)

    def track(self, batches: Iterable[Batch], total: int) -> Iterator[Batch]:
        """The batches of an epoch, on a terminal under a bar that tells of the trial."""
        if not self.is_live or self.begun is None:
            return iter(batches)
        best = "" if self.begun.best is None else f"  best {self.begun.best:.4f}"
        left = self.begun.left and self.begun.left - (time.perf_counter() - self.since)
        name = f"trial {self.begun.number}  epoch {self.epoch + 1}{best}{_left(left)}"
        return tracked(self.screen, batches, total, name)

    def _prepared(self, event: Prepared) -> None:
        if self.is_live:
            data = event.dataset
            self._line(
                f"{data.name}: {data.num_users:,} users, {data.num_items:,} items, {data.num_interactions:,} "
                f"interactions; {event.split.name}"
            )
            for note in (*data.notes, *event.notes):
                self._line(note)

    def _ended(self, event: TrialEnded) -> None:
        if self.is_live:
            values = "  ".join(f"{path.partition('.')[2]} {shown_value(one)}" for path, one in event.values.items())
            best = "" if event.best is None else f"  best {event.best:.4f}"
            name = "the recipe" if event.is_default else values
            self._line(
                f"trial {event.number:>3}  {_worth(event.outcome)}{best}  {event.seconds:.0f} s{_left(event.left)}"
                f"  {name}"
            )

    def _found(self, event: Tuning) -> None:
        for line in sentences(event):
            self._line(line)
        for path, (before, after) in event.changes.items():
            if before != after:
                self._line(f"  {path}: {shown_value(after)}, not {shown_value(before)}")
        if event.report is not None:
            self.screen.print(test_table(event.report))
        places = [str(event.folder / name) for name in ("best", "best.yaml", "trials.csv", "report.html")]
        self._line(f"kept in {', '.join(places if event.report else places[1:])}")

    def _line(self, text: str) -> None:
        self.screen.print(text, highlight=False, soft_wrap=True)


def _worth(outcome: Outcome) -> str:
    if outcome.value is None:
        return f"failed: {outcome.reason}"
    state = " pruned" if outcome.is_pruned else " cut" if outcome.is_cut else ""
    return f"{outcome.value:.4f}{state}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    return f"  {whole // 60}:{whole % 60:02} left"
