"""Another look at a finished run: the same test cases under another protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Split
from nextitem.evaluation.evaluate import Report, evaluate
from nextitem.evaluation.lists import check_lists
from nextitem.evaluation.protocol import Seen, Shown, Ties, named_protocol
from nextitem.models.own import Given
from nextitem.retrieval.ranking import evaluate_by
from nextitem.runs.asking.data_again import read_again
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.parts import build
from nextitem.runs.parts.metrics import choose_metrics


def evaluate_again(
    folder: Path,
    protocol: str = "full",
    seen: Seen | None = None,
    ties: Ties | None = None,
    shown: Shown | None = None,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    data: str | None = None,
    models: Sequence[Given] = (),
    ann: bool = False,
) -> Report:
    """Read the run's data again and evaluate its weights on the test cases; see `named_protocol` for the names.

    `data` is where the run's data is now, if it moved; `models` are classes of the user's own, as for `load`. With
    `ann` the targets are looked for in the lists that the run's index finds, and the protocol says so.

    Raises:
        InputError: an unknown protocol or option, or data that is no longer what the run was trained on.
    """
    chosen = named_protocol(protocol, seed)
    if seen is not None:
        chosen = replace(chosen, seen=seen)
    if ties is not None:
        chosen = replace(chosen, ties=ties)
    if shown is not None:
        chosen = replace(chosen, shown=shown)
    loaded, split = load_with_split(folder, data, models)
    num_ranked = chosen.num_ranked(split.num_items)
    notes = chosen.notes(split.test, loaded.report["data"]["interactions"])
    if metrics is None:
        metrics, said = choose_metrics(loaded.recipe, num_ranked, "--metrics")
        notes += said
    check_lists(metrics, num_ranked, "--metrics")
    memory = build.build_memory(loaded.recipe.evaluation, split.num_items)
    if ann:
        report = evaluate_by(loaded.opened_index, split.test, metrics, chosen, memory, split.training_data)
    else:
        report = evaluate(loaded.model, split.test, metrics, chosen, memory, data=split.training_data)
    return replace(report, notes=notes)


def load_with_split(folder: Path, data: str | None = None, models: Sequence[Given] = ()) -> tuple[Run, Split]:
    """A finished run with the weights that were evaluated, and its data, read and split again; from `data`, if it moved
    there.

    Raises:
        InputError: the run is not finished, or its data is no longer what it was trained on.
    """
    loaded, _, split = load_with_data(folder, data, models)
    return loaded, split


def load_with_data(folder: Path, data: str | None = None, models: Sequence[Given] = ()) -> tuple[Run, Dataset, Split]:
    """The same, with the data set itself."""
    loaded = load(folder, models=models, evaluated=True)
    dataset = read_again(folder, loaded.recipe, data)
    return loaded, dataset, build.build_split(loaded.recipe.split, dataset, loaded.recipe.seed)
