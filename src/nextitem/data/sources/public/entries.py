"""Entries: every public data set by its name.

No file is shipped with nextitem: nearly all are for research only, and most may not be passed on.
"""

from __future__ import annotations

import re
from itertools import product

from nextitem.data.sources.public.amazon import AMAZON
from nextitem.data.sources.public.graphs import GRAPHS
from nextitem.data.sources.public.kinds import PublicData
from nextitem.data.sources.public.large import LARGE
from nextitem.data.sources.public.logs import LOGS
from nextitem.data.sources.public.movielens import MOVIELENS_DATA
from nextitem.data.sources.public.networks import NETWORKS
from nextitem.data.sources.public.prepared import PREPARED

PUBLIC_DATA: dict[str, PublicData] = {
    data.name: data for data in (*MOVIELENS_DATA, *PREPARED, *GRAPHS, *NETWORKS, *LOGS, *LARGE, *AMAZON)
}


def _amazon(year: int, core: str, cut: str = "") -> tuple[str, ...]:
    """The names of all categories, cut or not."""
    ending = re.compile(rf"amazon-{year}-[a-z-]+?(-5core)?(-last-out|-timestamp)?")
    found = ((data.name, ending.fullmatch(data.name)) for data in AMAZON)
    return tuple(name for name, match in found if match and (match[1] or "", match[2] or "") == (core, cut))


CUTS = ("", "-last-out", "-timestamp")
# Names too many to list one by one: the pattern, and its members.
FAMILIES: dict[str, tuple[str, ...]] = {
    **{f"amazon-{year}-CATEGORY{core}": _amazon(year, core) for year, core in product((2014, 2018), ("", "-5core"))},
    **{f"amazon-2023-CATEGORY{core}{cut}": _amazon(2023, core, cut) for core, cut in product(("", "-5core"), CUTS)},
    "ninerec-PLATFORM": tuple(data.name for data in LARGE if data.name.startswith("ninerec-")),
}
