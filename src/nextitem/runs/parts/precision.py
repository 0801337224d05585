"""Precision: what `training.precision: bf16-mixed` is on each device, and what it changes, in words.

On a CPU whose bf16 units are faster than its float32, the products of full cross-entropy with the item table are of
bf16 factors: most of what such a training computes. Layers stay in float32, whose compiled loops are no slower than
torch's layers in bf16. On other devices, and on a CPU without such units, layers run under torch's autocast and
products with the item table are float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from lightning_fabric.plugins.precision import Precision

from nextitem.nn.kernels import bf16
from nextitem.recipe import Recipe, TrainingRecipe

BF16 = "bf16-mixed"


class Bf16Products(Precision):
    """float32, but for products with the whole item table."""

    precision = "bf16-mixed"

    def forward_context(self) -> AbstractContextManager[None]:
        return bf16.bf16_products()


def fabric_keys(recipe: TrainingRecipe) -> dict[str, Any]:
    """What lightning-fabric is given for the precision of a training."""
    if recipe.precision == BF16 and _is_on_cpu(recipe) and bf16.has_units() and recipe.strategy != "fsdp":
        return {"plugins": [Bf16Products()]}
    return {"precision": recipe.precision}


def notes_on_precision(recipe: Recipe) -> tuple[str, ...]:
    """What bf16-mixed changes on the CPU that a training is to run on; nothing of any other training."""
    training = recipe.training
    if training is None or training.precision != BF16 or not _is_on_cpu(training):
        return ()
    said = f"training.precision: {BF16}"
    if not bf16.has_units():
        return (f"{said} is no faster here: {bf16.why_no_units()}; take 32-true",)
    if recipe.loss is None or recipe.loss.name != "cross_entropy":
        has = "this model has no such loss" if recipe.loss is None else f"the loss is {recipe.loss.name}"
        return (f"{said} is of cross-entropy over all items here, and {has}: nothing is faster",)
    return (f"{said}: products of cross-entropy with the item table have bf16 factors; all else is float32",)


def _is_on_cpu(recipe: TrainingRecipe) -> bool:
    return recipe.device == "cpu" or (recipe.device == "auto" and not torch.accelerator.is_available())
