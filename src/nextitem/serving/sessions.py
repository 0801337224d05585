"""Sessions: what somebody met so far, in the memory of a model that reads item by item, until nobody asks any more.

All of it happens in the engine's thread, so that nothing is locked.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.runs.asking.live import Session
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.recommendation import Recommendation
from nextitem.serving.limits import MOST_ITEMS, Limits


class FullError(Exception):
    """There are as many sessions as may be."""


@dataclass
class Live:
    """A session, and what it met, so that another run can take it over."""

    items: list[object]
    run: Run | None  # which has read them; another one reads them anew
    session: Session | None
    used: float  # seconds, of the clock


@dataclass(frozen=True)
class Stand:
    """Where a session stands."""

    items: list[object]  # that it met, oldest first
    answer: Recommendation
    is_new: bool


class Sessions:
    """`clock` tells seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._live: OrderedDict[str, Live] = OrderedDict()  # that which was asked last comes last

    def __len__(self) -> int:
        return len(self._live)

    def add(self, run: Run, name: str, items: Sequence[object], k: int, exclude_seen: bool) -> Stand:
        """Take in what a session met; one that is not there begins.

        Raises:
            InputError: the model does not know an item, cannot read item by item, or fewer than k items are left; the
                session stays as it is.
            FullError: one more would be too many.
        """
        self.forget_old()
        unknown = [one for one, place in zip(items, run.items.indices(items), strict=True) if place == PAD]
        if unknown:
            told = ", ".join(map(repr, unknown[:5]))
            raise InputError(f"the model does not know the items {told}; leave them out")
        is_new = name not in self._live
        if is_new and len(self) >= self._limits.sessions:
            raise FullError(
                f"{len(self):,} sessions are open, as many as may be; end one by DELETE, or wait: one that nobody asks "
                f"is forgotten after {self._limits.expiry:,.0f} seconds"
            )
        live = Live([], run, Session(run), self._clock()) if is_new else self._live[name]
        if len(live.items) + len(items) > MOST_ITEMS:
            raise InputError(f"a session may have {MOST_ITEMS:,} items; end it by DELETE and begin another")
        session = self._read_by(run, live)  # first: another run may not know all of its items
        left = run.model.num_items - (len({*map(str, live.items), *map(str, items)}) if exclude_seen else 0)
        if not 1 <= k <= left:
            raise InputError(f"k must lie between 1 and {left} (the items left); found {k}")
        try:
            for item in items:
                session.add(item)
        except BaseException:
            live.run = live.session = None  # which has read some of them: it is read anew
            raise
        live.items.extend(items)
        self._live[name] = live
        return self._standing(name, live, session, k, exclude_seen, is_new)

    def look(self, run: Run, name: str, k: int, exclude_seen: bool) -> Stand | None:
        """Where a session stands; None where there is none.

        Raises:
            InputError: fewer than k items are left.
        """
        self.forget_old()
        live = self._live.get(name)
        return None if live is None else self._standing(name, live, self._read_by(run, live), k, exclude_seen, False)

    def end(self, name: str) -> bool:
        """Forget a session; whether there was one."""
        self.forget_old()
        return self._live.pop(name, None) is not None

    def hand_over(self) -> None:
        """Another run answers from here on: let go of the one before."""
        for live in self._live.values():
            live.run = live.session = None

    def _standing(self, name: str, live: Live, session: Session, k: int, exclude_seen: bool, is_new: bool) -> Stand:
        answer = session.recommend(k, exclude_seen=exclude_seen)
        live.used = self._clock()
        self._live.move_to_end(name)
        return Stand(list(live.items), answer, is_new)

    def _read_by(self, run: Run, live: Live) -> Session:
        """In the run that answers now, by the items that it knows."""
        if live.session is None or live.run is not run:
            is_known = run.items.indices(live.items) != PAD
            live.items = [one for one, known in zip(live.items, is_known, strict=True) if known]
            live.run, live.session = run, Session(run, live.items)
        return live.session

    def forget_old(self) -> None:
        """Those that nobody asked for so long that they are gone."""
        end = self._clock() - self._limits.expiry
        while self._live and next(iter(self._live.values())).used <= end:
            self._live.popitem(last=False)
