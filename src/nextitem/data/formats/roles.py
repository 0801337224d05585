"""Roles: which column of a table is the user, the item, the timestamp, the rating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nextitem.errors import InputError, suggest

# Common spellings, the likeliest first; compared without case, spaces, "_" and "-".
USERS = (
    *("user", "userid", "uid", "username", "customer", "customerid", "reviewer", "reviewerid", "visitor"),
    *("visitorid", "member", "memberid", "account", "accountid", "session", "sessionid"),
)
ITEMS = (
    *("item", "itemid", "iid", "product", "productid", "movie", "movieid", "parentasin", "asin", "article"),
    *("articleid", "artist", "artistid", "track", "trackid", "song", "songid", "book", "bookid", "isbn"),
    *("business", "businessid", "venue", "venueid", "poi", "news", "newsid", "video", "videoid"),
)
TIMESTAMPS = ("timestamp", "time", "ts", "unixreviewtime", "unixtime", "eventtime", "datetime", "timeframe", "date")
RATINGS = ("rating", "ratings", "score", "stars", "overall")


@dataclass(frozen=True)
class Roles:
    """The name of a column for every role; None: not said, or not there."""

    user: str | None = None
    item: str | None = None
    timestamp: str | None = None
    rating: str | None = None

    def names(self) -> list[tuple[str, str]]:
        """(role, column) of every role that has a column."""
        pairs = (
            ("user", self.user),
            ("item", self.item),
            ("timestamp", self.timestamp),
            ("rating", self.rating),
        )
        return [(role, column) for role, column in pairs if column is not None]


def find_roles(columns: Sequence[str], asked: Roles, source: str) -> Roles:
    """The columns that `asked` names, and for the other roles the likeliest spelling among the rest.

    >>> find_roles(["Time", "ItemId", "SessionId"], Roles(), "clicks.csv")
    Roles(user='SessionId', item='ItemId', timestamp='Time', rating=None)

    Raises:
        InputError: a column that is asked for is missing, or there is none for the user or the item.
    """
    for role, column in asked.names():
        if column not in columns:
            raise InputError(f'{source} has no column "{column}" for the {role}; {suggest(column, columns)}')
    taken = {column for _, column in asked.names()}
    rest = {plain(column): column for column in reversed(columns) if column not in taken}
    found = Roles(
        user=asked.user or _first(USERS, rest),
        item=asked.item or _first(ITEMS, rest),
        timestamp=asked.timestamp or _first(TIMESTAMPS, rest),
        rating=asked.rating or _first(RATINGS, rest),
    )
    for role, column_found in (("user", found.user), ("item", found.item)):
        if column_found is None:
            raise InputError(
                f"{source} has no column that is plainly the {role}; its columns are {', '.join(columns)}. "
                f"Name the right one with --data.{role} (if these are values, add a header line to the file)"
            )
    return found


def looks_like_header(fields: Sequence[str]) -> bool:
    """Whether a line of text names a user or an item column rather than an interaction."""
    names = {plain(field.partition(":")[0]) for field in fields}
    return not names.isdisjoint((*USERS, *ITEMS))


def plain(column: str) -> str:
    """A column's name without case, spaces, quotes, `_` and `-`."""
    return column.strip(" \"'").lower().replace("_", "").replace("-", "").replace(" ", "")


def _first(spellings: Sequence[str], columns: dict[str, str]) -> str | None:
    return next((columns[spelling] for spelling in spellings if spelling in columns), None)
