"""Limits: how much one client may ask for; whatever is beyond is refused by name before the model is asked."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass

from nextitem.errors import InputError

MOST_LISTED = 100_000  # ids of exclude or only
MOST_ITEMS = 10_000  # of a session, which is kept as long as it is used


@dataclass(frozen=True)
class Limits:
    """What `nextitem serve` takes; its options change them."""

    body: int = 2**20  # bytes of a request
    history: int = 1000  # items
    rows: int = 256  # histories, or users, of a request
    k: int = 500  # items of an answer
    rate: float = 0.0  # requests a second of a client's address; 0: any number
    waiting: int = 1024  # requests that wait for the model
    sessions: int = 10_000
    expiry: float = 1800.0  # seconds after which a session that nobody asks is forgotten

    def refuse_k(self, k: int, name: str = "k") -> None:
        """Raises InputError outside of 1 .. `k`."""
        if not 1 <= k <= self.k:
            raise InputError(f"{name} must lie between 1 and {self.k:,} here; found {k:,}")


def refuse_more(name: str, found: Sized, most: int, way_out: str) -> None:
    """Raises InputError where there are more than `most`."""
    if len(found) > most:
        raise InputError(f"{name} may have {most:,} entries here, found {len(found):,}; {way_out}")
