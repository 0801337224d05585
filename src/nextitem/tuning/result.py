"""What a tuning has found: the winner, every trial, and what is to be said of them in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from nextitem.recipe import Recipe
from nextitem.tuning.engine import text_of
from nextitem.tuning.space import Space, value_of
from nextitem.tuning.store import DEFAULT, REASON, Store, is_killed

if TYPE_CHECKING:
    import optuna

FEW = 6  # trials, of which a third says nothing of whether more would help
KILLED = "its process was killed, and then another before it had one more epoch"
FACTS = ("trial", "state", "value", "best", "default", "epochs", "best_epoch", "seconds", "reason")


@dataclass(frozen=True)
class Tuning:
    """The state of a tuning when a call of it ends."""

    folder: Path
    recipe: Recipe  # of the winner
    number: int  # of the winner among the trials
    value: float  # of the winner, `monitor` on the validation cases
    default_value: float | None  # of the recipe as it was; None where that trial has no value
    monitor: str
    split: str
    data: str
    trials: pl.DataFrame  # a row a trial: trial, state, value, best so far, .., and a column a key of the space
    changes: dict[str, tuple[Any, Any]]  # by key of the space: what the recipe had, and what the winner has
    importances: dict[str, float]  # by key, in shares of 1; empty where too few trials are over
    report: dict[str, Any] | None  # of the winner's run; None while other processes are still at trials
    others: int  # trials that other processes have under way

    @property
    def test(self) -> dict[str, float] | None:
        """The winner's figures on the test cases."""
        return None if self.report is None else self.report["test"]

    def __repr__(self) -> str:
        return f"Tuning({self.monitor} {self.value:.4f} by trial {self.number} of {len(self.trials)}, in {self.folder})"


def tuning_of(store: Store, monitor: str, split: str, data: str, report: dict[str, Any] | None, others: int) -> Tuning:
    winner = store.winner()
    assert winner is not None  # who calls has looked
    assert winner.value is not None
    recipe = store.recipe_of(winner)
    over = [one for one in store.counted() if DEFAULT in one.user_attrs and one.state.name == "COMPLETE"]
    changes = {path: (value_of(store.recipe, path), value_of(recipe, path)) for path in store.space}
    return Tuning(
        store.out, recipe, winner.number, winner.value, over[0].value if over else None, monitor, split, data,
        _table(store), changes, store.importances(), report, others,
    )  # fmt: skip


def cut_note(store: Store, number: int) -> tuple[str, ...]:
    """For the report of the winner: how it came to be, and where the time cut its training."""
    trial = store.study.get_trials(deepcopy=False)[number]
    notes = [f"the best of {len(store.counted())} trials of a tuning, by validation"]
    if trial.user_attrs.get("is_cut"):
        notes.append(f"its training was cut after epoch {trial.user_attrs['epochs']}, when the time was over")
    return tuple(notes)


def sentences(found: Tuning) -> list[str]:
    """In words: what is best, by how much, what it rests on, and whether more trials would help."""
    counts = Counter(found.trials["state"].to_list()).most_common()
    told = ", ".join(f"{count} {name}" for name, count in counts)
    said = [f"{_counted(len(found.trials))} ({told}) of {found.recipe.model.label} on {found.data}, {found.split}."]
    said.append(
        f"Best is trial {found.number}: {found.monitor} {found.value:.4f} on the validation cases; {_against(found)}"
    )
    if found.number:
        said.append(
            "The highest of several validation values is a little too high by the choice itself; the figures on the "
            "test cases were looked at for this trial alone."
        )
    winner = found.trials.row(found.number, named=True)
    if winner["state"] == "cut":
        said.append(
            f"Its training was cut after epoch {winner['epochs']}, when the time was over; {_cut_at_its_best(winner)}"
        )
    said.append(_enough(found))
    if found.report is None:
        said.append(
            f"Other processes are still at {_counted(found.others)} of this tuning; the "
            "one that ends last ranks the winner on the test cases, or the same command once more."
        )
    return said


def _counted(trials: int) -> str:
    return f"{trials} trial{'' if trials == 1 else 's'}"


def _cut_at_its_best(winner: dict[str, Any]) -> str:
    if winner["best_epoch"] == winner["epochs"]:
        return "it was still getting better: give it more time, or fewer --epochs to all trials."
    return f"its best was epoch {winner['best_epoch']}."


def _against(found: Tuning) -> str:
    if found.default_value is None:
        return "the recipe as it is has no value, since its trial did not come to an end."
    if found.number == 0 or found.value == found.default_value:
        rest = "nothing that was tried is better" if len(found.trials) > 1 else "nothing else was tried"
        return f"that is the recipe as it is: {rest}."
    more = (found.value - found.default_value) / found.default_value if found.default_value else float("inf")
    return f"the recipe as it is has {found.default_value:.4f} ({more:+.1%})."


def _enough(found: Tuning) -> str:
    """By the curve of the best value so far, over its last third."""
    curve = [value for value in found.trials["best"].to_list() if value is not None]
    if len(curve) < FEW:
        return f"Whether more trials would help cannot be told by {_counted(len(curve))}."
    since = len(curve) - len(curve) // 3
    gained = curve[-1] - curve[since - 1]
    if gained > 0:
        return (
            f"The last third of the trials still found {gained:.4f} more: a larger budget would probably find a better "
            "one (the same command with more --trials or --time goes on)."
        )
    return "The last third of the trials found nothing better: the budget was enough for this space, it seems."


def _table(store: Store) -> pl.DataFrame:
    """In the order in which the trials began."""
    trials = [one for one in store.study.get_trials(deepcopy=False) if one.state.name != "WAITING"]
    rows, best = [], None
    for one in trials:
        value = max(one.intermediate_values.values(), default=None) if one.state.name == "PRUNED" else one.value
        if one.state.name == "COMPLETE" and value is not None:
            best = value if best is None else max(best, value)
        told = one.user_attrs
        facts = (
            one.number, _state(store, one), value, best, DEFAULT in told, told.get("epochs"), told.get("best_epoch"),
            told.get("seconds"), told.get(REASON, KILLED if is_killed(one) else ""),
        )  # fmt: skip
        rows.append((facts, store.values_of(one), DEFAULT in told))
    columns = [pl.Series(name, [facts[place] for facts, _, _ in rows]) for place, name in enumerate(FACTS)]
    return pl.DataFrame([*columns, *_keys(store.space, store.recipe, [(values, own) for _, values, own in rows])])


def _keys(space: Space, recipe: Recipe, rows: list[tuple[dict[str, Any], bool]]) -> list[pl.Series]:
    """A column a key; the recipe as it is may have a value that the space does not."""
    columns = []
    for path in space:
        values = [found.get(path, value_of(recipe, path) if own else None) for found, own in rows]
        kinds = {type(one) for one in values if one is not None}
        is_plain = kinds <= {int, float} or (len(kinds) == 1 and kinds <= {str, bool})
        columns.append(pl.Series(path, values if is_plain else [text_of(one) for one in values], strict=False))
    return columns


def _state(store: Store, trial: optuna.trial.FrozenTrial) -> str:
    """complete, cut (by the time, between epochs), pruned, failed, killed twice, running, or left behind by a process
    that was killed, for the next call to go on with."""
    if is_killed(trial):
        return "killed twice"
    if trial.state.name == "RUNNING" and not store.is_held(trial.number):
        return "killed, goes on"
    if trial.user_attrs.get("is_cut"):
        return "cut"
    return {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}.get(trial.state.name, "running")
