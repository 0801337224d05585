"""Protocol: everything beside model and data that decides a metric. No number is printed without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nextitem.data.split import Holdout
from nextitem.errors import InputError

Seen = Literal["mask", "keep", "auto"]
Ties = Literal["expected", "optimistic", "pessimistic"]


@dataclass(frozen=True)
class Protocol:
    """How a target is ranked.

    candidates: None ranks the whole catalogue. A number ranks each target among so many items drawn uniformly, with
        replacement, from those that the user did not train on (SASRec's protocol has 100; the other held-out item
        and the target itself may be drawn, as there).
    seen: whether items of the history leave the ranking. `auto` is FreeRec's rule: they leave it, unless some user of
        the data set meets an item twice. SASRec's sampled protocol keeps them; they are not drawn anyway.
    ties: the rank of a target that shares its score: the expected one in random order, the best or the worst.
    users: evaluate so many users drawn at random (None: all).
    seed: of the drawn users and candidates.
    """

    candidates: int | None = None
    seen: Seen = "auto"
    ties: Ties = "expected"
    users: int | None = None
    seed: int = 0

    def masks_seen(self, holdout: Holdout) -> bool:
        """Whether seen items leave the ranking of this holdout."""
        return self.seen == "mask" or (self.seen == "auto" and not holdout.has_repeats)

    def describe(self, holdout: Holdout) -> str:
        """One line for the head of a table."""
        pool = "full ranking" if self.candidates is None else f"target + {self.candidates} uniform negatives (sampled)"
        seen = "seen items masked" if self.masks_seen(holdout) else "seen items kept"
        what = "users" if len(np.unique(holdout.users)) == len(holdout) else "cases"
        users = f"{len(holdout):,} {what}" if self.users is None else f"{min(self.users, len(holdout)):,} random {what}"
        return f"{pool}, {seen}, ties: {self.ties} rank, {users}"


def named_protocol(name: str, seed: int = 0) -> Protocol:
    """`full` (the default), `sampled-N` such as `sampled-100` (all users), or `sasrec`: 100 negatives, 10,000 users.

    Raises:
        InputError: another name.
    """
    kind, _, count = name.partition("-")
    if name == "full":
        return Protocol(seed=seed)
    if name == "sasrec":
        return Protocol(candidates=100, seen="keep", users=10_000, seed=seed)
    if kind == "sampled" and count.isdecimal() and int(count) > 0:
        return Protocol(candidates=int(count), seen="keep", seed=seed)
    raise InputError(f'"{name}" is not a protocol; known: full, sampled-N (such as sampled-100), sasrec')
