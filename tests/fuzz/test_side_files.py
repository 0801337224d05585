"""What stands beside a log, damaged: tables, graphs, links and networks are read, or refused with an InputError."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from counting import ACCEPTED, REFUSED, SEED, numbers, tell, verdict
from damaged import damaged

from nextitem.data.sources.side_tables import read_side

# By name: the role, what stands between fields, and lines.
FILES = {
    "items.csv": ("items", ",", "item,colour,price\ni1,red,1.5\ni2,,2\ni3,blue,\n"),
    "movies.dat": ("items", "::", "1::Toy Story (1995)::Animation|Comedy\n2::Heat (1995)::Action\n"),
    "u.item": ("items", "|", "1|Toy Story (1995)|01-Jan-1995||http|0|1\n2|GoldenEye (1995)|01-Jan-1995||http|1|0\n"),
    "attributes.json": ("items", ",", '{"i1": [1, 2], "i2": [3], "i3": []}\n'),
    "users.csv": ("users", ",", "user,country\nu1,NL\nu2,名\n"),
    "graph.csv": ("knowledge", ",", "head,relation,tail\ni1,made by,m1\ni2,made by,m2\n"),
    "kg.txt": ("knowledge", " ", "1 0 5\n2 0 6\n3 1 5\n"),
    "log.kg": ("knowledge", "\t", "head_id:token\trelation_id:token\ttail_id:token\nm.1\tfilm\tm.2\n"),
    "train2id.txt": ("knowledge", " ", "2\n0 1 0\n1 2 1\n"),
    "log.link": ("links", "\t", "item_id:token\tentity_id:token\n1\tm.1\n2\tm.2\n"),
    "links.csv": ("links", ",", "item,entity\ni1,e1\ni2,e2\n"),
    "trust.txt": ("trust", " ", "1 2\n2 3\n3 1\n"),
    "trust.csv": ("trust", ",", "source,target,weight\nu1,u2,1.0\nu2,u3,0.5\n"),
}
ROLES = {  # of files of public data sets, by how their names begin
    "kg": "knowledge", "train2id": "knowledge", "item_index2entity": "links", "movies": "items", "users": "users",
    "trustnetwork": "trust", "social": "trust", "yelp.links": "trust",
}  # fmt: skip
SLICE = 120
LINES = 40


def real_files() -> list[tuple[str, str, str, bytes]]:
    """The first lines of real ones, where NEXTITEM_DATA has them."""
    root = os.environ.get("NEXTITEM_DATA")
    found = []
    for path in sorted(Path(root).glob("*/*")) if root else ():
        role = next((role for begin, role in ROLES.items() if path.name.startswith(begin)), None)
        if role is not None and path.is_file():
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                lines = b"".join(file.readline(10_000) for _ in range(LINES))
            found.append((path.name.removesuffix(".gz"), role, "\t" if b"\t" in lines else " ", lines))
    return found


def check(number: int, folder: Path, real: list[tuple[str, str, str, bytes]]) -> str:
    draw = np.random.default_rng([SEED, 5, number])
    made = [(name, role, mark, text.encode()) for name, (role, mark, text) in FILES.items()]
    known = real if real and draw.random() < 0.4 else made
    name, role, separator, content = known[draw.integers(len(known))]
    content = damaged(content, separator.encode(), draw, int(draw.integers(1, 4)))
    path = folder / name
    path.write_bytes(content)
    return verdict(f"file {number}, {name}, {content!r}", lambda: read_side({role: path}))


def test_what_stands_beside_a_log_is_read_or_refused(tmp_path: Path) -> None:
    found = Counter(check(number, tmp_path, []) for number in range(SLICE))
    assert found[REFUSED]
    assert found[ACCEPTED]


@pytest.mark.slow
def test_what_stands_beside_a_log_for_minutes(tmp_path: Path) -> None:
    real = real_files()
    tell("tables, graphs, networks", Counter(check(number, tmp_path, real) for number in numbers(SLICE, 0.1, 2000)))
