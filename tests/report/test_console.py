"""What a run says while it goes on, on the terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from nextitem.recipe import make_recipe
from nextitem.report.console import _recipe_table


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
