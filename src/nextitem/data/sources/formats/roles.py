"""Roles: which column of a table is the user, the item, the timestamp, the rating."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nextitem.data.log.composite import COMMA, parts_of
from nextitem.data.log.kinds import Kinds, as_kinds, rating_column
from nextitem.data.log.where import Where
from nextitem.errors import InputError, suggest

# Common spellings, the likeliest first; compared without case, spaces, "_" and "-".
USERS = (
    *("user", "userid", "uid", "username", "customer", "customerid", "reviewer", "reviewerid", "visitor"),
    *("visitorid", "member", "memberid", "account", "accountid", "session", "sessionid"),
    *("client", "clientid", "buyer", "buyerid", "shopper", "shopperid", "profileid", "listenerid", "personid"),
)
ITEMS = (
    *("item", "itemid", "iid", "product", "productid", "movie", "movieid", "parentasin", "asin", "article"),
    *("articleid", "artist", "artistid", "track", "trackid", "song", "songid", "book", "bookid", "isbn"),
    *("business", "businessid", "venue", "venueid", "poi", "news", "newsid", "video", "videoid"),
    *("sku", "skuid", "productsku", "itemsku", "productcode", "stockcode", "goodsid", "contentid", "gameid"),
)
TIMESTAMPS = ("timestamp", "time", "ts", "unixreviewtime", "unixtime", "eventtime", "datetime", "timeframe")
DAY = "date"  # the time only where no finer one stands beside it
# Names of which a log may have several; none is likelier than another.
MOMENTS = (
    *("createdat", "createdtime", "creationtime", "creationdate", "createtime", "createdate", "datecreated"),
    *("updatedat", "updatetime", "addedat", "dateadded", "occurredat", "loggedat", "logtime", "servertime"),
    *("tdat", "t", "dt", "stime", "timems", "timesec", "timestamps", "timestampms", "timestampus", "timestampns"),
    *("unixtimestamp", "unixtimems", "epoch", "epochms", "epochtime", "datetimeutc", "utctime", "datestamp"),
    *("eventtimestamp", "eventts", "eventdate", "eventdatetime", "interactiontime", "interactiondate", "actiontime"),
    *("clicktime", "clickdate", "clickedat", "viewtime", "viewdate", "viewedat", "visittime", "visitdate", "visitedat"),
    *("orderdate", "ordertime", "orderedat", "invoicedate", "transactiondate", "transactiontime", "purchasedate"),
    *("purchasetime", "purchasedat", "boughtat", "listenedat", "playedat", "watchedat", "watchtimestamp"),
    *("reviewtime", "reviewdate", "reviewedat", "ratingtime", "ratingdate", "ratedat", "postedat", "checkintime"),
)
RATINGS = ("rating", "ratings", "score", "stars", "overall")


NONE = "none"  # asked for in place of a column: the log is to have no timestamps, or no ratings


@dataclass(frozen=True)
class Roles:
    """The name of a column for every role; None: not said, or not there."""

    user: str | None = None
    item: str | None = None
    timestamp: str | None = None
    rating: str | None = None
    time_format: str | None = None  # of dates that are text, as strptime has it
    where: Where | None = None  # the rows that count
    kinds: Kinds | None = field(default=None, repr=False)  # the rating's column has such words, with these numbers
    parts: tuple[str, ...] = field(default=(), repr=False)  # the columns that `user` names, where it joins several

    @property
    def says_date(self) -> bool:
        """Whether the time's column is called as one of dates, in which 20140407 is a day."""
        return self.timestamp is not None and is_called_date(self.timestamp)

    def names(self) -> list[tuple[str, str]]:
        """(role, column) of every role that has a column; of a user that is joined of several, one for each."""
        pairs = (
            *(("user", column) for column in self.parts or (self.user,)),
            ("item", self.item),
            ("timestamp", self.timestamp),
            ("rating", self.rating),
        )
        return [
            (role, column)
            for role, column in pairs
            if column is not None and not (column == NONE and role in ("timestamp", "rating"))
        ]

    def renamed(self, called: Callable[[str], str]) -> Roles:
        """With other names for the columns."""
        names = {role: called(column) for role, column in self.names()}
        user = self.user and COMMA.join(called(column) for column in self.user.split(COMMA))
        timestamp, rating = names.get("timestamp", self.timestamp), names.get("rating", self.rating)
        parts = tuple(called(column) for column in self.parts)
        item = names.get("item", self.item)
        return replace(self, user=user, item=item, timestamp=timestamp, rating=rating, parts=parts)


def asked_roles(
    *,
    user: str | None = None,
    item: str | None = None,
    timestamp: str | None = None,
    rating: str | None = None,
    time_format: str | None = None,
    where: str | None = None,
    kind: str | None = None,
    kinds: Mapping[str, float] | str | None = None,
) -> Roles:
    """What is asked for, by the names of the data section's keys.

    Raises:
        InputError: the condition cannot be read, a rating and a kind are named, or kinds in no form that is known.
    """
    if kind == NONE:
        raise InputError(f'data.kind is the column of the kinds of events, found "{NONE}"; leave it out')
    numbers = as_kinds(kinds)
    column = rating_column(rating, kind, numbers)
    condition = None if where is None else Where(where)
    named = None if kind is None else numbers or {}
    return Roles(user, item, timestamp, column, time_format, condition, named)


def find_roles(columns: Sequence[str], asked: Roles, source: str) -> Roles:
    """The columns that `asked` names, and for the other roles the likeliest spelling among the rest.

    >>> find_roles(["Time", "ItemId", "SessionId"], Roles(), "clicks.csv")
    Roles(user='SessionId', item='ItemId', timestamp='Time', rating=None, time_format=None, where=None)

    Raises:
        InputError: a column that is asked for is missing, there is none for the user or the item, or several could be
            the time.
    """
    asked = replace(asked, parts=parts_of(asked.user, columns, source))
    for role, column in asked.names():
        if column not in columns:
            word = "kind" if role == "rating" and asked.kinds is not None else role
            raise InputError(f'{source} has no column "{column}" for the {word}; {suggest(column, columns)}')
    taken = {column for _, column in asked.names() if column not in asked.parts}  # a part may be the time, too
    rest = {plain(column): column for column in reversed(columns) if column not in taken}
    found = Roles(
        user=asked.user or _first(USERS, rest),
        item=asked.item or _first(ITEMS, rest),
        timestamp=_unless_none(asked.timestamp, columns, source) or _first_time(asked, rest, source),
        rating=_unless_none(asked.rating, columns, source) or (None if asked.rating else _first(RATINGS, rest)),
        time_format=asked.time_format,
        parts=asked.parts,
    )
    for role, column_found in (("user", found.user), ("item", found.item)):
        if column_found is None:
            raise InputError(
                f"{source} has no column that is plainly the {role}; its columns are {', '.join(columns)}. "
                f"Name the right one with --data.{role} (if these are values, add a header line to the file)"
            )
    return found


def is_called_date(column: str) -> bool:
    """
    >>> [is_called_date(name) for name in ("date", "t_dat", "day_of_purchase", "Timestamp", "updated_at")]
    [True, True, True, False, False]
    """
    name = plain(column).replace("update", "")
    return name in ("dt", "tdat") or "date" in name or "day" in name


def looks_like_header(fields: Sequence[str]) -> bool:
    """Whether a line of text names a user or an item column rather than an interaction."""
    names = {plain(field.partition(":")[0]) for field in fields}
    return not names.isdisjoint((*USERS, *ITEMS))


def plain(column: str) -> str:
    """A column's name without case, spaces, quotes, `_` and `-`."""
    return column.strip(" \"'").lower().replace("_", "").replace("-", "").replace(" ", "")


def _first(spellings: Sequence[str], columns: dict[str, str]) -> str | None:
    return next((columns[spelling] for spelling in spellings if spelling in columns), None)


def _first_time(asked: Roles, columns: dict[str, str], source: str) -> str | None:
    if asked.timestamp is not None:
        return None
    if (found := _first(TIMESTAMPS, columns)) is not None:
        return found
    several = [columns[one] for one in MOMENTS if one in columns]
    if len(several) > 1:
        raise InputError(
            f"{source} has several columns that could be the time: {', '.join(several)}; name the right one with "
            "--data.timestamp (none: the order of the file)"
        )
    return several[0] if several else columns.get(DAY)


def _unless_none(asked: str | None, columns: Sequence[str], source: str) -> str | None:
    if asked == NONE and NONE in columns:
        raise InputError(f'{source} has a column called "{NONE}", which here means no column; rename it')
    return None if asked == NONE else asked
