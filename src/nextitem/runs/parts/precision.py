"""Precision: what `training.precision: bf16-mixed` is on each device, and what it changes, in words.

On a CPU whose bf16 units are faster than its float32, the products of full cross-entropy with the item table are of
bf16 factors: most of what such a training computes. Layers stay in float32, whose compiled loops are no slower than
torch's layers in bf16. On a CPU without such units layers run under torch's autocast and products with the item table
are float32. On a GPU layers run so, and where Triton makes the products they are rounded as TF32 is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from lightning_fabric.plugins.precision import MixedPrecision, Precision

from nextitem.nn.kernels import bf16
from nextitem.recipe import Recipe, TrainingRecipe

BF16 = "bf16-mixed"


class Bf16Products(Precision):
    """float32, but for products with the whole item table."""

    precision = "bf16-mixed"

    def forward_context(self) -> AbstractContextManager[None]:
        return bf16.bf16_products()


class Bf16Mixed(MixedPrecision):
    """Layers by torch's autocast; products with the whole item table may be rounded."""

    def __init__(self, device: str) -> None:
        super().__init__("bf16-mixed", device)

    @contextmanager
    def forward_context(self) -> Iterator[None]:
        with super().forward_context(), bf16.bf16_products():
            yield


def fabric_keys(recipe: TrainingRecipe) -> dict[str, Any]:
    """What lightning-fabric is given for the precision of a training."""
    if recipe.precision != BF16 or recipe.strategy == "fsdp":
        return {"precision": recipe.precision}
    if not _is_on_cpu(recipe):
        kind = torch.accelerator.current_accelerator() if recipe.device == "auto" else torch.device(recipe.device)
        return {"plugins": [Bf16Mixed("cuda" if kind is None else kind.type)]}
    return {"plugins": [Bf16Products()]} if bf16.has_units() else {"precision": BF16}


def notes_on_precision(recipe: Recipe) -> tuple[str, ...]:
    """What bf16-mixed changes on the CPU that a training is to run on; nothing of any other training."""
    training = recipe.training
    if training is None or training.precision != BF16 or not _is_on_cpu(training):
        return ()
    said = f"training.precision {BF16}"
    if not bf16.has_units():
        return (f"{said} is no faster here: {bf16.why_no_units()}; take 32-true",)
    if recipe.loss is None or recipe.loss.name != "cross_entropy":
        has = "this model has no such loss" if recipe.loss is None else f"the loss is {recipe.loss.name}"
        return (f"{said} is of cross-entropy over all items here, and {has}: little or nothing is faster",)
    return (f"{said}: products of cross-entropy with the item table have bf16 factors; all else is float32",)


def _is_on_cpu(recipe: TrainingRecipe) -> bool:
    return recipe.device == "cpu" or (recipe.device == "auto" and not torch.accelerator.is_available())
