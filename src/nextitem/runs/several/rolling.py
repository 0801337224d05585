"""rolling: what a service would have seen that is trained anew every so many days: windows of time, a run each.

Each learns from what came before its validation, chooses by the `days` before its test, and is tested on the `days`
after that; it knows nothing of what came later. So it is an ordinary run on the data before a moment, split `at_time`,
with a folder of its own, which can be resumed, asked and compared like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from nextitem.data.log.units import PER_SECOND
from nextitem.data.splits.timed import DAY, gap_seconds
from nextitem.errors import InputError
from nextitem.recipe import Recipe, SplitRecipe
from nextitem.recipe.checks import refuse_unused
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.parts import build
from nextitem.runs.several.plan import Planned

WINDOWS = 4


@dataclass(frozen=True)
class Window:
    """What a finished run of a window found."""

    name: str
    tested_from: str  # a moment, ISO 8601 in UTC
    until: str  # without it
    cases: int
    test: dict[str, float]
    baselines: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Rolling:
    """All windows, the oldest first."""

    model: str
    data: str
    windows: tuple[Window, ...]

    def mean(self, baseline: str | None = None) -> dict[str, float]:
        """Of the windows, each counting alike, of the model or of a baseline."""
        values = [one.test if baseline is None else one.baselines[baseline] for one in self.windows]
        return {name: float(np.mean([one[name] for one in values])) for name in values[0]}


def windows_of(recipe: Recipe) -> list[Planned]:
    """The runs of a recipe whose split is rolling, the oldest window first; its data is read for when it ends.

    Raises:
        InputError: the log has no times, or the windows reach back to before it begins.
    """
    refuse_unused(recipe)
    build.refuse_keys(recipe.split)
    split = recipe.split
    days, count = split.days or 1.0, split.windows or WINDOWS
    step = split.step or days
    dataset, _ = build.build_dataset(recipe.data)
    recipe, _ = build.suited_to(recipe, dataset)
    times = dataset.sequences.timestamps
    if times is None:
        raise InputError(f"split.kind rolling needs timestamps, and {dataset.name} has none; take leave_one_out")
    unit = PER_SECOND[dataset.time_unit]
    begin, end = float(times.min() / unit), float(times.max() // unit + 1)
    gap = gap_seconds(split.gap or 0.0)
    if end - ((count - 1) * step + 2 * days) * DAY - 2 * gap <= begin:
        waits = f", a gap of {split.gap} before each part" if gap else ""
        raise InputError(
            f"split: {count} windows of {days:g} days, {step:g} days apart{waits}, leave nothing to train on: the log "
            f"lasts {(end - begin) / DAY:.1f} days; lower split.windows, split.days or split.step"
        )
    return [_window(recipe, number, end - (count - number) * step * DAY, days) for number in range(1, count + 1)]


def _window(recipe: Recipe, number: int, until: float, days: float) -> Planned:
    test_from = until - days * DAY
    split = recipe.split
    valid_from = test_from - days * DAY - gap_seconds(split.gap or 0.0)
    cut = SplitRecipe(
        kind="at_time", valid_from=valid_from, test_from=test_from, cases=split.cases, gap=split.gap,
        target_rating=split.target_rating,
    )  # fmt: skip
    data = recipe.data.model_copy(update={"before": until})
    own = recipe.model_copy(update={"data": data, "split": cut})
    return Planned(f"window-{number}", Path(recipe.data.source).name, recipe.model.label, own)


def rolled(runs: Sequence[Planned], out: Path) -> Rolling:
    """What the finished runs of the windows found, in folders below `out`."""
    windows = tuple(_found(one, RunFolder(out / one.name).read_report()) for one in runs)
    return Rolling(runs[0].kind, runs[0].data, windows)


def _found(planned: Planned, report: dict[str, Any]) -> Window:
    recipe = planned.recipe
    begin, until = (
        "" if one is None else datetime.fromtimestamp(one, UTC).isoformat(timespec="seconds")
        for one in (recipe.split.test_from, recipe.data.before)
    )
    return Window(planned.name, begin, until, report["leaks"]["cases"], report["test"], report["baselines"])
