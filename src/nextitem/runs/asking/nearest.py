"""nearest: what lies near one item or user, by the cosines of vectors or by what both have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD, IdMap
from nextitem.errors import InputError
from nextitem.evaluation.highest import first_of_highest
from nextitem.forking import mark_computed
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.nn.scorers import unit
from nextitem.runs.folder.opened import Opened

By = Literal["vectors", "counts"]
SHOWN = 3  # of those near, where they are printed


@dataclass(frozen=True)
class Side:
    """Which side of a log is compared."""

    one: str  # item or user
    counted: str  # what is counted of two of them, in words
    vectors: Callable[[Recommender], Tensor]  # (N, D), a row an item or user
    has_vectors: Callable[[type[Recommender]], bool]
    shares: Callable[[Opened, int], Tensor]  # (N,) `shares` of the one with this number

    @property
    def way_out(self) -> str:
        return f"count the {self.counted} instead: --by counts (in Python by='counts')"


def nearest(run: Opened, side: Side, ids: IdMap, asked: object, k: int, by: By) -> tuple[np.ndarray, list[float]]:
    """The numbers of the k nearest to one, and how near; fewer where fewer have anything in common with it.

    Raises:
        InputError: nobody knows of `asked`, `k` is more than all others, or the run cannot compare.
    """
    if by not in ("vectors", "counts"):
        raise InputError(f"by must be vectors (of the model) or counts (of {side.counted}), found {by!r}")
    num_others = len(ids) - 1
    if not 1 <= k <= num_others:
        raise InputError(f"k must lie between 1 and {num_others} (the other {side.one}s); found {k}")
    number = int(ids.indices([asked])[0])
    if number == PAD:
        raise InputError(f"the run does not know the {side.one} {asked!r}; its data has {len(ids):,} {side.one}s")
    found = _by_vectors(run, side, asked, number) if by == "vectors" else side.shares(run, number)
    found[[PAD, number]] = -torch.inf
    top, places = first_of_highest(found[None], k)
    is_near = ~torch.isneginf(top[0])
    return places[0][is_near].numpy(), top[0][is_near].tolist()


def _by_vectors(run: Opened, side: Side, asked: object, number: int) -> Tensor:
    """(N,) cosines; -inf of zero vectors."""
    label = run.recipe.model.label
    if not side.has_vectors(type(run.model)):
        able = ", ".join(name for name, model in MODELS.items() if side.has_vectors(model))
        raise InputError(
            f"{label} has no vectors of {side.one}s to compare; {side.way_out}, or take a model that has them: {able}"
        )
    mark_computed()
    with torch.no_grad():
        near = cosines(side.vectors(run.model).float(), number)
    if near is None:
        raise InputError(f"{label} knows nothing of the {side.one} {asked!r}: its vector is zero; {side.way_out}")
    return near


def cosines(vectors: Tensor, number: int) -> Tensor | None:
    """Of one of the vectors (N, D) with all (N,), -inf where these are zero; None where it is zero itself."""
    is_zero = (vectors == 0).all(1)
    if is_zero[number]:
        return None
    return (unit(vectors) @ unit(vectors[number])).clamp(-1.0, 1.0).masked_fill(is_zero, -torch.inf)


def shares(common: np.ndarray, counts: np.ndarray, number: int) -> Tensor:
    """What one and each have in `common` (N,), over the root of the product of their `counts` (N,); -inf of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        near = common / np.sqrt(counts * counts[number])
    return torch.from_numpy(np.where(common > 0, near, -np.inf))


def in_words(kind: str, asked: object, by: By, ids: Sequence[object], similarities: Sequence[float]) -> str:
    """Those near in one line, for who prints them."""
    near = [f"{one!r} {value:.4f}" for one, value in zip(ids[:SHOWN], similarities, strict=False)]
    more = [f"{len(ids) - SHOWN:,} more"] if len(ids) > SHOWN else []
    return f"{kind}({', '.join([*near, *more]) or 'nothing'}; to {asked!r} by {by})"
