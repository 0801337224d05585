"""A trained run in use: raw item ids in, raw item ids out, for users that nobody has seen before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from nextitem.data.batches import history_batch
from nextitem.data.ids import PAD, IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.forking import mark_computed
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import make
from nextitem.recipe import Recipe
from nextitem.training.folder import RunFolder


@dataclass(frozen=True)
class Recommendation:
    items: list[Any]  # external ids, best first
    scores: list[float]  # of the model; comparable within this list
    skipped: list[Any]  # ids of the history that the model does not know


@dataclass(frozen=True)
class Run:
    """What `nextitem.load` gives: a model and the item ids that it speaks in."""

    folder: Path
    recipe: Recipe
    items: IdMap
    users: IdMap
    model: Recommender

    @property
    def report(self) -> dict[str, Any]:
        """The content of report.json."""
        return RunFolder(self.folder).read_report()

    def recommend(
        self,
        histories: Sequence[Sequence[object]],
        k: int = 10,
        *,
        users: Sequence[object] | None = None,
        unknown: Literal["error", "skip"] = "error",
        exclude_seen: bool = True,
    ) -> list[Recommendation]:
        """The k best next items for each history of item ids, oldest first.

        A model that knows users, such as BPR, wants their ids beside the histories, which then only say what to
        exclude. An empty history gets what the model says without one. With `exclude_seen` no item of the history
        comes back.

        Raises:
            InputError: an id that the model does not know (with unknown="skip" it is left out and reported), a history
                of unknown ids only, or more items asked for than there are.
        """
        known = [self._known(number, history, unknown) for number, history in enumerate(histories)]
        rows = Sequences.from_lists([indices for indices, _ in known])
        most_excluded = int(rows.distinct().lengths.max(initial=0)) if exclude_seen else 0
        if not 1 <= k <= self.model.num_items - most_excluded:
            raise InputError(
                f"k must lie between 1 and {self.model.num_items - most_excluded} (the items left); found {k}"
            )
        batch = history_batch(rows, self.model.max_length, self._user_indices(users, len(rows)))
        mark_computed()
        with torch.inference_mode():
            scores = self.model.score(batch)
            scores[:, PAD] = float("-inf")
            if exclude_seen:
                scores[torch.from_numpy(rows.flat_rows()), torch.from_numpy(rows.flat_items()).long()] = float("-inf")
            best = scores.topk(k)
        return [
            Recommendation(self.items.ids(indices.numpy()), values.tolist(), skipped)
            for indices, values, (_, skipped) in zip(best.indices, best.values, known, strict=True)
        ]

    def _user_indices(self, users: Sequence[object] | None, count: int) -> np.ndarray:
        if not self.model.knows_users:
            return np.zeros(count, dtype=np.int64)
        name = self.recipe.model.name
        if users is None or len(users) != count:
            raise InputError(f"{name} recommends to users that it was trained on: pass users=, one id for each history")
        indices = self.users.indices(users)
        unknown = [user for user, index in zip(users, indices, strict=True) if index == PAD]
        if unknown:
            raise InputError(f"{name} was not trained on the users {', '.join(map(repr, unknown[:5]))}")
        return indices

    def _known(
        self, number: int, history: Sequence[object], unknown: Literal["error", "skip"]
    ) -> tuple[list[int], list[Any]]:
        if isinstance(history, str):
            raise InputError(f"history {number} is the text {history!r}; a history is a list of item ids")
        indices = self.items.indices(history)
        skipped = [item for item, index in zip(history, indices, strict=True) if index == PAD]
        if skipped and unknown == "error":
            raise InputError(
                f"history {number} has {len(skipped)} item ids that the model does not know: "
                f"{', '.join(map(repr, skipped[:5]))}; leave them out, or pass unknown='skip'"
            )
        if skipped and len(skipped) == len(history):
            raise InputError(f"history {number} has unknown item ids only: {', '.join(map(repr, skipped[:5]))}")
        return indices[indices != PAD].tolist(), skipped


def load(folder: str | Path) -> Run:
    """Open a run folder for use, on the CPU.

    Raises:
        InputError: the folder is not a run, is damaged, or was written in another format.
    """
    run_folder = RunFolder(Path(folder))
    recipe = run_folder.read_recipe()
    weights, items, users = run_folder.read_weights(), run_folder.read_items(), run_folder.read_users()
    model = make(recipe.model.name, Sizes(len(users), len(items)), recipe.model.arguments)
    if isinstance(model, Trained):
        model.objective.is_cosine = recipe.scores_are_cosines
    try:
        model.load_weights(weights)
    except RuntimeError as error:
        raise InputError(f"{folder}: the weights do not fit the recipe ({error})") from error
    return Run(Path(folder), recipe, items, users, model.eval())
