"""The metrics of a run: what its recipe asks for, and of the defaults those for which there are items enough.

The defaults are those of the model's own recipe. They are told by their values, since a recipe that was written out, as
in a run folder, names every key.
"""

from __future__ import annotations

from nextitem.evaluation.beyond import is_listed
from nextitem.evaluation.lists import MAIN, check_lists, main, narrowed
from nextitem.evaluation.metrics import AUC, parse
from nextitem.recipe import Layer, Recipe, make_recipe

Notes = tuple[str, ...]  # sentences on what differs from the recipe


def choose_metrics(recipe: Recipe, num_ranked: int, key: str = "evaluation.metrics") -> tuple[tuple[str, ...], Notes]:
    """The metrics to measure where `num_ranked` items are ranked.

    Raises:
        InputError: one that is no default has a longer list; `key` is what can be changed.
    """
    metrics, notes = recipe.evaluation.metrics, Notes()
    if metrics == _usual(recipe).evaluation.metrics:
        metrics, notes = narrowed(metrics, num_ranked)
    check_lists(metrics, num_ranked, key)
    return metrics, notes


def choose_monitor(recipe: Recipe, num_ranked: int) -> tuple[str, Notes]:
    """The metric that says which epoch is best.

    Raises:
        InputError: it is no default and has a list longer than `num_ranked`.
    """
    training, usual = recipe.training, _usual(recipe).training
    assert training is not None
    assert usual is not None
    name = training.monitor
    if name == usual.monitor and name != AUC and parse(name)[1] > num_ranked:
        name = main(num_ranked)
        return name, (f"only {num_ranked:,} items are ranked, so the best epoch is the one of the highest {name}",)
    check_lists([name], num_ranked, "training.monitor")
    return name, ()


def compared(asked: tuple[str, ...], measured: tuple[str, ...]) -> str | None:
    """What decides against a baseline: ndcg@10 or else the first; of defaults that lost it, the longest ndcg. None
    where all metrics are of lists, by which no model is better than another."""
    shorter = [name for name in measured if name.startswith("ndcg@")]
    if MAIN in asked and MAIN not in measured and shorter:
        return max(shorter, key=lambda name: parse(name)[1])
    of_targets = [name for name in measured if not is_listed(name)]
    return MAIN if MAIN in measured else next(iter(of_targets), None)


def _usual(recipe: Recipe) -> Recipe:
    own = recipe.model.own
    layer: Layer = {"model": {"name": recipe.model.name}, "data": {"source": recipe.data.source}}
    return make_recipe(layer, models=() if own is None else (own,))
