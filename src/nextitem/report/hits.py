"""The chart of hits: in how many cases a target is among the k best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nextitem.report.svg import line_chart
from nextitem.runs.folder.ranked import Ranked

LISTS = (1, 2, 3, 5, 10, 20, 50, 100)  # lengths of lists


def hits_chart(models: Mapping[str, Sequence[Ranked]]) -> str:
    """A line a model, of the means over its runs; lists no longer than the shortest ranking."""
    shortest = min(int(one.ranking.num_ranked.min()) for runs in models.values() for one in runs)
    fitting = [k for k in LISTS if k <= shortest]
    hits = {
        name: [float(np.mean([one.measure(f"hr@{k}").mean() for one in runs])) for k in fitting]
        for name, runs in models.items()
    }
    return line_chart("Cases with a target among the k best", fitting, hits, "k")
