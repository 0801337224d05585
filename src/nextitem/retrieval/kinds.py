"""Kinds of indexes, by the names that faiss's factory has for them, and which one a catalogue of some size wants.

| name | what it looks at | bytes an item (E numbers each) |
|---|---|---|
| `Flat` | every item: exact | 4 E |
| `IVF{x},Flat` | the items of the nearest of x clusters | 4 E + 8 |
| `HNSW{x},Flat` | a walk over a graph of near items, x links each | 4 E + 8 x |
| .. `,SQ8` in the place of Flat | the same of numbers of 8 bits | E instead of 4 E |
| .. `,PQ{m}` in the place of Flat | the same of m codes of 8 bits | m instead of 4 E |

`IVF,Flat` or `IVFx,Flat` leaves x to the size of the catalogue. Lists that an index finds by rounded numbers are longer
than asked for, and put in order by the model's own scores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nextitem.errors import InputError

FORM = re.compile(r"(?:(IVF|HNSW)(\d{1,9}|x)?,)?(Flat|SQ8|PQ(\d{1,4}))")
# Items up to which all are looked at: 256 queries against 100,000 vectors of 64 numbers are 50 ms on two cores.
FLAT_UP_TO = 100_000
LINKS = 32  # of HNSW, as RecStudio has them; 16 to 32 is what faiss's guide names
CODES = 256  # of a product quantiser: it cannot be trained on fewer items
KNOWN = "Flat, IVFx,Flat, HNSWx,Flat, and SQ8 or PQm in the place of Flat"


@dataclass(frozen=True)
class Kind:
    """Of an index: how items are found (clusters, links, or all of them), and how they are written down."""

    lists: int = 0  # clusters; 0: none
    links: int = 0  # of each item in a graph; 0: none
    parts: int = 0  # codes of a product quantiser; 0: none
    is_rounded: bool = False  # to 8 bits a number

    def __str__(self) -> str:
        found = f"IVF{self.lists}," if self.lists else f"HNSW{self.links}," if self.links else ""
        return found + (f"PQ{self.parts}" if self.parts else "SQ8" if self.is_rounded else "Flat")

    @property
    def is_exact(self) -> bool:
        """Whether every item is looked at, by its own numbers."""
        return self == Kind()

    @property
    def longer(self) -> int:
        """How many times as many items are fetched as are wanted, since rounded numbers misplace some."""
        return 10 if self.parts else 2 if self.is_rounded else 1

    def usual_effort(self) -> int:
        """How hard it searches where no recall is asked for: a sixteenth of the clusters, or 128 items of a graph."""
        return max(1, self.lists // 16) if self.lists else 128 if self.links else 0

    def most_effort(self, num_items: int) -> int:
        """Beyond which it finds no more: all clusters, or all items of a graph."""
        return self.lists or (num_items if self.links else 0)


def find_kind(name: str | None, num_items: int) -> Kind:
    """By its name; None: what a catalogue of so many items wants.

    >>> str(find_kind("IVFx,Flat", 10_000)), str(find_kind("HNSW,SQ8", 10_000)), str(find_kind(None, 10_000))
    ('IVF400,Flat', 'HNSW32,SQ8', 'Flat')

    Raises:
        InputError: another name, or more clusters or codes than there are items.
    """
    if name is None:
        name = "Flat" if num_items <= FLAT_UP_TO else "IVFx,Flat"
    form = FORM.fullmatch(name.replace(" ", ""))
    if form is None:
        raise InputError(f'"{name}" is no kind of index; known: {KNOWN} (such as IVF1024,Flat, HNSW32,SQ8, PQ16)')
    how, count, code, parts = form.groups()
    number = 0 if count in (None, "x") else int(count)
    if count == "0":
        raise InputError(f'the kind "{name}" has no {"clusters" if how == "IVF" else "links"}; take IVFx or HNSWx')
    lists = (number or _usual_lists(num_items)) if how == "IVF" else 0
    links = (number or LINKS) if how == "HNSW" else 0
    if lists > num_items:
        raise InputError(f'the kind "{name}" has {lists:,} clusters for {num_items:,} items; take fewer, or IVFx')
    if links and not 2 <= links <= 256:
        raise InputError(f'the kind "{name}" must have 2 to 256 links, found {links}; 16 to 64 are usual')
    if parts is not None and (num_items < CODES or int(parts) < 1):
        raise InputError(
            f'the kind "{name}" wants 1 or more codes, learned from {CODES} items or more; found '
            f"{num_items:,} items; take SQ8 or Flat"
        )
    return Kind(lists, links, int(parts or 0), code == "SQ8")


def _usual_lists(num_items: int) -> int:
    """4 sqrt(N), as RecStudio has it, the least of what faiss's guide names."""
    return max(1, min(round(4 * num_items**0.5), num_items))
