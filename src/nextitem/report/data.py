"""Data: the sizes of a data set, as a table and as facts for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nextitem.data.dataset import Dataset
from nextitem.data.log.units import PER_SECOND
from nextitem.report.tables import FittingTable, pairs_table

YEAR_9999 = 253_402_300_799  # seconds; later ones are no date


def data_table(dataset: Dataset) -> FittingTable:
    lengths, times = dataset.sequences.lengths, dataset.sequences.timestamps
    table = pairs_table(f"Data: {dataset.name}")
    table.add_row("users", f"{dataset.num_users:,}")
    table.add_row("items", f"{dataset.num_items:,}")
    table.add_row("interactions", f"{dataset.num_interactions:,}")
    table.add_row("density", f"{dataset.density:.4%}")
    table.add_row("mean length", f"{lengths.mean():.1f} (shortest {lengths.min()}, longest {lengths.max()})")
    one = PER_SECOND[dataset.time_unit]
    span = "no timestamps: file order" if times is None else f"{_date(times.min(), one)} to {_date(times.max(), one)}"
    table.add_row("time span", span)
    return table


def data_facts(dataset: Dataset) -> dict[str, Any]:
    """What `data_table` tells, and the notes; the span in seconds since 1970, or null."""
    lengths, times = dataset.sequences.lengths, dataset.sequences.timestamps
    one = PER_SECOND[dataset.time_unit]
    return {
        "name": dataset.name, "users": dataset.num_users, "items": dataset.num_items,
        "interactions": dataset.num_interactions, "density": dataset.density,
        "lengths": {"mean": lengths.mean(), "shortest": lengths.min(), "longest": lengths.max()},
        "span": None if times is None else [times.min() / one, times.max() / one],
        "notes": dataset.notes,
    }  # fmt: skip


def _date(time: int, per_second: int) -> str:
    seconds = int(time) // per_second
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}" if 0 <= seconds <= YEAR_9999 else f"{seconds:,} s"
