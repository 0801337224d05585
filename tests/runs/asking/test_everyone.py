"""Everyone: histories that a run keeps, and what it recommends to its users by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.asking.answers import Rules
from nextitem.runs.asking.blocks import counts, most_popular
from nextitem.runs.asking.everyone import Asked, chunks, write_chunks
from nextitem.runs.asking.recommend import Run
from nextitem.runs.learning.run import run

MODELS: dict[str, Layer] = {
    "MarkovChain": {},
    "BPR": {"model": {"dim": 8}, "training": {"epochs": 1}},
    "SASRec": {"model": {"dim": 8, "max_length": 6}, "training": {"epochs": 1, "batch_size": 64}},
    "TiSASRec": {"model": {"dim": 8, "max_length": 6}, "training": {"epochs": 1, "batch_size": 64}},
}
USERS, ITEMS = 90, 40


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    """A log of users u0, u1, .. with 3 to 20 items of i0, i1, .., and a run of each model on it."""
    place = tmp_path_factory.mktemp("everyone")
    (place / "log.csv").write_text(random_log(USERS, ITEMS, 3, 21, gap=100))
    for name, layer in MODELS.items():
        of = {"data": {"source": str(place / "log.csv")}, "model": {"name": name}, "evaluation": {"baselines": []}}
        list(run(make_recipe(layer, of), place / name))
    return place


@pytest.fixture(params=MODELS)
def opened(home: Path, request: pytest.FixtureRequest) -> Run:
    return ni.load(home / request.param)


@pytest.fixture
def markov(home: Path) -> Path:
    return home / "MarkovChain"


def call(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return " ".join(result.output.split())


def history_of(home: Path, user: str) -> list[str]:
    table = pl.read_csv(home / "log.csv")
    return table.filter(pl.col("user") == user)["item"].to_list()


def test_the_whole_log_is_kept(home: Path, opened: Run) -> None:
    place = int(opened.users.indices(["u7"])[0])
    kept = opened.histories.row(place - 1)
    assert opened.items.ids(kept) == history_of(home, "u7")
    assert isinstance(opened.histories.items.base, np.memmap) or isinstance(opened.histories.items, np.memmap)
    size = (opened.folder / "histories/items.npy").stat().st_size
    assert size == 128 + 4 * opened.histories.num_interactions  # numpy's header, and 4 bytes an item
    has_times = (opened.folder / "histories/timestamps.npy").exists()
    assert has_times == (opened.recipe.model.name == "TiSASRec")


def test_a_user_is_answered_by_the_history_that_is_kept(home: Path, opened: Run) -> None:
    history = history_of(home, "u7")
    times = [[100 * step for step in range(len(history))]] if opened.recipe.model.name == "TiSASRec" else None
    (by_user,) = opened.recommend(None, 5, users=["u7"])
    (by_history,) = opened.recommend([history], 5, users=["u7"], times=times)
    assert by_user.items == by_history.items
    assert by_user.scores == pytest.approx(by_history.scores, rel=1e-5, abs=1e-6)
    assert not set(by_user.items) & set(history)


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_everyone_has_bit_for_bit_what_a_user_alone_has(opened: Run, exclude_seen: bool) -> None:
    hidden = opened.hidden(exclude=["i3", "i5"])
    first, *others = (
        pl.concat(chunks(opened, Asked.everyone(opened), Rules(4, hidden, exclude_seen), chunk=chunk))
        for chunk in (None, 11, 37)
    )
    assert all(first.equals(other) for other in others)
    of_user = first.group_by("user", maintain_order=True).agg("item", "score", "rank")
    assert of_user["user"].to_list() == opened.users.column.to_list()
    for user, items, scores, ranks in of_user[::7].iter_rows():
        (alone,) = opened.recommend(None, 4, users=[user], exclude=["i3", "i5"], exclude_seen=exclude_seen)
        assert (items, scores, ranks) == (alone.items, alone.scores, [1, 2, 3, 4])
        assert not {"i3", "i5"} & set(items)


def test_a_history_that_is_given_wins(home: Path) -> None:
    of_bpr = ni.load(home / "BPR")
    (kept,), (given,) = of_bpr.recommend(None, 5, users=["u7"]), of_bpr.recommend([[]], ITEMS, users=["u7"])
    assert set(history_of(home, "u7")) <= set(given.items)
    assert not set(history_of(home, "u7")) & set(kept.items)


def test_counts_by_pieces_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    items = np.array([1, 2, 2, 3, 3, 3, 1], dtype=np.int32)
    monkeypatch.setattr("nextitem.runs.asking.blocks.PIECE", 2)
    assert counts(items, 4).tolist() == np.bincount(items, minlength=5).tolist() == [0, 2, 2, 3, 0]


def test_the_most_popular_are_in_the_order_of_their_counts_then_of_their_numbers() -> None:
    hidden = np.array([True, False, False, True, False])
    assert most_popular(np.array([9, 2, 5, 7, 5]), 3, hidden).tolist() == [2, 4, 1]


def test_an_unknown_user_is_refused_passed_over_or_given_what_is_popular(markov: Path) -> None:
    loaded = ni.load(markov)
    with pytest.raises(InputError, match=r"user 'zz' is not among the 90 users of the run; pass a history"):
        loaded.recommend(users=["u1", "zz"], k=2)
    first, second = loaded.recommend(users=["u1", "zz"], k=2, unknown="skip")
    assert (first.source, second.items, "'zz' is not among" in second.problem) == ("model", [], True)
    first, second = loaded.recommend(users=["u1", "zz"], k=2, fallback="popularity")
    seen = pl.read_csv(markov.parent / "log.csv")["item"].value_counts()["count"].sort(descending=True)
    assert (first.problem, second.source, second.scores) == ("", "popularity", seen.head(2).to_list())


def test_a_history_of_unknown_items_gets_the_fallback_where_it_is_asked_for(markov: Path) -> None:
    loaded = ni.load(markov)
    known, strange = loaded.recommend([["i1"], ["??"]], 3, unknown="skip", fallback="popularity", exclude=["i1"])
    assert (known.source, strange.source, strange.skipped) == ("model", "popularity", ["??"])
    assert len(strange.items) == 3
    assert "i1" not in strange.items
    with pytest.raises(InputError, match=r"1 item ids that the model does not know, and no other"):
        loaded.recommend([["i1"], ["??"]], 3, fallback="popularity")


def test_a_stranger_with_a_history_gets_popular_items_that_are_new(home: Path) -> None:
    loaded = ni.load(home / "BPR")
    (all_of_them,) = loaded.recommend(users=["zz"], k=3, fallback="popularity")
    (found,) = loaded.recommend([all_of_them.items[:1]], 2, users=["zz"], fallback="popularity")
    assert found.items == all_of_them.items[1:]


def test_only_and_exclude_narrow_every_answer(markov: Path) -> None:
    loaded = ni.load(markov)
    (found,) = loaded.recommend([["i1"]], 2, only=["i1", "i2", "i3", "i4"], exclude=["i3"])
    assert set(found.items) == {"i2", "i4"}
    with pytest.raises(InputError, match=r"between 1 and 2 \(the items left\).*found 3|found 3"):
        loaded.recommend([["i1"]], 3, only=["i1", "i2", "i3", "i4"], exclude=["i3"])
    with pytest.raises(InputError, match=r"only has 1 item ids that the model does not know: '\?\?'"):
        loaded.recommend([["i1"]], 1, only=["i2", "??"])


def test_too_few_items_left_is_an_error_for_one_and_fewer_rows_among_many(markov: Path) -> None:
    loaded = ni.load(markov)
    only = [*history_of(markov.parent, "u7")[:2], "i1"]
    with pytest.raises(InputError, match=r"items left\) for user 'u7'; found 3"):
        loaded.recommend(users=["u7"], k=3, only=only)
    found = pl.concat(chunks(loaded, Asked.everyone(loaded), Rules(3, loaded.hidden(only=only))))
    assert len(found.filter(pl.col("user") == "u7")) <= 1
    assert found["item"].is_in(only).all()


def read(out: Path) -> pl.DataFrame:
    match out.suffix:
        case ".parquet":
            return pl.read_parquet(out)
        case ".csv":
            return pl.read_csv(out)
        case _:
            return pl.read_ndjson(out)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_the_command_writes_a_row_an_item(markov: Path, tmp_path: Path, ending: str) -> None:
    (tmp_path / "who.txt").write_text("u5\nzz\nu3\nu5\n")
    (tmp_path / "out.csv").write_text("item\ni7\n??\n")
    out = tmp_path / f"recs.{ending}"
    asking = ("recommend", markov, "--for", tmp_path / "who.txt", "--exclude", tmp_path / "out.csv", "-k", 2)
    said = call(*asking, "--out", out)
    assert "3 users, 6 rows 1 users ('zz') are not of the run and get the most popular items" in said
    assert "1 items ('??') are not of the run, and change nothing" in said
    table = read(out)
    assert table.columns == ["user", "rank", "item", "score", "from"]
    assert table["user"].to_list() == ["u5", "u5", "zz", "zz", "u3", "u3"]
    assert table["from"].to_list() == ["model"] * 2 + ["popularity"] * 2 + ["model"] * 2
    loaded = ni.load(markov)
    for user in ("u5", "u3"):
        (alone,) = loaded.recommend(users=[user], k=2, exclude=["i7"])
        assert table.filter(pl.col("user") == user)["item"].to_list() == alone.items
    told = json.loads(CliRunner().invoke(app, [*map(str, asking[:4]), "--out", str(out), "--json"]).stdout)
    assert (told["users"], told["unknown"], told["unknown_users"]) == (3, 1, ["zz"])
    assert "are left out" in call(*asking, "--out", out, "--fallback", "none")
    assert "zz" not in read(out)["user"]


def test_many_chunks_make_one_file(markov: Path, tmp_path: Path) -> None:
    loaded = ni.load(markov)
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        hidden = loaded.hidden()
        write_chunks(chunks(loaded, Asked.everyone(loaded), Rules(3, hidden), chunk=7), tmp_path / name)
    one, two, three = (read(tmp_path / name) for name in ("a.parquet", "a.csv", "a.jsonl"))
    assert len(one) == 3 * USERS
    assert one.equals(two.cast(one.schema))
    assert one.equals(three.cast(one.schema))


def test_a_failure_on_the_way_leaves_the_older_file(markov: Path, tmp_path: Path) -> None:
    loaded, out = ni.load(markov), tmp_path / "a.parquet"
    out.write_bytes(b"old")
    tables = chunks(loaded, Asked.everyone(loaded), Rules(3, loaded.hidden()), chunk=7)

    def broken() -> object:
        yield next(tables)
        yield next(tables)
        raise InputError("broken")

    with pytest.raises(InputError, match="broken"):
        write_chunks(broken(), out)  # type: ignore[arg-type]
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (["--for", "all"], "--for needs --out FILE"),
        (["--out", "a.csv"], "--out a.csv is of --for"),
        (["--for", "all", "--out", "a.txt"], "a.txt must end in .parquet, .csv or .jsonl"),
        (["--for", "all", "--out", "a.csv", "--user", "u1"], "leave --user out"),
        (["--for", "all", "--out", "a.csv", "--unknown", "skip"], "leave --unknown out"),
        (["--for", "no-such-file", "--out", "a.csv"], "the users of no-such-file cannot be read"),
        (["--user", "u1", "--history", "i1"], "MarkovChain does not know users"),
        (["--user", "zz"], "user 'zz' is not among the 90 users of the run"),
        (["--live", "--only", "x"], "--live takes no --fallback, --exclude and --only"),
        (["--user", "u1", "-k", "41"], "k must lie between 1 and 40"),
    ],
)
def test_questions_that_are_none(markov: Path, options: list[str], rule: str) -> None:
    result = CliRunner().invoke(app, ["recommend", str(markov), *options])
    assert isinstance(result.exception, InputError)
    assert rule in str(result.exception)


def test_a_list_in_a_table_wants_a_column_that_is_plainly_it(markov: Path, tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text("u5\nu3\n")
    with pytest.raises(InputError, match=r"no column that is plainly the user; its columns are u5"):
        Asked.listed(ni.load(markov), tmp_path / "who.csv")
    pl.DataFrame({"n": [1, 2], "UserId": ["u5", "u3"]}).write_parquet(tmp_path / "who.parquet")
    assert Asked.listed(ni.load(markov), tmp_path / "who.parquet").ids.to_list() == ["u5", "u3"]


def test_a_user_by_the_command(markov: Path) -> None:
    (found,) = ni.load(markov).recommend(users=["u9"], k=1)
    assert str(found.items[0]) in call("recommend", markov, "--user", "u9", "-k", 1)
    said = call("recommend", markov, "--user", "zz", "-k", 1, "--fallback", "popularity")
    assert "is not among the 90 users of the run: these are the most popular items" in said
