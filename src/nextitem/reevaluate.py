"""Another look at a finished run: the same test cases under another protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nextitem.data.split import Split
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import Report, evaluate
from nextitem.evaluation.lists import check_lists
from nextitem.evaluation.protocol import Seen, Ties, named_protocol
from nextitem.recommend import Run, load
from nextitem.training import build
from nextitem.training.metrics import choose_metrics
from nextitem.training.run import describe_data


def evaluate_again(
    folder: Path,
    protocol: str = "full",
    seen: Seen | None = None,
    ties: Ties | None = None,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
) -> Report:
    """Read the run's data again and evaluate its weights on the test cases; see `named_protocol` for the names.

    Raises:
        InputError: an unknown protocol or option, or data that is no longer what the run was trained on.
    """
    chosen = named_protocol(protocol, seed)
    if seen is not None:
        chosen = replace(chosen, seen=seen)
    if ties is not None:
        chosen = replace(chosen, ties=ties)
    loaded, split = load_with_split(folder)
    num_ranked = chosen.num_ranked(split.num_items)
    notes = chosen.notes(split.test, loaded.report["data"]["interactions"])
    if metrics is None:
        metrics, said = choose_metrics(loaded.recipe, num_ranked, "--metrics")
        notes += said
    check_lists(metrics, num_ranked, "--metrics")
    memory = build.build_memory(loaded.recipe.evaluation, split.num_items)
    report = evaluate(loaded.model, split.test, metrics, chosen, memory)
    return replace(report, notes=notes)


def load_with_split(folder: Path) -> tuple[Run, Split]:
    """A finished run and its data, read and split again.

    Raises:
        InputError: the run is not finished, or its data is no longer what it was trained on.
    """
    loaded = load(folder)
    dataset, _ = build.build_dataset(loaded.recipe.data)
    if describe_data(dataset) != loaded.report["data"]:
        raise InputError(f"{loaded.recipe.data.source} is no longer the data that {folder} was trained on")
    return loaded, build.build_split(loaded.recipe.split, dataset, loaded.recipe.seed)
