"""Wrapped: a finished model that is asked in another way than it was made for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nextitem.data.batches import Wanted
from nextitem.models.base import Recommender


class Wrapped(Recommender):
    """The model inside is asked for what it wants and made ready; how it scores is said by who inherits."""

    def __init__(self, model: Recommender, num_items: int) -> None:
        super().__init__(num_items)
        self.model = model

    def wanted(self) -> Wanted:
        return self.model.wanted()

    @contextmanager
    def ready(self) -> Iterator[None]:
        with self.model.ready():
            yield
