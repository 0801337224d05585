"""Networks from files: edges by name and by place, lines of friends, matrices, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.io import savemat

from nextitem.data.sources.formats.network_text import read_network
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.errors import InputError

PAIRS = [("a", "b"), ("b", "c")]


def put(folder: Path, text: str, name: str = "trust.txt") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\nb\tc\n", "a b\nb c\n", "a,b\nb,c\n", "a, b\n\nb, c\n", "source,target\na,b\nb,c\n",
        "trustee,since,truster\nb,2001,a\nc,2002,b\n", "User\tFriend\na\tb\nb\tc\n", "follower followee\na b\nb c\n",
        "user1;user2\n".replace(";", ",") + "a,b\nb,c\n", '"a","b"\n"b","c"\n',
    ],
)  # fmt: skip
def test_an_edge_a_line(tmp_path: Path, text: str) -> None:
    for name in ("trust.txt", "trust.txt.gz"):
        assert read_network(put(tmp_path, text, name)).select("source", "target").rows() == PAIRS


def test_names_are_told_from_ids_where_ids_are_numbers(tmp_path: Path) -> None:
    assert read_network(put(tmp_path, "trust_user,rating_user\n1,10\n2,20\n")).rows() == [("1", "10"), ("2", "20")]
    assert read_network(put(tmp_path, "one other\n1 10\n")).rows() == [("1", "10")]


@pytest.mark.parametrize(
    "text", ["a b c\nb c\n", "a\tb\tc\nb\tc\n", "a,b,c\nb,c\n", "a b c\nb c\nd\n", "a b c \nb  c\n"]
)
def test_a_user_and_their_friends_a_line(tmp_path: Path, text: str) -> None:
    assert read_network(put(tmp_path, text, "social.txt")).rows() == [("a", "b"), ("a", "c"), ("b", "c")]


def test_friends_of_lines_of_one_length(tmp_path: Path) -> None:
    assert read_network(put(tmp_path, "1 2 3 4\n2 3 4 5\n")).rows()[3:] == [("2", "3"), ("2", "4"), ("2", "5")]
    assert read_network(put(tmp_path, "a b c\nb c d\n")).rows() == [("a", "b"), ("a", "c"), ("b", "c"), ("b", "d")]


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("1 2 5\n1 3 4\n", [5, 4]), ("1 2 1\n2 3 1\n", [1, 1]), ("1\t2\t0.5\n2\t3\t2\n", [0.5, 2]),
        ("source target weight\n1 2 7\n2 3 8\n", [7, 8]), ("truster,trustee,value,time\n1,2,-1,9\n1,3,1,9\n", [-1, 1]),
    ],
)  # fmt: skip
def test_weights_are_told(tmp_path: Path, text: str, weights: list[float]) -> None:
    found = read_network(put(tmp_path, text))
    assert (found.columns[:3], found["weight"].to_list()) == (["source", "target", "weight"], weights)


def test_atomic_parquet_and_matrices(tmp_path: Path) -> None:
    net = put(tmp_path, "target_id:token\tsource_id:token\nb\ta\nc\tb\n", "x.net")
    assert read_network(net).rows() == PAIRS
    pl.DataFrame({"from": [1.0, 2.0], "to": [2, 3]}).write_parquet(tmp_path / "x.parquet")
    assert read_network(tmp_path / "x.parquet").rows() == [("1", "2"), ("2", "3")]
    savemat(tmp_path / "trust.mat", {"trust": np.array([[1.0, 2.0], [2.0, 3.0]])}, do_compression=True)
    assert read_network(tmp_path / "trust.mat").rows() == [("1", "2"), ("2", "3")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3\n2 3 4\n", "line 1: '1 2 3' may be two users and a weight, or a user and two friends; write a first"),
        ("1 2 3\n", "may be two users and a weight"),
        ("a\nb\n", "line 1: a network needs the columns source and target, found one, a in its first row"),
        ("a b\nb\n", "line 2: trust needs 2 fields"),
        ("a b c\na b\n", "line 2: trust needs 3 fields"),
        ("a,,b,1.0\nb,c,0.5\n", "line 1: a line is a user and all their friends, found one without a name in"),
        ("a,b\nb,\n", "line 2: an edge needs a user at either end, found 'b None'"),
        ("a b c d\na b c d\n", "line 1: a line of a network is two users and perhaps a weight, found 4 fields"),
        ("a b 1\na c x\n", "the weight of an edge is a finite number, found 'x'"),
        ("source,target,weight\na,b,inf\n", "the weight of an edge is a finite number, found 'inf'"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=rf"trust\.txt.*{words}"):
        read_network(put(tmp_path, text))


RATINGS = np.array([[1, 20, 3, 5, 2, 1_000_000_000], [2, 20, 3, 0, 2, 1_000_000_005]])


@pytest.mark.parametrize("is_float", [False, True])
def test_reviews_of_ciao_as_a_log(tmp_path: Path, is_float: bool) -> None:
    path = tmp_path / "rating_with_timestamp.mat"
    savemat(path, {"rating": RATINGS.astype(float if is_float else int)})
    assert sniff(path) == "matlab"
    log = read(path)
    found = {role: log.frame[role].to_list() for role in ("user", "item", "rating", "timestamp")}
    times = [1_000_000_000, 1_000_000_005]
    assert found == {"user": [1, 2], "item": [20, 20], "rating": [5, 0], "timestamp": times}
    savemat(tmp_path / "rating.mat", {"rating": RATINGS[:, :5] + [0, 0, 0.5, 0.5, 0]})
    untimed = read(tmp_path / "rating.mat")
    assert (untimed.has_timestamps, untimed.frame["rating"].to_list()) == (False, [5.5, 0.5])


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (
            {"a": np.ones((1, 6)), "b": np.ones((1, 6))},
            r"must hold one matrix of numbers, found a \(double, 1 x 6\), b",
        ),
        ({"a": np.array([{"x": 1}], dtype=object)}, r"must hold one matrix of numbers, found a \(cell, 1 x 1\)"),
        ({"a": "text"}, r"must hold one matrix of numbers, found a \(char"),
        ({"a": np.ones((2, 4))}, "must have the columns user, item, category, rating, helpfulness, and perhaps"),
        ({"a": np.array([[1, 2, 3, np.nan, 5]])}, "row 1: a number must be finite"),
        ({"a": np.array([[1.5, 2, 3, 4, 5]])}, "the id of user is a whole number, found 1.5"),
    ],
)
def test_other_matrices_are_refused(tmp_path: Path, held: dict[str, object], words: str) -> None:
    savemat(tmp_path / "x.mat", held)
    with pytest.raises(InputError, match=rf"x\.mat.*{words}"):
        read(tmp_path / "x.mat")


def test_damage_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"rating": RATINGS.repeat(100, axis=0)}, do_compression=True)
    content = bytearray((tmp_path / "x.mat").read_bytes())
    path = tmp_path / "y.mat"
    for cut in (10, 130, 150, len(content) - 5):
        path.write_bytes(content[:cut])
        with pytest.raises(InputError, match=r"y\.mat"):
            read(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(64))
    with pytest.raises(InputError, match=r"7\.3, which is HDF5; save it with -v7"):
        read(path)


def test_public_networks_have_their_published_counts(real_data: Path) -> None:
    counts = {
        "ciao/trust.mat": 57_544, "ciao-recdiff/social.txt.gz": 32_542, "yelp-diffnet/yelp.links.gz": 143_765,
        "flickr/flickr.net.gz": 187_273, "lastfm-hetrec/user_friends.dat.gz": 25_434,
        "douban-book-gbsr/social.txt.gz": 84_579, "ciao-gdmsr/trust.txt.gz": 223_358,
    }  # fmt: skip
    assert {place: len(read_network(real_data / place)) for place in counts} == counts
