"""Opened: a run folder in memory, its model and the ids that it speaks in; what is asked of a run is asked of this."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from nextitem.data.ids import IdMap
from nextitem.data.log.kinds import Kinds
from nextitem.data.log.units import TimeUnit
from nextitem.data.sequences import Sequences
from nextitem.models.base import Recommender
from nextitem.recipe import Recipe
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.folder.titles import titles_of_run


@dataclass(frozen=True)
class Opened:
    """A finished run: a model, the ids that it speaks in, and the folder that holds what else there is."""

    folder: Path
    recipe: Recipe
    items: IdMap
    users: IdMap
    model: Recommender
    time_unit: TimeUnit | None = None  # what the times that it learned from count; None: an older version made it
    is_refit: bool = False  # whether the weights are those of a training on all data, not those that were evaluated
    data_place: str | None = None  # where the run's data is now, if it moved

    @cached_property
    def kinds(self) -> Kinds | None:
        """The kinds of events that its ratings were, and the number of each; None of a log without them."""
        kept: Kinds | None = RunFolder(self.folder).read_data().get("kinds")
        return kept or self.recipe.data.kinds  # a run of an earlier version has them in its recipe alone

    @property
    def report(self) -> dict[str, Any]:
        """The content of report.json: protocol, metrics, baselines, seconds, versions and recipe."""
        return RunFolder(self.folder).read_report()

    @cached_property
    def titles(self) -> pl.Series | None:
        """What each item is called, place p that of item p + 1, null where that is not known; None without titles.

        Raises:
            InputError: they are damaged, or of another run.
        """
        return titles_of_run(RunFolder(self.folder), len(self.items))

    @cached_property
    def histories(self) -> Sequences:
        """What each user of the run's data has met, oldest first, memory-mapped; row r is that of user r + 1.

        Raises:
            InputError: the run keeps none, or they are damaged.
        """
        return RunFolder(self.folder).read_histories(self.model.wanted())
