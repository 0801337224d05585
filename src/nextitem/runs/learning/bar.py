"""Bar: the progress of each epoch on a terminal, under a name that what happens in a run tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console

from nextitem.data.batches import Batch
from nextitem.runs.learning.refit import Refitting
from nextitem.runs.learning.run import Built
from nextitem.terminal import tracked
from nextitem.training.fit import Progress
from nextitem.training.refit import RefitEpoch

Happening = TypeVar("Happening")


class EpochBar:
    """A progress bar over the batches of each epoch, gone when the epoch is over. It must hear of what happens."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self.epoch = 0  # the last one that is over, of the training that is under way
        self.refit = 0  # epochs of that training, where it is the one on all data

    def hear(self, event: object) -> None:
        match event:
            case Built():
                self.epoch, self.refit = event.resumed_at, 0
            case Refitting():
                self.epoch, self.refit = event.resumed_at, event.epochs
            case Progress() | RefitEpoch():
                self.epoch = event.epoch.number

    def heard(self, events: Iterable[Happening]) -> Iterator[Happening]:
        """The events, each once it is heard."""
        for event in events:
            self.hear(event)
            yield event

    def track(self, batches: Iterable[Batch], total: int) -> Iterator[Batch]:
        """The batches of the epoch after the last one."""
        return tracked(self.screen, batches, total, self.name(self.epoch + 1))

    def name(self, epoch: int) -> str:
        """`epoch   7`, or of a training on all data `refit epoch  7 of 12`."""
        if not self.refit:
            return f"epoch {epoch:>3}"
        return f"refit epoch {epoch:>{len(str(self.refit))}} of {self.refit}"
