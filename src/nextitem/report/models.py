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

from nextitem.keys import REQUIRED, Key
from nextitem.models.asking import asked
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.models.catalogue import MODELS, arguments, find, options_of
from nextitem.models.graph import GraphModel
from nextitem.models.installed import brought_by, installed
from nextitem.models.towers import ItemTower, SequenceModel, TowerFree, TwoTower
from nextitem.report.tables import FittingTable

KINDS = (SequenceModel, GraphModel, TwoTower, TowerFree, Fitted, ItemTower, Trained, Recommender)

MARGIN = 108  # letters of a docstring's line, from which on it was ended by the source's margin


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
    own = asked(name)
    model = find(name) if own is None else own.model
    keys = {
        f"model.{one.name}": {"type": _type(one)} | ({} if one.default is REQUIRED else {"default": one.default})
        for one in arguments(model).values()
    }
    family = _family(model) if own is None else str(own.path)
    return Facts(name, family, _kind(model), _batches(model), _paper(model), keys)


def models_table() -> FittingTable:
    """Name, family, kind, the batches it trains on, and where its paper appeared."""
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("model", "family", "kind", "trains on", "paper"):
        table.add_column(title, no_wrap=True)
    for one in facts_of_all():
        table.add_row(one.name, one.family, one.kind, ", ".join(one.trains_on) or "-", one.paper)
    for name, points in sorted(installed().items()):  # their code is not run for a list
        table.add_row(name, "installed", " and ".join(map(brought_by, points)), "", "")
    return table


def model_page(name: str) -> Group:
    """The docstrings of a model's file and class, and its arguments as recipe keys; the code of one of the user's own
    runs for it.

    Raises:
        InputError: no model has this name.
    """
    own = asked(name)
    model = find(name) if own is None else own.model
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("recipe key", "default", "type"):
        table.add_column(title)
    for one in arguments(model).values():
        default = "to be given" if one.default is REQUIRED else str(one.default)
        table.add_row(f"model.{one.name}", default, _type(one))
    family = f"family {_family(model)}" if own is None else f"your own, {own.path}"
    facts = f"{family}, {_kind(model)}, trains on: {', '.join(_batches(model)) or '-'}"
    about = [inspect.cleandoc(text) for text in (sys.modules[model.__module__].__doc__, model.__doc__) if text]
    about += [inspect.cleandoc(options.__doc__ or "") for options in options_of(model)]
    return Group(Text(facts, "bold"), "", *(Text(flowing(text) + "\n") for text in about), table)


def flowing(text: str) -> str:
    """A docstring without the line ends that the source's margin made, for a screen with a margin of its own."""
    lines, before = list[str](), ""
    for line in text.split("\n"):
        first = (line.split() or ["-"])[0]
        begins = first == "-" or first.endswith(":")  # of a list, or an argument
        if not begins and len(before) + 1 + len(first) > MARGIN:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
        before = line
    return "\n".join(lines)


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


def _batches(model: type[Recommender]) -> tuple[str, ...]:
    return tuple(model.trains_on) if issubclass(model, Trained) else ()
