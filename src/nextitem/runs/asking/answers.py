"""Answers: what is recommended for rows of histories, and what instead where the model knows nothing.

Sizes: R rows, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.evaluation.highest import first_of_highest
from nextitem.forking import mark_computed
from nextitem.retrieval.approximate import Index
from nextitem.retrieval.exact import EveryItem, every_item
from nextitem.runs.asking.blocks import best, most_popular
from nextitem.runs.asking.limit import Limit, limited
from nextitem.runs.asking.recommendation import Recommendation
from nextitem.runs.asking.rows import KnownRow, batch_of
from nextitem.runs.folder.opened import Opened
from nextitem.runs.parts.build import build_memory


@dataclass(frozen=True)
class Rules:
    """What may be in a list, whoever asks."""

    k: int
    hidden: np.ndarray  # (V,) bool: what nobody is recommended
    exclude_seen: bool = True
    limit: Limit | None = None

    @property
    def num_shown(self) -> int:
        """How many items may be recommended to somebody who has met none."""
        return int((~self.hidden).sum())


def answers(run: Opened, asked: list[KnownRow], rules: Rules, index: Index | None) -> list[Recommendation]:
    """The best items of each row; of the `index`, where there is one, the best that it finds.

    Raises:
        InputError: the limit leaves a row fewer than k.
    """
    if not asked:  # no model is asked for no row
        return []
    rows, batch = batch_of(run.model, asked)
    has_candidates = any(row.candidates is not None for row in asked)
    among: Index | EveryItem | None = index or (None if has_candidates else every_item(run.model))
    mark_computed()
    with torch.inference_mode():
        if among is not None:
            queries, met = among.model.query(batch), rows if rules.exclude_seen else None

            def search(depth: int) -> tuple[np.ndarray, np.ndarray]:
                return among.search(queries, depth, rules.hidden, met)
        else:
            scores = run.model.score(batch)
            scores.index_fill_(1, torch.from_numpy(np.flatnonzero(rules.hidden)), float("-inf"))
            for place, row in enumerate(asked):
                if row.candidates is not None:
                    scores[place, torch.from_numpy(_not_among(row, run.model.num_items + 1))] = float("-inf")
            if rules.exclude_seen:
                places = torch.from_numpy(rows.flat_rows()), torch.from_numpy(rows.flat_items()).long()
                scores[places] = float("-inf")

            def search(depth: int) -> tuple[np.ndarray, np.ndarray]:
                top, columns = first_of_highest(scores, depth)
                return columns.masked_fill(torch.isneginf(top), PAD).numpy(), top.numpy()

        items, values = limited(search, rules.k, rules.num_shown, rules.limit)
    for row, places in zip(asked, items, strict=True):
        refuse_fewer(row.name, places, rules)
    ids = run.items.ids(items.ravel())  # of all rows at once
    return [
        Recommendation(ids[start : start + rules.k], of_row.tolist(), row.skipped)
        for start, of_row, row in zip(range(0, items.size, rules.k), values, asked, strict=True)
    ]


def refuse_fewer(name: str, items: np.ndarray, rules: Rules) -> None:
    """Raises InputError where a list (k,) ends with PAD."""
    found = int((items != PAD).sum())
    if found == rules.k:
        return
    by_limit = "; or let more of a category in (at_most, --at-most)" if rules.limit is not None else ""
    raise InputError(
        f"k must lie between 1 and {found} (the items left) for {name}; found {rules.k}. "
        f"Ask for fewer, or let items of the history come back (exclude_seen=False, --keep-seen){by_limit}"
    )


def best_kept(
    run: Opened, users: np.ndarray, rules: Rules, index: Index | None, asked: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The best items (R, k) of users (R,) by what the run keeps of them, and their scores; PAD where fewer.

    `asked` (R,) is when they ask, of a model that goes by it."""
    memory = build_memory(run.recipe.evaluation, run.model.num_items)
    rows = run.histories.take(users - 1)

    def search(depth: int) -> tuple[np.ndarray, np.ndarray]:
        return best(
            run.model, rows, users, depth, rules.hidden,
            exclude_seen=rules.exclude_seen, memory=memory, index=index, asked=asked,
        )  # fmt: skip

    return limited(search, rules.k, rules.num_shown, rules.limit)


def instead(
    run: Opened, popularity: np.ndarray | None, problem: str, rules: Rules, row: KnownRow | None
) -> Recommendation:
    """Of a `row` of which the model knows nothing, None of a user by themselves: the most popular items by `popularity`
    (V,) that it has not met, at most k; no items where that is None."""
    skipped = [] if row is None else row.skipped
    if popularity is None:
        return Recommendation([], [], skipped, problem)
    out = rules.hidden.copy()
    if row is not None:
        out |= _not_among(row, len(out))
        out[row.items if rules.exclude_seen else []] = True
    found = popular(popularity, out, rules)
    scores = popularity[found].astype(float).tolist()
    return Recommendation(run.items.ids(found), scores, skipped, problem, "popularity")


def _not_among(row: KnownRow, size: int) -> np.ndarray:
    """(V,) bool: what is no candidate of the row."""
    out = np.full(size, row.candidates is not None)
    out[row.candidates or []] = False
    return out


def popular(popularity: np.ndarray, out: np.ndarray, rules: Rules) -> np.ndarray:
    """(at most k,) the most popular items that are not `out` (V,), within the limit."""
    if rules.limit is None:
        return most_popular(popularity, rules.k, out)
    ranking = most_popular(popularity, len(out), out)
    return ranking[rules.limit.chosen(ranking, rules.k)]
