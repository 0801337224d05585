"""The models as tables: all of them, or one with its arguments."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text

from nextitem.keys import Key
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.models.catalogue import MODELS, arguments, find
from nextitem.models.graph import GraphModel
from nextitem.models.towers import ItemTower, SequenceModel, TowerFree, TwoTower
from nextitem.report.tables import FittingTable

KINDS = (SequenceModel, GraphModel, TwoTower, TowerFree, Fitted, ItemTower)


@dataclass(frozen=True)
class Facts:
    """What is known of a model without making one; `keys`: of its recipe, their types and defaults."""

    name: str
    family: str
    kind: str
    trains_on: tuple[str, ...]
    paper: str
    keys: dict[str, dict[str, Any]]


def facts_of_all() -> list[Facts]:
    """The models by family and name."""
    return [facts_of(name) for name, _ in sorted(MODELS.items(), key=lambda entry: (_family(entry[1]), entry[0]))]


def facts_of(name: str) -> Facts:
    """Raises InputError where no model has this name."""
    model = find(name)
    batches = model.trains_on if issubclass(model, Trained) else ()
    keys = {f"model.{one.name}": {"type": _type(one), "default": one.default} for one in arguments(name).values()}
    return Facts(name, _family(model), _kind(model), tuple(batches), _paper(model), keys)


def models_table() -> FittingTable:
    """Name, family, kind, the batches it trains on, and where its paper appeared."""
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("model", "family", "kind", "trains on", "paper"):
        table.add_column(title, no_wrap=True)
    for one in facts_of_all():
        table.add_row(one.name, one.family, one.kind, ", ".join(one.trains_on) or "-", one.paper)
    return table


def model_page(name: str) -> Group:
    """The docstrings of a model's file and class, and its arguments as recipe keys.

    Raises:
        InputError: no model has this name.
    """
    model = find(name)
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("recipe key", "default", "type"):
        table.add_column(title)
    for one in arguments(name).values():
        table.add_row(f"model.{one.name}", str(one.default), _type(one))
    found = facts_of(name)
    facts = f"family {found.family}, {found.kind}, trains on: {', '.join(found.trains_on) or '-'}"
    about = [inspect.cleandoc(text) for text in (sys.modules[model.__module__].__doc__, model.__doc__) if text]
    return Group(Text(facts, "bold"), "", *(Text(text + "\n") for text in about), table)


def _family(model: type[Recommender]) -> str:
    return model.__module__.split(".")[-2]


def _kind(model: type[Recommender]) -> str:
    return next(kind.__name__ for kind in KINDS if issubclass(model, kind))


def _type(key: Key) -> str:
    return key.type.__name__ if isinstance(key.type, type) else str(key.type).replace("typing.", "")


def _paper(model: type[Recommender]) -> str:
    """Venue and year, such as "UAI 2009", of the paper that the second paragraph of the model's file cites."""
    paragraphs = (sys.modules[model.__module__].__doc__ or "").split("\n\n")
    found = re.search(r"\b[A-Z]\w+ (19|20)\d\d\b", " ".join(paragraphs[1].split())) if len(paragraphs) > 1 else None
    return found.group() if found else "-"
