"""Protocol: everything beside model and data that decides a metric. No number is printed without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nextitem.data.batches import NOTHING, Wanted
from nextitem.data.splits.split import Holdout
from nextitem.errors import InputError, expect_word

Seen = Literal["mask", "mask_unless_target", "keep", "auto"]
Shown = Literal["history", "trained"]
Ties = Literal["expected", "expected_rank", "optimistic", "pessimistic"]
TIES: dict[Ties, str] = {  # in words; reports that say "expected rank" of `expected` are older than `expected_rank`
    "expected": "expected metric",
    "expected_rank": "expected rank",
    "optimistic": "optimistic rank",
    "pessimistic": "pessimistic rank",
}


@dataclass(frozen=True)
class Protocol:
    """How a target is ranked: among what, with which items left out, and what a tie gets.

    candidates: None ranks the whole catalogue. A number ranks each target among so many items drawn uniformly, with
        replacement, from those that the user did not train on (SASRec's protocol has 100; the other held-out item
        and the target itself may be drawn, as there).
    seen: whether items of the history leave the ranking. `auto` is FreeRec's rule: they leave it, unless some user of
        the data set meets an item twice; one repeat decides it for all users. `mask` takes a target that is in the
        history out too, which puts it last; `mask_unless_target` takes all but the case's own targets. SASRec's
        sampled protocol keeps them; they are not drawn anyway.
    ties: what a target gets that shares its score: the `expected` metric over all orders of the equal candidates, or
        the metric of one rank: the expected one, the best or the worst.
    shown: what a model is shown of a case: its `history`, which at test includes the validation items, or of that what
        is `trained`, as a model with a vector a user has it.
    users: evaluate so many users drawn at random (None: all).
    seed: of the drawn users and candidates.
    """

    candidates: int | None = None
    seen: Seen = "auto"
    ties: Ties = "expected"
    users: int | None = None
    seed: int = 0
    shown: Shown = "history"

    def __post_init__(self) -> None:
        for name, words in (("seen", Seen), ("ties", Ties), ("shown", Shown)):
            expect_word(name, getattr(self, name), words)
        for name in ("candidates", "users"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise InputError(f"{name} must be 1 or more, or None for all; found {count}")

    def masks_seen(self, holdout: Holdout) -> bool:
        """Whether seen items leave the ranking of this holdout."""
        return self.seen in ("mask", "mask_unless_target") or (self.seen == "auto" and not holdout.has_repeats)

    def chosen(self, holdout: Holdout) -> Holdout:
        """The cases that are ranked: all, or those of so many drawn users, the same whatever the order of cases."""
        if self.users is None or self.users >= len(holdout):
            return holdout
        drawn = np.random.default_rng(self.seed).choice(len(holdout), self.users, replace=False)
        return holdout.take(np.sort(np.argsort(holdout.users, kind="stable")[drawn]))

    def num_ranked(self, num_items: int) -> int:
        """How many candidates a ranking has at the most."""
        return num_items if self.candidates is None else self.candidates + 1

    def describe(self, holdout: Holdout, wanted: Wanted = NOTHING) -> str:
        """The protocol in one line, for the head of a table, of a model that is told what it `wanted`."""
        pool = "full ranking" if self.candidates is None else f"target + {self.candidates} uniform negatives (sampled)"
        seen = "seen items masked" if self.masks_seen(holdout) else "seen items kept"
        if self.seen == "mask_unless_target":
            seen += " unless they are targets"
        elif self.seen == "auto" and holdout.has_repeats:
            seen += f" (auto: {_repeats(holdout.num_repeats)})"
        what = "users" if len(np.unique(holdout.users)) == len(holdout) else "cases"
        users = f"{len(holdout):,} {what}" if self.users is None else f"{min(self.users, len(holdout)):,} random {what}"
        shown = "" if self.shown == "history" else ", models shown training items alone"
        knows = ", the model is told the time of each target" if wanted.asked_at else ""
        return f"{pool}, {seen}{shown}, ties: {TIES[self.ties]}, {users}{knows}"

    def notes(self, holdout: Holdout, num_interactions: int) -> tuple[str, ...]:
        """What a reader of the numbers could miss: that `auto` keeps seen items, and how little decided it."""
        if self.candidates is not None or self.seen != "auto" or not holdout.has_repeats:
            return ()
        return (
            f"seen items stay in the ranking, for all users, because of {_repeats(holdout.num_repeats)} among "
            f"{num_interactions:,} interactions (evaluation.seen auto); --evaluation.seen mask_unless_target masks all "
            "but a case's own targets, mask masks those too",
        )


def _repeats(count: int) -> str:
    return f"{count:,} repeat{'' if count == 1 else 's'}"


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
