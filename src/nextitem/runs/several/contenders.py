"""Contenders: the models of a bench, from counting to sequence models, and which of them fit the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nextitem.data.dataset import Dataset
from nextitem.recipe import Recipe

MOST_SQUARE = 12_500  # items, beyond which EASE's square takes more than 3.5 GB
SESSIONS = 6.0  # mean length, below which rows are sessions


@dataclass(frozen=True)
class Facts:
    """What decides whether a model fits."""

    num_items: int
    mean_length: float
    is_ordered: bool  # the split asks for what comes next
    has: tuple[str, ...]  # beside the log: item_attributes, knowledge, trust
    num_users: int


@dataclass(frozen=True)
class Contender:
    name: str
    share: float  # of the time, beside the others
    why_not: Callable[[Facts], str] = lambda facts: ""  # empty where it fits


def facts_of(dataset: Dataset, recipe: Recipe) -> Facts:
    beside = {
        "item_attributes": dataset.item_attributes,
        "knowledge": dataset.knowledge,
        "trust": dataset.trust,
    }
    by_chance = recipe.split.kind in ("user_entry", "entry") and recipe.split.order == "random"
    has = tuple(name for name, found in beside.items() if found is not None)
    return Facts(dataset.num_items, dataset.num_interactions / dataset.num_users, not by_chance, has, dataset.num_users)


def _unordered(facts: Facts) -> str:
    return "" if facts.is_ordered else "the split draws entries at random, so that nothing is asked of their order"


def _without(side: str, key: str) -> Callable[[Facts], str]:
    return lambda facts: "" if side in facts.has else f"the data has none ({key})"


def _square(facts: Facts) -> str:
    return "" if facts.num_items <= MOST_SQUARE else f"{facts.num_items:,} items; its square is for {MOST_SQUARE:,}"


def _local(facts: Facts) -> str:
    return "" if facts.num_items > MOST_SQUARE else "EASE itself fits"


def _of_sessions(facts: Facts) -> str:
    is_long = facts.mean_length >= SESSIONS
    return _unordered(facts) or (f"it is for sessions; rows have {facts.mean_length:.0f} items here" if is_long else "")


def _of_histories(facts: Facts) -> str:
    is_short = facts.mean_length < SESSIONS
    return _unordered(facts) or (f"rows have {facts.mean_length:.1f} items; GRU4Rec is for these" if is_short else "")


def _of_bags(facts: Facts) -> str:
    return "sequence models are for these data" if facts.is_ordered else ""


def _with_attributes(facts: Facts) -> str:
    return _unordered(facts) or _without("item_attributes", "attributes of items: --data.item_table")(facts)


CONTENDERS = (  # by what they cost
    Contender("Popularity", 1),
    Contender("MarkovChain", 1, _unordered),
    Contender("ItemKNN", 1),
    Contender("RP3beta", 1),
    Contender("EASE", 2, _square),
    Contender("LocalEASE", 2, _local),
    Contender("STAN", 2, _unordered),
    Contender("BPR", 4),
    Contender("SBPR", 4, _without("trust", "who trusts whom: --data.trust")),
    Contender("GRU4Rec", 8, _of_sessions),
    Contender("TVRec", 8, _of_histories),
    Contender("SASRec", 8, _unordered),
    Contender("SASRecF", 8, _with_attributes),
    Contender("LightGCN", 8, _of_bags),
    Contender("CKE", 8, _without("knowledge", "a graph: --data.knowledge")),
)
SHARES = {one.name: one.share for one in CONTENDERS}
