"""Conditions: a small language for the rows that count, from its text to a tree of what is compared. Nothing is run.

    event_type in ('like', 'buy') and (played >= 50 or played is null) and not is_bot == true

    condition   comparisons joined by and, or, not; not binds before and, and before or
    value       column, or a literal: 50, -0.5, 1e6, 'like', "like", true, false
    column      event_type, events.type, or any name at all between backticks: `Event Type`

A comparison with what is missing is neither true nor false, as in SQL: such a row counts only where `is null` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from nextitem.errors import InputError

Operator = Literal["==", "!=", "<", "<=", ">", ">="]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
WORDS = ("and", "or", "not", "in", "is", "null", "true", "false")
MEANT = {"=": "==", "<>": "!=", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "===": "=="}
KEY = "data.where"
DEEPEST = 50  # parentheses within parentheses
MOST = 100  # comparisons, which engines nest
TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
  | (?P<column>`[^`]+`)
  | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
  | (?P<sign>===|==|!=|<=|>=|<>|&&|\|\||[<>=(),!&|])
  | (?P<end>$)
  | (?P<wrong>.))""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Column:
    name: str
    place: int  # in the text


@dataclass(frozen=True)
class Value:
    value: str | int | float | bool
    place: int


@dataclass(frozen=True)
class Comparison:
    left: Column | Value
    operator: Operator
    right: Column | Value


@dataclass(frozen=True)
class OneOf:
    column: Column
    values: tuple[Value, ...]  # all texts, or all numbers


@dataclass(frozen=True)
class Missing:
    column: Column


@dataclass(frozen=True)
class Not:
    part: Condition


@dataclass(frozen=True)
class Every:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    parts: tuple[Condition, ...]


Condition = Comparison | OneOf | Missing | Not | Every | Either


def parse(text: str, key: str = KEY) -> Condition:
    """The condition that a text says; `key` is what errors call it.

    >>> parse("played >= 50")
    Comparison(left=Column(name='played', place=0), operator='>=', right=Value(value=50, place=10))

    Raises:
        InputError: it says none; the message points at the place.
    """
    return _Parser(text, key).whole()


def leaves(condition: Condition) -> Iterator[Comparison | OneOf | Missing]:
    """What is asked of columns, from left to right."""
    if isinstance(condition, Every | Either):
        for part in condition.parts:
            yield from leaves(part)
    elif isinstance(condition, Not):
        yield from leaves(condition.part)
    else:
        yield condition


def columns_of(condition: Condition) -> list[Column]:
    """Every mention of a column, from left to right."""
    found: list[Column] = []
    for leaf in leaves(condition):
        terms = (leaf.left, leaf.right) if isinstance(leaf, Comparison) else (leaf.column,)
        found += [term for term in terms if isinstance(term, Column)]
    return found


def pointed(text: str, place: int, what: str, key: str = KEY) -> InputError:
    """An error that shows the text with a mark under the place."""
    shown = re.sub(r"\s", " ", text)  # a line of its own, so that the mark stands under what is meant
    return InputError(f"{key}: {what}\n  {shown}\n  {' ' * place}^")


@dataclass(frozen=True)
class _Token:
    kind: str  # number, text, column, name, sign, end
    text: str
    place: int


class _Parser:
    """Recursive descent: a method for each rule of the grammar."""

    def __init__(self, text: str, key: str) -> None:
        self.text, self.key = text, key
        self.tokens = self._tokens()
        self.next = 0
        self.depth = 0
        self.count = 0

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        for match in TOKEN.finditer(self.text):
            kind = str(match.lastgroup)
            token = _Token(kind, match[kind], match.start(kind))
            if kind == "wrong":
                raise self._no_token(token)
            found.append(token)
            if kind == "end":
                break
        return found

    def _no_token(self, token: _Token) -> InputError:
        if token.text in "'\"`":
            return self._error("a quote is opened and never closed; close it", token)
        return self._error(f"{token.text!r} stands in no condition; take columns, values, comparisons, and, or", token)

    def whole(self) -> Condition:
        condition = self._either()
        if self.now.kind != "end":
            raise self._unlike("and, or, or the end of the condition")
        return condition

    @property
    def now(self) -> _Token:
        return self.tokens[self.next]

    def _takes(self, *texts: str) -> str | None:
        """The next token, if it is one of these words or signs; taken then."""
        token = self.now
        text = token.text.lower() if token.kind == "name" else token.text
        if token.kind not in ("name", "sign") or text not in texts:
            return None
        self.next += 1
        return text

    def _either(self) -> Condition:
        parts = self._joined("or", self._every)
        return parts[0] if len(parts) == 1 else Either(parts)

    def _every(self) -> Condition:
        parts = self._joined("and", self._not)
        return parts[0] if len(parts) == 1 else Every(parts)

    def _joined(self, word: str, part: Callable[[], Condition]) -> tuple[Condition, ...]:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return tuple(parts)

    def _not(self) -> Condition:
        is_negated = False
        while self._takes("not"):
            is_negated = not is_negated
        part = self._part()
        return Not(part) if is_negated else part

    def _part(self) -> Condition:
        opened = self.now
        if not self._takes("("):
            return self._asked()
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(f"parentheses may stand {DEEPEST} deep; write it flatter", opened)
        condition = self._either()
        if not self._takes(")"):
            raise self._unlike("and, or, or a closing parenthesis")
        self.depth -= 1
        return condition

    def _asked(self) -> Condition:
        self.count += 1
        if self.count > MOST:
            raise self._error(f"a condition has {MOST} comparisons at most; in (..) takes many values", self.now)
        term = self._term()
        if operator := next((one for one in OPERATORS if self._takes(one)), None):
            return Comparison(term, operator, self._term())
        if not isinstance(term, Column):
            raise self._unlike("a comparison")
        if self._takes("is"):
            is_negated = self._takes("not") is not None
            if not self._takes("null"):
                raise self._unlike("null")
            return Not(Missing(term)) if is_negated else Missing(term)
        is_negated = self._takes("not") is not None
        if self._takes("in"):
            one_of = OneOf(term, self._values())
            return Not(one_of) if is_negated else one_of
        raise self._unlike("one of == != < <= > >=, in, or is null")

    def _values(self) -> tuple[Value, ...]:
        if not self._takes("("):
            raise self._unlike("values in parentheses")
        values: list[Value] = []
        while True:
            token, value = self.now, self._term()
            if not isinstance(value, Value) or isinstance(value.value, bool):
                raise self._error("in takes texts, or numbers; a column is compared with ==", token)
            if values and isinstance(value.value, str) != isinstance(values[0].value, str):
                raise self._error("the values of in are all texts, or all numbers", token)
            values.append(value)
            if self._takes(")"):
                return tuple(values)
            if not self._takes(","):
                raise self._unlike("a comma, or a closing parenthesis")

    def _term(self) -> Column | Value:
        token = self.now
        word = token.text.lower()
        if token.kind == "number":
            value: str | int | float | bool = self._number(token)
        elif token.kind == "text":
            value = token.text[1:-1].replace(token.text[0] * 2, token.text[0])
        elif token.kind == "name" and word in ("true", "false"):
            value = word == "true"
        elif token.kind == "name" and word == "null":
            raise self._error("nothing equals null; write is null, or is not null", token)
        elif token.kind == "column" or (token.kind == "name" and word not in WORDS):
            self.next += 1
            return Column(token.text.strip("`"), token.place)
        else:
            raise self._unlike("a column or a value")
        self.next += 1
        return Value(value, token.place)

    def _number(self, token: _Token) -> int | float:
        if not re.fullmatch(r"[+-]?\d+", token.text):
            return float(token.text)
        if abs(value := int(token.text)) >= 2**63:
            raise self._error("a whole number has 64 bits; write an id that is longer as text", token)
        return value

    def _unlike(self, wanted: str) -> InputError:
        """Of a next token that is not what may stand here."""
        token = self.now
        if token.text in MEANT:
            return self._error(f"{token.text} is written {MEANT[token.text]} here", token)
        found = "the end" if token.kind == "end" else f"'{token.text}'"
        return self._error(f"here {wanted} is expected, found {found}", token)

    def _error(self, what: str, token: _Token) -> InputError:
        return pointed(self.text, token.place, what, self.key)
