"""A live session: items come one by one, and what the next recommendation costs does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.evaluation.highest import first_of_highest
from nextitem.forking import mark_computed
from nextitem.models.catalogue import MODELS
from nextitem.models.streaming import Stream, Streaming
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.recommendation import Recommendation


class Session:
    """One user's items so far, in the memory of a model that reads item by item (Mamba4Rec, GRU4Rec).

    It recommends what `Run.recommend` does for the whole history, but that nothing older is forgotten: of a longer
    history than the model's `max_length`, `Run.recommend` reads the newest items alone.

    Raises:
        InputError: the model of the run cannot read item by item.
    """

    def __init__(self, run: Run, history: Sequence[object] = ()) -> None:
        if not isinstance(run.model, Streaming):
            able = ", ".join(name for name, model in MODELS.items() if issubclass(model, Streaming))
            raise InputError(
                f"{run.recipe.model.label} cannot read item by item; call run.recommend with the whole history, or "
                f"take one of {able}"
            )
        mark_computed()
        self._run, self._model = run, run.model
        self._stream: Stream[Any] = run.model.start(torch.zeros(0, dtype=torch.long))
        self._seen: set[int] = set()  # indices of the items so far
        for item in history:
            self.add(item)

    def add(self, item: object) -> None:
        """Take in one more item that the user met, named by its raw id.

        Raises:
            InputError: the model does not know it; the session stays as it is.
        """
        index = int(self._run.items.indices([item])[0])
        if index == PAD:
            raise InputError(f"the model does not know the item {item!r}; leave it out")
        self._stream = self._model.step(self._stream, index)
        self._seen.add(index)

    def recommend(self, k: int = 10, *, exclude_seen: bool = True) -> Recommendation:
        """The k best next items; with `exclude_seen` none that the session has met.

        Raises:
            InputError: more items are asked for than there are.
        """
        left = self._model.num_items - (len(self._seen) if exclude_seen else 0)
        if not 1 <= k <= left:
            raise InputError(f"k must lie between 1 and {left} (the items left); found {k}")
        scores = self._model.next_scores(self._stream).clone()
        scores[[PAD, *self._seen] if exclude_seen else [PAD]] = float("-inf")
        top, columns = first_of_highest(scores[None], k)
        return Recommendation(self._run.items.ids(columns[0].numpy()), top[0].tolist(), [])
