"""Synthetic data with a known answer: Markov chains of a given order, made in an instant, without a network.

Sizes: R users, T length of the longest row, V = num_items + 1 (row and column 0 belong to the padding).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError

NAMES = ("synthetic-noise", "synthetic", "synthetic-order-2")  # by order


def dataset_of(rows: list[list[int]], num_items: int | None = None) -> Dataset:
    """A data set of these rows, in which an id is its own index: users 1..R, items 1..num_items.

    Without `num_items` the largest item is the last.

    >>> dataset_of([[1, 2], [3]]).items.ids([3, 1])
    [3, 1]

    Raises:
        InputError: an item is below 1 or above `num_items`.
    """
    sequences = Sequences.from_lists(rows)
    largest = int(sequences.items.max(initial=0))
    num_items = largest if num_items is None else num_items
    smallest = int(sequences.items.min(initial=1))
    if smallest < 1 or largest > num_items:
        wrong = smallest if smallest < 1 else largest
        raise InputError(f"dataset_of needs items in 1..{num_items}, found {wrong}; number them from 1")
    return _with_plain_ids(sequences, num_items, "rows")


def transitions(order: int, num_items: int, seed: int = 0) -> np.ndarray:
    """What follows when no noise does: order 1 (V,) next by last; order 2 (V, V) next by [second last, last].

    Order 1 is one cycle through all items. Order 2 is a permutation of (a + b) mod num_items: over all a,
    every item follows b equally often, so the last item alone says nothing about the next.

    Raises:
        InputError: `order` is neither 1 nor 2, or there are fewer than 2 items.
    """
    if order not in (1, 2):
        raise InputError(f"a Markov chain with transitions has order 1 or 2, found {order}")
    if num_items < 2:
        raise InputError(f"a Markov chain needs 2 items or more, found num_items={num_items}")
    shuffled_items = np.random.default_rng([seed, 0]).permutation(num_items) + 1
    table = np.zeros((num_items + 1,) * order, dtype=np.int64)
    if order == 1:
        table[shuffled_items] = np.roll(shuffled_items, -1)
        return table
    numbers = np.arange(num_items)
    table[1:, 1:] = shuffled_items[(numbers[:, None] + numbers) % num_items]
    return table


def markov_chain(
    order: int = 1,
    num_users: int = 500,
    num_items: int = 100,
    mean_length: int = 20,
    noise: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Rows that follow `transitions(order, num_items, seed)` but for a share `noise` of random steps.

    A random step is uniform over all items, so the best possible guess of the next item is right with
    probability 1 - noise + noise / num_items. Order 0 has no transitions: every item is drawn uniformly,
    alone, so that nothing about order can be learned. Lengths are uniform in mean_length / 2 ..
    3 * mean_length / 2.

    Raises:
        InputError: `order` is not 0, 1 or 2, a size is too small, `noise` is not in 0..1.
    """
    if order not in (0, 1, 2):
        raise InputError(f"a Markov chain has order 0 (noise), 1 or 2, found {order}")
    if num_users < 1 or num_items < 2 or mean_length < 2:
        raise InputError(
            "a Markov chain needs num_users >= 1, num_items >= 2 and mean_length >= 2, "
            f"found {num_users}, {num_items} and {mean_length}"
        )
    if not 0 <= noise <= 1:
        raise InputError(f"noise is a share of the steps, in 0..1, found {noise}")
    generator = np.random.default_rng([seed, 1])
    spread = mean_length // 2
    lengths = generator.integers(mean_length - spread, mean_length + spread + 1, num_users)  # (R,)
    table = generator.integers(1, num_items + 1, (num_users, int(lengths.max())))  # (R, T)
    if order > 0:
        _walk(table, transitions(order, num_items, seed), generator.random(table.shape) >= noise)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    items = table[np.arange(table.shape[1]) < lengths[:, None]].astype(np.int32)
    return _with_plain_ids(Sequences.from_offsets(items, offsets), num_items, NAMES[order])


def shuffled(dataset: Dataset, seed: int = 0) -> Dataset:
    """The same rows with the items of every row in random order (timestamps, if any, stay where they are).

    What a model still learns from it is which items occur together, not in which order.
    """
    rows = dataset.sequences.packed()
    keys = np.random.default_rng(seed).random(rows.num_interactions)
    items = rows.items[np.lexsort((keys, rows.flat_rows()))]
    return replace(dataset, sequences=replace(rows, items=items), name=f"{dataset.name}, shuffled")


def _walk(table: np.ndarray, follows: np.ndarray, is_ruled: np.ndarray) -> None:
    """Replace the steps of `table` (R, T) by what follows, where `is_ruled` (R, T), from left to right."""
    order = follows.ndim
    for step in range(order, table.shape[1]):
        previous = tuple(table[:, step - order : step].T)
        table[:, step] = np.where(is_ruled[:, step], follows[previous], table[:, step])


def _with_plain_ids(sequences: Sequences, num_items: int, name: str) -> Dataset:
    return Dataset(sequences, IdMap.of(range(1, len(sequences) + 1)), IdMap.of(range(1, num_items + 1)), name)


# 40 items and 2,000 users: every pair is met some 25 times, so that an order-2 model can learn the rule.
SYNTHETIC: dict[str, Callable[..., Dataset]] = {
    NAMES[1]: partial(markov_chain, order=1),
    NAMES[2]: partial(markov_chain, order=2, num_users=2000, num_items=40),
    NAMES[0]: partial(markov_chain, order=0),
}
