"""What a finished run kept of its rankings: any metric, a value a case, without scoring again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from nextitem.data.log.exact import read_parquet
from nextitem.errors import InputError
from nextitem.evaluation.metrics import measure
from nextitem.evaluation.protocol import Ties
from nextitem.evaluation.ranking import Ranking
from nextitem.runs.folder.run_folder import RANKS, RunFolder
from nextitem.training.shapes import own


@dataclass(frozen=True)
class Ranked:
    """The cases of one part of a split, as one model ranked their targets."""

    users: pl.Series  # (R,), external ids
    ranking: Ranking  # its users are 0..R-1, the places in `users`

    def measure(self, name: str) -> np.ndarray:
        """(R,) values of a metric, such as ndcg@10."""
        return measure(self.ranking, [name], int(self.ranking.num_ranked.min()))[name]


def read_ranked(folder: Path, model: str | None = None, part: Literal["valid", "test"] = "test") -> Ranked:
    """The rankings of a finished run's own model, or of one of its baselines (on test cases).

    Raises:
        InputError: the run is not finished, a file of it was changed, or it has no such model.
    """
    run = RunFolder(folder)
    report = run.read_report([RANKS])
    rows = read_parquet(own(folder / RANKS))
    names = rows["model"].unique(maintain_order=True).to_list()
    chosen = rows.filter((pl.col("model") == (model or names[0])) & (pl.col("part") == part))
    if chosen.is_empty():
        raise InputError(f"{folder / RANKS} has no {part} cases of {model or names[0]}; it has {', '.join(names)}")
    return _ranked(chosen, report["recipe"]["evaluation"]["ties"])


def _ranked(rows: pl.DataFrame, ties: Ties) -> Ranked:
    case = rows["user"].rle_id().to_numpy()  # a user is one case, whose targets stand together
    num_targets = np.bincount(case)
    starts = np.cumsum(num_targets) - num_targets
    place = np.arange(len(case)) - starts[case]
    above = np.full((len(num_targets), num_targets.max()), np.inf)
    above[case, place] = rows["above"].to_numpy()
    tied = np.ones(above.shape, np.int64)
    tied[case, place] = rows["tied"].to_numpy()
    users = np.arange(len(num_targets))
    ranking = Ranking(users, above, tied, num_targets, rows["num_ranked"].to_numpy()[starts], ties)
    return Ranked(rows["user"].gather(starts), ranking)
