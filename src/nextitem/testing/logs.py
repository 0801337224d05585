"""Small logs whose truth is known, with all that a model may want beside them, and batches of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import torch

from nextitem.data.batches import Batch, history_batch
from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.synthetic import dataset_of, markov_chain
from nextitem.models.base import Recommender

NUM_ITEMS = 20
ALL = ("knowledge", "trust", "item_attributes", "user_attributes")  # beside the rows


def batch_of(model: Recommender, rows: list[list[int]], width: int | None = None) -> Batch:
    """Histories of users 1, 2, .., padded to `width`, with what the model wants beside them."""
    sequences = timed(Sequences.from_lists(rows))
    batch = history_batch(sequences, model.max_length, np.arange(1, len(rows) + 1), model.wanted())
    missing = 0 if width is None else width - batch.inputs.shape[1]
    padded = batch.with_inputs(lambda one: torch.nn.functional.pad(one, (0, missing)))
    return replace(padded, targets=torch.zeros_like(padded.inputs))


def timed(rows: Sequences) -> Sequences:
    """The rows with times and ratings beside their items; gaps and ratings follow from the items."""
    items = rows.items.astype(np.int64)
    return replace(rows, timestamps=np.cumsum(37 * items % 50), ratings=(1 + items % 5).astype(np.float32))


@cache
def ordered() -> Dataset:
    """A first-order chain: after item i comes mostly one other item."""
    return _with_all(markov_chain(order=1, num_users=200, num_items=NUM_ITEMS, mean_length=15, noise=0.1, seed=0))


@cache
def tastes() -> Dataset:
    """Two groups of ten items; every user has met six of one group, in random order."""
    rng = np.random.default_rng(0)
    groups = [list(range(1, 11)), list(range(11, NUM_ITEMS + 1))]
    return _with_all(dataset_of([rng.permutation(groups[user % 2])[:6].tolist() for user in range(200)]))


@cache
def noise() -> Dataset:
    """Every item drawn at random."""
    return _with_all(markov_chain(order=0, num_users=200, num_items=NUM_ITEMS, mean_length=10, seed=0))


def _with_all(dataset: Dataset) -> Dataset:
    """The data set with all that a model may want beside its rows: times, ratings, attributes, a graph, a network."""
    users, items = np.arange(1, dataset.num_users + 1), np.arange(1, NUM_ITEMS + 1)
    heads, tails = np.tile(items, 2), NUM_ITEMS + np.concatenate([1 + items % 3, 4 + items % 3])
    knowledge = _graph(heads, np.repeat([1, 2], NUM_ITEMS), tails, NUM_ITEMS, num_others=6)
    friends = np.random.default_rng(0).permutation(users)
    trusted = np.concatenate([friends, friends[friends - 1]])  # friends of friends too, which makes triangles
    item_table = pl.DataFrame({
        "genres": [[f"genre {item % 3}", f"genre {item % 5}"] for item in items],
        "maker": [None if item == 1 else f"maker {item % 4}" for item in items],
        "price": items / 10,
    })  # fmt: skip
    return replace(
        dataset,
        sequences=timed(dataset.sequences),
        item_attributes=item_table,
        user_attributes=pl.DataFrame({"country": [f"country {user % 4}" for user in users]}),
        knowledge=knowledge,
        trust=_graph(np.tile(users, 2), np.ones_like(trusted), trusted, dataset.num_users, num_others=0),
    )


def _graph(heads: np.ndarray, relations: np.ndarray, tails: np.ndarray, num_own: int, num_others: int) -> Triples:
    others = IdMap.of([f"entity {number}" for number in range(num_others)])
    names = IdMap.of(sorted(set(relations.tolist())))
    head, relation, tail = (ends.astype(np.int32) for ends in (heads, relations, tails))
    return Triples(head, relation, tail, num_own, others, names)
