"""Questions: what the bodies of requests may hold. Their kinds are checked here, what they mean by the run itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from nextitem.errors import InputError
from nextitem.runs.asking.influence import ExplainedBy
from nextitem.serving.limits import MOST_LISTED, Limits, refuse_more

Id = StrictInt | StrictStr
Moment = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictStr
Rating = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictStr
SESSION = r"^[A-Za-z0-9_.:-]{1,128}$"  # what a session may be called


class Question(BaseModel):
    """A body of POST /recommend; what the keys mean is what `Run.recommend` says of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    histories: list[list[Id]] | None = None
    """Item ids of each row, oldest first; without them each of `users` is answered by what the run keeps."""
    users: list[Id] | None = None
    """User ids: alone, or one for each history of a model that knows users."""
    k: StrictInt = 10
    """How many items."""
    times: list[list[Moment]] | None = None
    """When the items of each history were met, for a model that goes by times."""
    at: list[Moment] | None = None
    """When each row is asked, for a model that goes by that."""
    ratings: list[list[Rating]] | None = None
    """How the items of each history were rated, for a model that goes by ratings; of a log with kinds, these."""
    unknown: Literal["error", "skip"] = "error"
    """What to do with ids that the model does not know."""
    exclude: list[Id] = []
    """Items that do not come back."""
    only: list[Id] | None = None
    """The only items that may."""
    keep_seen: StrictBool = False
    """Items of the history may come back."""
    fallback: Literal["none", "popularity"] = "none"
    """What a row gets of which the model knows nothing."""
    ann: StrictBool | None = None
    """Search by the run's index, which may miss some of the best [as the service was started]."""
    titles: StrictBool = False
    """Say what the items are called, where the run knows."""

    @property
    def num_rows(self) -> int:
        return len(self.histories if self.histories is not None else self.users or ())

    @property
    def how(self) -> tuple[object, ...]:
        """Questions that are alike in this may be answered in one batch.

        How times are written is told from all of a question's, so that one with times stands for itself.
        """
        beside = self.times is not None or self.at is not None or self.ratings is not None
        only = None if self.only is None else tuple(self.only)
        asked = (self.k, self.unknown, tuple(self.exclude), only, self.keep_seen, self.fallback, self.ann)
        return (*asked, self.histories is None, self.users is None, id(self) if beside else None)

    def refuse_beyond(self, limits: Limits) -> None:
        """Raises InputError where more is asked than may be."""
        limits.refuse_k(self.k)
        for name, rows in (("histories", self.histories), ("users", self.users)):
            refuse_more(name, rows or (), limits.rows, "ask in several requests")
        for number, row in enumerate(self.histories or ()):
            refuse_more(f"history {number}", row, limits.history, "leave out the oldest")
        for name, ids in (("exclude", self.exclude), ("only", self.only)):
            refuse_more(name, ids or (), MOST_LISTED, "list fewer")
        if self.histories is not None and self.users is not None and len(self.users) != len(self.histories):
            found = f"{len(self.users):,} users and {len(self.histories):,} histories"
            raise InputError(f"users beside histories are one for each, found {found}; leave users out, or add some")


class Why(BaseModel):
    """A body of POST /explain; what the keys mean is what `Run.explain` says of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    history: list[Id] | None = None
    """Item ids, oldest first; without it `user` is explained by what the run keeps."""
    items: list[Id] | None = None
    """The recommended items to explain [the best k]."""
    user: Id | None = None
    """A user id: alone, or beside the history for a model that knows users."""
    times: list[Moment] | None = None
    """When the items of the history were met, for a model that goes by times."""
    at: Moment | None = None
    """When it is asked, for a model that goes by that."""
    ratings: list[Rating] | None = None
    """How the items of the history were rated, for a model that goes by ratings; of a log with kinds, these."""
    k: StrictInt = 3
    """How many items are explained."""
    by: ExplainedBy = "removal"
    """What is told of each item of the history: what the score loses without it, or the share that attention takes."""

    def refuse_beyond(self, limits: Limits) -> None:
        """Raises InputError where more is asked than may be."""
        limits.refuse_k(self.k)
        refuse_more("the history", self.history or (), limits.history, "leave out the oldest")
        refuse_more("items", self.items or (), limits.k, "ask in several requests")


class Met(BaseModel):
    """A body of POST /sessions/{id}/items: what the session met since, oldest first, and how many items come back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: list[Id]
    """Item ids, oldest first."""
    k: StrictInt = 10
    """How many items come back."""
    keep_seen: StrictBool = False
    """Items of the session may come back."""


class Answer(BaseModel):
    """What one row is recommended."""

    items: list[int] | list[str]
    scores: list[float]
    titles: list[str | None] | None
    """Of the items, where the run knows what they are called."""
    skipped: list[Id]
    problem: str
    source: Literal["model", "popularity"]


class Answers(BaseModel):
    """What POST /recommend gives: an answer for each row."""

    answers: list[Answer]
    run: str


class Fault(BaseModel):
    """Why a request was refused: the rule, what was found, and the way out."""

    error: str
