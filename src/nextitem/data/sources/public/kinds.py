"""What is known of a public data set."""

from __future__ import annotations

from dataclasses import dataclass, field

from nextitem.data.sources.public.sources import File, Source

LEAVE_ONE_OUT = {"split.kind": "leave_one_out"}
FIVE_CORE = {"data.user_core": 5, "data.item_core": 5, **LEAVE_ONE_OUT}


@dataclass(frozen=True)
class Size:
    """As its publishers count it, or as counted here; None: not known."""

    users: int | None = None
    items: int | None = None
    interactions: int | None = None


@dataclass(frozen=True)
class PublicData:
    name: str
    description: str
    terms: str  # who may use it, for what
    files: tuple[File, ...]  # any one of them is the data, best first
    downloads: tuple[Source, ...] = ()  # in the order they are tried; none: a person fetches it
    citation: str = ""
    page: str = ""  # where its publishers describe it
    by_hand: str = ""  # how a person gets the file, where no download is offered, or none answers
    size: Size = Size()
    recipe: dict[str, object] = field(default_factory=dict)  # the usual preparation, as recipe keys
    beside: dict[str, File] = field(default_factory=dict)  # field of SideTables -> what data.side beside takes
    held_out: dict[str, File] = field(default_factory=dict)  # test, perhaps valid: where the files are a split
    held_out_downloads: dict[str, Source] = field(default_factory=dict)  # where these may be had

    @property
    def megabytes(self) -> float | None:
        """Of the first download; None: not known, or nothing to download."""
        num_bytes = self.downloads[0].num_bytes if self.downloads else None
        return None if num_bytes is None else num_bytes / 1e6
