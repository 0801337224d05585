"""The kinds of batches by name. A new kind is a file beside this one and a line here; its keyword-only arguments are
keys of a recipe's `training` section.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

from nextitem.data.batches.bag import BagBatches
from nextitem.data.batches.cloze import ClozeBatches
from nextitem.data.batches.next_item import NextItemBatches
from nextitem.data.batches.pair import PairBatches
from nextitem.data.batches.prefix import PrefixBatches
from nextitem.data.batches.row_batches import Batches, RowBatches
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.batches.woven import weave
from nextitem.data.sequences import Sequences
from nextitem.keys import Key, keys_of, named

BATCHES: dict[str, type[RowBatches]] = {
    "next_item": NextItemBatches,
    "prefix": PrefixBatches,
    "cloze": ClozeBatches,
    "pair": PairBatches,
    "bag": BagBatches,
}


def find_batches(kind: str) -> type[RowBatches]:
    """The class of a kind of batches.

    Raises:
        InputError: there is no such kind; the nearest one is named.
    """
    return named("there is no kind of batches", kind, BATCHES)


def batch_keys(kind: str) -> dict[str, Key]:
    """What a kind of batches can be told beside the keys that all have.

    >>> from nextitem.keys import defaults_of
    >>> defaults_of(batch_keys("cloze"))
    {'mask_share': 0.2, 'newest_share': 0.0, 'target_rating': None}
    """
    return keys_of(find_batches(kind), keyword_only=True)


def make_batches(
    kind: str,
    train: Sequences,
    batch_size: int,
    *,
    max_length: int | None = None,
    num_items: int,
    seed: int = 0,
    wanted: Wanted = NOTHING,
    **keys: Any,
) -> Batches:
    """Batches by the name of their kind; the mask of cloze batches is num_items + 1. `keys`: of that kind alone.

    Where `wanted` says so, batches of rows and batches of triples come in turn.
    """
    maker: Any = find_batches(kind)
    known = {"max_length": max_length, "mask": num_items + 1}
    taken = signature(maker).parameters
    sizes = {name: value for name, value in known.items() if name in taken}
    rows: Batches = maker(train, batch_size, **sizes, seed=seed, wanted=wanted.of_rows(), **keys)
    return rows if wanted.turns is None else weave(rows, wanted, wanted.turns, batch_size, seed)
