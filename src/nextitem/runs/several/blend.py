"""blend: finished runs and counted models in one run folder, weighed by their validation cases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from os.path import lexists
from pathlib import Path
from typing import Any

from nextitem.data.splits.split import Split
from nextitem.errors import InputError, expect
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.lists import main
from nextitem.evaluation.ranking import Track
from nextitem.models.base import Fitted, Recommender
from nextitem.models.blend import Blend, Member
from nextitem.models.catalogue import MODELS
from nextitem.recipe import Recipe, make_recipe
from nextitem.replacing import replacing_folder
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.asking.reevaluate import load_with_data
from nextitem.runs.folder.histories import write_histories
from nextitem.runs.folder.identity import describe_data, difference
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.baselines import evaluate_with_baselines
from nextitem.runs.learning.concluding import monitor_of
from nextitem.runs.learning.reporting import report_of
from nextitem.runs.parts import build
from nextitem.runs.several.weighing import weigh
from nextitem.training.checkpoint import FitState


def blend(
    members: Sequence[str | Path],
    out: str | Path,
    *,
    again: bool = False,
    data: str | None = None,
    track: Track | None = None,
) -> Run:
    """Blend finished runs and counted models, and open the run folder `out` that is made of it.

        run = ni.blend(["runs/sasrec", "runs/mamba", "MarkovChain"], "runs/blend")
        print(run.report["members"], run.report["test"])

    A member is a run folder, or the name of a model that is fitted in one go, which is fitted to the training data with
    the arguments of its own recipe. What each counts is chosen by the metric that chose the first run's best epoch
    (ndcg@10 where it has none), on the validation cases; a blend that is not better there than its best member is that
    member alone. `data` is where the runs' data is now, if it moved; `again` replaces an older folder.

    Raises:
        InputError: less than two members or no run among them; runs of different data, splits or seeds of a random
            split; a model of your own code; or `out` is there.
    """
    expect("out", out, (str, Path), "name the folder to write")
    place = Path(out)
    if lexists(place) and not again:
        raise InputError(f"{place} exists; name another folder, or add --again (again=True) to replace it")
    names = [str(one) for one in members]
    runs = [Path(name) for name in names if name not in MODELS]
    if len(names) < 2 or not runs:
        raise InputError(f"a blend is made of two members or more, one of them a finished run; found {names}")
    start = time.perf_counter()
    opened, dataset, split = load_with_data(runs[0], data)
    dataset = replace(dataset, name=RunFolder(runs[0]).read_data()["name"])
    models = [load(run, evaluated=True) for run in runs]
    for other in models[1:]:
        _refuse_other(opened, other)
    prepared = time.perf_counter() - start
    chosen = _members(names, models, split, opened.recipe.seed)
    recipe = _recipe(opened.recipe, [member for member, _ in chosen])
    sizes = split.training_data.sizes_for({need for _, model in chosen for need in model.needs})
    mixed = Blend(sizes, recipe.model.arguments["members"])
    for own, (_, model) in zip(mixed.models, chosen, strict=True):
        assert isinstance(own, Recommender)
        own.load_weights(model.state_dict())
    fitted = time.perf_counter()
    metric = monitor_of(opened.recipe, split.num_items) or main(split.num_items)
    valid = _weighed(mixed, recipe, split, metric, track)
    seconds = {"preparation": prepared, "training": time.perf_counter() - fitted}
    beside = {member.name: model for member, model in zip(mixed.members, mixed.models, strict=True)}
    outcome = evaluate_with_baselines(recipe, mixed, split, beside=beside)  # type: ignore[arg-type]
    report = report_of(recipe, dataset, split, outcome, FitState(), seconds | {"evaluation": outcome.seconds})
    weights, logs = mixed.weights.tolist(), mixed.logs.tolist()
    report["members"] = [
        {"name": member.name, "run": member.run, "weight": weight, "log": log, "valid": {metric: value}}
        for member, weight, log, value in zip(mixed.members, weights, logs, valid, strict=True)
    ]
    report |= {"notes": (), "monitor": metric}
    with replacing_folder(place) as part:
        kept = RunFolder(part)
        kept.write_ids(dataset.items, dataset.users, dataset.item_attributes)
        kept.write_data(describe_data(dataset), RunFolder(runs[0]).read_data().get("directory"))
        kept.write_sizes(sizes)
        kept.write_recipe(recipe)
        kept.write_weights(mixed.state_dict())
        if recipe.evaluation.keep_histories:
            write_histories(part, dataset.sequences, mixed.wanted())
        kept.write_ranks(outcome.ranks(dataset.users))
        kept.write_report(report)
        load(part)
    return load(place)


def _refuse_other(first: Run, other: Run) -> None:
    differs = difference(RunFolder(first.folder).read_data(), RunFolder(other.folder).read_data())
    if differs:
        raise InputError(f"{other.folder} is of other data than {first.folder}: {differs}; blend runs of the same data")
    if first.recipe.split != other.recipe.split:
        raise InputError(
            f"{other.folder} has another split than {first.folder} ({other.recipe.split!r}, not "
            f"{first.recipe.split!r}); blend runs of the same split"
        )
    if first.recipe.seed != other.recipe.seed and first.recipe.split.is_random:
        raise InputError(
            f"{other.folder} drew its split by seed {other.recipe.seed}, {first.folder} by {first.recipe.seed}, so "
            "that one has trained on cases of the other; blend runs of the same seed"
        )
    RunFolder(other.folder).read_report()  # refuses a run that is not finished


def _members(names: Sequence[str], runs: Sequence[Run], split: Split, seed: int) -> list[tuple[Member, Recommender]]:
    """The members and their models, in the order of the names."""
    rest = iter(runs)
    found: list[tuple[Member, Recommender]] = []
    for name in names:
        if name in MODELS:
            if not issubclass(MODELS[name], Fitted):
                raise InputError(f"{name} is trained by gradients: nextitem run -m {name}, and blend its run folder")
            arguments = make_recipe({"model": {"name": name}}).model.arguments
            found.append((Member(name, name, arguments), build.build_baseline(name, split, seed)))
            continue
        run = next(rest)
        recipe = run.recipe
        if recipe.model.name not in MODELS:
            raise InputError(f"{run.folder} is a run of {recipe.model.label}; a blend is made of runs of our models")
        loss = None if recipe.loss is None else recipe.loss.name
        member = Member(recipe.model.label, recipe.model.name, recipe.model.arguments, loss, str(run.folder))
        found.append((member, run.model))
    labels = [member.name for member, _ in found]
    return [
        (replace(member, name=f"{member.name} ({member.run})") if labels.count(member.name) > 1 else member, model)
        for member, model in found
    ]


def _recipe(first: Recipe, members: Sequence[Member]) -> Recipe:
    """That of the blend: data, split, protocol and seed are the first run's."""
    layer: dict[str, Any] = first.model_dump(mode="json", include={"data", "split", "evaluation", "seed"})
    layer["evaluation"] |= {"energy": False, "energy_country": None}  # a blend is made of what was trained before
    return make_recipe({"model": {"name": "Blend", "members": [asdict(member) for member in members]}}, layer)


def _weighed(mixed: Blend, recipe: Recipe, split: Split, metric: str, track: Track | None) -> list[float]:
    """The blend gets its weights; what each member has on the validation cases (M,)."""
    protocol = build.build_protocol(recipe.evaluation, recipe.seed)
    memory = build.build_memory(recipe.evaluation, split.num_items)

    def measured(model: Recommender) -> float:
        return evaluate(model, split.valid, [metric], protocol, memory).means()[metric]

    alone = [measured(model) for model in mixed.models]  # type: ignore[arg-type]
    weights, logs = weigh(mixed, split.valid, protocol, metric, track)
    mixed.weigh(weights, logs)
    best = max(range(len(alone)), key=alone.__getitem__)
    if measured(mixed) <= alone[best]:
        mixed.weigh(weights.new_tensor([float(one == best) for one in range(len(alone))]), logs & False)
    return alone
