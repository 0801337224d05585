"""One Mamba block, forward and backward, beside mambapy's parallel scan and a lean loop in torch; and as rows grow.

    benchmarks/peers/setup.sh                                  # once: the peers' environments
    python benchmarks/mamba_speed.py                           # on a machine that does nothing else
    python benchmarks/mamba_speed.py --plot lengths.png        # needs matplotlib

Every contestant is a process of its own; nextitem runs before and after each. Times are medians; ratios are of the
peer's over the median of both of ours. Memory is told twice: the peak of the whole process, and how far it grew over
what torch and a warm-up had taken. A block of Mamba-2 stands beside that of Mamba as states and rows grow. Prints the
tables and writes them to results/mamba_speed.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

from contest import HERE, peer_python, run_script, write_results
from rich.console import Console
from rich.table import Table

SHAPES = ((256, 50, 16), (256, 50, 32), (128, 200, 32))  # batch, length, d_state
LENGTHS = (128, 256, 512, 1024, 2048, 4096, 8192)
ROWS, STATES = 8, 16  # of the rows that grow
WIDTHS = (16, 32, 64, 128)  # d_state of a batch of 256 rows of 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".peers", help="where setup.sh put them")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--plot", type=Path, help="a PNG of the time by length")
    options = parser.parse_args()
    rows = []
    for shape in SHAPES:
        for form in ("loop", "mambapy"):
            before = time_ours(*shape, options.threads)
            peer = time_peer(form, *shape, options.threads, options.peers)
            after = time_ours(*shape, options.threads)
            rows.append({"peer": peer, "nextitem": [before, after]} | ratios_of(peer, [before, after]))
    sizes = [(ROWS, length, STATES) for length in options.lengths]
    grown = {form: [time_ours(*size, options.threads, form) for size in sizes] for form in ("mamba", "mamba2")}
    wider = [
        [time_ours(256, 50, d_state, options.threads, form) for form in ("mamba", "mamba2", "mamba")]
        for d_state in WIDTHS
    ]
    show(rows)
    show_growth(grown)
    show_states(wider)
    write_results("mamba_speed.json", rows, growth=grown, states=wider)
    if options.plot:
        draw(grown["mamba"], options.plot)


def time_ours(batch_size: int, length: int, d_state: int, threads: int, form: str = "mamba") -> dict[str, Any]:
    given = ["--form", form, *arguments(batch_size, length, d_state, threads, 9)]
    return run_script(Path(sys.executable), HERE / "nextitem_mamba.py", given)


def time_peer(form: str, batch_size: int, length: int, d_state: int, threads: int, peers: Path) -> dict[str, Any]:
    given = ["--form", form, *arguments(batch_size, length, d_state, threads, 3)]
    return run_script(peer_python(peers, "mamba"), HERE / "peers" / "mamba_block.py", given)


def arguments(batch_size: int, length: int, d_state: int, threads: int, repeats: int) -> list[str]:
    values = {"batch_size": batch_size, "length": length, "d_state": d_state, "threads": threads, "repeats": repeats}
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def ratios_of(peer: dict[str, Any], ours: list[dict[str, Any]]) -> dict[str, float]:
    seconds = median([one for run in ours for one in run["seconds"]])
    return {
        "speed": median(peer["seconds"]) / seconds,
        "peak": max(one["peak_mb"] for one in ours) / peer["peak_mb"],
        "growth": max(one["growth_mb"] for one in ours) / peer["growth_mb"],
    }


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(
        "B, L, N", "peer", "peer ms", "nextitem ms", "ratio", "peak MB\npeer / nextitem", "growth MB\npeer / nextitem"
    )
    for row in rows:
        peer, ours = row["peer"], row["nextitem"]
        table.add_row(
            f"{peer['batch_size']}, {peer['length']}, {peer['d_state']}", peer["form"],
            f"{1000 * median(peer['seconds']):,.0f}",
            f"{1000 * median([one for run in ours for one in run['seconds']]):,.0f}", f"{row['speed']:.1f}",
            f"{peer['peak_mb']:,.0f} / {max(one['peak_mb'] for one in ours):,.0f}",
            f"{peer['growth_mb']:,.0f} / {max(one['growth_mb'] for one in ours):,.0f}",
        )  # fmt: skip
    Console(width=120).print(table)


def show_growth(grown: dict[str, list[dict[str, Any]]]) -> None:
    table = Table("L", *[f"{form}\nms" for form in grown], *[f"{form}\nmicroseconds a position" for form in grown],
                  *[f"{form}\ngrowth MB" for form in grown], title=f"{ROWS} rows, d_state {STATES}")  # fmt: skip
    for forms in zip(*grown.values(), strict=True):
        length, seconds = forms[0]["length"], [median(one["seconds"]) for one in forms]
        each = [f"{1e6 * second / (ROWS * length):.2f}" for second in seconds]
        times, growths = [f"{1000 * second:,.1f}" for second in seconds], [f"{one['growth_mb']:,.0f}" for one in forms]
        table.add_row(f"{length:,}", *times, *each, *growths)
    Console(width=120).print(table)


def show_states(wider: list[list[dict[str, Any]]]) -> None:
    """Mamba before and after Mamba-2, at each number of states."""
    table = Table("d_state", "mamba ms, before and after", "mamba2 ms", "ratio", title="256 rows of 50")
    for before, other, after in wider:
        times = [1000 * median(one["seconds"]) for one in (before, after, other)]
        ratio = median(times[:2]) / times[2]
        table.add_row(str(other["d_state"]), f"{times[0]:.0f}, {times[1]:.0f}", f"{times[2]:.0f}", f"{ratio:.2f}")
    Console(width=120).print(table)


def draw(grown: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    lengths = [one["length"] for one in grown]
    times = [1000 * median(one["seconds"]) for one in grown]
    axes.loglog(lengths, times, marker="o", label="measured")
    axes.loglog(lengths, [times[-1] * length / lengths[-1] for length in lengths], linestyle=":", label="linear")
    axes.set(xlabel="length of a row", ylabel="ms, forward and backward", title=f"{ROWS} rows, d_state {STATES}")
    axes.legend()
    figure.savefig(path, dpi=150, bbox_inches="tight")


if __name__ == "__main__":
    main()
