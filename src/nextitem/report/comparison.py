"""A comparison as text: the terminal's table, Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text

from nextitem.evaluation.comparison import Gap, Line
from nextitem.evaluation.significance import TESTS
from nextitem.report.page import Table, markdown_table
from nextitem.report.tables import FittingTable
from nextitem.runs.several.compare import Comparison

LEVEL = 0.05
TOLD = 6  # differences of a recipe, on the terminal
LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
         "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$"}  # fmt: skip


def table_of(comparison: Comparison, metric: str) -> Table:
    """A metric, a row a model, every figure with its interval."""
    lines = comparison.of(metric)
    has_seeds, has_gaps = any(line.spread is not None for line in lines), len(lines) > 1
    head = ["model", metric, "95 % interval", *(["sd of seeds", "seeds"] if has_seeds else [])]
    head += ["difference", "95 % of it", "p (Holm)", "d", "better / worse"] if has_gaps else []
    rows = []
    for line in lines:
        row = [line.model, f"{line.mean:.4f}", f"{line.low:.4f} to {line.high:.4f}"]
        if has_seeds:
            row += ["" if line.spread is None else f"{line.spread:.4f}", str(line.seeds)]
        rows.append(row + (_gap(line) if has_gaps else []))
    note = f"Differences are to {comparison.reference}, paired over the cases." if has_gaps else ""
    return Table(metric, head, rows, note)


def _gap(line: Line) -> list[str]:
    gap = line.gap
    if gap is None:
        return [""] * 5
    found = gap.found
    shares = f"{100 * gap.better:.0f} % / {100 * gap.worse:.0f} %"
    return [f"{found.difference:+.4f}", f"{found.low:+.4f} to {found.high:+.4f}", _p(gap), f"{gap.effect:+.3f}", shares]


def _p(gap: Gap) -> str:
    return "< .0001" if gap.corrected < 1e-4 else f"{gap.corrected:.4f}"


def sentences(comparison: Comparison) -> list[str]:
    """What the first metric says of each model against the reference."""
    said = []
    for line in comparison.of(comparison.metrics[0]):
        if line.gap is None:
            continue
        is_sure = line.gap.corrected < LEVEL
        how = "better" if line.gap.found.difference > 0 else "worse"
        p = _p(line.gap) if _p(line.gap).startswith("<") else f"= {_p(line.gap)}"
        verdict = f"significantly {how} than" if is_sure else "not significantly different from"
        said.append(f"{line.model} is {verdict} {comparison.reference} in {line.metric} (p {p}).")
    return said


def protocol_lines(comparison: Comparison) -> list[str]:
    """How the figures came about."""
    part = "test" if comparison.part == "test" else "validation"
    found = [f"{comparison.data}, {comparison.split}; {part} cases", comparison.protocol]
    if len(comparison.models) > 1:
        found.append(
            f"p: {TESTS[comparison.test]} over the cases, of means over seeds; Holm's correction over the models; "
            "d: mean over standard deviation of the differences"
        )
    return found


def shown(comparison: Comparison) -> Group:
    """For the terminal, on which 80 columns hold it."""
    parts: list[Text | FittingTable | str] = [Text(line) for line in protocol_lines(comparison)]
    for metric in comparison.metrics:
        lines = comparison.of(metric)
        has_seeds = any(line.spread is not None for line in lines)
        head = [metric, "\u00b1", *(["sd", "seeds"] if has_seeds else [])]
        head += ["difference", "\u00b1", "p (Holm)", "d"] if len(lines) > 1 else []
        head += ["better", "worse"] if len(lines) > 1 and not has_seeds else []
        table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("model", overflow="fold")
        for name in head:
            table.add_column(name, justify="right", no_wrap=True)
        for line in lines:
            row = _brief(line, has_seeds, len(lines) > 1)
            table.add_row(*row, style="bold" if line.model == comparison.reference else "")
        parts.append(table)
    half = "\u00b1: half of the 95 % interval over the cases"
    parts.append(Text(f"{half}; sd: of the seeds' means" if "sd" in head else half))
    parts += [Text(line) for line in sentences(comparison)]
    for one in comparison.models:
        if one.differs:
            more = f"; and {len(one.differs) - TOLD} more" if len(one.differs) > TOLD else ""
            parts.append(Text(f"{one.name} has otherwise {'; '.join(one.differs[:TOLD])}{more}"))
    return Group(*parts)


def _brief(line: Line, has_seeds: bool, has_gaps: bool) -> list[str]:
    row = [line.model, f"{line.mean:.4f}", f"{(line.high - line.low) / 2:.4f}"]
    if has_seeds:
        row += ["" if line.spread is None else f"{line.spread:.4f}", str(line.seeds)]
    if not has_gaps:
        return row
    gap, shared = line.gap, 0 if has_seeds else 2
    if gap is None:
        return row + [""] * (4 + shared)
    half = (gap.found.high - gap.found.low) / 2
    shares = [f"{100 * share:.0f} %" for share in (gap.better, gap.worse)]
    return [*row, f"{gap.found.difference:+.4f}", f"{half:.4f}", _p(gap), f"{gap.effect:+.3f}", *shares[:shared]]


def markdown(comparison: Comparison) -> str:
    lines = [f"# {title(comparison)}", "", *(f"- {line}" for line in protocol_lines(comparison)), ""]
    for metric in comparison.metrics:
        table = table_of(comparison, metric)
        lines += [f"## {metric}", "", *markdown_table(table), "", table.note, ""]
    lines += [*(f"- {line}" for line in sentences(comparison)), ""]
    for one in comparison.models:
        if one.differs:
            lines += [f"{one.name} has otherwise:", "", *(f"- {line}" for line in one.differs), ""]
    return "\n".join(lines).rstrip() + "\n"


def latex(comparison: Comparison) -> str:
    """A table (package booktabs), a column a metric: means, the best bold, * where p < .05 against the reference."""
    metrics = comparison.metrics
    lines = [rf"% {line}" for line in protocol_lines(comparison)]
    lines += [rf"\begin{{tabular}}{{l{'r' * len(metrics)}}}", r"\toprule"]
    lines += [" & ".join(["Model", *(_escaped(metric.upper()) for metric in metrics)]) + r" \\", r"\midrule"]
    best = {metric: max(line.mean for line in comparison.of(metric)) for metric in metrics}
    for place, one in enumerate(comparison.models):
        cells = []
        for metric in metrics:
            line = comparison.of(metric)[place]
            figure = f"{line.mean:.4f}" + ("" if line.spread is None else rf" $\pm$ {line.spread:.4f}")
            figure = rf"\textbf{{{figure}}}" if line.mean == best[metric] else figure
            cells.append(figure + ("*" if line.gap and line.gap.corrected < LEVEL else ""))
        lines.append(" & ".join([_escaped(one.name), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def csv(comparison: Comparison) -> str:
    return comparison.frame.write_csv()


def title(comparison: Comparison) -> str:
    return f"{' and '.join(_few([one.name for one in comparison.models]))} on {comparison.data}"


def _few(names: list[str]) -> list[str]:
    return names if len(names) <= 3 else [", ".join(names[:2]), f"{len(names) - 2} more"]


def _escaped(text: str) -> str:
    return "".join(LATEX.get(sign, sign) for sign in text)
