"""What a run says while it goes on, on the terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

import nextitem as ni
from nextitem.recipe import make_recipe
from nextitem.report.console import RunView, _recipe_table
from nextitem.runs.learning.run import Built


def shown(model: dict[str, Any]) -> str:
    screen = Console(width=80, record=True, file=StringIO())
    screen.print(_recipe_table(make_recipe({"model": model, "data": {"source": "any"}})))
    return screen.export_text()


@pytest.mark.parametrize(
    ("model", "idle", "told"),
    [
        ({"name": "SASRec"}, ("contrast", "attribute", "rating"), ("dropout=0.5", "norm=freerec")),
        ({"name": "SASRec", "attributes": "sum"}, ("contrast", "rating"), ("attributes=sum",)),
        ({"name": "GRU4Rec", "contrast": "cl4srec", "temperature": 0.5}, ("rating",), ("contrast=cl4srec", "=0.5")),
    ],
)
def test_the_recipe_has_no_keys_of_what_a_model_might_have_and_has_not(
    model: dict[str, Any], idle: tuple[str, ...], told: tuple[str, ...]
) -> None:
    text = shown(model)
    assert [word for word in told if word not in text] == []
    assert [word for word in idle if word in text] == []
    assert "= " not in text  # a key without a value


def test_a_model_that_counts_has_no_table_of_parameters() -> None:
    screen = Console(width=80, record=True, file=StringIO())
    recipe = make_recipe({"model": {"name": "ItemKNN"}, "data": {"source": "any"}})
    RunView(screen).show(Built(recipe, ni.models.ItemKNN(20), 0))
    text = screen.export_text()
    assert "ItemKNN is fitted in one go" in text
    assert "KNN:" not in text.split()  # of a title, wrapped to no width
