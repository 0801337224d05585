"""A trained run in use: raw item ids in, raw item ids out, for users that nobody has seen before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from nextitem.data.batches import history_batch
from nextitem.data.ids import PAD, IdMap
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError, expect
from nextitem.forking import mark_computed
from nextitem.models.base import Recommender
from nextitem.models.catalogue import make
from nextitem.models.own import Given
from nextitem.models.towers import ItemTower
from nextitem.recipe import Recipe
from nextitem.runs.folder import ITEMS, USERS, RunFolder
from nextitem.training.fit import BEST
from nextitem.training.refit import REFIT
from nextitem.training.shapes import MEND


@dataclass(frozen=True)
class Recommendation:
    """What one history is recommended: the best items, and their scores."""

    items: list[int] | list[str]  # external ids, best first
    scores: list[float]  # of the model; comparable within this list
    skipped: list[object]  # ids of the history that the model does not know
    problem: str = ""  # why there are no items, of a row that unknown="skip" passed over


@dataclass(frozen=True)
class Run:
    """A trained run in use: a model, and the ids that it speaks in. `ni.load` opens one."""

    folder: Path
    recipe: Recipe
    items: IdMap
    users: IdMap
    model: Recommender
    is_refit: bool = False  # whether the weights are those of a training on all data, not those that were evaluated

    def __repr__(self) -> str:
        trained = ", refit on all data" if self.is_refit else ""
        return f"Run({self.recipe.model.label} in {self.folder}: {len(self.items):,} items{trained})"

    @property
    def report(self) -> dict[str, Any]:
        """The content of report.json: protocol, metrics, baselines, seconds, versions and recipe."""
        return RunFolder(self.folder).read_report()

    def recommend(
        self,
        histories: Sequence[Sequence[object]],
        k: int = 10,
        *,
        users: Sequence[object] | None = None,
        times: Sequence[Sequence[int]] | None = None,
        ratings: Sequence[Sequence[float]] | None = None,
        unknown: Literal["error", "skip"] = "error",
        exclude_seen: bool = True,
        names: Sequence[str] | None = None,
    ) -> list[Recommendation]:
        """The k best next items for each history of item ids, oldest first.

        A model that knows users, such as BPR, wants their ids beside the histories, which then only say what to
        exclude. One that goes by times, such as TiSASRec, wants them beside the items of each history, in the unit of
        the log it learned from (seconds, unless it said otherwise); one that goes by ratings wants these. An empty
        history gets what the model says without one. With `exclude_seen` no item of the history
        comes back. With unknown="skip" a row of which the model knows nothing (a history of unknown ids only, a user
        that it was not trained on) has no items, and its `problem` says why; the other rows are answered.
        `names` is what errors call the rows: history 0, history 1, .. if they are not given.

        Raises:
            InputError: of one row, which is named: an id that the model does not know (with unknown="skip" it is left
                out and reported), fewer than `k` items left. Of all: more items asked for than there are, users
                missing.
        """
        if not 1 <= k <= self.model.num_items:
            raise InputError(f"k must lie between 1 and {self.model.num_items} (all items); found {k}")
        beside = {"times": times, "ratings": ratings}
        refuse_beside(self, beside, histories)
        rows = known_rows(self, histories, users, unknown, names, beside)
        if exclude_seen:
            refuse_short(rows, k, self.model.num_items)
        found = iter(self._best([row for row in rows if not row.problem], k, exclude_seen))
        return [Recommendation([], [], row.skipped, row.problem) if row.problem else next(found) for row in rows]

    def _best(self, asked: list[KnownRow], k: int, exclude_seen: bool) -> list[Recommendation]:
        if not asked:  # no model is asked for no row
            return []
        rows = Sequences.from_lists([row.items for row in asked])
        wanted = self.model.wanted()
        if wanted.times or wanted.asked_at:
            rows = replace(rows, timestamps=np.array([time for row in asked for time in row.times], dtype=np.int64))
        if wanted.ratings:
            rows = replace(rows, ratings=np.array([one for row in asked for one in row.ratings], dtype=np.float32))
        users = np.array([row.user for row in asked], dtype=np.int64)
        batch = history_batch(rows, self.model.max_length, users, wanted)
        mark_computed()
        with torch.inference_mode():
            scores = self.model.score(batch)
            scores[:, PAD] = float("-inf")
            if exclude_seen:
                scores[torch.from_numpy(rows.flat_rows()), torch.from_numpy(rows.flat_items()).long()] = float("-inf")
            best = scores.topk(k)
        return [
            Recommendation(self.items.ids(indices.numpy()), values.tolist(), row.skipped)
            for indices, values, row in zip(best.indices, best.values, asked, strict=True)
        ]


@dataclass(frozen=True)
class KnownRow:
    """What is asked for one user, in the model's numbers."""

    name: str  # for errors: "history 3 (of user 'u7')"
    items: list[int]
    user: int
    times: list[int]  # beside the items, of a model that goes by them
    ratings: list[float]
    skipped: list[object]
    problem: str = ""  # why the row is passed over


def known_rows(
    run: Run,
    histories: Sequence[Sequence[object]],
    users: Sequence[object] | None,
    unknown: Literal["error", "skip"],
    names: Sequence[str] | None,
    beside: Mapping[str, Sequence[Sequence[Any]] | None],
) -> list[KnownRow]:
    """Raises:
    InputError: users are missing; or what a row has that the model does not know, unless that is to be skipped.
    """
    name = run.recipe.model.label
    if run.model.knows_users and (users is None or len(users) != len(histories)):
        raise InputError(f"{name} recommends to users that it was trained on: pass users=, one id for each history")
    rows = []
    for number, history in enumerate(histories):
        user = users[number] if users is not None and number < len(users) else None
        called = f"history {number}" if names is None else names[number]
        own = {name: [] if values is None else list(values[number]) for name, values in beside.items()}
        rows.append(_known_row(run, called, history, user, unknown, own))
    return rows


def _known_row(
    run: Run,
    name: str,
    history: Sequence[object],
    user: object,
    unknown: Literal["error", "skip"],
    beside: Mapping[str, list[Any]],
) -> KnownRow:
    name += "" if user is None else f" (of user {user!r})"
    if isinstance(history, str | bytes):
        raise InputError(f"{name} is the text {history!r}; a history is a list of item ids")
    try:
        ids = list(history)
    except TypeError as error:
        raise InputError(f"{name} is {history!r}; a history is a list of item ids") from error
    indices = run.items.indices(ids)
    skipped = [item for item, index in zip(ids, indices, strict=True) if index == PAD]
    index = int(run.users.indices([user])[0]) if run.model.knows_users else 0
    problem = ""
    if run.model.knows_users and index == PAD:
        problem = f"{name}: {run.recipe.model.label} was not trained on the user {user!r}"
    elif skipped and (unknown == "error" or len(skipped) == len(ids)):
        no_other = ", and no other" if len(skipped) == len(ids) else ""
        told = ", ".join(map(repr, skipped[:5]))
        problem = f"{name} has {len(skipped)} item ids that the model does not know{no_other}: {told}"
    if problem and unknown == "error":
        raise InputError(f"{problem}; leave it out, or pass unknown='skip'")
    kept = [place for place, index in enumerate(indices) if index != PAD]
    for what, values in beside.items():
        if values and len(values) != len(ids):
            raise InputError(f"{name} has {len(ids)} items and {len(values)} {what}; give one for each item")
    times, ratings = ([values[place] for place in kept] if values else [] for values in beside.values())
    return KnownRow(name, indices[kept].tolist(), index, times, ratings, skipped, problem)


def refuse_beside(
    run: Run, beside: Mapping[str, Sequence[Sequence[Any]] | None], histories: Sequence[Sequence[object]]
) -> None:
    """Raises:
    InputError: the model goes by times or ratings and has none, or it has some and does not go by them.
    """
    wanted, name = run.model.wanted(), run.recipe.model.label
    for what, is_wanted in {"times": wanted.times or wanted.asked_at, "ratings": wanted.ratings}.items():
        values = beside[what]
        if is_wanted and (values is None or len(values) != len(histories)):
            raise InputError(f"{name} goes by {what}: pass {what}=, one list for each history, a number for each item")
        if values is not None and not is_wanted:
            raise InputError(f"{name} does not go by {what}; leave {what} out")


def refuse_short(rows: list[KnownRow], k: int, num_items: int) -> None:
    """Raises:
    InputError: a history leaves fewer than `k` items that it has not met.
    """
    for row in rows:
        left = num_items - len(set(row.items))
        if not row.problem and k > left:
            raise InputError(
                f"k must lie between 1 and {left} (the items left) for {row.name}; found {k}. Ask for fewer, leave "
                "the row out, or let items of the history come back (exclude_seen=False, --keep-seen)"
            )


def load(folder: str | Path, *, models: Sequence[Given] = (), evaluated: bool = False) -> Run:
    """Open a run folder for use, on the CPU.

    A run that was trained anew on all its data (`refit`) has those weights, and its `is_refit` says so; `evaluated`
    takes the weights that the report's figures are of.

    A run of a class of your own wants that class among `models`, from the file that it was trained with; no code is
    ever run because a folder names it.

    Raises:
        InputError: the folder is not a run, is damaged, or was written in another format; or its model is not one of
            ours and not among `models`, or is of another file.
    """
    expect("folder", folder, (str, Path), "name a run folder")
    run_folder = RunFolder(Path(folder))
    recipe = run_folder.read_recipe(models)
    is_refit = not evaluated and run_folder.is_finished and run_folder.read_report().get("refit") is not None
    name = REFIT if is_refit else BEST
    if run_folder.is_finished:
        run_folder.read_report(reads=(ITEMS, USERS, name))
    weights, items, users = run_folder.read_weights(name), run_folder.read_items(), run_folder.read_users()
    model = make(recipe.model.kind, run_folder.read_sizes(len(users), len(items)), recipe.model.arguments)
    if isinstance(model, ItemTower) and recipe.loss is not None:
        model.score_for(recipe.loss.name)
    try:
        model.load_weights(weights)
    except InputError as error:
        raise InputError(f"{run_folder.path / name} does not fit the recipe: {error}; {MEND}") from error
    return Run(Path(folder), recipe, items, users, model.eval(), is_refit)
