"""Why a run recommends what it recommends: paths of its knowledge graph, or the items of a history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.questions import HistoryRatings, HistoryTimes, ids_of, listed
from nextitem.cli.shared import AsJson, MovedData, RunPath, console, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.runs.asking.influence import Influenced
    from nextitem.runs.asking.recommend import Run


def explain(
    folder: RunPath,
    user: Annotated[str | None, typer.Option(help="Whose recommendations: an id of the run's data.")] = None,
    history: Annotated[
        str | None, typer.Option(help="Or item ids, oldest first, with commas: which of these brought it.")
    ] = None,
    item: Annotated[str | None, typer.Option(help="Items to explain, with commas [the best].")] = None,
    times: HistoryTimes = None,
    ratings: HistoryRatings = None,
    by: Annotated[
        Literal["removal", "attention"],
        typer.Option(help="removal: what the score loses without an item; attention: the share taken of it."),
    ] = "removal",
    k: Annotated[int, typer.Option("-k", min=1, help="How many of the best items, without --item.")] = 3,
    paths: Annotated[int, typer.Option(min=1, help="How many paths to each item, or items of the history.")] = 5,
    names: Annotated[str | None, typer.Option(help="An attribute to call items by, such as title [ids].")] = None,
    data: MovedData = None,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Say what brought a recommendation: paths of a knowledge graph, or how much of the score each item of the history
    takes with it when it is taken out.

    A model that learns from a knowledge graph tells its paths (--user); any other that reads histories is asked again
    without each of the items, of --history or of what the run keeps of --user. --by attention shows where a model's
    last attention looks instead, which need not be what its scores hang on."""
    from nextitem.runs.asking.explain import has_paths
    from nextitem.runs.asking.recommend import load

    models = code_of_run(folder, trust_code, code)
    run = replace(load(folder, models=models), data_place=data)
    if history is None and user is None:
        raise InputError("nextitem explain needs --history 50,172, or --user ID")
    asked = None if item is None else listed(item)
    if history is None and has_paths(run.model):
        if by == "attention":
            raise InputError(
                f"{run.recipe.model.label} is explained by paths of its graph, found --by attention; leave it out"
            )
        _tell_paths(folder, str(user), asked, k, paths, names, data, models, json)
        return
    given = None if history is None else ids_of(history)
    told_times, told_ratings = (None if told is None else listed(told) for told in (times, ratings))
    found = run.explain(given, asked, user=user, times=told_times, ratings=told_ratings, k=k, by=by)
    called = {} if names is None else _called(run, names)
    if json:
        print_json([_with_name(one, called) for one in found])
        return
    from nextitem.report.explanations import attention_table, influence_table

    if by == "attention":
        console().print(attention_table(found, called, paths))
        return
    for one in found:
        console().print(influence_table(one, called, paths))


def _tell_paths(
    folder: Path,
    user: str,
    items: list[Any] | None,
    k: int,
    paths: int,
    names: str | None,
    data: str | None,
    models: Any,
    json: bool,
) -> None:
    from nextitem.report.explanations import explanation_table
    from nextitem.runs.asking.explain import explain as explained

    found = explained(folder, user, items, top=k, paths=paths, names=names, data=data, models=models)
    if json:
        print_json(found)
        return
    for one in found:
        console().print(explanation_table(one))


def _called(run: Run, column: str) -> dict[object, str]:
    """What each item is called, by its id."""
    from nextitem.runs.asking.explain import names_of

    return names_of(run.items, run.item_table, column)


def _with_name(found: Influenced, called: dict[object, str]) -> dict[str, Any]:
    """As an object of JSON, where items with a name have it beside their ids."""

    def named(one: Any) -> dict[str, Any]:
        return dict(vars(one)) | ({"name": called[one.item]} if one.item in called else {})

    return named(found) | {"influences": [named(one) for one in found.influences]}
