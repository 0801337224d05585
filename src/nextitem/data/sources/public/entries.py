"""Entries: every public data set by its name.

No file is shipped with nextitem: nearly all are for research only, and most may not be passed on.
"""

from __future__ import annotations

from itertools import product

from nextitem.data.sources.public.amazon import AMAZON
from nextitem.data.sources.public.graphs import GRAPHS
from nextitem.data.sources.public.kinds import PublicData
from nextitem.data.sources.public.logs import LOGS
from nextitem.data.sources.public.movielens import MOVIELENS_DATA
from nextitem.data.sources.public.networks import NETWORKS
from nextitem.data.sources.public.prepared import PREPARED

PUBLIC_DATA: dict[str, PublicData] = {
    data.name: data for data in (*MOVIELENS_DATA, *PREPARED, *GRAPHS, *NETWORKS, *LOGS, *AMAZON)
}

# Names too many to list one by one: the pattern, and its members.
FAMILIES: dict[str, tuple[str, ...]] = {
    f"amazon-{year}-CATEGORY{core}": tuple(
        data.name
        for data in AMAZON
        if data.name.startswith(f"amazon-{year}-") and data.name.endswith("-5core") == bool(core)
    )
    for year, core in product((2014, 2018, 2023), ("", "-5core"))
}
