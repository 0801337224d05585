"""Negatives by name: samplers made from training rows. A recipe's `loss` section chooses one and sets its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.keys import Key, Positive, check_keys, keys_of, named
from nextitem.models.counting import count_items
from nextitem.nn.samplers.base import Repeatable, Sampler
from nextitem.nn.samplers.cluster import ClusterSampler
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.in_batch import InBatchSampler
from nextitem.nn.samplers.line import equal_weights
from nextitem.nn.samplers.midx import MidxSampler
from nextitem.nn.samplers.popularity import PopularitySampler, Power, popularity_weights
from nextitem.nn.samplers.scored import DynamicSampler, SoftmaxSampler
from nextitem.nn.samplers.shared import SharedSampler
from nextitem.nn.samplers.uniform import UniformSampler

CLUSTERS = 32  # a choice of ours: 32 x 32 cells are about as many as ml-100k has items
POOL = 8  # a choice of ours


@dataclass(frozen=True)
class Trainable:
    """What samplers are made from."""

    rows: Sequences  # row r belongs to user r + 1
    num_items: int
    targets: Sequences  # of an epoch

    def history(self, is_empty: bool = False) -> History:
        """User r + 1 has met the items of row r, user 0 none; `is_empty`: nobody has met anything."""
        return history_of(self.rows.newest(0) if is_empty else self.rows)

    def popularity(self, power: Power) -> torch.Tensor:
        """(V,) int64 weights."""
        return popularity_weights(torch.from_numpy(count_items(self.rows, self.num_items)), power)


def history_of(rows: Sequences) -> History:
    distinct = rows.distinct()
    offsets = np.concatenate([[0, 0], np.cumsum(distinct.lengths)])
    return History(torch.from_numpy(distinct.items.astype(np.int64)), torch.from_numpy(offsets))


def unseen_sampler(rows: Sequences, num_items: int) -> UniformSampler:
    """A sampler whose user r + 1 never draws an item of row r; its user 0, who is unknown, may draw any."""
    history = history_of(rows)
    return UniformSampler(num_items, history.items, history.offsets)


def drawn_items(num_items: int, count: int, is_drawn: bool, device: torch.device) -> torch.Tensor:
    """(count,) items that all rows of a batch share, each drawn alike from the whole catalogue, met or not.

    Without `is_drawn`, so that a loss can be compared, they are all items, each once: (num_items,).
    """
    if not is_drawn:
        return torch.arange(1, num_items + 1, device=device)
    return torch.randint(1, num_items + 1, (count,)).to(device)


def _uniform(data: Trainable, exclude_history: bool = True, shared: bool = False) -> Sampler:
    sampler = unseen_sampler(data.rows.newest(0) if shared or not exclude_history else data.rows, data.num_items)
    return _shared(data, sampler, exclude_history) if shared else sampler


def _popularity(data: Trainable, power: Power = 0.75, exclude_history: bool = True, shared: bool = False) -> Sampler:
    sampler = PopularitySampler(data.popularity(power), data.history(is_empty=shared or not exclude_history))
    return _shared(data, sampler, exclude_history) if shared else sampler


def _shared(data: Trainable, sampler: Repeatable, exclude_history: bool) -> Sampler:
    return SharedSampler(sampler, data.history() if exclude_history else None)


def _in_batch(data: Trainable, exclude_history: bool = True) -> Sampler:
    counts = torch.from_numpy(count_items(data.targets, data.num_items))
    return InBatchSampler(counts, data.history() if exclude_history else None)


def _dynamic(data: Trainable, pool: Positive = POOL, exclude_history: bool = True) -> Sampler:
    return DynamicSampler(unseen_sampler(data.rows if exclude_history else data.rows.newest(0), data.num_items), pool)


def _softmax(data: Trainable, exclude_history: bool = True) -> Sampler:
    return SoftmaxSampler(data.num_items, data.history(is_empty=not exclude_history))


def _cluster_uniform(data: Trainable, clusters: Positive = CLUSTERS, exclude_history: bool = True) -> Sampler:
    return ClusterSampler(equal_weights(data.num_items), data.history(is_empty=not exclude_history), clusters)


def _cluster_popularity(
    data: Trainable, clusters: Positive = CLUSTERS, power: Power = 0.75, exclude_history: bool = True
) -> Sampler:
    return ClusterSampler(data.popularity(power), data.history(is_empty=not exclude_history), clusters)


def _midx_uniform(data: Trainable, clusters: Positive = CLUSTERS, exclude_history: bool = True) -> Sampler:
    return MidxSampler(equal_weights(data.num_items), clusters, data.history() if exclude_history else None)


def _midx_popularity(
    data: Trainable, clusters: Positive = CLUSTERS, power: Power = 0.75, exclude_history: bool = True
) -> Sampler:
    return MidxSampler(data.popularity(power), clusters, data.history() if exclude_history else None)


SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "uniform": _uniform,
    "popularity": _popularity,
    "in_batch": _in_batch,
    "dynamic": _dynamic,
    "softmax": _softmax,
    "cluster_uniform": _cluster_uniform,
    "cluster_popularity": _cluster_popularity,
    "midx_uniform": _midx_uniform,
    "midx_popularity": _midx_popularity,
}
BY_VECTORS = ("cluster_uniform", "cluster_popularity", "midx_uniform", "midx_popularity")
STATIC = ("uniform", "popularity")
# A history that is excluded is never drawn, where the other samplers strike it out of what was drawn.
EXCLUDES_EXACTLY = ("uniform", "popularity", "dynamic", "softmax", "cluster_uniform", "cluster_popularity")


def make_sampler(name: str, data: Trainable, keys: dict[str, Any]) -> Sampler:
    """`keys`: those of `sampler_keys`, all or some."""
    return find_sampler(name)(data, **keys)


def find_sampler(name: str) -> Callable[..., Sampler]:
    """What makes a sampler from training rows.

    Raises:
        InputError: no sampler has this name; the nearest one is named.
    """
    return named("loss.sampler: there is no sampler", name, SAMPLERS)


def sampler_keys(name: str) -> dict[str, Key]:
    """What a sampler can be told.

    >>> from nextitem.keys import defaults_of
    >>> defaults_of(sampler_keys("popularity"))
    {'power': 0.75, 'exclude_history': True, 'shared': False}

    Raises:
        InputError: no sampler has this name; the nearest one is named.
    """
    return keys_of(find_sampler(name), ("data",))


def check_sampler(name: str, given: dict[str, Any], is_static: bool) -> dict[str, Any]:
    """All keys of a sampler, those that are not given by default.

    Raises:
        InputError: a sampler or a key that there is not, or one that cannot be static.
    """
    chosen = check_keys("loss", f"the {name} sampler", sampler_keys(name), given)
    if is_static and (name not in STATIC or chosen["shared"]):
        what = f"shared {name}" if name in STATIC else name
        raise InputError(
            f"loss.sampling: static negatives are a function of user and target alone, which {what} negatives are "
            f"not; set it to dynamic, or take {' or '.join(STATIC)} without shared"
        )
    return chosen
