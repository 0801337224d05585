"""STAMP: its formulas, its ablations, its runs of older versions."""

import json
from pathlib import Path

import pytest
import torch
import yaml

import nextitem
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.stamp import STAMP
from nextitem.recipe import make_recipe
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run
from nextitem.testing import NUM_ITEMS, RecommenderTests


class TestSTAMP(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return STAMP(num_items, dim=16)


@pytest.mark.parametrize("kind", ["authors", "recboard", "paper"])
def test_score_is_the_formula(kind: str) -> None:
    torch.manual_seed(0)
    model = STAMP(NUM_ITEMS, dim=4, memory=kind)  # type: ignore[arg-type]
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    table = model.item_embedding.weight
    attention, current, memory = model.attention, model.current, model.memory
    assert attention is not None
    assert current is not None
    assert memory is not None
    longest = 1.0 if kind == "authors" else 100.0
    x = {item: table[item] * min(1.0, longest / float(table[item].detach().norm())) for item in (3, 2, 5)}
    m_t, m_s = x[5], (x[3] + x[2] + x[5]) / 3
    m_a = {"authors": m_s, "recboard": m_t, "paper": torch.zeros(4)}[kind]
    for item in (3, 2, 5):
        asked = attention.of_item(x[item]) + attention.of_last(m_t) + attention.of_mean(m_s)
        m_a = m_a + (attention.weight.weight[0] @ torch.sigmoid(asked)) * x[item]
    wanted = table @ (torch.tanh(memory(m_a)) * torch.tanh(current(m_t)))
    torch.testing.assert_close(RecommenderTests().score(model, [[3, 2, 5]])[0], wanted.detach())
    assert any("bias" in name for name, _ in model.named_parameters()) is (kind != "authors")


def test_ablations_see_the_last_item_only_and_make_no_idle_part() -> None:
    for score, num_parameters in (("m_t", 21 * 4), ("h_t", 21 * 4 + 4 * 4)):
        model = STAMP(NUM_ITEMS, dim=4, score=score)  # type: ignore[arg-type]
        one, other = RecommenderTests().score(model, [[1, 3, 2], [4, 2]])
        assert torch.equal(one, other)
        assert sum(each.numel() for each in model.parameters()) == num_parameters


def test_the_order_of_what_came_before_the_last_item_does_not_matter() -> None:
    model = STAMP(NUM_ITEMS, dim=4)
    one, other = RecommenderTests().score(model, [[1, 3, 2], [3, 1, 2]])
    torch.testing.assert_close(one, other)


def test_formulas_that_there_are_not_are_refused() -> None:
    with pytest.raises(InputError, match='STAMP has no memory "author"; did you mean "authors"'):
        STAMP(NUM_ITEMS, memory="author")  # type: ignore[arg-type]
    with pytest.raises(InputError, match='STAMP has no score "s_t"'):
        STAMP(NUM_ITEMS, score="s_t")  # type: ignore[arg-type]


@pytest.mark.parametrize("score", ["full", "m_t"])
def test_a_run_of_an_older_version_has_the_formulas_that_it_was_trained_by(score: str, tmp_path: Path) -> None:
    layer = {
        "model": {"name": "STAMP", "dim": 4, "score": score, "memory": "recboard"},
        "data": {"source": "synthetic"},
        "training": {"epochs": 1},
        "evaluation": {"metrics": ["hr@5"]},
    }
    list(run(make_recipe(layer), tmp_path / "run"))
    rows, kept = [[1, 2, 3]], RunFolder(tmp_path / "run")
    wanted, weights = RecommenderTests().score(nextitem.load(kept.path).model, rows), kept.read_weights()
    as_an_older_version(kept.path)
    kept.write_weights(weights)
    loaded = nextitem.load(kept.path).model
    assert isinstance(loaded, STAMP)
    assert loaded.formulas == "recboard"
    assert torch.equal(RecommenderTests().score(loaded, rows), wanted)


def as_an_older_version(folder: Path) -> None:
    """Without the key `memory`, in the recipe and in the report's copy of it."""
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    assert recipe["model"].pop("memory") == "recboard"
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    report = json.loads((folder / "report.json").read_text())
    report["recipe"]["model"].pop("memory")
    report["files"] = {}  # digests, of files that are others now
    (folder / "report.json").write_text(json.dumps(report))
