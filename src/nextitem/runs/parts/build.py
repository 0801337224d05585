"""From a recipe to its parts: data set, split, model, batches, optimizer, protocol."""

from __future__ import annotations

from inspect import signature
from typing import Any, get_args

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch.nn.parallel import DistributedDataParallel

from nextitem.data.batches import Batches, asked_of, find_batches, make_batches, num_steps
from nextitem.data.dataset import Dataset
from nextitem.data.log.kinds import least_of
from nextitem.data.splits.cases import One, each_target, one_target, rated_targets, refuse_bare
from nextitem.data.splits.cold import cold_items, cold_users
from nextitem.data.splits.ratio import ratio_split
from nextitem.data.splits.split import Split, leave_k_out, leave_one_out
from nextitem.data.splits.timed import at_shares, at_time, given_parts, last_days, late_users
from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import bytes_of_a_row
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.models.catalogue import find, make
from nextitem.models.strangers import forget_strangers
from nextitem.models.towers import ItemTower
from nextitem.nn.objectives import Objective
from nextitem.processes import ALONE, Processes
from nextitem.recipe import (
    EvaluationRecipe,
    LossRecipe,
    Recipe,
    SplitRecipe,
    TrainingRecipe,
    make_recipe,
)
from nextitem.recipe.preparing import build_dataset as build_dataset
from nextitem.recipe.suiting import suited
from nextitem.runs.parts.devices import check_device
from nextitem.runs.parts.objectives import make_objective
from nextitem.runs.parts.precision import fabric_keys
from nextitem.training.averaging import COUNT, DECAY, Average
from nextitem.training.optimizers import make_optimizer
from nextitem.training.schedules import Schedule
from nextitem.training.share import fit_once


def suited_to(recipe: Recipe, dataset: Dataset) -> tuple[Recipe, tuple[str, ...]]:
    """As `nextitem.recipe.suiting.suited`, for a data set."""
    return suited(recipe, *size_of(dataset))


def size_of(dataset: Dataset) -> tuple[int, float]:
    """Users, and items a user in the mean."""
    return dataset.num_users, dataset.num_interactions / max(dataset.num_users, 1)


def suited_to_data(recipe: Recipe) -> tuple[Recipe, tuple[str, ...]]:
    """The same for the data that it names, which are read where they have a say."""
    return suited_to(recipe, build_dataset(recipe.data)[0]) if recipe.open else (recipe, ())


def build_split(recipe: SplitRecipe, dataset: Dataset, seed: int) -> Split:
    """The split of a recipe.

    Raises:
        InputError: keys that its kind has no use for; a log in files of a split is to be split anew; what the kind
            itself refuses.
    """
    refuse_keys(recipe)
    if dataset.parts is not None and recipe.kind != "given":
        raise InputError(
            f"{dataset.name} came split into train, valid and test, and split.kind {recipe.kind} would split it anew; "
            "take --split.kind given, or read (or prepare) it with --data.parts join"
        )
    split = _cut(recipe, dataset, seed)
    if recipe.cases == "each":
        split = each_target(split)
    elif recipe.cases is not None and recipe.cases != "together":
        return one_target(split, recipe.cases, seed)
    elif recipe.cases is None and recipe.kind == "given":
        refuse_bare(split)
    return split if recipe.target_rating is None else rated_targets(split, recipe.target_rating)


def _cut(recipe: SplitRecipe, dataset: Dataset, seed: int) -> Split:
    gap = recipe.gap or 0.0
    match recipe.kind:
        case "leave_one_out":
            return leave_one_out(dataset, recipe.min_length)
        case "leave_k_out":
            k = recipe.k or 1
            return leave_k_out(dataset, k, max(recipe.min_length, 2 * k + 1))
        case "cold_items":
            return cold_items(dataset, recipe.valid, recipe.test, seed)
        case "cold_users":
            return cold_users(dataset, recipe.valid, recipe.test, seed)
        case "at_time" if recipe.valid_from is not None and recipe.test_from is not None:
            return at_time(dataset, recipe.valid_from, recipe.test_from, gap)
        case "at_time" if recipe.days is not None:
            return last_days(dataset, recipe.days, gap)
        case "at_time":
            return at_shares(dataset, recipe.valid, recipe.test, gap)
        case "late_users":
            return late_users(dataset, recipe.days or 1.0)
        case "given":
            return given_parts(dataset)
        case "rolling":
            raise InputError(
                "split.kind rolling is a run a window, which nextitem run makes (split.days, split.windows, "
                "split.step); here take at_time, which is one window of it"
            )
        case "labelled":
            raise InputError(
                "split.kind labelled asks for the labels of pairs and ranks nothing, which nextitem run does by "
                "itself, and ni.fit_labelled in Python; here take entry, which cuts as it does"
            )
        case "user_entry" | "entry" | "user":
            return ratio_split(dataset, recipe.valid, recipe.test, recipe.kind, recipe.order, seed, recipe.rounding)


def refuse_keys(recipe: SplitRecipe) -> None:
    """Raises InputError where there are keys that this kind of split has no use for."""
    users = {"k": ("leave_k_out",), "days": ("at_time", "late_users", "rolling"), "valid_from": ("at_time",),
             "test_from": ("at_time",), "rounding": ("user_entry",),
             "cases": ("given", "at_time", "user_entry", "entry", "rolling"),
             "windows": ("rolling",), "step": ("rolling",), "gap": ("at_time", "rolling")}  # fmt: skip
    given = recipe.model_dump(include=set(users), exclude_defaults=True)
    for key, kinds in users.items():
        if key in given and recipe.kind not in kinds:
            raise InputError(f"split.{key} is of {' and '.join(kinds)}, found kind {recipe.kind}; leave it out")
    by_time = recipe.cases not in (None, "together")
    if by_time and recipe.kind in ("user_entry", "entry") and recipe.order != "time":
        raise InputError(
            f"split.cases {recipe.cases} asks in the order of time, found split.order random; take order time"
        )
    if recipe.target_rating is not None and recipe.cases in get_args(One):
        raise InputError(
            f"split.target_rating asks for some of a user's targets, and split.cases {recipe.cases} for one of all; "
            "take split.cases each, or together"
        )
    if ("valid_from" in given) != ("test_from" in given) or {"days", "valid_from"} <= set(given):
        raise InputError("split: at_time goes by valid_from and test_from, by days, or by shares; name one of them")


def sizes_of(recipe: Recipe, split: Split) -> Sizes:
    """What the data says to a model of its sizes."""
    return split.training_data.sizes_for(recipe.model.needs)


def build_model(recipe: Recipe, split: Split, processes: Processes = ALONE) -> Recommender:
    """A model with its first weights, which the seed alone decides; a counted one is fitted at once."""
    data = split.training_data
    data.refuse_missing(recipe.model.needs, recipe.model.label)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = make(recipe.model.kind, sizes_of(recipe, split), recipe.model.arguments)
    if isinstance(model, ItemTower) and recipe.loss is not None:
        model.score_for(recipe.loss.name)
    if isinstance(model, Trained):
        model.prepare(data)
        forget_strangers(model, data)
    if isinstance(model, Trained) and recipe.loss is not None:
        model.objective = build_objective(recipe, recipe.loss, split, model.max_length)
    if isinstance(model, Fitted):
        fit_once(model, data, processes)
    return model


def build_baseline(name: str, split: Split, seed: int, processes: Processes = ALONE) -> Fitted:
    """A baseline with the arguments of its own recipe, fitted to the training rows."""
    kind, arguments = find(name), make_recipe({"model": {"name": name}}).model.arguments
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        baseline = make(kind, split.training_data.sizes_for(kind.needs), arguments)
    if not isinstance(baseline, Fitted):
        raise InputError(f"evaluation.baselines: {name} is trained by gradients; a baseline is fitted in one go")
    fit_once(baseline, split.training_data, processes)
    return baseline


def build_objective(recipe: Recipe, loss: LossRecipe, split: Split, max_length: int | None) -> Objective:
    """`loss` is the recipe's, which make_recipe has filled in."""
    assert recipe.training is not None
    targets = find_batches(recipe.training.batches).targets_of(split.train, max_length)
    return make_objective(loss, split, asked_of(targets, least_asked(recipe.training, split)), recipe.seed)


def build_batches(recipe: TrainingRecipe, model: Trained, split: Split, seed: int) -> Batches:
    wanted = model.wanted()
    wanted.refuse_missing(split.train, type(model).__name__)
    least = least_asked(recipe, split)
    keys = recipe.batch_keys if least is None else recipe.batch_keys | {"target_rating": least}
    return make_batches(
        recipe.batches, split.train, recipe.batch_size, max_length=model.max_length, num_items=split.num_items,
        seed=seed, wanted=wanted, **keys,
    )  # fmt: skip


def least_asked(recipe: TrainingRecipe, split: Split) -> float | None:
    """How what is a target of training was rated at least; None: however it was rated.

    Raises:
        InputError: the recipe has a word, and no kind of events is called so.
    """
    return least_of("training.target_rating", recipe.target_rating, split.kinds)


def build_optimizer(recipe: TrainingRecipe, model: Trained) -> torch.optim.Optimizer:
    return make_optimizer(model, recipe.optimizer, recipe.learning_rate, recipe.weight_decay, recipe.beta2)


def build_average(recipe: TrainingRecipe, model: Trained) -> Average | None:
    if recipe.average is None:
        return None
    decay = DECAY if recipe.average_decay is None else recipe.average_decay
    return Average(recipe.average, model, decay, recipe.average_count or COUNT)


def build_schedule(recipe: TrainingRecipe, batches: Batches) -> Schedule:
    """Of the steps that epochs of these batches have."""
    return Schedule(
        recipe.schedule, recipe.epochs, num_steps(batches, recipe.accumulate),
        recipe.warmup_steps or 0, recipe.decay or 1.0, recipe.plateau_patience or 1,
    )  # fmt: skip


def build_fabric(recipe: TrainingRecipe, processes: Processes = ALONE, takes_turns: bool = False) -> Fabric:
    """`takes_turns`: a step may not reach every parameter, such as one of several streams."""
    check_device(recipe.device)
    if recipe.precision == "16-mixed" and recipe.device == "auto" and not torch.accelerator.is_available():
        raise InputError("training.precision: 16-mixed needs a GPU, and there is none; take bf16-mixed or 32-true")
    sharded = is_sharded(recipe, processes)
    if processes.size > 1 and recipe.optimizer == "sparse_adam":
        raise InputError("training.optimizer: sparse_adam trains in one process only; take adam under torchrun")
    keys = fabric_keys(recipe)
    if processes.size == 1:
        return Fabric(accelerator=recipe.device, devices=1, **keys)
    if sharded:
        return Fabric(accelerator=recipe.device, devices=_one_device(recipe, processes), **keys)
    fabric = Fabric(
        accelerator=recipe.device, devices=processes.local_size, num_nodes=processes.size // processes.local_size,
        strategy=_ddp(takes_turns), **keys,
    )  # fmt: skip
    fabric.launch()
    return fabric


def is_sharded(recipe: TrainingRecipe, processes: Processes) -> bool:
    """Raises InputError where there is nothing to share the weights out to."""
    if recipe.strategy == "fsdp" and not processes.is_launched:
        raise InputError(
            "training.strategy: fsdp shares the weights out to processes, and this is one alone; start it with "
            "torchrun --nproc-per-node N -m nextitem run .., or leave the key out"
        )
    if recipe.strategy == "fsdp" and recipe.precision == "16-mixed":
        raise InputError("training.precision: fsdp takes no 16-mixed (its losses are scaled); take bf16-mixed")
    return recipe.strategy == "fsdp" and processes.size > 1


def _one_device(recipe: TrainingRecipe, processes: Processes) -> int | list[int]:
    on_gpu = recipe.device == "cuda" or (recipe.device == "auto" and torch.cuda.is_available())
    return [processes.local_rank] if on_gpu else 1


def _ddp(takes_turns: bool) -> DDPStrategy:
    """Where a step may leave parameters out, all processes find which, and leave them without a gradient.

    Buffers are not sent around at every step: they depend on the data, the weights and the number of steps alone.
    """
    names = signature(DistributedDataParallel).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"  # torch renamed it
    options: dict[str, Any] = {name: False, "find_unused_parameters": takes_turns}
    return DDPStrategy(**options)


def build_memory(recipe: EvaluationRecipe, num_items: int) -> int:
    """Bytes that ranking may use: the budget, or less where fewer users at once are asked for."""
    budget = recipe.memory_mb * 2**20
    return budget if recipe.batch_size is None else min(budget, recipe.batch_size * bytes_of_a_row(num_items))


def build_protocol(recipe: EvaluationRecipe, seed: int) -> Protocol:
    return Protocol(recipe.candidates, recipe.seen, recipe.ties, recipe.users, seed, recipe.shown)
