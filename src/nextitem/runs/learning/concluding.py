"""How a run ends: a model that has learned is ranked on the test cases beside the baselines, and the report is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nextitem.data.batches import num_asked
from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Split
from nextitem.diagnosis.alarms import alarms
from nextitem.evaluation.lists import check_listed
from nextitem.models.base import Recommender, Trained
from nextitem.processes import Processes
from nextitem.recipe import Recipe
from nextitem.runs.folder.energy import Meter, NoMeter, told_energy
from nextitem.runs.folder.histories import write_histories
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.baselines import evaluate_with_baselines
from nextitem.runs.learning.reporting import report_of
from nextitem.runs.parts import build
from nextitem.runs.parts.metrics import choose_metrics, choose_monitor
from nextitem.training.checkpoint import read_state
from nextitem.training.fit import CHECKPOINT


def conclude(
    recipe: Recipe,
    model: Recommender,
    dataset: Dataset,
    split: Split,
    folder: RunFolder,
    processes: Processes,
    prepared: float,
    fitted: float,
    notes: tuple[str, ...],
    beside: Mapping[str, Recommender] | None = None,
    update: Mapping[str, Any] | None = None,
    meter: Meter | None = None,
) -> dict[str, Any]:
    """Evaluate a model whose weights are in the folder, and keep the report, which is returned.

    `prepared` are the seconds that the data took, `fitted` those of a model that is fitted in one go.
    `beside` are models that stand among the baselines, `update` is what is to be said of going on from an older run,
    and `meter` has counted the energy so far."""
    outcome = evaluate_with_baselines(recipe, model, split, processes, beside)

    def reported() -> bytes:
        state = read_state(folder.path / CHECKPOINT)
        seconds = {
            "preparation": prepared,
            "training": state.seconds if isinstance(model, Trained) else fitted,
            "evaluation": outcome.seconds,
        }
        report = report_of(recipe, dataset, split, outcome, state, seconds)
        report |= {"notes": notes, "monitor": monitor_of(recipe, split.num_items)}
        report |= {} if update is None else {"update": dict(update)}
        report |= told_energy(meter or NoMeter(), "evaluation")
        if recipe.evaluation.keep_histories:
            write_histories(folder.path, dataset.sequences, model.wanted())
        folder.write_ranks(outcome.ranks(dataset.users))
        folder.write_report(report)
        return json.dumps(report).encode()

    found: dict[str, Any] = json.loads(processes.from_first(reported))
    return found


def notes_of(recipe: Recipe, dataset: Dataset, split: Split) -> tuple[str, ...]:
    """What the numbers will not say of themselves; refuses metrics that the data has too few items for."""
    protocol = build.build_protocol(recipe.evaluation, recipe.seed)
    num_ranked = protocol.num_ranked(split.num_items)
    notes = alarms(dataset) + protocol.notes(split.test, dataset.num_interactions)
    metrics, said = choose_metrics(recipe, num_ranked)
    check_listed(metrics, recipe.evaluation.candidates, split.training_data)
    notes += said + _asked_note(recipe, split)
    return notes + (choose_monitor(recipe, num_ranked)[1] if recipe.training else ())


def _asked_note(recipe: Recipe, split: Split) -> tuple[str, ...]:
    least = None if recipe.training is None else build.least_asked(recipe.training, split)
    if least is None:
        return ()
    count, total = num_asked(split.train, least).sum(), split.train.num_interactions
    return (
        f"training learns to find {count:,} of {total:,} interactions, those rated {least:g} and more; it sees all",
    )


def monitor_of(recipe: Recipe, num_items: int) -> str | None:
    """The metric that says which epoch is best, in a catalogue of so many items; None where nothing is trained."""
    num_ranked = build.build_protocol(recipe.evaluation, recipe.seed).num_ranked(num_items)
    return choose_monitor(recipe, num_ranked)[0] if recipe.training else None
