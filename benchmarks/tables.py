"""Tables of results that grow: the rows of a file of results as text, for the terminal and for docs/boards.md."""

from __future__ import annotations

from statistics import mean, stdev

import numpy as np
import yaml
from contest import HERE
from growing import Growing, Row
from rich.console import Console
from rich.table import Table

from nextitem.evaluation.significance import PairedTest, holm, paired_test

Lines = tuple[list[str], list[list[str]]]  # headers, and a list of cells a line


def by_model(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["model"], []).append(row)
    return found


def board_lines(board: Growing) -> Lines:
    """Models by validation; each against the first, paired over the users, with Holm's correction over the table."""
    models = by_model(board.rows)
    ranked = sorted(models, key=lambda model: -mean(row["valid"]["ndcg@10"] for row in models[model]))
    best, *others = (_cases(board, models[model]) for model in ranked)
    tests = [paired_test(one, best) for one in others]
    p_values = ["", *(_p(p) for p in holm(np.array([one.p_value for one in tests])))]
    gaps = ["", *(_gap(one) for one in tests)]
    lines = []
    for model, gap, p in zip(ranked, gaps, p_values, strict=True):
        rows = models[model]
        figures = [_spread([row["valid"]["ndcg@10"] for row in rows])]
        figures += [_spread([row["test"][metric] for row in rows]) for metric in ("ndcg@10", "hr@10")]
        lines.append([model, *figures, gap, p, *_effort(rows)])
    return ["model", "valid ndcg@10", "ndcg@10", "hr@10", "to the first", "p (Holm)", *EFFORT], lines


def graph_lines(board: Growing) -> Lines:
    """Models by test; each against EASE, and against itself on the permuted graph."""
    models = by_model(board.rows)
    lines = []
    for model, rows in models.items():
        own = [row for row in rows if row["graph"] != "permuted"]
        permuted = [row for row in rows if row["graph"] == "permuted"]
        figures = [_spread([row["test"][metric] for row in some]) for metric in METRICS for some in (own, permuted)]
        gaps = [_between(board, own, models.get("EASE", [])), _between(board, own, permuted)]
        lines.append((-mean(row["test"]["ndcg@10"] for row in own), [model, *figures, *gaps, *_effort(own)]))
    names = [f"{metric}{which}" for metric in METRICS for which in ("", " permuted")]
    return ["model", *names, "over EASE", "over permuted", *EFFORT], [line for _, line in sorted(lines)]


def split_lines(board: Growing) -> Lines:
    """Models by test on a split of the literature, beside the figures that others publish."""
    published = yaml.safe_load((HERE / "published.yaml").read_text(encoding="utf-8")).get(board.about["data"], {})
    lines = []
    for model, rows in by_model(board.rows).items():
        figures = [_spread([row[part][metric] for row in rows]) for part, metric in OF_SPLIT]
        *theirs, source = published.get(model, ("", "", ""))
        others = [f"{theirs[0]:.4f} / {theirs[1]:.4f}, {source}"] if source else [""]
        setting = ", ".join(f"{name} {value}" for name, value in rows[0]["setting"].items())
        lines.append(
            (-mean(row["test"]["recall@20"] for row in rows), [model, *figures, *others, setting, *_effort(rows)])
        )
    names = ["model", "valid ndcg@20", "recall@20", "ndcg@20", "published", "chosen by validation"]
    return [*names, *EFFORT], [line for _, line in sorted(lines)]


OF_SPLIT = (("valid", "ndcg@20"), ("test", "recall@20"), ("test", "ndcg@20"))
METRICS = ("ndcg@10", "recall@20")
EFFORT = ("seeds", "epochs (best)", "training, s")


def _effort(rows: list[Row]) -> list[str]:
    epochs = f"{mean(row['epochs'] for row in rows):.0f} ({mean(row['best_epoch'] for row in rows):.0f})"
    return [str(len(rows)), epochs, f"{mean(row['seconds']['training'] for row in rows):.0f}"]


def _between(board: Growing, first: list[Row], second: list[Row]) -> str:
    """The difference of two models over the users, of their means over the seeds that both have."""
    seeds = {row["seed"] for row in first} & {row["seed"] for row in second}
    if not seeds or first == second:
        return ""
    sides = ([row for row in rows if row["seed"] in seeds] for rows in (first, second))
    return _gap(paired_test(*(_cases(board, side) for side in sides)))


def _cases(board: Growing, rows: list[Row]) -> np.ndarray:
    """(R,) what a model has on each test case, the mean over its seeds."""
    return np.mean([board.cases(row) for row in rows], axis=0)


def _gap(found: PairedTest) -> str:
    return f"{found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})"


def _p(value: float) -> str:
    return "< .0001" if value < 1e-4 else f"{value:.4f}"


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def show(lines: Lines, title: str) -> None:
    table = Table(*lines[0], title=title)
    for line in lines[1]:
        table.add_row(*line)
    Console(width=170).print(table)


def as_markdown(lines: Lines) -> str:
    rows = [lines[0], ["---"] * len(lines[0]), *lines[1]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
