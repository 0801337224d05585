"""Telling: an error in one line, for an answer or a log."""

from __future__ import annotations

from nextitem.errors import InputError

LONGEST = 600  # letters of a line, which may name what a client sent


def one_line(text: str) -> str:
    """Not endless, and in letters that can be sent: an id may be half a letter."""
    flat = " ".join(text.encode("utf-8", "backslashreplace").decode("utf-8").split())
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]}.."


def line_of(error: BaseException) -> str:
    """What a user can mend in its own words; of another fault its kind, too.

    >>> line_of(InputError("no run")), line_of(ZeroDivisionError("by 0")), line_of(MemoryError())
    ('no run', 'ZeroDivisionError: by 0', 'MemoryError')
    """
    kind = "" if isinstance(error, InputError) else type(error).__name__
    return one_line(": ".join(part for part in (kind, str(error)) if part))
