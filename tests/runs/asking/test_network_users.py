"""Who stands in the network alone: which models answer them, by whom they trust, and which refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.batches import Batch, Wanted
from nextitem.data.dataset import Dataset
from nextitem.data.sequences import Sequences
from nextitem.data.side.network import trust_network
from nextitem.data.sources.network_users import with_network_users
from nextitem.data.synthetic import dataset_of as dataset_by
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.recipe import Recipe, make_recipe
from nextitem.recipe.data import DataRecipe, SplitRecipe
from nextitem.recipe.preparing import build_dataset
from nextitem.runs.asking.answers import Rules
from nextitem.runs.asking.blocks import best
from nextitem.runs.asking.everyone import Asked, chunks
from nextitem.runs.asking.recommend import Run
from nextitem.runs.learning.run import run
from nextitem.runs.parts.build import build_split

ABLE = sorted(name for name, model in MODELS.items() if model.answers_by_network)
ARGUMENTS = {"GBSR": {"bottleneck_weight": 0.0}, "DSL": {"dropout": 0.0, "num_pairs": 64}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two circles of forty customers, each with ten items; ann trusts five who drink tea, and bob is trusted by one."""
    folder, random = tmp_path_factory.mktemp("shop"), Random(0)
    users = {f"{name}{number}": name for name in ("tea", "wine") for number in range(40)}
    rows = [
        {"user": user, "item": f"{circle}-{item}", "rating": 5 - (step + number) % 2, "time": 100 * step + number}
        for number, (user, circle) in enumerate(users.items())
        for step, item in enumerate(random.sample(range(10), 6))
    ]
    # Everybody has met something of the other circle, and liked it less.
    rows += [
        {
            "user": user,
            "item": f"{'wine' if circle == 'tea' else 'tea'}-{random.randrange(10)}",
            "rating": 1,
            "time": 50,
        }
        for user, circle in users.items()
    ]
    pl.DataFrame(rows).write_csv(folder / "log.csv")
    edges = [(user, f"{circle}{random.randrange(40)}") for user, circle in users.items() for _ in range(4)]
    edges += [("ann", f"tea{number}") for number in range(5)] + [("tea1", "bob"), ("ann", "eve")]
    pl.DataFrame(edges, schema=["user", "friend"], orient="row").write_csv(folder / "friends.csv")
    return folder


def data_of(shop: Path, **keys: object) -> DataRecipe:
    beside = {"source": str(shop / "log.csv"), "trust": str(shop / "friends.csv"), "rating": "rating"}
    return DataRecipe.model_validate({**beside, "trust_strangers": "users", **keys})


def recipe_of(name: str, shop: Path, epochs: int = 20, **keys: object) -> Recipe:
    training = {"epochs": epochs, "batch_size": 256, "learning_rate": 0.03, "evaluate_every": epochs}
    model, data = {"name": name, "dim": 16, **ARGUMENTS.get(name, {})}, data_of(shop, **keys).model_dump()
    return make_recipe({"model": model, "data": data, "training": training, "evaluation": {"metrics": ["hr@5"]}})


def trained(recipe: Recipe, folder: Path) -> Run:
    list(run(recipe, folder))
    return ni.load(folder)


def dataset_of(shop: Path, **keys: object) -> Dataset:
    return build_dataset(data_of(shop, **keys))[0]


@pytest.fixture(scope="module")
def sbpr(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(recipe_of("SBPR", shop, 1), tmp_path_factory.mktemp("sbpr") / "run")


def test_who_trusts_a_user_of_the_log_becomes_a_user_without_interactions(shop: Path) -> None:
    dataset = dataset_of(shop)
    assert dataset.users.ids([81]) == ["ann"]
    assert dataset.sequences.lengths.tolist() == [7] * 80 + [0]
    assert dataset.trust is not None
    assert (dataset.trust.num_own, dataset.trust.others.values.tolist()) == (81, ["bob"])
    assert dataset.notes[-1] == "1 of the network who are not in the log are users of the data, without interactions"


def test_edges_stay_what_they_are(shop: Path) -> None:
    def edges(dataset: Dataset) -> list[tuple[str, str]]:
        trust = dataset.trust
        assert trust is not None
        names = [*dataset.users.values.tolist(), *trust.others.values.tolist()]
        return [(names[head - 1], names[tail - 1]) for head, tail in zip(trust.heads, trust.tails, strict=True)]

    assert edges(dataset_of(shop)) == edges(dataset_of(shop, trust_strangers="nodes"))


def test_their_attributes_are_those_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user,item\n1,5\n1,6\n2,5\n2,6\n")
    (tmp_path / "friends.csv").write_text("user,friend\n1,2\n7,1\n8,9\n")
    (tmp_path / "users.csv").write_text("user,country\n1,fr\n7,de\n")
    dataset = dataset_of(tmp_path, rating=None, user_table=str(tmp_path / "users.csv"))
    assert dataset.user_attributes is not None
    assert dataset.user_attributes["country"].to_list() == ["fr", None, "de"]


@pytest.mark.parametrize(("name", "expected"), [("7", [1, 2, 7]), ("07", ["1", "2", "07"])])
def test_numbers_stay_numbers_where_all_are(name: str, expected: list[object]) -> None:
    edges = pl.DataFrame({"source": ["1", name], "target": ["2", "1"]})
    dataset = dataset_by([[1, 2], [2, 1]])
    dataset = with_network_users(replace(dataset, trust=trust_network(edges, dataset.users)[0]))
    assert dataset.users.ids([1, 2, 3]) == expected


def test_without_a_network_there_is_nobody_to_take_from_it(shop: Path) -> None:
    with pytest.raises(InputError, match=r"data\.trust_strangers is of a network, .* --data\.trust"):
        dataset_of(shop, trust=None)


@pytest.mark.parametrize("name", ABLE)
def test_a_model_of_the_network_answers_by_whom_one_trusts(name: str, shop: Path, tmp_path: Path) -> None:
    """The mean rank of what tea drinkers like, of 20 items; by chance it is 9.5, at the best 4.5."""
    found = trained(recipe_of(name, shop), tmp_path / "run").recommend(users=["ann"], k=20)[0]
    ranks = [rank for rank, item in enumerate(found.items) if str(item).startswith("tea")]
    assert sum(ranks) / len(ranks) < 8


@pytest.mark.parametrize("name", ["GraphRec", "SBPR", "SEPT"])
def test_a_model_that_knows_users_by_what_they_met_says_so(name: str) -> None:
    assert MODELS[name].knows_users
    assert not MODELS[name].answers_by_network


def test_who_met_nothing_is_refused_with_a_way_out(sbpr: Run) -> None:
    with pytest.raises(InputError, match=r"user 'ann' has no interactions .* SBPR knows .*DiffNet, .*--fallback pop"):
        sbpr.recommend(users=["tea1", "ann"], k=3)
    known, skipped = sbpr.recommend(users=["tea1", "ann"], k=3, unknown="skip")
    assert (len(known.items), skipped.items) == (3, [])
    assert sbpr.recommend(users=["ann"], k=3, fallback="popularity")[0].source == "popularity"


def test_a_table_has_the_most_popular_items_for_them(sbpr: Run) -> None:
    table = pl.concat(chunks(sbpr, Asked.everyone(sbpr), Rules(3, sbpr.hidden())))
    assert table.filter(pl.col("from") == "popularity")["user"].unique().to_list() == ["ann"]
    assert Asked.everyone(sbpr).strangers.to_list() == ["ann"]


def test_who_is_left_a_node_is_told_how_to_be_a_user(shop: Path, tmp_path: Path) -> None:
    recipe = recipe_of("SocialMF", shop, 1, trust_strangers="nodes")
    with pytest.raises(InputError, match=r"'ann' is not among the 80 users .*--data\.trust_strangers users"):
        trained(recipe, tmp_path / "run").recommend(users=["ann"], k=3)


def test_the_command_answers_them_as_anyone(shop: Path, tmp_path: Path) -> None:
    trained(recipe_of("SocialMF", shop, 1), tmp_path / "run")
    asking = ["recommend", str(tmp_path / "run"), "--user", "ann", "-k", "3", "--json"]
    assert CliRunner().invoke(app, asking).exit_code == 0
    (tmp_path / "who.txt").write_text("ann\ntea1\n")
    out = tmp_path / "answers.csv"
    asking = ["recommend", str(tmp_path / "run"), "--for", str(tmp_path / "who.txt"), "--out", str(out), "-k", "3"]
    assert CliRunner().invoke(app, asking).exit_code == 0
    assert pl.read_csv(out)["from"].to_list() == ["model"] * 6


def test_who_met_nothing_is_asked_after_all_that_others_met() -> None:
    """Rows met at 7 and at 9; the empty one is asked at 9 too, though it stands first."""
    seen: list[int] = []

    class Asked(Recommender):
        def wanted(self) -> Wanted:
            return Wanted(asked_at=True)

        def score(self, batch: Batch) -> Tensor:
            assert batch.asked_at is not None
            seen.extend(batch.asked_at.amax(1)[:3].tolist())
            return torch.zeros(len(batch.users), 4)

    rows = replace(Sequences.from_lists([[], [1], [3]]), timestamps=np.array([7, 9]))
    best(Asked(3), rows, np.array([1, 2, 3]), 1, np.array([True, False, False, False]), memory=2**20)
    assert seen == [9, 7, 9]


@pytest.mark.parametrize("kind", ["leave_k_out", "user_entry", "entry", "user", "at_time", "cold_items", "cold_users"])
def test_every_split_takes_users_without_interactions(kind: str, shop: Path) -> None:
    split = build_split(SplitRecipe.model_validate({"kind": kind}), dataset_of(shop), 0)
    assert len(split.train) == 81
    assert 81 not in split.test.users
