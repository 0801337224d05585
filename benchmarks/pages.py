"""docs/boards.md, from results/: every row is a run; and the tables of README.md here.

python benchmarks/pages.py
"""

from __future__ import annotations

import json
from pathlib import Path

from contest import HERE
from growing import Growing
from overview import one_table, overview
from tables import as_markdown, board_lines, graph_lines, split_lines

PAGE = HERE.parent / "docs" / "boards.md"
README = HERE / "README.md"
FROM_HERE = "<!-- made from results/, from here on -->\n"
HEAD = """# Boards

Generated from `benchmarks/results/` by `benchmarks/pages.py`: every row is what runs measured. Epochs and rows are
chosen by validation; test cases are ranked once, at the end of each run. Figures are means over seeds, ± their standard
deviation; differences are paired over the users, with their 95 % interval. Training seconds are of machines with two
cores that did other work too: they say how long one waits, and compare nothing.

In the tables of graphs all models are shown training items alone at test, as those with a vector a user know no others
(`evaluation.shown: trained`); in those of the next item histories include the validation item.
"""
SEQUENTIAL = """
## {data}: the next item

Leave-one-out, users of four items and more; {protocol}. *To the first* is the difference of ndcg@10 to the first row, p
after Holm's correction over the table. `python benchmarks/board.py -d {data}`; rows that are no model's own recipe are
in [board.yaml](../benchmarks/board.yaml).
"""
GRAPH = """
## {data}: what {graph} is worth

{split}; {protocol}. All that are trained by gradients are trained alike: {training}. *Permuted* is the same model on a
graph whose ends were permuted within each relation, which keeps every degree: where it is as good, the model has
learned nothing from who is joined to whom. `python benchmarks/graph_table.py {kind} -d {data}`
"""

PUBLISHED = """
## {data}: beside published figures

{split}, no validation among them: a tenth of each user's training items is drawn, settings and epochs are chosen by its
ndcg@20, then the model learns from the whole training file and is tested once: {protocol}. The published figures
([published.yaml](../benchmarks/published.yaml)) were mostly chosen by the test.
`python benchmarks/split_table.py -d {data}`
"""


def page() -> str:
    parts = [HEAD]
    for file in sorted((HERE / "results").glob("board_*.json")):
        board = _opened(file, ("model", "seed"))
        about = SEQUENTIAL.format(data=board.about["data"], protocol=board.rows[0]["protocol"])
        parts += [about, as_markdown(board_lines(board)) + "\n"]
    for file in sorted((HERE / "results").glob("graph_*.json")):
        board = _opened(file, ("model", "graph", "seed"))
        kind, training = board.about["graph"], board.about["training"]
        about = GRAPH.format(
            data=board.about["data"],
            graph="a knowledge graph" if kind == "knowledge" else "a network of friends",
            kind=kind,
            split=board.rows[0]["split"],
            protocol=board.rows[0]["protocol"],
            training=", ".join(f"{name} {value}" for name, value in training.items()) or "by their own recipes",
        )
        parts += [about, as_markdown(graph_lines(board)) + "\n"]
    for file in sorted((HERE / "results").glob("split_*.json")):
        board = _opened(file, ("model", "seed"))
        first = board.rows[0]
        about = PUBLISHED.format(
            data=board.about["data"], split=first["split"].capitalize(), protocol=first["protocol"]
        )
        parts += [about, as_markdown(split_lines(board)) + "\n"]
    return "\n".join([*parts, one_table()])


def readme() -> str:
    """README.md with today's tables."""
    return README.read_text(encoding="utf-8").partition(FROM_HERE)[0] + FROM_HERE + "\n" + overview()


def _opened(file: Path, key: tuple[str, ...]) -> Growing:
    return Growing(file.stem, key, json.loads(file.read_text(encoding="utf-8"))["about"])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
