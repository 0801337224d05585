"""The reference pages of the site, made from the code when the site is built: commands, recipe keys, models, Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer
from pydantic import BaseModel
from typer.core import TyperArgument, TyperOption

import nextitem
from nextitem.cli.main import app
from nextitem.recipe import DataRecipe, EvaluationRecipe, LossRecipe, ModelRecipe, SplitRecipe, TrainingRecipe
from nextitem.report.models import facts_of_all

SECTIONS: dict[str, type[BaseModel]] = {
    "data": DataRecipe,
    "split": SplitRecipe,
    "model": ModelRecipe,
    "loss": LossRecipe,
    "training": TrainingRecipe,
    "evaluation": EvaluationRecipe,
}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown.

    >>> print(table(["a", "b"], [["1", "x|y"]]))
    | a | b |
    | --- | --- |
    | 1 | x\\|y |
    """
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def commands() -> str:
    """Every command: what it does, and its options as `--help` has them."""
    parts = [
        "# Commands",
        "What `nextitem COMMAND --help` prints. Recipe keys are options, too: see [recipe keys](recipe.md).",
    ]
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        arguments = [one for one in command.params if isinstance(one, TyperArgument)]
        options = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden]
        usage = " ".join(["nextitem", name, *(_wanted(one) for one in arguments), "[OPTIONS]"])
        parts += [f"## {name}", f"    {usage}", _plain(command.help or "")]
        rows = [[_wanted(one), "", _plain(one.help or "")] for one in arguments]
        rows += [[_code(", ".join(one.opts)), _default(one.default), _plain(one.help or "")] for one in options]
        parts.append(table(["option", "default", "meaning"], rows))
    return "\n\n".join(parts) + "\n"


def recipe() -> str:
    """Every key of the sections of a recipe, by its docstring."""
    parts = [
        "# Recipe keys",
        "Each is an option (`--training.epochs 20`) and a line of a recipe file. A model, loss, sampler and kind of "
        "batches brings further keys: [models](models.md), [losses](../losses.md), [samplers](../samplers.md).",
        "`seed` stands above the sections. `nextitem recipe -m MODEL -d DATA` prints what a run would use.",
    ]
    for name, section in SECTIONS.items():
        rows = [
            [_code(f"{name}.{key}"), _default(field.default), _plain(field.description or "")]
            for key, field in section.model_fields.items()
        ]
        parts += [f"## {name}", table(["key", "default", "meaning"], rows)]
    return "\n\n".join(parts) + "\n"


def models() -> str:
    """Every model with its paper, what it trains on and its keys."""
    parts = ["# Models", "What `nextitem models --json` tells; `nextitem models NAME` explains one."]
    for fact in facts_of_all():
        trained = f"trains on {', '.join(fact.trains_on)}" if fact.trains_on else "counted, or in closed form"
        parts += [f"## {fact.name}", f"{fact.family}; {fact.paper}; {trained}."]
        rows = [[_code(key), _default(told.get("default"))] for key, told in fact.keys.items()]
        if rows:
            parts.append(table(["key", "default"], rows))
    return "\n\n".join(parts) + "\n"


def python() -> str:
    """A place for the docstring of every public name."""
    homes = vars(nextitem)["_HOMES"]
    rooms = [name for name in nextitem.__all__ if name not in homes]
    parts = [
        "# Python",
        "What `import nextitem as ni` has, by name. "
        + ", ".join(f"`ni.{name}`" for name in rooms)
        + " are rooms of names.",
    ]
    parts += [f"::: nextitem.{homes[name]}.{name}" for name in sorted(homes, key=str.lower)]
    return "\n\n".join(parts) + "\n"


def _wanted(argument: TyperArgument) -> str:
    name = (argument.metavar or argument.name or "").strip("[]{}").upper()
    return name if argument.required else f"[{name}]"


def _plain(text: str) -> str:
    """One paragraph; what typer escapes for its own screen stands as it was written."""
    return re.sub(r"\s+", " ", text.replace("\\[", "[")).strip()


def _code(text: str) -> str:
    return f"`{text}`"


def _default(value: Any) -> str:
    if value is None or value is False or callable(value):
        return ""
    if isinstance(value, tuple | list):
        return _code(", ".join(map(str, value))) if value else ""
    return _code(str(value))


PAGES: dict[str, Callable[[], str]] = {"commands": commands, "recipe": recipe, "models": models, "python": python}
