"""blend: members weighed by validation, in a run folder like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.batches import Batch, holdout_batch
from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.models.blend import Blend, shown_to
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.asking.reevaluate import load_with_split
from nextitem.runs.folder.ranked import read_ranked
from nextitem.runs.learning.run import run
from nextitem.runs.parts.build import build_protocol
from nextitem.runs.several.weighing import Candidates, gather, searched, weigh

SMALL: Layer = {"training": {"epochs": 2, "batch_size": 64}, "model": {"dim": 8}}
RUNS: dict[str, Layer] = {
    "SASRec": {"model": {"dim": 8, "max_length": 6}, "training": {"epochs": 2, "batch_size": 64}},
    "BPR": SMALL,
    "TiSASRec": {"model": {"dim": 8, "max_length": 6}, "training": {"epochs": 1, "batch_size": 64}},
    "MarkovChain": {},
}
USERS, ITEMS = 120, 40


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which mostly the item after the last one comes next; a run of each model on it, and a blend of three."""
    place = tmp_path_factory.mktemp("blend")
    rng = np.random.default_rng(0)
    lines = []
    for user in range(USERS):
        item, seen = int(rng.integers(ITEMS)), set[int]()
        for step in range(int(rng.integers(4, 12))):
            seen.add(item)
            lines.append(f"u{user},i{item},{100 * step + user}")
            left = sorted(set(range(ITEMS)) - seen)
            following = (item + 1) % ITEMS
            item = following if following in left and rng.random() < 0.5 else int(rng.choice(left))
    (place / "log.csv").write_text("user,item,timestamp\n" + "\n".join(lines) + "\n")
    of = {"data": {"source": str(place / "log.csv")}, "evaluation": {"baselines": ["Popularity"]}}
    for name, layer in RUNS.items():
        list(run(make_recipe(layer, of, {"model": {"name": name}}), place / name))
    ni.blend([place / "SASRec", place / "BPR", "MarkovChain", "STAN"], place / "blend")
    return place


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_it_is_a_run_folder_with_its_members_in_the_table(home: Path) -> None:
    report = ni.load(home / "blend").report
    assert list(report["baselines"]) == ["Popularity", "SASRec", "BPR", "MarkovChain", "STAN"]
    weights = [member["weight"] for member in report["members"]]
    assert sum(weights) == pytest.approx(1)
    best = max(member["valid"]["ndcg@10"] for member in report["members"])
    assert report["valid"]["ndcg@10"] >= best
    shown = call("show", home / "blend")
    assert "Members weight valid ndcg@10" in shown
    assert report["comparison"]["baseline"] in report["baselines"]


def test_the_members_are_those_of_their_runs(home: Path) -> None:
    report = ni.load(home / "blend").report
    for name in ("SASRec", "BPR", "MarkovChain"):
        assert report["baselines"][name] == pytest.approx(json.loads((home / name / "report.json").read_text())["test"])


def test_evaluated_again_it_has_the_figures_of_its_report(home: Path) -> None:
    found = json.loads(call("evaluate", home / "blend", "--json"))
    assert found["test"] == pytest.approx(ni.load(home / "blend").report["test"])
    ranked = read_ranked(home / "blend", "Blend")
    assert ranked.measure("ndcg@10").mean() == pytest.approx(found["test"]["ndcg@10"])


def test_it_recommends_what_its_scores_say(home: Path) -> None:
    opened, split = load_with_split(home / "blend")
    users = split.test.users
    batch = holdout_batch(split.test, None, opened.model.wanted())
    assert isinstance(opened.model, Blend)
    with torch.inference_mode():
        scores = opened.model.score(batch)
        scores.scatter_(1, batch.inputs, -torch.inf)
    answers = opened.recommend(
        [opened.items.ids(row[row > 0].numpy()) for row in batch.inputs], k=1, users=opened.users.ids(users)
    )
    best = opened.items.ids(scores.argmax(1).numpy())
    assert [answer.items[0] for answer in answers] == best


def test_a_weighted_sum_of_standardised_scores_by_plain_loops(home: Path) -> None:
    opened, split = load_with_split(home / "blend")
    blend = opened.model
    assert isinstance(blend, Blend)
    blend.weigh(torch.tensor([0.5, 0.0, 0.3, 0.2]), torch.tensor([False, False, True, False]))
    batch = holdout_batch(split.test.take(np.arange(5)), None)
    with torch.inference_mode():
        found = blend.score(batch)
        own = [blend.scores_of(number, batch).double() for number in range(4)]
    for row in range(5):
        unseen = [item for item in range(1, split.num_items + 1) if item not in batch.inputs[row].tolist()]
        for item in unseen[:7]:
            total: float | np.floating = 0.0
            for number, weight in ((0, 0.5), (2, 0.3), (3, 0.2)):
                scores = [float(own[number][row, one]) for one in range(split.num_items + 1)]
                if number == 2:
                    scores = [float(np.log1p(max(one, 0))) for one in scores]
                mean = np.mean([scores[one] for one in unseen])
                total += weight * (scores[item] - mean) / np.std([scores[one] for one in unseen])
            assert float(found[row, item]) == pytest.approx(total, abs=1e-4)


def test_one_member_alone_has_its_own_ranks(home: Path) -> None:
    opened, split = load_with_split(home / "blend")
    assert isinstance(opened.model, Blend)
    opened.model.weigh(torch.tensor([0.0, 0.0, 1.0, 0.0]), torch.tensor([False, False, True, False]))
    alone = load_with_split(home / "MarkovChain")[0]
    ranks = [ni.evaluate(one.model, split.test).ranking for one in (opened, alone)]
    assert np.array_equal(ranks[0].above, ranks[1].above)
    assert np.array_equal(ranks[0].tied, ranks[1].tied)


def test_what_the_search_goes_by_is_what_an_evaluation_finds(home: Path) -> None:
    opened, split = load_with_split(home / "blend")
    blend = opened.model
    assert isinstance(blend, Blend)
    protocol = build_protocol(opened.recipe.evaluation, 0)
    found = gather(blend, split.valid, protocol)
    assert found.is_log == (False,) * 4 + (True,) * 2  # the two that count
    weights, logs = torch.tensor([0.4, 0.3, 0.2, 0.1]), torch.tensor([False, False, True, False])
    counts = np.zeros(6)
    counts[[0, 1, 4, 3]] = weights.tolist()
    blend.weigh(weights, logs)
    whole = ni.evaluate(blend, split.valid, ["ndcg@10"], protocol).means()["ndcg@10"]
    assert found.measure(counts, "ndcg@10") == pytest.approx(whole, abs=1e-6)
    again = [weigh(blend, split.valid, protocol, "ndcg@10") for _ in range(2)]
    assert torch.equal(again[0][0], again[1][0])


def test_a_member_sees_what_it_asks_for(home: Path) -> None:
    opened = ni.load(home / "TiSASRec")
    inputs = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 0, 0, 0, 0, 0]])
    batch = Batch.of(inputs, times=inputs * 10, ratings=torch.ones(2, 8))
    shown = shown_to(opened.model, batch)
    assert shown.inputs.tolist() == [[3, 4, 5, 6, 7, 8], [1, 2, 3, 0, 0, 0]]
    assert shown.times is not None
    assert shown.times.tolist() == [[30, 40, 50, 60, 70, 80], [10, 20, 30, 0, 0, 0]]
    assert shown.ratings is None


def test_members_that_go_by_times_and_two_of_a_name(home: Path, tmp_path: Path) -> None:
    made = ni.blend([home / "TiSASRec", home / "SASRec", home / "SASRec"], tmp_path / "blend")
    names = [member["name"] for member in made.report["members"]]
    assert names[0] == "TiSASRec"
    assert names[1].startswith("SASRec (")
    with pytest.raises(InputError, match="times"):
        made.recommend([["i1", "i2"]], k=3)
    assert len(made.recommend([["i1", "i2"]], k=3, times=[[100, 200]])[0].items) == 3
    assert len(made.recommend(users=["u3"], k=3)[0].items) == 3


def test_the_command_makes_it_and_keeps_an_older_one(home: Path, tmp_path: Path) -> None:
    told = call("blend", home / "SASRec", "MarkovChain", "--out", tmp_path / "blend")
    assert "Blend" in told
    assert "exists" in call_error("blend", home / "SASRec", "MarkovChain", "--out", tmp_path / "blend")
    call("blend", home / "SASRec", "STAN", "--out", tmp_path / "blend", "--again")
    assert [one["name"] for one in ni.load(tmp_path / "blend").report["members"]] == ["SASRec", "STAN"]
    assert "kept in" in call("run", "--resume", tmp_path / "blend")


def call_error(*arguments: object) -> str:
    with pytest.raises(InputError) as error:
        CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    return str(error.value)


def test_what_cannot_be_blended_is_refused(home: Path, tmp_path: Path) -> None:
    assert "two members or more" in call_error("blend", home / "SASRec", "--out", tmp_path / "one")
    assert "one of them a finished run" in call_error("blend", "STAN", "EASE", "--out", tmp_path / "none")
    assert "nextitem run -m GRU4Rec" in call_error("blend", home / "SASRec", "GRU4Rec", "--out", tmp_path / "named")
    assert "nextitem blend RUN RUN" in call_error(
        "run", "-m", "Blend", "-d", home / "log.csv", "--out", tmp_path / "run"
    )
    shifted = pl.read_csv(home / "log.csv").with_columns(pl.col("timestamp") + 1)
    shifted.write_csv(tmp_path / "other.csv")
    of: Layer = {"data": {"source": str(tmp_path / "other.csv")}, "model": {"name": "MarkovChain"}}
    list(run(make_recipe(of), tmp_path / "other"))
    assert "other data" in call_error("blend", home / "SASRec", tmp_path / "other", "--out", tmp_path / "mixed")
    of = {"data": {"source": str(home / "log.csv")}, "model": {"name": "MarkovChain"}, "split": {"min_length": 5}}
    list(run(make_recipe(of), tmp_path / "longer"))
    assert "another split" in call_error("blend", home / "SASRec", tmp_path / "longer", "--out", tmp_path / "mixed")
    assert not (tmp_path / "mixed").exists()


def test_a_recipe_of_a_blend_is_looked_at(home: Path) -> None:
    with pytest.raises(InputError, match="a member has the keys"):
        Blend(sizes_of(), [{"name": "A", "model": "SASRec"}])
    with pytest.raises(InputError, match="at least one member"):
        Blend(sizes_of())
    with pytest.raises(InputError, match="SASRec has no key"):
        Blend(sizes_of(), [{"name": "A", "model": "SASRec", "arguments": {"dimm": 3}}])
    one = Blend(sizes_of(), [{"name": "A", "model": "Popularity", "arguments": {}}])
    with pytest.raises(InputError, match="0 or more"):
        one.weigh(torch.tensor([-1.0]), torch.tensor([False]))


def sizes_of() -> Sizes:
    return Sizes(5, 7)


def test_counts_of_few_items_are_weighed_finely_enough() -> None:
    """Counts that are 0 but for few items stand far above their mean: the network's order must not drown in them."""
    rng = np.random.default_rng(0)
    network = rng.normal(size=(400, 1000)).astype(np.float32)
    network[:, 0] = 2.5  # the targets': near the best of 1,000
    counts = np.zeros((400, 1000), np.float32)
    counts[np.arange(400), rng.integers(1, 1000, 400)] = 1.0
    counts[:200, 0] = 1.0
    counts = (counts - counts.mean(1, keepdims=True)) / counts.std(1, keepdims=True)
    found = Candidates(np.stack([network, counts]), (0, 1), (False, False), np.ones(400, np.int64), 1000)
    weights = searched(found, "ndcg@10")
    assert 0 < weights[1] < 0.1 * weights[0]
    assert found.measure(weights, "ndcg@10") > 1.1 * found.measure(np.array([1.0, 0.0]), "ndcg@10")
