"""The doctor's histograms as PNG files; wants matplotlib, the extra `plots`."""

from __future__ import annotations

from pathlib import Path

from nextitem.diagnosis.examine import Examination
from nextitem.errors import InputError
from nextitem.writing import replacing


def save_plots(examined: Examination, folder: Path) -> list[Path]:
    """`lengths.png` and `popularity.png`.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError('plots need matplotlib: pip install "nextitem[plots]"; or leave --plots out') from error
    measures, paths = examined.measures, []
    for name, of, about, histogram in (
        ("lengths", "users", "interactions a user", measures.lengths),
        ("popularity", "items", "interactions an item", measures.popularity),
    ):
        figure = Figure(figsize=(7, 3.5), layout="constrained")
        axes = figure.add_subplot()
        first = next(place for place, count in enumerate(histogram.counts) if count)
        bars = axes.bar(histogram.labels()[first:], histogram.counts[first:], color="#3b6ea5")
        axes.bar_label(bars, [f"{count:,}" if count else "" for count in histogram.counts[first:]], fontsize=8)
        axes.set(xlabel=about, ylabel=of, title=f"{examined.name}: {about}".replace("$", r"\$"))  # no formula
        axes.tick_params(axis="x", rotation=45)
        axes.spines[["top", "right"]].set_visible(False)
        path = folder / f"{name}.png"
        with replacing(path) as file:
            figure.savefig(file, dpi=150, format="png")
        paths.append(path)
    return paths
