"""From a recipe to its parts: data set, split, model, batches, optimizer, protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from nextitem.data import filters
from nextitem.data.batches import Batches, make_batches
from nextitem.data.dataset import Dataset
from nextitem.data.loading import open_data
from nextitem.data.ratio import ratio_split
from nextitem.data.sequences import Sequences
from nextitem.data.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import bytes_of_a_row
from nextitem.models.base import Fitted, ItemTower, Recommender, TowerFree, Trained
from nextitem.models.catalogue import make
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.losses import binary_cross_entropy, bpr
from nextitem.nn.objectives import FullSoftmax, Objective, Sampled
from nextitem.recipe import (
    DataRecipe,
    EvaluationRecipe,
    LossRecipe,
    Recipe,
    SplitRecipe,
    TrainingRecipe,
    make_recipe,
)
from nextitem.training.optimizers import make_optimizer

PAIR_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"bce": binary_cross_entropy, "bpr": bpr}


def build_dataset(recipe: DataRecipe) -> tuple[Dataset, str]:
    """The prepared data set, and a sentence on where it came from."""
    folder = None if recipe.folder is None else Path(recipe.folder)
    read, origin = open_data(
        recipe.source, folder, format=recipe.format, separator=recipe.separator,
        user=recipe.user, item=recipe.item, timestamp=recipe.timestamp, rating=recipe.rating,
    )  # fmt: skip
    if isinstance(read, Dataset):
        _refuse_filters(recipe)
        return read, origin
    log = read
    if recipe.min_rating is not None:
        log = filters.min_rating(log, recipe.min_rating)
    if recipe.duplicates != "keep":
        log = filters.drop_duplicates(log, recipe.duplicates)
    if recipe.user_core or recipe.item_core:
        log = filters.k_core(log, recipe.user_core, recipe.item_core, recipe.core)
    return Dataset.from_interactions(log, Path(recipe.source).name), origin


def _refuse_filters(recipe: DataRecipe) -> None:
    untouched = DataRecipe(source=recipe.source, folder=recipe.folder, core=recipe.core)
    if recipe != untouched:
        raise InputError(f"data: {recipe.source} is prepared already; set filters and columns where its log is read")


def build_split(recipe: SplitRecipe, dataset: Dataset, seed: int) -> Split:
    if recipe.kind == "leave_one_out":
        return leave_one_out(dataset, recipe.min_length)
    return ratio_split(dataset, recipe.valid, recipe.test, recipe.kind, recipe.order, seed)


def build_model(recipe: Recipe, split: Split) -> Recommender:
    """A model with its first weights, which the seed alone decides; a counted one is fitted at once."""
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = make(recipe.model.name, len(split.train), split.num_items, recipe.model.arguments)
    if isinstance(model, Trained):
        model.prepare(split.train)
    if isinstance(model, (ItemTower, TowerFree)) and recipe.loss is not None:
        model.objective = build_objective(recipe.loss, split.train, split.num_items, recipe.seed)
    if isinstance(model, Fitted):
        model.fit(split.train)
    return model


def build_baseline(name: str, split: Split, seed: int) -> Fitted:
    """A baseline with the arguments of its own recipe, fitted to the training rows."""
    arguments = make_recipe({"model": {"name": name}}).model.arguments
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        baseline = make(name, len(split.train), split.num_items, arguments)
    if not isinstance(baseline, Fitted):
        raise InputError(f"evaluation.baselines: {name} is trained by gradients; a baseline is fitted in one go")
    baseline.fit(split.train)
    return baseline


def build_objective(recipe: LossRecipe, train: Sequences, num_items: int, seed: int) -> Objective:
    """Negatives are drawn from the items that the user has not trained on."""
    if recipe.name == "cross_entropy":
        return FullSoftmax()
    sampler = unseen_sampler(train, num_items)
    return Sampled(
        PAIR_LOSSES[recipe.name], sampler, recipe.num_negatives, is_static=recipe.sampling == "static", seed=seed
    )


def build_batches(recipe: TrainingRecipe, model: Trained, split: Split, seed: int) -> Batches:
    return make_batches(
        recipe.batches, split.train, recipe.batch_size,
        max_length=model.max_length, num_items=split.num_items, mask_share=recipe.mask_share, seed=seed,
    )  # fmt: skip


def build_optimizer(recipe: TrainingRecipe, model: Trained) -> torch.optim.Optimizer:
    return make_optimizer(model, recipe.optimizer, recipe.learning_rate, recipe.weight_decay, recipe.beta2)


def build_fabric(recipe: TrainingRecipe) -> Fabric:
    return Fabric(accelerator=recipe.device, devices=1, precision=recipe.precision)


def build_memory(recipe: EvaluationRecipe, num_items: int) -> int:
    """Bytes that ranking may use: the budget, or less where fewer users at once are asked for."""
    budget = recipe.memory_mb * 2**20
    return budget if recipe.batch_size is None else min(budget, recipe.batch_size * bytes_of_a_row(num_items))


def build_protocol(recipe: EvaluationRecipe, seed: int) -> Protocol:
    return Protocol(recipe.candidates, recipe.seen, recipe.ties, recipe.users, seed)
