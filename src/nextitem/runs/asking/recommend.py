"""A trained run in use: raw item ids in, raw item ids out, for users that nobody has seen before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nextitem.data.ids import PAD
from nextitem.errors import InputError, expect
from nextitem.models.catalogue import make
from nextitem.models.own import Given
from nextitem.models.strangers import is_known
from nextitem.models.towers import ItemTower
from nextitem.retrieval.approximate import Index
from nextitem.runs.asking.answers import Rules, answers, best_kept, instead, refuse_fewer
from nextitem.runs.asking.blocks import counts
from nextitem.runs.asking.conditions import holds
from nextitem.runs.asking.data_again import column_of, item_table
from nextitem.runs.asking.index import IndexNote, keep_index, open_index
from nextitem.runs.asking.influence import ExplainedBy, Influenced, influences
from nextitem.runs.asking.limit import Limit
from nextitem.runs.asking.moments import in_unit
from nextitem.runs.asking.nearest import By
from nextitem.runs.asking.recommendation import Recommendation
from nextitem.runs.asking.rows import (
    Fallback,
    KnownRow,
    Unknown,
    asked_rows,
    hidden_items,
    kept_row,
    known_item,
    problem_of,
    refuse_at,
    refuse_short,
    with_candidates,
)
from nextitem.runs.asking.similar import Similar, similar
from nextitem.runs.asking.similar_users import SimilarUsers, similar_users
from nextitem.runs.export.bundle import with_unpacked
from nextitem.runs.export.exporting import export
from nextitem.runs.folder.opened import Opened
from nextitem.runs.folder.run_folder import ITEMS, USERS, RunFolder
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
        ratings: Sequence[Sequence[object]] | None = None,
        unknown: Unknown = "error",
        exclude_seen: bool = True,
        exclude: Iterable[object] = (),
        only: Iterable[object] | None = None,
        fallback: Fallback = "none",
        names: Sequence[str] | None = None,
        ann: bool = False,
        at_most: int | None = None,
        by: str | None = None,
        candidates: Sequence[Sequence[object]] | None = None,
    ) -> list[Recommendation]:
        """The k best next items for each history of item ids, oldest first; or, without histories, for each of `users`
        by what the run's data has of them.

        A model that knows users, such as BPR, wants their ids beside the histories, which then only say what to
        exclude; one that knows users and histories, such as FPMC or SKNN, takes the ids that there are, and scores
        anyone else by the history alone. One that goes by times, such as TiSASRec, wants them beside the items of each
        history, as a log has them: dates, or numbers, whose size says whether they are seconds since 1970 or finer. One
        that goes by the time of the question takes it from `at`, one for each row (the time of the newest item); one
        that goes by ratings wants these, or kinds of events by their words, where the log has kinds. An empty history
        gets what the model says without one. With `exclude_seen` no item of the history comes back; none of `exclude`
        does, and none that is not in `only`. With unknown="skip" a row of which the model knows nothing (a history of
        unknown ids only, a user that it was not trained on) has no items, and its `problem` says why; the other rows
        are answered. With fallback="popularity" such a row, and any unknown user, gets the items that the users of the
        run have met most often, at most k, and its `source` says so. `names` is what errors call the rows: history 0,
        history 1, .. if they are not given. With `ann` the index that `index` has made finds the items, which may miss
        some of the best. `at_most` items of a category are taken, `by` an attribute of the items that the run's data
        has; see `limit.py`. `candidates` has for each history the only items that may be recommended to it;
        `items_where` names those of a condition, for `only` or `exclude`.

        Raises:
            InputError: of one row, which is named: an id that the model does not know (with unknown="skip" it is left
                out and reported), fewer than `k` items left. Of all: more items asked for than there are, users
                missing, or histories that the run does not keep.
        """
        if fallback not in ("none", "popularity"):
            raise InputError(f"fallback must be none or popularity, found {fallback!r}")
        rules = Rules(k, self.hidden(exclude, only, unknown), exclude_seen, self.limit(at_most, by))
        if not 1 <= k <= rules.num_shown:
            which = "all items" if rules.num_shown == self.model.num_items else "the items that may be recommended"
            raise InputError(f"k must lie between 1 and {rules.num_shown} ({which}); found {k}")
        if histories is None:
            beside_items = (times, ratings, candidates)
            if users is None or isinstance(users, str | bytes) or any(one is not None for one in beside_items):
                raise InputError("recommend needs histories; or users=, a list of ids, alone: the run keeps theirs")
            return self._recommend_kept(users, rules, unknown, fallback, names, ann, at)
        rows = asked_rows(self, histories, users, times, at, ratings, unknown, names, fallback)
        if candidates is not None:
            rows = with_candidates(self, rows, candidates, unknown, ann)
        elif exclude_seen:
            refuse_short(rows, k, rules.hidden)
        index = self.opened_index if ann else None
        found = iter(answers(self, [row for row in rows if not row.problem], rules, index))
        return [self._instead(row.problem, rules, fallback, row) if row.problem else next(found) for row in rows]

    def similar(self, item: object, k: int = 10, by: By = "vectors") -> Similar:
        """The k items nearest to one, by the model's item vectors, or by counts of common users; see `similar`."""
        return similar(self, item, k, by)

    def similar_users(self, user: object, k: int = 10, by: By = "vectors") -> SimilarUsers:
        """The k users nearest to one, by the model's user vectors, or by counts of common items."""
        return similar_users(self, user, k, by)

    def explain(
        self,
        history: Sequence[object] | None = None,
        items: Sequence[object] | None = None,
        *,
        user: object = None,
        times: Sequence[object] | None = None,
        at: object = None,
        ratings: Sequence[object] | None = None,
        k: int = 3,
        by: ExplainedBy = "removal",
    ) -> list[Influenced]:
        """Which items of a history brought a recommendation: of each of `items`, by default the `k` best, the loss of
        its score when one is taken out, or by attention the share that is taken of it; see `influences`.

        Without a history it is what the run keeps of `user`. `ni.explain` finds paths of a knowledge graph instead.

        Raises:
            InputError: an unknown item or user, a history of none, or a model that reads no histories.
        """
        if history is None:
            row = kept_row(self, user)
        else:
            (row,) = asked_rows(
                self, [history], None if user is None else [user], None if times is None else [times],
                None if at is None else [at], None if ratings is None else [ratings], names=["the history"],
            )  # fmt: skip
        return influences(self, row, None if items is None else [known_item(self, one) for one in items], k, by)

    def items_where(self, condition: str) -> list[Any]:
        """The ids of the items of which a condition holds, such as `category == shoes and price < 50`.

        It goes by the attributes of the run's data, which is read again.

        Raises:
            InputError: it is no condition, holds of no item, or the data has no such attribute.
        """
        places = holds(condition, self.item_table).arg_true()
        if not len(places):
            raise InputError(f"{condition} holds of none of the {len(self.items):,} items")
        return self.items.column.gather(places).to_list()

    @cached_property
    def item_table(self) -> pl.DataFrame:
        """The attributes of the items of the run's data, which is read again; row p is that of item p + 1."""
        return item_table(self)

    def limit(self, at_most: int | None, by: str | None) -> Limit | None:
        """The rule that a list has at most so many items of a category; None where nothing is limited.

        Raises:
            InputError: one of the two is missing, or the data of the run has no such attribute.
        """
        if (at_most is None) != (by is None):
            raise InputError("at_most and by go together: at_most=2, by='category' (--at-most 2 --by category)")
        if at_most is None or by is None:
            return None
        return Limit.by(column_of(self.item_table, by), at_most)

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
        rules: Rules,
        unknown: Unknown,
        fallback: Fallback,
        names: Sequence[str] | None,
        ann: bool,
        at: Sequence[object] | None,
    ) -> list[Recommendation]:
        """For users of the run's data, by their histories there."""
        refuse_at(self, at, len(users), "user")
        places = self.users.indices(users)
        num_met = np.where(places == PAD, 0, self.histories.lengths[places - 1])
        called = [f"user {user!r}" for user in users] if names is None else names
        is_learned = is_known(self.model, places)
        problems = [problem_of(self, *row) for row in zip(called, places, num_met, is_learned, strict=True)]
        has_answer = np.array([not problem for problem, _ in problems], dtype=bool)
        asked = None if at is None else np.array(in_unit(at, self.time_unit), dtype=np.int64)[has_answer]
        index = self.opened_index if ann else None
        found = iter(zip(*best_kept(self, places[has_answer], rules, index, asked), strict=True))
        given = []
        for name, (problem, way) in zip(called, problems, strict=True):
            if problem:
                if unknown == "error" and fallback == "none":
                    raise InputError(f"{problem}; {way}")
                given.append(self._instead(problem, rules, fallback))
                continue
            indices, values = next(found)
            refuse_fewer(name, indices, rules)
            given.append(Recommendation(self.items.ids(indices), values.tolist(), []))
        return given

    def _instead(self, problem: str, rules: Rules, fallback: Fallback, row: KnownRow | None = None) -> Recommendation:
        return instead(self, self.popularity if fallback == "popularity" else None, problem, rules, row)


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
