"""What the data doctor says of a network of users, by hand; and whether public ones number the users of their logs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.side.network import trust_network
from nextitem.data.side.triples import Triples
from nextitem.diagnosis import networks
from nextitem.diagnosis.networks import measure_network, network_findings
from nextitem.diagnosis.tastes import check_network, measure_homophily
from nextitem.recipe import DataRecipe
from nextitem.recipe.preparing import build_dataset

MET = [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 3), ("c", 3), ("d", 4), ("d", 4)]
TRUST = [("a", "b"), ("b", "a"), ("b", "c"), ("a", "c"), ("c", "c"), ("a", "b"), ("d", "x")]


def log_of(met: list[tuple[str, int]] = MET) -> Dataset:
    frame = pl.DataFrame(met, schema=["user", "item"], orient="row")
    return Dataset.from_interactions(Interactions.from_frame(frame, timestamp=None))


def network_of(data: Dataset, pairs: list[tuple[str, str]]) -> Triples:
    return trust_network(pl.DataFrame(pairs, schema=["source", "target"], orient="row"), data.users)[0]


def circles(num_circles: int, size: int, seed: int = 0) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
    """Who meets what others of their circle meet, and trusts three of them."""
    random = np.random.default_rng(seed)
    users = [(f"{circle}-{one}", circle) for circle in range(num_circles) for one in range(size)]
    met = [(user, 20 * circle + int(item)) for user, circle in users for item in random.choice(20, 6, replace=False)]
    pairs = [
        (user, f"{circle}-{friend}")
        for user, circle in users
        for friend in random.choice(size, 3, replace=False)
        if user != f"{circle}-{friend}"
    ]
    return met, pairs


def test_a_network_by_hand() -> None:
    """a, b and c are a triangle; a and b trust each other; d knows nobody of the log.

    Edges share 2, 2, 1 and 0 items: 5 / 4. Of pairs of a source (a twice, b twice) and another target (b, a, c twice):
    a with b 2, c twice 0; b with a 2, c twice 2 x 1; each for either of its edges: 2 (2 + 0) + 2 (2 + 2) = 12 over 12.
    """
    data = log_of()
    found = measure_network(network_of(data, TRUST), data)
    assert (found.users, found.users_joined, found.strangers, found.edges, found.outside) == (4, 3, 1, 4, 1)
    assert (found.self_loops, found.repeats, found.components, found.largest) == (1, 1, 1, 3)
    assert (found.reciprocity, found.clustering, found.clustering_users) == (0.5, 1.0, 3)
    assert found.out_degrees == (0, 1, 2, 2, 2)
    assert found.in_degrees == (1, 1, 1, 1.5, 2)
    assert found.agreement.ratio == pytest.approx(5 / 4)
    assert found.agreement.rank_in == pytest.approx(np.corrcoef([2, 3, 1], [1.5, 1.5, 3])[0, 1])
    assert found.agreement.rank_out is None  # both trust two


def test_clustering_equals_a_loop_and_is_near_it_on_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    met, pairs = circles(6, 20)
    data = log_of(met)
    trust = network_of(data, pairs)
    friends: dict[int, set[int]] = {}
    for one, other in zip(trust.heads.tolist(), trust.tails.tolist(), strict=True):
        friends.setdefault(one, set()).add(other)
        friends.setdefault(other, set()).add(one)
    shares = [
        sum(other in friends[one] for one in of_user for other in of_user) / (len(of_user) * (len(of_user) - 1))
        for of_user in friends.values()
        if len(of_user) > 1
    ]
    found = measure_network(trust, data)
    assert found.clustering == pytest.approx(np.mean(shares))
    assert found.clustering_users == len(shares)
    monkeypatch.setattr(networks, "WORK", 1)
    monkeypatch.setattr(networks, "SAMPLE", 60)
    sampled = measure_network(trust, data)
    assert sampled.clustering == pytest.approx(np.mean(shares), abs=0.1)
    assert sampled.clustering_users == 60


def test_friends_of_a_circle_are_alike_and_drawn_ones_are_not() -> None:
    met, pairs = circles(6, 20)
    data = log_of(met)
    alike = measure_homophily(network_of(data, pairs), data)
    assert alike is not None
    assert 4 < alike.low < alike.ratio < alike.high
    assert alike.ratio == pytest.approx(alike.friends / alike.others)
    assert measure_homophily(network_of(data, pairs), data) == alike
    order = np.random.default_rng(2).permutation(len(pairs))
    drawn = [(one, pairs[place][1]) for (one, _), place in zip(pairs, order, strict=True)]
    found = measure_network(network_of(data, drawn), data)
    assert found.homophily is not None
    assert found.homophily.low < 1 < found.homophily.high
    assert found.agreement.is_doubtful
    assert [one.about for one in network_findings(found)] == ["another numbering of users?"]
    assert network_findings(measure_network(network_of(data, pairs), data)) == []


def test_friends_no_more_alike_are_told_where_the_numbering_is_not_in_doubt() -> None:
    """Who has met more is trusted more, and that is all."""
    met = [(f"{user:02}", item) for user in range(40) for item in range(100 * user, 100 * user + 2 + user)]
    met += [(f"{user:02}", 9_000) for user in range(40)]
    random = np.random.default_rng(0)
    pairs = [(f"{random.integers(40):02}", f"{user:02}") for user in range(40) for _ in range(1 + user // 8)]
    data = log_of(met)
    found = measure_network(network_of(data, [one for one in pairs if one[0] != one[1]]), data)
    assert not found.agreement.is_doubtful
    assert [one.about for one in network_findings(found)] == ["friends are no more alike"]


def test_a_network_of_nothing() -> None:
    data = log_of()
    found = measure_network(network_of(data, [("a", "a"), ("x", "b")]), data)
    assert (found.edges, found.users_joined, found.reciprocity, found.clustering) == (0, 0, None, None)
    assert (found.homophily, found.agreement.ratio, found.agreement.is_doubtful) == (None, None, False)
    assert network_findings(found) == []


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("lastfm-hetrec", 1.92), ("ciao-recdiff", 2.16), ("yelp-diffnet", 3.7), ("flickr", 2.24), ("ciao", 1.70),
        ("douban-book-gbsr", 1.34), ("yelp-gbsr", 1.63), ("epinions-gbsr", 2.15),
    ],
)  # fmt: skip
def test_public_networks_number_the_users_of_their_logs(real_data: Path, name: str, ratio: float) -> None:
    data, _ = build_dataset(DataRecipe(source=name, folder=str(real_data), side="beside"))
    assert data.trust is not None
    found = check_network(data.trust, data)
    assert found.ratio == pytest.approx(ratio, abs=0.05)
    assert not found.is_doubtful
    assert [note for note in data.notes if note.startswith("do the network")] == []


def test_ciao_as_published_has_two_numberings(real_data: Path) -> None:
    folder = real_data / "ciao"
    log, trust = str(folder / "rating_with_timestamp.mat"), str(folder / "trust.mat")
    data, _ = build_dataset(DataRecipe(source=log, trust=trust))
    assert data.notes[-1].startswith("do the network and the log number the same users? friends share 1.08 times")
    mapped = DataRecipe(source=log, trust=trust, trust_users=str(folder / "trust_user_to_rating_user.csv"))
    data, _ = build_dataset(mapped)
    assert data.trust is not None
    assert len(data.trust.among_own()) == 52_500
    assert not any(note.startswith("do the network") for note in data.notes)


def called(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.stdout + str(done.exception or "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "log.csv").write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in MET))
    (tmp_path / "trust.txt").write_text("".join(f"{one} {other}\n" for one, other in TRUST))
    return tmp_path


def test_describe_and_check_tell_of_the_network_beside(folder: Path) -> None:
    code, out = called("describe", str(folder), "--json")
    assert code == 0
    assert (json.loads(out)["trust"]["edges"], json.loads(out)["trust"]["agreement"]["ratio"]) == (4, 1.25)
    assert "3 of 4 users of the log are in it" in called("describe", str(folder))[1]
    code, out = called("check", str(folder))
    assert code == 0
    assert all(words in out for words in ("trust.txt: good", "Network of users", "1 users whom the log lacks"))


def test_a_network_beside_that_does_not_fit_is_told_of_and_a_named_one_refused(folder: Path) -> None:
    (folder / "trust.txt").write_text("p q\n")
    code, out = called("describe", str(folder), "--json")
    assert (code, json.loads(out)["trust"]) == (0, None)
    assert json.loads(out)["notes"][1].startswith("the network beside it is left out: no user of the network")
    assert called("describe", str(folder), "--trust", str(folder / "trust.txt"))[0] != 0
    assert called("check", str(folder))[0] == 2
    (folder / "ids.csv").write_text("theirs,ours\np,a\nq,b\n")
    log, ids = str(folder / "log.csv"), ("--trust-users", str(folder / "ids.csv"), "--json")
    for named in ((), ("--trust", str(folder / "trust.txt"))):
        assert json.loads(called("describe", log, *named, *ids)[1])["trust"]["edges"] == 1
    (folder / "trust.txt").unlink()
    assert "maps users of a network, and there is none" in called("describe", log, *ids)[1]
