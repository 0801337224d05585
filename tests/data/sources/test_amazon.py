"""Amazon as Mamba4Rec without RecBole prepares it: by hand, against a plain loop, and what is refused."""

from __future__ import annotations

import ast
import gzip
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.sources.amazon import preparing
from nextitem.data.sources.amazon.metadata import read_metadata
from nextitem.data.sources.amazon.preparing import OutputNames, prepare_amazon
from nextitem.data.sources.amazon.samples import read_samples
from nextitem.errors import InputError

PAGE = (Path(__file__).parents[3] / "docs" / "amazon.md").read_text(encoding="utf-8")
SEEN = {"v": "dcba", "u": "abcd"}
# u has a, b, c, d and once more a; b and c at the same time, c first in the file; v has d, c, b, a; w is no core.
LOG = """\
v,d,5.0,1
u,c,4.0,20
u,a,5.0,10
u,a,5.0,10
u,b,1.0,20
v,c,5.0,2
v,b,5.0,3
v,a,5.0,4
u,d,5.0,30
u,a,2.0,40
w,a,5.0,5
"""


def category(raw: Path, name: str, log: str, metadata: list[str]) -> Path:
    (raw / name).mkdir(parents=True)
    (raw / name / f"ratings_{name}.csv").write_text(log)
    with gzip.open(raw / name / f"meta_{name}.json.gz", "wt") as file:
        file.write("\n".join(metadata) + "\n")
    return raw


def described(items: str) -> list[str]:
    return [repr({"asin": item, "title": "it's"}) for item in items]


def rows(file: Path) -> list[object]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def by_loop(log: Path, metadata: Path, k: int) -> dict[str, list[object]]:
    """The five files, as the requirements tell it, in plain Python. Every item must have metadata."""
    left = list(dict.fromkeys(tuple(line.split(",")) for line in log.read_text().split()))
    while True:
        users, items = Counter(row[0] for row in left), Counter(row[1] for row in left)
        fewer = [row for row in left if users[row[0]] >= k and items[row[1]] >= k]
        if len(fewer) == len(left):
            break
        left = fewer
    with gzip.open(metadata, "rt") as file:
        known = {ast.literal_eval(line)["asin"] for line in file}
    item2id = {item: number for number, item in enumerate(sorted(known & set(items)), 1)}
    user2id = {user: number for number, user in enumerate(sorted(users))}
    found: dict[str, list[object]] = {"train_seq": [], "eval_seq": [], "test_seq": []}
    for user, number in user2id.items():
        pairs = [[item2id[item], int(time)] for who, item, _, time in left if who == user]
        pairs.sort(key=lambda pair: pair[1])
        found["train_seq"] += [[number, pairs[:end]] for end in range(2, len(pairs) - 1)]
        found["eval_seq"].append([number, pairs[:-1]])
        found["test_seq"].append([number, pairs])
    return found | {"item2id": [[*one] for one in item2id.items()], "user2id": [[*one] for one in user2id.items()]}


def test_by_hand(tmp_path: Path) -> None:
    """Two categories, numbered each from the start; equal rows once; equal times in the order of the file."""
    raw = category(tmp_path / "raw", "X", LOG, described("zdcba"))
    category(raw, "Y", LOG.replace("u,", "t,"), described("dcba"))
    one, other = prepare_amazon(raw, tmp_path / "out", k_core=2)
    out = tmp_path / "out" / "X"
    u = [[1, 10], [3, 20], [2, 20], [4, 30], [1, 40]]
    v = [[4, 1], [3, 2], [2, 3], [1, 4]]
    assert rows(out / "train_seq.jsonl") == [[0, u[:2]], [0, u[:3]], [1, v[:2]]]
    assert rows(out / "eval_seq.jsonl") == [[0, u[:4]], [1, v[:3]]]
    assert (out / "test_seq.jsonl").read_text().splitlines()[1] == "[1, [[4, 1], [3, 2], [2, 3], [1, 4]]]"
    assert rows(out / "test_seq.jsonl") == [[0, u], [1, v]]
    assert rows(out / "item2id.jsonl") == [["a", 1], ["b", 2], ["c", 3], ["d", 4]]
    assert rows(out / "user2id.jsonl") == [["u", 0], ["v", 1]]
    assert rows(tmp_path / "out" / "Y" / "user2id.jsonl") == [["t", 0], ["v", 1]]
    assert (one.rows, one.duplicates, one.core, one.train_rows) == (11, 1, 9, 3)
    assert (other.name, other.users, other.items) == ("Y", 2, 4)


def test_items_without_metadata_go_after_the_core(tmp_path: Path) -> None:
    """Without d and c, v has two interactions left and goes too; u keeps a, b, a."""
    raw = category(tmp_path / "raw", "X", LOG, described("ab"))
    (found,) = prepare_amazon(raw, tmp_path / "out", k_core=2)
    assert (found.core, found.without_metadata, found.short_users, found.interactions) == (9, 4, 1, 3)
    assert rows(tmp_path / "out" / "X" / "test_seq.jsonl") == [[0, [[1, 10], [2, 20], [1, 40]]]]
    assert (tmp_path / "out" / "X" / "train_seq.jsonl").read_text() == ""


@pytest.mark.parametrize("block", [7, 2**18])
def test_as_the_plain_loop(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(preparing, "BLOCK", block)
    source, raw = real_data / "amazon-digital-music-2014-head", tmp_path / "raw" / "Digital_Music"
    raw.mkdir(parents=True)
    for name in ("ratings_Digital_Music.head.csv", "meta_Digital_Music.head.json.gz"):
        (raw / name).symlink_to(source / name)
    (found,) = prepare_amazon(raw.parent, tmp_path / "out")
    assert (found.users, found.items, found.interactions, found.train_rows) == (268, 206, 2_480, 1_676)
    expected = by_loop(raw / "ratings_Digital_Music.head.csv", raw / "meta_Digital_Music.head.json.gz", 5)
    for name, lines in expected.items():
        written = (tmp_path / "out" / "Digital_Music" / f"{name}.jsonl").read_text()
        assert written == "".join(f"{json.dumps(line)}\n" for line in lines)


def test_metadata_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["{'asin': 'a'}", "{'asin': __import__('os').system('touch x')}"]
    raw = category(tmp_path / "raw", "X", LOG, lines)
    with pytest.raises(InputError, match=r"X: meta_X\.json\.gz, line 2: a line must be a JSON object or a Python lit"):
        prepare_amazon(raw, tmp_path / "out", k_core=2)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "out").exists()


def test_metadata_is_a_literal_or_json(tmp_path: Path) -> None:
    lines = [r"{'asin': 'a', 'title': 'a\d', 'price': None}", '{"asin": "b", "price": null}']
    raw = category(tmp_path / "raw", "X", LOG, lines)
    found = list(read_metadata(raw / "X" / "meta_X.json.gz"))
    assert found == [("a", {"asin": "a", "title": r"a\d", "price": None}), ("b", {"asin": "b", "price": None})]


@pytest.mark.parametrize(
    ("log", "metadata", "said"),
    [
        (LOG + "u,a,5.0,noon\n", described("a"), r"ratings_X\.csv, line 12: needs two ids"),
        (LOG + "u,a,5.0\n", described("a"), r"ratings_X\.csv, line 12: amazon needs user"),
        (LOG, ["{'title': 'a'}"], r"meta_X\.json\.gz, line 1: a line must be a dict"),
        (LOG, described("z"), r"none of the items"),
        ("u,a,5.0,1\n", described("a"), r"X: k_core.*lower the cores"),
    ],
)
def test_what_is_refused(tmp_path: Path, log: str, metadata: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        prepare_amazon(category(tmp_path / "raw", "X", log, metadata), tmp_path / "out", k_core=2)


def test_folders_and_names_that_are_refused(tmp_path: Path) -> None:
    raw = category(tmp_path / "raw", "X", LOG, described("abcd"))
    with pytest.raises(InputError, match="is no folder"):
        prepare_amazon(tmp_path / "none", tmp_path / "out")
    with pytest.raises(InputError, match="'a' twice"):
        prepare_amazon(raw, tmp_path / "out", names=OutputNames("a", "a"))
    with pytest.raises(InputError, match="without a folder"):
        prepare_amazon(raw, tmp_path / "out", names=OutputNames("../a"))
    (raw / "X" / "meta_X.json.gz").unlink()
    with pytest.raises(InputError, match=r"has no meta\*\.json\.gz"):
        prepare_amazon(raw, tmp_path / "out")


def test_samples_by_hand(tmp_path: Path) -> None:
    """With room for 2: of 2 pairs one item and a pad; of 3 both; of 5 the two before the last."""
    text = "[7, [[1, 10], [3, 20]]]\n[8, [[1, 1], [2, 2], [3, 3]]]\n[9, [[5, 1], [6, 2], [7, 3], [8, 4], [9, 5]]]\n"
    (tmp_path / "train_seq.jsonl").write_text(text)
    found = read_samples(tmp_path, 2, "train")
    np.testing.assert_array_equal(found.user, [7, 8, 9])
    np.testing.assert_array_equal(found.items, [[1, 0], [1, 2], [7, 8]])
    np.testing.assert_array_equal(found.label, [3, 3, 9])
    np.testing.assert_array_equal(found.length, [1, 2, 2])
    np.testing.assert_array_equal(found.padding, [[False, True], [False, False], [False, False]])
    np.testing.assert_array_equal(found.timestamps, [[10, 0], [1, 2], [3, 4]])


@pytest.mark.parametrize("row", ["[7, [[1, 10]]]", "[7, [[1, 10], [2]]]", "[7, []]", "[[1, 2], [3, 4]]"])
def test_rows_that_are_refused(tmp_path: Path, row: str) -> None:
    (tmp_path / "test_seq.jsonl").write_text(f"[7, [[1, 10], [3, 20]]]\n{row}\n")
    with pytest.raises(InputError, match=r"test_seq\.jsonl, line 2: a row must be"):
        read_samples(tmp_path, 2, "test")


def test_the_command_of_the_page_and_the_names_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = "".join(f"u{user},i{item},5.0,{item}\n" for user in range(5) for item in range(5))
    category(Path("raw"), "X", log, [repr({"asin": f"i{item}"}) for item in range(5)])
    (command,) = re.findall(r"^nextitem (prepare-amazon .*)$", PAGE, re.MULTILINE)
    said = CliRunner().invoke(app, command.split())
    assert said.exit_code == 0, said.output
    assert re.search(r"train rows\W+10\b", said.output)
    options = "--raw_path raw --processed_path other --k_core 5 --train_seq_outfile a --eval_seq_outfile b "
    options += "--test_seq_outfile c --item2id_outfile d --user2id_outfile e"
    assert CliRunner().invoke(app, ["prepare-amazon", *options.split()]).exit_code == 0
    ours = [f"{name}.jsonl" for name in ("train_seq", "eval_seq", "test_seq", "item2id", "user2id")]
    for one, other in zip(ours, "abcde", strict=True):
        assert Path("processed/X", one).read_bytes() == Path("other/X", other).read_bytes()
    assert set(re.findall(r"`(--\w+_\w+)`", PAGE)) == set(re.findall(r"--\w+_\w+", options))
    assert len(read_samples(Path("processed/X"), 50, "train")) == 10
    for arguments in (["raw", "other", "--raw_path", "raw"], ["raw"]):
        assert isinstance(CliRunner().invoke(app, ["prepare-amazon", *arguments]).exception, InputError)
