"""compare: finished runs of the same data, split and protocol in one comparison, by the rankings that they kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from nextitem.errors import InputError, expect_word
from nextitem.evaluation.comparison import Line, compare_values
from nextitem.evaluation.lists import check_lists, main
from nextitem.evaluation.significance import TestName
from nextitem.notebook import html_table
from nextitem.recipe import Recipe
from nextitem.recipe.comparing import comparable, differences
from nextitem.runs.folder.ranked import Ranked, read_ranked
from nextitem.runs.folder.run_folder import RANKS, RunFolder
from nextitem.runs.several.grouped import by_seed, names_of, refuse_other, run_folders

Part = Literal["valid", "test"]


@dataclass(frozen=True)
class Seeds:
    """Runs that differ in the seed alone, or one run."""

    name: str
    folders: tuple[Path, ...]
    reports: tuple[dict[str, Any], ...]
    ranked: tuple[Ranked, ...]
    differs: tuple[str, ...] = ()  # from the reference, in words: "model.dim: 128, not 64"
    is_baseline: bool = False  # of the runs named, which are those that it was a baseline of

    @property
    def recipe(self) -> Recipe:
        return comparable(self.reports[0]["recipe"])

    def values(self, metric: str) -> np.ndarray:
        """(S, R) of a metric."""
        return np.stack([one.measure(metric) for one in self.ranked])


@dataclass(frozen=True)
class Comparison:
    """Models in one table: means with intervals over the cases, and each against the reference."""

    part: Part
    protocol: str
    split: str
    data: str
    reference: str
    test: TestName
    metrics: tuple[str, ...]
    models: tuple[Seeds, ...]
    lines: tuple[Line, ...]  # metric by metric, each in the order of the models

    def of(self, metric: str) -> list[Line]:
        """The lines of a metric, in the order of the models."""
        return [line for line in self.lines if line.metric == metric]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """A row a model and metric."""
        rows = []
        for line in self.lines:
            gap = line.gap
            rows.append({
                "model": line.model, "metric": line.metric, "seeds": line.seeds, "mean": line.mean, "low": line.low,
                "high": line.high, "sd_of_seeds": line.spread,
                "difference": gap and gap.found.difference, "difference_low": gap and gap.found.low,
                "difference_high": gap and gap.found.high, "p_value": gap and gap.found.p_value,
                "p_holm": gap and gap.corrected, "effect": gap and gap.effect, "better": gap and gap.better,
                "worse": gap and gap.worse,
            })  # fmt: skip
        return pl.DataFrame(rows, infer_schema_length=None)

    def __repr__(self) -> str:
        return f"Comparison({', '.join(one.name for one in self.models)}; {self.protocol})"

    def _repr_html_(self) -> str:
        """A table, in notebooks."""
        rows = [["" if one is None else f"{one:.4f}" if isinstance(one, float) else str(one) for one in row]
                for row in self.frame.rows()]  # fmt: skip
        return html_table(f"{self.data}, {self.split}; {self.protocol}", self.frame.columns, rows)


def compare(
    runs: Sequence[str | Path],
    *,
    metrics: Sequence[str] | None = None,
    against: str | None = None,
    test: TestName = "t",
    part: Part = "test",
    baselines: bool = False,
) -> Comparison:
    """Compare finished runs of the same data, split and protocol; folders of runs stand for the runs in them.

        ni.compare(["runs/sasrec", "runs/gru4rec"], metrics=["ndcg@10", "ndcg@100"]).frame

    Runs that differ in the seed alone are one model. `metrics` are any, at any k (ndcg and hr at 10): the ranks of
    every case are kept, and nothing is scored again. `against` is the name of the reference, the first by default. The
    difference to it is paired over the cases, of means over seeds; p values are of a two-sided `test` (t, wilcoxon or
    randomisation), with Holm's correction over the models of a metric. `part` may be valid. With `baselines` those of
    the first run are models too.

    Raises:
        InputError: a folder has no finished run; runs of other data, another split or protocol, whose difference is
            named; an unknown metric, reference or test.
    """
    expect_word("test", test, TestName)
    expect_word("part", part, Part)
    folders = run_folders(runs)
    reports = {folder: RunFolder(folder).read_report([RANKS]) for folder in folders}
    recipes = {folder: comparable(report["recipe"]) for folder, report in reports.items()}
    first = folders[0]
    for folder in folders[1:]:
        refuse_other(first, folder, reports, recipes)
    groups = by_seed(recipes)
    names = names_of(groups, recipes)
    ranked = {folder: read_ranked(folder, part=part) for folder in folders}
    models = [
        Seeds(name, tuple(group), tuple(map(reports.__getitem__, group)), tuple(map(ranked.__getitem__, group)))
        for name, group in zip(names, groups, strict=True)
    ]
    if baselines:
        if part == "valid":
            raise InputError("baselines are evaluated on the test cases alone; leave --baselines out, or --part valid")
        models += _baselines(models[0], names, recipes[first].split.is_random)
    models = _with_differences(models, _reference(models, against))
    _refuse_other_cases(models, recipes[first])
    num_ranked = int(ranked[first].ranking.num_ranked.min())
    chosen = tuple(metrics) if metrics is not None else (main(num_ranked), f"hr@{min(10, num_ranked)}")
    check_lists(chosen, num_ranked, "metrics")
    reference = _reference(models, against)
    lines = [
        line
        for metric in chosen
        for line in compare_values({one.name: one.values(metric) for one in models}, reference, metric, test)
    ]
    report = reports[first]
    return Comparison(
        part, report["protocol"], report["split"], report["data"]["name"], reference, test, chosen, tuple(models),
        tuple(lines),
    )  # fmt: skip


def _baselines(model: Seeds, names: Sequence[str], is_random: bool) -> list[Seeds]:
    """Those of the first model's report, of each seed where that draws the split."""
    own = slice(None) if is_random else slice(1)
    folders, reports = model.folders[own], model.reports[own]
    others = [name for name in reports[0]["baselines"] if name not in names]
    return [
        Seeds(name, folders, reports, tuple(read_ranked(folder, name) for folder in folders), is_baseline=True)
        for name in others
    ]


def _reference(models: Sequence[Seeds], against: str | None) -> str:
    names = [one.name for one in models]
    if against is None:
        return names[0]
    own = [one for one in models if not one.is_baseline]
    found = [one.name for one in own if against in (one.recipe.model.label, *map(str, one.folders))]
    found = [against] if against in names else found
    if len(found) != 1:
        which = "means more than one" if found else "is none"
        raise InputError(f"against: {against} {which} of the models; they are {', '.join(names)}")
    return found[0]


def _with_differences(models: Sequence[Seeds], reference: str) -> list[Seeds]:
    """What each recipe has otherwise than the reference's; of another model no model keys, and none of a section that
    one of the two has not."""
    (base,) = (one for one in models if one.name == reference)
    found = []
    for one in models:
        mine, its = one.recipe, base.recipe
        lines = [] if one.is_baseline or base.is_baseline else differences(mine, its)
        skipped = ["seed:", *(["model."] if mine.model.name != its.model.name else [])]
        skipped += [f"{name}." for name in ("loss", "training") if (getattr(mine, name) and getattr(its, name)) is None]
        told = [line for line in lines if not line.startswith(tuple(skipped))]
        found.append(replace(one, differs=tuple(told)))
    return found


def _refuse_other_cases(models: Sequence[Seeds], recipe: Recipe) -> None:
    """Values are paired, so all must have answered the same cases, seed by seed where the seed draws the split."""
    first = models[0]
    if recipe.split.is_random:
        seeds = [[report["recipe"]["seed"] for report in one.reports] for one in models]
        if any(one != seeds[0] for one in seeds):
            raise InputError(
                f"split.kind {recipe.split.kind} is drawn by the seed, so the models want the same seeds; found "
                + "; ".join(f"{one.name} {found}" for one, found in zip(models, seeds, strict=True))
            )
    for one in models:
        for ranked, other in zip(one.ranked, _same_seeds(first, one), strict=True):
            if not ranked.users.equals(other.users):
                raise InputError(f"{one.name} has answered other cases than {first.name}; compare one seed at a time")


def _same_seeds(first: Seeds, one: Seeds) -> tuple[Ranked, ...]:
    return first.ranked if len(first.ranked) == len(one.ranked) else first.ranked[:1] * len(one.ranked)
