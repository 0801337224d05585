"""Tables at any width: no digit and no column is lost."""

from __future__ import annotations

import io

import pytest
from rich.box import SIMPLE_HEAD

from nextitem.report.models import models_table
from nextitem.report.tables import FittingTable
from nextitem.terminal import console

NAMES = ("Popularity", "MarkovChain", "a-model-of-my-own.py:SlowButGood")
METRICS = tuple(f"ndcg@{k}" for k in range(5, 60, 5))


def shown(table: FittingTable, width: int) -> list[str]:
    screen = console()
    screen.file, screen.width = io.StringIO(), width
    screen.print(table)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def metric_table() -> FittingTable:
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, title="Test")
    table.add_column("", no_wrap=True)
    for metric in METRICS:
        table.add_column(metric, justify="right", no_wrap=True)
    for row, name in enumerate(NAMES):
        table.add_row(name, *(f"{row}.{place:04d}" for place in range(len(METRICS))))
    return table


@pytest.mark.parametrize("width", [45, 60, 80, 200])
def test_every_metric_of_every_row_is_there(width: int) -> None:
    lines = shown(metric_table(), width)
    assert max(len(line) for line in lines) <= width
    words = " ".join(lines).split()
    for row in range(len(NAMES)):
        assert all(f"{row}.{place:04d}" in words for place in range(len(METRICS)))
    assert all(words.count(metric) == 1 for metric in METRICS)
    assert words.count("Test") == 1


def test_the_first_column_stands_beside_every_part() -> None:
    words = " ".join(shown(metric_table(), 60)).split()
    parts = words.count("MarkovChain")
    assert parts > 1
    assert [words.count(name) for name in NAMES] == [parts] * len(NAMES)


def test_a_table_that_fits_stays_in_one_part() -> None:
    assert " ".join(shown(metric_table(), 200)).split().count("MarkovChain") == 1


def test_a_name_wider_than_the_screen_is_folded() -> None:
    lines = shown(metric_table(), 20)
    assert max(len(line) for line in lines) <= 20
    assert NAMES[2] in "".join(line[:12].strip() for line in lines) or "SlowButGood"[:4] in "".join(lines)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_list_of_models_is_whole(width: int) -> None:
    words = " ".join(shown(models_table(), width)).split()
    assert {"sequential", "SequenceModel", "prefix,", "BERT4Rec"} <= set(words)
