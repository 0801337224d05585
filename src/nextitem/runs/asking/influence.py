"""influence: which items of a history brought a recommendation, by taking out one after the other.

Sizes: H distinct items of a history, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.evaluation.ranking import bytes_of_a_row
from nextitem.forking import mark_computed
from nextitem.models.base import Recommender
from nextitem.runs.asking.rows import KnownRow, batch_of
from nextitem.runs.folder.opened import Opened
from nextitem.runs.parts.build import build_memory


@dataclass(frozen=True)
class Influence:
    """What an item of the history does to the score of a recommended one."""

    item: object  # its id
    loss: float  # of the score, when the item is taken out, wherever it stands; below 0 where it speaks against

    def __str__(self) -> str:
        return f"{self.item!r} {self.loss:+.4f}"


@dataclass(frozen=True)
class Influenced:
    """Why an item is recommended for a history: what each item of that does to its score."""

    item: object  # its id
    score: float  # of the model, for the whole history
    rank: int | None  # among the items that may be recommended, 1 is best; None: the history has it
    num_ranked: int  # items that may be recommended
    influences: tuple[Influence, ...]  # of all items that the model looks at, the largest loss first

    def __repr__(self) -> str:
        best = f": {self.influences[0]} and {len(self.influences) - 1:,} more" if self.influences else ""
        return f"Influenced({self.item!r}, score {self.score:.4f}{best})"


def influences(run: Opened, row: KnownRow, items: Sequence[int] | None, k: int) -> list[Influenced]:
    """Of each of `items`, by default the `k` that are best for the row and not of it: the loss of its score when an
    item of the row is taken out, as if it had never been met.

    All of that is scored in one batch, or in several where memory wants it. What the model does not look at, since the
    row is longer, is not taken out.

    Raises:
        InputError: the model knows a user by a vector alone, so that a history changes nothing, or the row is empty.
    """
    model = run.model
    if model.knows_users and not model.takes_strangers:
        raise InputError(
            f"{run.recipe.model.label} knows a user by what training made of them, and no item of a history changes "
            "its scores; take a model that reads histories, such as SASRec, ItemKNN or EASE"
        )
    looked_at = row.items if model.max_length is None else row.items[-model.max_length :]
    taken = list(dict.fromkeys(looked_at))
    if not taken:
        raise InputError(f"{row.name} has no item that could have brought anything; name a history")
    rows = [row, *(_without(row, item, model) for item in taken)]
    first, *others = _scored(model, rows, build_memory(run.recipe.evaluation, model.num_items))
    scores, chosen = _chosen(first, row, items, k)
    losses = [[float(first[item] - other[item]) for other in others] for item in chosen]
    ids = [run.items.ids([item])[0] for item in taken]
    found = []
    for item, of_item in zip(chosen, losses, strict=True):
        order = np.argsort(-np.array(of_item), kind="stable")
        rank = None if scores[item] == -torch.inf else 1 + int((scores > scores[item]).sum())
        told = tuple(Influence(ids[place], of_item[place]) for place in order.tolist())
        found.append(
            Influenced(run.items.ids([item])[0], float(first[item]), rank, int((scores > -torch.inf).sum()), told)
        )
    return found


def _chosen(first: Tensor, row: KnownRow, items: Sequence[int] | None, k: int) -> tuple[Tensor, list[int]]:
    """The scores (V,), -inf of what the row has met, and which items are asked about."""
    scores = first.clone()
    scores[[PAD, *row.items]] = -torch.inf
    num_left = int((scores > -torch.inf).sum())
    if items is None and k > num_left:
        raise InputError(f"k must lie between 1 and {num_left} (the items left) for {row.name}; found {k}")
    return scores, scores.topk(k).indices.tolist() if items is None else list(items)


def _without(row: KnownRow, item: int, model: Recommender) -> KnownRow:
    """The row without an item; it is asked at the same time."""
    kept = [place for place, one in enumerate(row.items) if one != item]
    at = row.at if row.at is not None or not model.wanted().asked_at else row.times[-1]
    times = [row.times[place] for place in kept] if row.times else []
    ratings = [row.ratings[place] for place in kept] if row.ratings else []
    return replace(row, items=[row.items[place] for place in kept], times=times, ratings=ratings, at=at)


def _scored(model: Recommender, rows: list[KnownRow], memory: int) -> Iterator[Tensor]:
    """The scores (V,) of each row."""
    size = max(1, memory // bytes_of_a_row(model.num_items))
    if model.wanted().asked_at:
        rows = [replace(rows[0], at=rows[1].at), *rows[1:]]  # all say when, or none does
    mark_computed()
    with torch.inference_mode(), model.ready():
        for start in range(0, len(rows), size):
            yield from model.score(batch_of(model, rows[start : start + size])[1]).float()
