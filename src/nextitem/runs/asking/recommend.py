"""A trained run in use: raw item ids in, raw item ids out, for users that nobody has seen before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from nextitem.data.ids import PAD
from nextitem.errors import InputError, expect
from nextitem.forking import mark_computed
from nextitem.models.catalogue import make
from nextitem.models.own import Given
from nextitem.models.towers import ItemTower
from nextitem.retrieval.approximate import Index
from nextitem.runs.asking.blocks import best, counts, most_popular
from nextitem.runs.asking.index import IndexNote, keep_index, open_index
from nextitem.runs.asking.moments import in_unit, rows_in_unit
from nextitem.runs.asking.recommendation import Recommendation
from nextitem.runs.asking.rows import (
    Fallback,
    KnownRow,
    Unknown,
    batch_of,
    hidden_items,
    known_rows,
    problem_of,
    refuse_beside,
    refuse_short,
)
from nextitem.runs.asking.similar import By, Similar, similar
from nextitem.runs.export.bundle import with_unpacked
from nextitem.runs.export.exporting import export
from nextitem.runs.folder.opened import Opened
from nextitem.runs.folder.run_folder import ITEMS, USERS, RunFolder
from nextitem.runs.parts.build import build_memory
from nextitem.training.fit import BEST
from nextitem.training.refit import REFIT
from nextitem.training.shapes import MEND


@dataclass(frozen=True)
class Run(Opened):
    """A trained run in use: a model, and the ids that it speaks in. `ni.load` opens one."""

    events: tuple[object, ...] = ()  # what happened while `ni.run` made it, over which it is iterated

    def __iter__(self) -> Iterator[object]:
        return iter(self.events)

    def __repr__(self) -> str:
        trained = ", refit on all data" if self.is_refit else ""
        return f"Run({self.recipe.model.label} in {self.folder}: {len(self.items):,} items{trained})"

    @cached_property
    def popularity(self) -> np.ndarray:  # (V,) int64
        """How often the users of `histories` have met each item."""
        return counts(self.histories.items, len(self.items))

    @cached_property
    def opened_index(self) -> Index:
        """The index that is kept beside the run; see `index`.

        Raises:
            InputError: there is none, it is damaged, or of other weights.
        """
        return open_index(self)

    def index(self, kind: str | None = None, *, recall: float | None = None, k: int = 10, seed: int = 0) -> IndexNote:
        """Index the item vectors for approximate search, and keep that beside the run; see `keep_index`."""
        note = keep_index(self, kind, recall, k, seed)
        vars(self).pop("opened_index", None)  # an older one
        return note

    def recommend(
        self,
        histories: Sequence[Sequence[object]] | None = None,
        k: int = 10,
        *,
        users: Sequence[object] | None = None,
        times: Sequence[Sequence[object]] | None = None,
        at: Sequence[object] | None = None,
        ratings: Sequence[Sequence[float]] | None = None,
        unknown: Unknown = "error",
        exclude_seen: bool = True,
        exclude: Iterable[object] = (),
        only: Iterable[object] | None = None,
        fallback: Fallback = "none",
        names: Sequence[str] | None = None,
        ann: bool = False,
    ) -> list[Recommendation]:
        """The k best next items for each history of item ids, oldest first; or, without histories, for each of `users`
        by what the run's data has of them.

        A model that knows users, such as BPR, wants their ids beside the histories, which then only say what to
        exclude; one that knows users and histories, such as FPMC or SKNN, takes the ids that there are, and scores
        anyone else by the history alone. One that goes by times, such as TiSASRec, wants them beside the items of each
        history, as a log has them: dates, or numbers, whose size says whether they are seconds since 1970 or finer. One
        that goes by the time of the question takes it from `at`, one for each history (the time of the newest item);
        one that goes by ratings wants these. An empty history gets what the model says without one. With `exclude_seen`
        no item of the history comes back; none of `exclude` does, and none that is not in `only`. With unknown="skip" a
        row of which the model knows nothing (a history of unknown ids only, a user that it was not trained on) has no
        items, and its `problem` says why; the other rows are answered. With fallback="popularity" such a row, and any
        unknown user, gets the items that the users of the run have met most often, at most k, and its `source` says so.
        `names` is what errors call the rows: history 0, history 1, .. if they are not given. With `ann` the index that
        `index` has made finds the items, which may miss some of the best.

        Raises:
            InputError: of one row, which is named: an id that the model does not know (with unknown="skip" it is left
                out and reported), fewer than `k` items left. Of all: more items asked for than there are, users
                missing, or histories that the run does not keep.
        """
        if fallback not in ("none", "popularity"):
            raise InputError(f"fallback must be none or popularity, found {fallback!r}")
        hidden = self.hidden(exclude, only, unknown)
        num_shown = int((~hidden).sum())
        if not 1 <= k <= num_shown:
            which = "all items" if num_shown == self.model.num_items else "the items that may be recommended"
            raise InputError(f"k must lie between 1 and {num_shown} ({which}); found {k}")
        if histories is None:
            beside_items = (times, at, ratings)
            if users is None or isinstance(users, str | bytes) or any(one is not None for one in beside_items):
                raise InputError("recommend needs histories; or users=, a list of ids, alone: the run keeps theirs")
            return self._recommend_kept(users, k, unknown, exclude_seen, hidden, fallback, names, ann)
        refuse_beside(self, {"times": times, "ratings": ratings}, at, histories)
        moments = None if times is None else rows_in_unit(times, self.time_unit)
        asked_at = None if at is None else in_unit(at, self.time_unit)
        beside = {"times": moments, "ratings": ratings}
        rows = known_rows(self, histories, users, unknown, names, beside, asked_at, fallback)
        if exclude_seen:
            refuse_short(rows, k, hidden)
        found = iter(self._best([row for row in rows if not row.problem], k, exclude_seen, hidden, ann))
        seen = [row.items if exclude_seen else [] for row in rows]
        return [
            self._instead(row.problem, k, hidden, fallback, seen=items, skipped=row.skipped)
            if row.problem
            else next(found)
            for row, items in zip(rows, seen, strict=True)
        ]

    def similar(self, item: object, k: int = 10, by: By = "vectors") -> Similar:
        """The k items nearest to one, by the model's item vectors, or by counts of common users; see `similar`."""
        return similar(self, item, k, by)

    def export(self, path: str | Path, *, histories: bool = False) -> None:
        """Write the run into one file, such as bundle.zip, which `ni.load` opens; see `export`."""
        export(self, path, histories)

    def hidden(
        self, exclude: Iterable[object] = (), only: Iterable[object] | None = None, unknown: Unknown = "error"
    ) -> np.ndarray:
        """What nobody is recommended, (V,) bool: the padding and `exclude`, and all but `only`.

        Raises:
            InputError: an id that the model does not know, unless that is to be skipped.
        """
        return hidden_items(self.items, exclude, only, unknown)

    def _recommend_kept(
        self,
        users: Sequence[object],
        k: int,
        unknown: Unknown,
        exclude_seen: bool,
        hidden: np.ndarray,
        fallback: Fallback,
        names: Sequence[str] | None,
        ann: bool,
    ) -> list[Recommendation]:
        """For users of the run's data, by their histories there."""
        places = self.users.indices(users)
        num_met = np.zeros_like(places)
        num_met[places != PAD] = self.histories.lengths[places[places != PAD] - 1]
        called = [f"user {user!r}" for user in users] if names is None else names
        problems = [problem_of(self, *row) for row in zip(called, places, num_met, strict=True)]
        known = places[[not problem for problem, _ in problems]]
        memory = build_memory(self.recipe.evaluation, self.model.num_items)
        rows = self.histories.take(known - 1)
        index = self.opened_index if ann else None
        items, scores = best(self.model, rows, known, k, hidden, exclude_seen=exclude_seen, memory=memory, index=index)
        found = iter(zip(items, scores, strict=True))
        answers = []
        for name, (problem, way) in zip(called, problems, strict=True):
            if problem:
                if unknown == "error" and fallback == "none":
                    raise InputError(f"{problem}; {way}")
                answers.append(self._instead(problem, k, hidden, fallback))
                continue
            indices, values = next(found)
            if (indices == PAD).any():
                raise InputError(
                    f"k must lie between 1 and {int((indices != PAD).sum())} (the items left) for {name}; found {k}. "
                    "Ask for fewer, or let items of the history come back (exclude_seen=False, --keep-seen)"
                )
            answers.append(Recommendation(self.items.ids(indices), values.tolist(), []))
        return answers

    def _instead(
        self,
        problem: str,
        k: int,
        hidden: np.ndarray,
        fallback: Fallback,
        seen: Sequence[int] = (),
        skipped: Sequence[object] = (),
    ) -> Recommendation:
        """Of a row of which the model knows nothing."""
        if fallback == "none":
            return Recommendation([], [], list(skipped), problem)
        out = hidden.copy()
        out[list(seen)] = True
        found = most_popular(self.popularity, k, out)
        scores = self.popularity[found].astype(float).tolist()
        return Recommendation(self.items.ids(found), scores, list(skipped), problem, "popularity")

    def _best(
        self, asked: list[KnownRow], k: int, exclude_seen: bool, hidden: np.ndarray, ann: bool
    ) -> list[Recommendation]:
        if not asked:  # no model is asked for no row
            return []
        rows, batch = batch_of(self.model, asked)
        mark_computed()
        with torch.inference_mode():
            if ann:
                index = self.opened_index
                items, values = index.search(index.model.query(batch), k, hidden, rows if exclude_seen else None)
            else:
                scores = self.model.score(batch)
                scores[:, torch.from_numpy(hidden)] = float("-inf")
                if exclude_seen:
                    met = torch.from_numpy(rows.flat_rows()), torch.from_numpy(rows.flat_items()).long()
                    scores[met] = float("-inf")
                top = scores.topk(k)
                items, values = top.indices.numpy(), top.values.numpy()
        return [
            Recommendation(self.items.ids(places), of_row.tolist(), row.skipped)
            for places, of_row, row in zip(items, values, asked, strict=True)
        ]


def load(folder: str | Path, *, models: Sequence[Given] = (), evaluated: bool = False) -> Run:
    """Open a run folder, or a bundle that `Run.export` wrote, for use on the CPU.

    A run that was trained anew on all its data (`refit`) has those weights, and its `is_refit` says so; `evaluated`
    takes the weights that the report's figures are of. A run of a class of your own
    wants that class among `models`, from the file that it was trained with; no code is ever run because a folder names
    it.

    Raises:
        InputError: the folder is not a run, is damaged, or was written in another format; or its model is not one of
            ours and not among `models`, or is of another file.
    """
    expect("folder", folder, (str, Path), "name a run folder")
    if Path(folder).is_file():
        return with_unpacked(Path(folder), lambda place: load(place, models=models, evaluated=evaluated))
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
    time_unit = run_folder.read_data().get("time_unit")
    return Run(Path(folder), recipe, items, users, model.eval(), time_unit, is_refit)
