"""influence: which items of a history brought a recommendation.

| by        | of each item                                          | of which models                    |
|-----------|-------------------------------------------------------|------------------------------------|
| removal   | what the score loses when it is taken out             | all that read histories            |
| attention | the share that the last attention takes of it         | `Attentive` ones: SASRec, BERT4Rec |

Attention is where a layer looks. What it takes from there, what goes past it, and what the layers before have moved to
that place are not in it: it can be high where the score would stay the same. Removal asks the model itself.

Sizes: H distinct items of a history, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.evaluation.ranking import bytes_of_a_row
from nextitem.forking import mark_computed
from nextitem.models.attentive import Attentive
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.runs.asking.rows import KnownRow, batch_of
from nextitem.runs.folder.opened import Opened
from nextitem.runs.parts.build import build_memory

ExplainedBy = Literal["removal", "attention"]


@dataclass(frozen=True)
class Influence:
    """What an item of the history has to do with a recommended one, wherever and however often it stands there."""

    item: object  # its id
    # By removal what the score loses when the item is taken out, below 0 where it speaks against; by attention the
    # share that is taken of it, from 0 to 1.
    amount: float

    def __str__(self) -> str:
        return f"{self.item!r} {self.amount:+.4f}"


@dataclass(frozen=True)
class Influenced:
    """Why an item is recommended for a history: what each item of that has to do with it."""

    item: object  # its id
    score: float  # of the model, for the whole history
    rank: int | None  # among the items that may be recommended, 1 is best; None: the history has it
    num_ranked: int  # items that may be recommended
    by: ExplainedBy  # what the amounts are
    influences: tuple[Influence, ...]  # of all items that the model looks at, the largest amount first
    elsewhere: float  # by attention the share of no item, such as that of BERT4Rec's mask; by removal 0

    def __repr__(self) -> str:
        best = f": {self.influences[0]} and {len(self.influences) - 1:,} more" if self.influences else ""
        return f"Influenced({self.item!r}, score {self.score:.4f}{best})"


def influences(
    run: Opened, row: KnownRow, items: Sequence[int] | None, k: int, by: ExplainedBy = "removal"
) -> list[Influenced]:
    """Of each of `items`, by default the `k` that are best for the row and not of it: by removal, the loss of its score
    when an item of the row is taken out, as if it had never been met; by attention, the share that the model's last
    attention takes of each item of the row, which is the same for all of `items`.

    What the model does not look at, since the row is longer, is not taken out, and has no share.

    Raises:
        InputError: the model knows a user by a vector alone, so that a history changes nothing, or it has no such
            attention; or the row is empty.
    """
    _refuse(run, by)
    model = run.model
    looked_at = row.items if model.max_length is None else row.items[-model.max_length :]
    taken = list(dict.fromkeys(looked_at))
    if not taken:
        raise InputError(f"{row.name} has no item that could have brought anything; name a history")
    rows = [row] if by == "attention" else [row, *(_without(row, item, model) for item in taken)]
    first, *others = _scored(model, rows, build_memory(run.recipe.evaluation, model.num_items))
    scores, chosen = _chosen(first, row, items, k)
    if by == "attention":
        shares = _shares(model, row, taken)
        amounts, elsewhere = [shares] * len(chosen), max(0.0, round(1 - sum(shares), 6))  # of single precision
    else:
        amounts, elsewhere = [[float(first[item] - other[item]) for other in others] for item in chosen], 0.0
    ids = [run.items.ids([item])[0] for item in taken]
    num_ranked = int((scores > -torch.inf).sum())
    found = []
    for item, of_item in zip(chosen, amounts, strict=True):
        order = np.argsort(-np.array(of_item), kind="stable")
        rank = None if scores[item] == -torch.inf else 1 + int((scores > scores[item]).sum())
        told = tuple(Influence(ids[place], of_item[place]) for place in order.tolist())
        name = run.items.ids([item])[0]
        found.append(Influenced(name, float(first[item]), rank, num_ranked, by, told, elsewhere))
    return found


def _refuse(run: Opened, by: ExplainedBy) -> None:
    """Raises InputError where the model cannot tell."""
    model, label = run.model, run.recipe.model.label
    if by not in get_args(ExplainedBy):
        raise InputError(f"by must be removal or attention, found {by!r}")
    if model.knows_users and not model.takes_strangers:
        raise InputError(
            f"{label} knows a user by what training made of them, and no item of a history changes its scores; take a "
            "model that reads histories, such as SASRec, ItemKNN or EASE"
        )
    if by == "attention" and not isinstance(model, Attentive):
        able = ", ".join(name for name, one in MODELS.items() if issubclass(one, Attentive))
        raise InputError(
            f"{label} has no attention whose weights are shares of a history; take out its items instead: --by "
            f"removal (in Python by='removal'), or take one of {able}"
        )


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


def _shares(model: Recommender, row: KnownRow, items: list[int]) -> list[float]:
    """The shares that attention takes of items, each at all of its places."""
    assert isinstance(model, Attentive)
    batch = batch_of(model, [row])[1]
    with torch.inference_mode():
        shares = model.attention_shares(batch)[0].double()
    return [float(shares[batch.inputs[0] == item].sum()) for item in items]


def _scored(model: Recommender, rows: list[KnownRow], memory: int) -> Iterator[Tensor]:
    """The scores (V,) of each row."""
    size = max(1, memory // bytes_of_a_row(model.num_items))
    if model.wanted().asked_at and len(rows) > 1:
        rows = [replace(rows[0], at=rows[1].at), *rows[1:]]  # all say when, or none does
    mark_computed()
    with torch.inference_mode(), model.ready():
        for start in range(0, len(rows), size):
            yield from model.score(batch_of(model, rows[start : start + size])[1]).float()
