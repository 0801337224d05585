"""Counting: what was tried, and what came of it; a misreading or a crash fails the test that counts, so both are 0."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator

from nextitem.errors import InputError

SECONDS = float(os.environ.get("NEXTITEM_FUZZ_SECONDS", "0"))  # of all; 0: as many on every machine
SEED = int(os.environ.get("NEXTITEM_FUZZ_SEED", "0"))
REFUSED, ACCEPTED = "refused", "accepted"


def numbers(first: int, share: float, count: int) -> Iterator[int]:
    """From `first` on, for this share of the seconds; without seconds `count` of them."""
    if not SECONDS:
        yield from range(first, first + count)
        return
    end, number = time.monotonic() + share * SECONDS, first
    while time.monotonic() < end:
        yield number
        number += 1


def verdict(what: str, read: Callable[[], object]) -> str:
    """Whether it is read or refused; anything else that is raised fails."""
    try:
        read()
    except InputError:
        return REFUSED
    except Exception as error:
        raise AssertionError(f"{what} (seed {SEED})") from error
    return ACCEPTED


def tell(what: str, found: Counter[str]) -> None:
    """A row of the table; what fails says the seed and the number of what failed."""
    tried = f"{found.total():8,} tried  {found[REFUSED]:8,} refused  {found[ACCEPTED]:8,} accepted"
    print(f"\n{what:<28}{tried}  0 misread  0 crashed (seed {SEED})")
