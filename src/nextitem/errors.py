"""What a user can mend: bad input, a misspelt name, a folder in use. Everything else is a fault of ours."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, get_args

MANY = 40  # names, more than anyone reads


class InputError(ValueError):
    """The input breaks a rule. The message names the thing, the rule, the value found and the way out."""


class ToldError(InputError):
    """An InputError of another process, which prints it."""


class LostProcessError(RuntimeError):
    """Another process of the run has ended or does not answer, so this one cannot go on."""


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient was no longer a finite number, so training stopped; the best weights so far are kept."""


def expect(name: str, found: object, wanted: type | tuple[type, ...], way_out: str) -> None:
    """One clear sentence where an argument is of another kind than it must be.

    >>> expect("split", 3, str, "make one with ni.split.leave_one_out(dataset)")
    Traceback (most recent call last):
    nextitem.errors.InputError: split must be a str, found an int: 3; make one with ni.split.leave_one_out(dataset)

    Raises:
        InputError: `found` is none of the `wanted` classes.
    """
    if isinstance(found, wanted):
        return
    kinds = " or ".join(one.__name__ for one in (wanted if isinstance(wanted, tuple) else (wanted,)))
    if isinstance(found, type):
        what = f"the class {found.__name__} itself"
    else:
        kind = type(found).__name__
        shown = f": {found!r}" if isinstance(found, str | int | float | bool | None) else ""
        what = f"{_article(kind)} {kind}{shown}"
    raise InputError(f"{name} must be {_article(kinds)} {kinds}, found {what}; {way_out}")


def expect_word(name: str, found: object, words: Any) -> None:
    """One clear sentence where an argument is none of the words that its type, a Literal, has.

    >>> from typing import Literal
    >>> expect_word("order", "tme", Literal["random", "time"])
    Traceback (most recent call last):
    nextitem.errors.InputError: there is no order "tme"; did you mean "time"?

    Raises:
        InputError: `found` is none of them.
    """
    if found not in (known := get_args(words)):
        raise InputError(f'there is no {name} "{found}"; {suggest(str(found), known)}')


def _article(word: str) -> str:
    return "an" if word[:1].lower() in tuple("aeiou") else "a"


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` where a known name is near, else the known names themselves.

    >>> suggest("learning_rat", ["learning_rate", "epochs"])
    'did you mean "learning_rate"?'
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if not near:
        lowered = {known_name.lower(): known_name for known_name in names}
        near = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)]
    if near:
        return f'did you mean "{near[0]}"?'
    rest = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return f"known: {', '.join(names[:MANY])}{rest}"
