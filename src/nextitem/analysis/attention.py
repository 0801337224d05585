"""Where a model looks: attention on the last item by layer, and what each position is worth.

Sizes: B rows, H heads, Q places that ask, T length.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nextitem.analysis.perturbations import Without
from nextitem.data.batches import holdout_batch
from nextitem.data.splits.split import Holdout
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import DEFAULT_MEMORY
from nextitem.models.base import Recommender
from nextitem.models.towers import newest_places
from nextitem.nn.attention import CausalAttention

BLOCK = 512  # rows at once
AGES = 10


def last_item_attention(model: Recommender, cases: Holdout) -> tuple[list[float], float]:
    """Of each layer the mean attention that the newest place pays to the newest item, and what it would be if all items
    got the same (the mean of 1 / length).

    Only cases with two items or more count. No layers, and 0, where the model has no causal attention.
    """
    cases = cases.take(cases.history.lengths >= 2)
    layers = [module for module in model.modules() if isinstance(module, CausalAttention)]
    if not layers or not len(cases):
        return [], 0.0
    sums, even = np.zeros(len(layers)), 0.0
    seen: list[Tensor] = []

    def keep(layer: CausalAttention, inputs: tuple[Any, ...]) -> None:
        seen.append(layer.weights(*inputs))  # (B, H, Q, T)

    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), model.ready():
            for start in range(0, len(cases), BLOCK):
                batch = holdout_batch(
                    cases.take(np.arange(start, min(start + BLOCK, len(cases)))), model.max_length, model.wanted()
                )
                seen.clear()
                model.score(batch)
                places = newest_places(batch.inputs)
                even += float((1 / (places + 1)).sum())
                for number, weights in enumerate(seen):
                    sums[number] += float(_on_last(weights.mean(1), places).sum())
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return (sums / len(cases)).tolist(), even / len(cases)


def _on_last(weights: Tensor, places: Tensor) -> Tensor:
    """(B, Q, T) and (B,) -> (B,); a last layer may have been worked out at one place only."""
    rows = torch.arange(len(weights))
    asking = weights[rows, places] if weights.shape[1] > 1 else weights[:, 0]
    return asking[rows, places]


def attribution(
    model: Recommender, cases: Holdout, protocol: Protocol, metric: str, memory: int = DEFAULT_MEMORY
) -> list[float]:
    """How much of `metric` is lost without the item of age 0 (the newest), 1, .. AGES - 1: leave one position out.

    A mean over the cases that have an item of this age, beside others; the list ends where fewer than 30 have.
    """
    lost = []
    for age in range(min(AGES, model.max_length or AGES)):
        old = cases.take(cases.history.lengths > max(age, 1))  # alone in a history, it leaves nothing
        if len(old) < 30:
            break
        whole, part = (
            evaluate(one, old, [metric], protocol, memory).values[metric] for one in (model, Without(model, age))
        )
        lost.append(float((whole - part).mean()))
    return lost
