"""The sections of a recipe that say what is learned from and asked for: the data, and how it is split."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.composite import as_key
from nextitem.data.log.durations import duration_seconds
from nextitem.data.log.kinds import kinds_of
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.scanning import Engine
from nextitem.data.splits.cases import SPOKEN, Cases
from nextitem.data.splits.ratio import Rounding
from nextitem.errors import InputError
from nextitem.keys import Positive

SplitKind = Literal[
    "leave_one_out", "leave_k_out", "user_entry", "entry", "user", "cold_items", "cold_users", "at_time",
    "late_users", "given", "rolling", "labelled",
]  # fmt: skip
Count = Annotated[int, Field(ge=0)]


def _seconds(value: object) -> object:
    """A date, or a moment of ISO 8601, in seconds since 1970; UTC where it names no zone."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() if isinstance(value, date) else value


def _duration(value: object) -> object:
    """Text alone says its unit."""
    if value is not None and not (isinstance(value, str) and duration_seconds(value)):
        raise PydanticCustomError("duration", "it is a time above 0 with its unit, such as 1d, 12h or 1h30m")
    return value


def _cases(value: object) -> object:
    """Other words for the same."""
    return SPOKEN.get(value, value) if isinstance(value, str) else value


def _columns(value: object) -> object:
    """A list of columns as one text."""
    names = [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
    return as_key(names) if isinstance(value, list | tuple) and len(names) == len(value) else value


def _kinds(value: object) -> object:
    try:
        return kinds_of(value) if isinstance(value, str) else value
    except InputError as error:
        raise PydanticCustomError("kinds", "{said}", {"said": str(error)}) from error


def _number(value: object) -> object:
    """Text that is a number, as one; the word of a kind of events as it is."""
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value


Least = Annotated[float | str, BeforeValidator(_number)]
Moment = Annotated[float, BeforeValidator(_seconds)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class DataRecipe(Section):
    source: str = "ml-100k"
    """A public data set's name, a file, a pattern of files (logs/*.parquet) or a folder."""
    folder: str | None = None
    """Where public data sets lie already (--data-dir)."""
    format: str = "auto"
    """Of the files; auto: told by their names and first lines."""
    separator: str | None = None
    """Of the fields of a table; null: told by its first lines."""
    quote: Annotated[Quote, BeforeValidator(lambda found: "double" if found == '"' else found)] = "auto"
    """Whether quotes hold the fields of a table together (double), or are letters (none)."""
    user: Annotated[str | None, BeforeValidator(_columns)] = None
    """The user's column, or several that make a user together (user_id,sequence_id); null: found by its name."""
    item: str | None = None
    """The item's column; null: found by its name."""
    timestamp: str | None = None
    """The time's column; null: found by its name, none: the order of the file is the order of time."""
    rating: str | None = None
    """The rating's column; null: found by its name, none: no ratings."""
    kind: str | None = None
    """The column of an event's kind, view or purchase, say; read as the rating, by the numbers of kinds."""
    kinds: Annotated[dict[str, float] | None, BeforeValidator(_kinds)] = None
    """The number of each kind: view=1,cart=3,purchase=6."""
    time_format: str | None = None
    """Of dates that are text, as strptime has it: %d/%m/%Y %H:%M."""
    where: str | None = None
    """Rows that count: event_type == 'like' and played >= 50; null: all."""
    engine: Engine = "polars"
    """What reads, filters and counts a table; duckdb and spark are extras."""
    bad_lines: BadLinesRule = "error"
    """What becomes of a log with bad lines: error, it is refused; skip, they are left out, counted and listed."""
    after: Moment | None = None
    """Keep interactions from this moment on: a date, 2014-01-31, or seconds since 1970."""
    before: Moment | None = None
    """Keep interactions earlier than this moment."""
    min_rating: float | None = None
    """Keep ratings of at least this."""
    duplicates: Literal["keep", "first", "last"] = "keep"
    """Which of a repeated user-item pair stay."""
    min_length: Count = 0
    """Keep users with so many interactions, counted once, before the cores."""
    max_length: Positive | None = None
    """Keep users with at most so many interactions, counted likewise."""
    user_core: Count = 0
    """Keep users with at least so many interactions."""
    item_core: Count = 0
    """Keep items with at least so many interactions."""
    core: Literal["iterated", "once"] = "iterated"
    """Cut the cores until nothing falls out any more, or once."""
    ids: Literal["sorted", "appearance"] = "sorted"
    """The order in which users and items are numbered."""
    user_ids: str | None = None
    """A file that has the users in the order wanted."""
    item_ids: str | None = None
    """A file that has the items in the order wanted."""
    valid_file: str | None = None
    """Validation in a file of its own, in the form of the source, which is the training then."""
    test_file: str | None = None
    """The test in a file of its own; without valid_file, validation is held out from training."""
    parts: Literal["keep", "join"] = "keep"
    """Of such files, or a folder of them; join: one log, to be split anew."""
    side: Literal["none", "beside"] = "none"
    """Take what stands beside the log (docs/formats.md)."""
    user_table: str | None = None
    """Attributes of users: an atomic file, Parquet, or text."""
    item_table: str | None = None
    """Attributes of items."""
    knowledge: str | None = None
    """A knowledge graph: head, relation, tail; or attributes: one made of those of the items."""
    links: str | None = None
    """Which entity of the graph an item is; null: the one with its id."""
    knowledge_relations: tuple[str, ...] = ()
    """Relations of the graph that stay; none named: all."""
    knowledge_except: tuple[str, ...] = ()
    """Relations of the graph that go."""
    knowledge_min_degree: Count = 0
    """Entities in fewer triples go, again and again until none is left; items never do."""
    trust: str | None = None
    """Who trusts whom: an edge a line, or a user and all their friends; a .net, a .mat, Parquet or text."""
    trust_users: str | None = None
    """Two columns, a user's id in the network and in the log; null: they are the same."""
    trust_strangers: Literal["nodes", "users"] = "nodes"
    """users: who stands in the network alone and trusts a user of the log becomes a user without interactions."""
    shuffle: Literal["knowledge", "trust"] | None = None
    """A control: permute the ends of that graph within each relation, so that only degrees are left of it."""
    weight: Literal["rating"] | None = None
    """rating: an interaction counts as much as its rating says; null: all alike."""


class SplitRecipe(Section):
    kind: SplitKind = "leave_one_out"
    """What is held out; given: as the data's own files have it; rolling: a run a window of time;
    labelled: pairs that say yes or no, or are rated, to be asked for their labels."""
    min_length: Annotated[int, Field(ge=3)] = 3
    """Shortest history of leave_one_out and leave_k_out; 3 is SASRec's, FreeRec takes 4."""
    k: Positive | None = None
    """Of leave_k_out: how many are held out."""
    valid: Annotated[float, Field(gt=0)] = 0.1
    """Of user_entry, entry, user, cold_items, cold_users, labelled: a share, or a number; of at_time: a share."""
    test: Annotated[float, Field(gt=0)] = 0.1
    """Likewise, of the test."""
    order: Literal["random", "time"] = "random"
    """Of user_entry, entry, user: which are held out."""
    rounding: Rounding = "down"
    """Of shares of user_entry."""
    days: Annotated[float, Field(gt=0)] | None = None
    """Of at_time, late_users, rolling: length of the test, and of the validation."""
    valid_from: Moment | None = None
    """Of at_time: the first moment of the validation, a date or seconds since 1970."""
    test_from: Moment | None = None
    """Of at_time: the first moment of the test."""
    windows: Positive | None = None
    """Of rolling: how many, of which the last ends with the log; null: 4."""
    step: Annotated[float, Field(gt=0)] | None = None
    """Of rolling: days from one window to the next; null: as long as days."""
    gap: Annotated[str | None, BeforeValidator(_duration)] = None
    """Of at_time, rolling: 1d, 12h; what is so shortly before the validation and the test is left out of everything."""
    cases: Annotated[Cases | None, BeforeValidator(_cases)] = None
    """What is asked of a user with several targets: all together, each (successive), or the first, last, random one."""
    target_rating: Least | None = None
    """Ask for what was rated at least this alone, a number or a word of data.kinds; null: for all.
    Of labelled: such a rating is a yes, a lower one a no; null: the ratings are the labels."""

    @property
    def is_random(self) -> bool:
        """Whether the recipe's seed decides what is held out."""
        by_order = self.kind in ("user_entry", "entry", "user") and self.order == "random"
        return by_order or self.kind in ("cold_items", "cold_users", "labelled") or self.cases == "random"
