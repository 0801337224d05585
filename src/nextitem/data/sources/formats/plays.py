"""Plays: Last.fm-1K, every song that a thousand people played."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from nextitem.data.sources.formats.fields import to_interactions
from nextitem.data.sources.formats.format import UNREAD, Format, Head, Options, Reading
from nextitem.data.sources.formats.places import MEND, Layout, read_places
from nextitem.errors import InputError, suggest

COLUMNS = ("userid", "timestamp", "artid", "artname", "traid", "traname")  # as the file's name has them
SONG = ("artname", "traname")
ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?"  # of MusicBrainz, often missing
LINE = re.compile(rf"[^\t]+\t\d{{4}}-\d\d-\d\dT[\d:]{{8}}Z\t{ID}\t[^\t]*\t{ID}\t[^\t]*")


def read_plays(path: Path, options: Options) -> Reading:
    """`user time artist-id artist track-id track` a line, split by tabs, a user's newest first; quotes are letters.

    http://ocelma.net/MusicRecommendationDataset/lastfm-1K.html, 19 million lines. The item is the song: the names of
    artist and track with a tab between them, which neither can hold, for their MusicBrainz ids are often missing. A
    play that lacks one of the two names (eight lack the track's) is left out, and said. The options may name
    another of COLUMNS for the item, to take instead, such as artname; where it is empty, that line is refused.

    Raises:
        InputError: what is named is no column that can be an item, or the file breaks a rule.
    """
    item = options.roles.item
    if item is not None and item not in COLUMNS[2:]:
        raise InputError(f'{path.name} has no column "{item}" for the item; {suggest(item, COLUMNS[2:])}')
    columns = SONG if item is None else (item,)
    places = ("user", "timestamp", *(column if column in columns else UNREAD for column in COLUMNS[2:]))
    layout = Layout("lastfm-1k", places, "\t", "user, time, artist's id and name, track's id and name, split by tabs")
    table = read_places(path, layout)
    read = tuple(zip(COLUMNS, ("item" if one in columns else one for one in places), strict=True))
    if item is not None:
        return Reading(to_interactions(table.rename({item: "item"}), path, MEND), read, times="dates")
    is_song = pl.all_horizontal(pl.col(name).str.strip_chars() != "" for name in SONG)
    songs = table.filter(is_song).select("line", "user", "timestamp", item=pl.concat_str(SONG, separator="\t"))
    notes: tuple[str, ...] = ()
    if nameless := len(table) - len(songs):
        notes = (f"{nameless:,} of {len(table):,} plays of {path.name} lack an artist or a song; they were left out",)
    return Reading(to_interactions(songs, path, MEND, notes), read, times="dates")


def _are_plays(head: Head) -> bool:
    return all(LINE.fullmatch(line) for line in head.lines)


PLAYS = Format(
    "lastfm-1k",
    "plays, user time artist-id artist track-id track, split by tabs",
    read_plays,
    _are_plays,
    takes=frozenset({"item"}),
)
