"""The metrics of a run: defaults are narrowed to the catalogue, what was asked for is measured or refused."""

from __future__ import annotations

import pytest

from nextitem.errors import InputError
from nextitem.evaluation.evaluate import DEFAULT_METRICS
from nextitem.evaluation.lists import narrowed
from nextitem.recipe import make_recipe
from nextitem.runs.parts.metrics import choose_metrics, choose_monitor, compared


def test_defaults_that_fit_are_measured_and_nothing_is_said() -> None:
    assert choose_metrics(make_recipe(), 20) == (DEFAULT_METRICS, ())


def test_defaults_lose_lists_that_are_longer_than_the_ranking() -> None:
    metrics, notes = choose_metrics(make_recipe(), 8)
    assert metrics == ("hr@1", "hr@5", "ndcg@5")
    assert notes == ("only 8 items are ranked, so these metrics are left out: hr@10, hr@20, ndcg@10, ndcg@20, mrr@10",)


@pytest.mark.parametrize("name", ["EASE", "BPR"])
def test_defaults_are_the_same_for_every_model(name: str) -> None:
    metrics, _ = choose_metrics(make_recipe({"model": {"name": name}}), 7)
    assert metrics == ("hr@1", "hr@5", "ndcg@5")


def test_where_no_default_fits_the_whole_ranking_is_measured() -> None:
    assert narrowed(("ndcg@5", "hr@5"), 3)[0] == ("ndcg@3",)


def test_a_metric_that_was_asked_for_is_refused_by_the_name_of_its_option() -> None:
    recipe = make_recipe({"evaluation": {"metrics": ["hr@5", "hr@20"]}})
    with pytest.raises(InputError, match=r"hr@20: a list of 20 holds all 10 items .*--evaluation\.metrics"):
        choose_metrics(recipe, 10)


@pytest.mark.parametrize(("num_ranked", "monitor"), [(10, "ndcg@10"), (9, "ndcg@9"), (2, "ndcg@2")])
def test_the_default_monitor_is_ndcg_of_all_where_there_are_few(num_ranked: int, monitor: str) -> None:
    found, notes = choose_monitor(make_recipe(), num_ranked)
    assert found == monitor
    assert bool(notes) == (num_ranked < 10)


def test_a_monitor_that_was_asked_for_is_refused_by_the_name_of_its_option() -> None:
    recipe = make_recipe({"training": {"monitor": "hr@20"}})
    with pytest.raises(InputError, match=r"hr@20: a list of 20 holds all 10 items .*--training\.monitor"):
        choose_monitor(recipe, 10)


@pytest.mark.parametrize(
    ("asked", "measured", "metric"),
    [
        (("hr@5", "ndcg@10"), ("hr@5", "ndcg@10"), "ndcg@10"),
        (("hr@5", "ndcg@5"), ("hr@5", "ndcg@5"), "hr@5"),
        (DEFAULT_METRICS, ("hr@1", "hr@5", "ndcg@5"), "ndcg@5"),
        (("ndcg@10", "hr@5"), ("hr@5",), "hr@5"),
    ],
)
def test_models_are_compared_by_ndcg_at_10_or_what_is_left_of_it(
    asked: tuple[str, ...], measured: tuple[str, ...], metric: str
) -> None:
    assert compared(asked, measured) == metric
