"""The terminal: what `nextitem run` shows of each event, as rich tables."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console

from nextitem.data.batches import Batch
from nextitem.keys import keys_of
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import options_of
from nextitem.recipe import Recipe
from nextitem.report.data import data_table
from nextitem.report.pace import Pace
from nextitem.report.results import epochs_of, test_table
from nextitem.report.tables import FittingTable, pairs_table
from nextitem.runs.learning.bar import EpochBar
from nextitem.runs.learning.concluding import monitor_of
from nextitem.runs.learning.deadline import was_cut
from nextitem.runs.learning.refit import Refitting
from nextitem.runs.learning.run import Built, Event, Finished, Prepared
from nextitem.training.fit import Progress as EpochProgress
from nextitem.training.profile import Profile
from nextitem.training.refit import RefitEpoch

Mode = Literal["light", "detail"]
BUSY = 0.5  # cores that others use, from which on it is said


class RunView:
    """Shows events as they come. `light` is a line for the data, one for each of its notes, a line an epoch, and the
    result; `detail` shows the data, the recipe and the model too, and says what each phase does."""

    def __init__(self, console: Console, mode: Mode = "detail") -> None:
        self.console, self.mode = console, mode
        self.bar = EpochBar(console)
        self.pace = Pace(self._noted)

    def show(self, event: Event) -> None:
        self.bar.hear(event)
        match event:
            case Prepared():
                self._prepared(event)
            case Built():
                self._built(event)
            case EpochProgress():
                self._epoch(event)
            case Refitting():
                self._refitting(event)
            case RefitEpoch():
                self._refit_epoch(event)
            case Finished():
                self._finished(event)

    def track(self, batches: Iterable[Batch], total: int) -> Iterator[Batch]:
        """A progress bar over the batches of an epoch, whose pace is watched."""
        return self.bar.track(self.pace.track(batches, total), total)

    def _prepared(self, event: Prepared) -> None:
        leaks, data = event.leaks, event.dataset
        if self.mode == "light":
            self.console.print(
                f"{data.name}: {data.num_users:,} users, {data.num_items:,} items, {data.num_interactions:,} "
                f"interactions; {event.split.name}",
                highlight=False,
                soft_wrap=True,
            )
            self._noted(*data.notes, *event.notes)
            return
        self.console.print(event.origin, soft_wrap=True)
        self._noted(*data.notes)
        self.console.print(data_table(data))
        self.console.print(
            f"split: {event.split.name}: {leaks.cases:,} test users; {leaks.seen_before:,} targets stand in their own "
            f"history, {leaks.never_trained:,} never occur in training"
        )
        self._noted(*event.notes)

    def _noted(self, *notes: str) -> None:
        for note in notes:
            self.console.print(note, highlight=False, soft_wrap=True)

    def _built(self, event: Built) -> None:
        if self.mode == "detail":
            self.console.print(_recipe_table(event.recipe))
            if list(event.model.parameters()):  # else the title of an empty table is broken letter by letter
                self.console.print(_parameter_table(event.model))
            self.console.print(_plan(event), highlight=False)
        if event.others > BUSY:
            self.console.print(
                f"this machine is busy: other work uses {event.others:.1f} of its {os.cpu_count()} cores; what follows "
                "takes longer, and its results are the same",
                highlight=False,
            )
        if event.resumed_at:
            self.console.print(f"continuing after epoch {event.resumed_at}")
        self.pace.begin(event.recipe, event.model, event.resumed_at)

    def _epoch(self, event: EpochProgress) -> None:
        epoch = event.epoch.number
        valid = "  ".join(f"{name} {value:.4f}" for name, value in _headline(event.valid or {}).items())
        parts = " + ".join(f"{name} {value:.4f}" for name, value in event.epoch.parts.items())
        loss = f"{event.epoch.loss:.4f}" + (f" ({parts})" if parts else "")
        self.console.print(
            f"{self.bar.name(epoch)}  loss {loss}  {valid}{' *' if event.is_best else '  '}"
            f"  {event.epoch.seconds:.1f} s  {event.epoch.targets_per_second:,.0f} targets/s",
            highlight=False,
            soft_wrap=True,
        )
        self.pace.epoch_ended(epoch, event.valid is not None)

    def _refitting(self, event: Refitting) -> None:
        length = f" for {epochs_of(event.epochs)}" if event.epochs else ""
        after = f", continuing after epoch {event.resumed_at}" if event.resumed_at else ""
        self.console.print(
            f"now on all data ({event.interactions:,} interactions){length}, without validation{after}",
            highlight=False,
            soft_wrap=True,
        )

    def _refit_epoch(self, event: RefitEpoch) -> None:
        name, epoch = self.bar.name(event.epoch.number), event.epoch
        self.console.print(f"{name}  loss {epoch.loss:.4f}  {epoch.seconds:.1f} s", highlight=False)

    def show_profile(self, profile: Profile) -> None:
        """Where the time of the training steps went."""
        if not profile.num_steps:
            self.console.print("profile: no step was trained")
            return
        total = sum(profile.seconds.values())
        table = FittingTable(
            title=f"{profile.num_steps:,} training steps", box=SIMPLE_HEAD, title_justify="left", pad_edge=False
        )
        for title in ("phase", "seconds", "ms a step", "share"):
            table.add_column(title, justify="left" if title == "phase" else "right", no_wrap=True)
        for phase, seconds in profile.seconds.items():
            table.add_row(
                phase, f"{seconds:.2f}", f"{1000 * seconds / profile.num_steps:.2f}", f"{seconds / total:.1%}"
            )
        self.console.print(table)

    def _finished(self, event: Finished) -> None:
        report = event.report
        training = report["recipe"]["training"]
        if event.is_kept:
            self.console.print(f"{event.folder} holds this run already; add --again to train afresh", soft_wrap=True)
        elif was_cut(report):
            self.console.print(
                f"cut after epoch {report['epochs']}, when the time was over; the weights of epoch "
                f"{report['best_epoch']} are kept"
            )
        elif training and report["epochs"] < training["epochs"]:
            monitor = report.get("monitor", training["monitor"])  # reports of before have none
            self.console.print(
                f"stopped early: no better {monitor} in {training['patience']} validations; "
                f"the weights of epoch {report['best_epoch']} are kept"
            )
        self.console.print(test_table(report))
        self.console.print(f"kept in {event.folder}", highlight=False, soft_wrap=True)


def _plan(event: Built) -> str:
    """What training is about to do."""
    training, name = event.recipe.training, event.recipe.model.label
    if training is None:
        return f"{name} is fitted in one go; then it and the baselines are ranked on the test cases"
    monitor = monitor_of(event.recipe, event.model.num_items)
    first = event.model.pretrain_epochs if isinstance(event.model, Trained) else 0
    return (
        f"training: at most {training.epochs} epochs of {training.batches} batches of {training.batch_size} rows; "
        + (f"the first {first} pre-train, and are not validated; then " if first else "")
        + f"every {training.evaluate_every} epochs {monitor} on the validation cases (* is the best so far), "
        f"until {training.patience} validations in a row are no better; then the best weights and the baselines are "
        "ranked on the test cases, once"
    )


def _recipe_table(recipe: Recipe) -> FittingTable:
    table = pairs_table("Recipe")
    for section, keys in recipe.model_dump(mode="json", exclude_none=True).items():
        if isinstance(keys, dict):
            idle = _idle_options(recipe) if section == "model" else frozenset()
            shown = {key: _plain(value) for key, value in keys.items() if key not in idle}
            table.add_row(section, "  ".join(f"{key}={value}" for key, value in shown.items() if value))
        elif section != "format":
            table.add_row(section, str(keys))
    return table


def _idle_options(recipe: Recipe) -> frozenset[str]:
    """Keys of contents and contrast, which a model may have, and that this one has not; `nextitem recipe` has them."""
    given = recipe.model.arguments
    names = {name: key.default for kind in options_of(recipe.model.kind) for name, key in keys_of(kind).items()}
    return frozenset(name for name, first in names.items() if given.get(name, first) == first)


def _parameter_table(model: Recommender) -> FittingTable:
    table = pairs_table(f"{type(model).__name__}: {sum(p.numel() for p in model.parameters()):,} parameters")
    counts = Counter[str]()
    for name, parameter in model.named_parameters():
        counts[name.partition(".")[0]] += parameter.numel()
    for part, count in counts.items():
        table.add_row(part, f"{count:,}")
    return table


def _headline(valid: dict[str, float]) -> dict[str, float]:
    """hr@10 and ndcg@10 where they are measured, so that the line fits a terminal."""
    chosen = {name: value for name, value in valid.items() if name in ("hr@10", "ndcg@10")}
    return chosen or dict(list(valid.items())[:2])


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
