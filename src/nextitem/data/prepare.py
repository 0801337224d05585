"""Preparation: from a log to a Dataset by rules. `nextitem run` and `nextitem prepare` both take this road.

The rules apply in this order: time range and rating, duplicates, lengths, cores, ids.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nextitem.data import numbered
from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.log import filters
from nextitem.data.log.frames import is_remote
from nextitem.data.log.interactions import Interactions

IdOrder = Literal["sorted", "appearance"]


@dataclass(frozen=True)
class Rules:
    after: float | None = None  # seconds since 1970; from here on
    before: float | None = None  # and up to here, without it
    min_rating: float | None = None
    duplicates: Literal["keep", "first", "last"] = "keep"
    min_length: int = 0  # users with fewer interactions go, counted once, before the cores
    max_length: int | None = None
    user_core: int = 0
    item_core: int = 0
    core: Literal["iterated", "once"] = "iterated"
    ids: IdOrder = "sorted"
    user_ids: IdMap | None = None  # numbers given by the user; over `ids`
    item_ids: IdMap | None = None
    weight: Literal["rating"] | None = None  # an interaction counts as much as its rating says


def prepare(log: Interactions, rules: Rules, name: str = "data") -> Dataset:
    """The data set of what the rules leave of a log.

    What can be said of one row is asked of the frame, whatever its engine. Counting is done in arrays, but for Spark
    and DuckDB, which count where the log is; then what is left comes here and is sorted, the same for every engine.

    Raises:
        InputError: a rule that the log cannot follow, or that leaves nothing.
    """
    if rules.weight is not None:
        log.ratings_for("a weight", "leave data.weight out")
    if rules.after is not None or rules.before is not None:
        log = filters.between(log, rules.after, rules.before)
    if rules.min_rating is not None:
        log = filters.min_rating(log, rules.min_rating)
    if is_remote(log.frame):
        found = numbered.number(_counted_there(log, rules))
    else:
        found = _counted_here(numbered.number(log), rules)
    users, items = rules.user_ids, rules.item_ids
    if rules.ids == "appearance":
        users = users or numbered.by_appearance(found.users, found.rows, found.user_ids)
        items = items or numbered.by_appearance(found.items, found.rows, found.item_ids)
    dataset = Dataset.from_numbered(numbered.renumbered(found, users, items), name, rules.weight)
    return replace(dataset, notes=log.notes, bad_lines=log.bad_lines, kinds=log.kinds)


def _counted_there(log: Interactions, rules: Rules) -> Interactions:
    if rules.duplicates != "keep":
        log = filters.drop_duplicates(log, rules.duplicates)
    if rules.min_length or rules.max_length is not None:
        log = filters.lengths(log, rules.min_length, rules.max_length)
    if rules.user_core or rules.item_core:
        log = filters.k_core(log, rules.user_core, rules.item_core, rules.core)
    return log


def _counted_here(log: numbered.Numbered, rules: Rules) -> numbered.Numbered:
    if rules.duplicates != "keep":
        log = numbered.drop_duplicates(log, rules.duplicates)
    if rules.min_length or rules.max_length is not None:
        log = numbered.lengths(log, rules.min_length, rules.max_length)
    if rules.user_core or rules.item_core:
        log = numbered.k_core(log, rules.user_core, rules.item_core, rules.core)
    return log
