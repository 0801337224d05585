"""Recommendation: what one history is recommended, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from nextitem.notebook import html_table

SHOWN, LISTED = 3, 20  # items of a recommendation, where it is printed and in notebooks


@dataclass(frozen=True)
class Recommendation:
    """What one history is recommended: the best items, and their scores."""

    items: list[int] | list[str]  # external ids, best first
    scores: list[float]  # of the model; comparable within this list. By popularity: how often each was met
    skipped: list[object]  # ids of the history that the model does not know
    problem: str = ""  # why the model has no items for the row, which was passed over
    source: str = "model"  # what the items are by: the model, or popularity, which was asked for as a fallback

    def __repr__(self) -> str:
        best = [f"{item!r} {score:.4f}" for item, score in zip(self.items[:SHOWN], self.scores, strict=False)]
        more = [f"{len(self.items) - SHOWN:,} more"] if len(self.items) > SHOWN else []
        return f"Recommendation({'; '.join([', '.join([*best, *more]) or 'no items', *self._said])})"

    def _repr_html_(self) -> str:
        """A table, in notebooks."""
        listed = islice(zip(self.items, self.scores, strict=True), LISTED)
        rows = [(rank, item, f"{score:.4f}") for rank, (item, score) in enumerate(listed, start=1)]
        how_many = f"{len(self.items):,} items" + (f", the first {LISTED}" if len(self.items) > LISTED else "")
        return html_table("; ".join([how_many, *self._said]), ("rank", "item", "score"), rows)

    @property
    def _said(self) -> list[str]:
        """What is to be known of the items beside their scores."""
        said = [f"{len(self.skipped):,} unknown ids skipped" if self.skipped else "", self.problem]
        return [one for one in (*said, "" if self.source == "model" else f"by {self.source}") if one]
