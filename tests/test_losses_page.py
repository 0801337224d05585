"""docs/losses.md names every loss, each hyper-parameter of it and the default that it has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from nextitem.nn import losses

PAGE = (Path(__file__).parent.parent / "docs" / "losses.md").read_text(encoding="utf-8")
ROWS = {row.split("`")[1]: row for row in PAGE.splitlines() if row.startswith("| `")}


def test_the_tables_hold_the_losses_that_there_are() -> None:
    assert set(ROWS) == set(losses.__all__)


@pytest.mark.parametrize("name", losses.__all__)
def test_hyper_parameters_and_their_defaults(name: str) -> None:
    parameters = inspect.signature(vars(losses)[name]).parameters
    cell = ROWS[name].split(" | ")[-1]
    own = [one for one in parameters.values() if one.kind is inspect.Parameter.KEYWORD_ONLY and one.name != "weight"]
    assert re.findall(r"`(\w+)`", cell) == [one.name for one in own]
    for one in own:
        if one.default is not inspect.Parameter.empty:
            assert re.search(rf"`{one.name}` (\S )?{one.default}\b", cell)


@pytest.mark.parametrize("name", losses.__all__)
def test_losses_that_need_log_q_are_marked(name: str) -> None:
    assert ("log_q" in inspect.signature(vars(losses)[name]).parameters) == ("(log Q)" in ROWS[name])
