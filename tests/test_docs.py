"""docs/add-a-model.md runs as it stands; docs/training.md names keys and defaults that there are."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest
import yaml
from typer.testing import CliRunner

from nextitem.analysis.verdict import ADVICE
from nextitem.cli.main import app
from nextitem.data.batches import batch_keys
from nextitem.keys import defaults_of
from nextitem.models.negatives import SAMPLERS, sampler_keys
from nextitem.recipe import Recipe, TrainingRecipe

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "add-a-model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
THE_FILE, THE_TEST, OWN_FILE, IN_USE, *OTHER_KINDS = BLOCKS  # those of pairs, ratings, graphs, knowledge, two streams
(THE_RECIPE,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "page"}
    exec("".join([THE_FILE, THE_TEST, *OTHER_KINDS]), names)
    return names


ATTENTION = "test_attention_takes_shares_of_the_items_and_none_of_padding"  # which none of these has
OTHER = ["test_encode_ignores_later_items"]


@pytest.mark.parametrize(
    ("test_class", "of_another_kind"),
    [
        ("TestFadingMean", []),
        ("TestBiasedFactors", OTHER),
        ("TestRatedFactors", OTHER),
        ("TestNeighbourMeans", OTHER),
        ("TestHalvedMeans", OTHER),
        ("TestSharedEntities", OTHER),
        ("TestTranslatedItems", OTHER),
    ],
)
def test_the_models_pass_what_every_model_must(
    names: dict[str, Any], test_class: str, of_another_kind: list[str]
) -> None:
    tests, skipped = names[test_class](), []
    inherited = [test for name, test in inspect.getmembers(tests, inspect.ismethod) if name.startswith("test_")]
    assert len(inherited) >= 10
    for test in inherited:
        try:
            test()
        except SkipTest:
            skipped.append(test.__name__)
    assert skipped == [ATTENTION, *of_another_kind]


def test_the_model_trains_without_the_catalogue(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(IN_USE, names)
    assert "ndcg@10" in capsys.readouterr().out.splitlines()[-1]


def test_the_file_is_a_model_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fading.py").write_text(THE_FILE)
    (tmp_path / "FadingMean.yaml").write_text(THE_RECIPE + "evaluation: {baselines: []}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    command = ["run", "-m", "fading.py:FadingMean", "-d", "synthetic", "--epochs", "1", "--model.dropout", "0.5"]
    result = CliRunner().invoke(app, [*command, "--out", "runs/FadingMean-ml-100k"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    names: dict[str, Any] = {}
    exec(OWN_FILE, names)
    assert names["run"].recipe.model.arguments == {"dim": 64, "dropout": 0.5, "max_length": 50}
    assert names["recipe"].model.arguments["dim"] == 32
    assert names["recipe"].training.learning_rate == 0.002


def test_the_model_fits_in_thirty_lines() -> None:
    code = THE_FILE.partition('"""\n\nimport')[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 30


def test_the_recipe_has_known_keys() -> None:
    for section, keys in yaml.safe_load(THE_RECIPE).items():
        if section != "model":
            assert set(keys) <= set(type(Recipe.model_fields[section].default).model_fields)


def test_training_keys_have_the_defaults_that_are_written() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\S+)` \|", (DOCS / "training.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 20
    found = {key: yaml.safe_load(default) for key, default in rows}
    defaults = TrainingRecipe().model_dump(mode="json") | defaults_of(batch_keys("cloze"))
    assert found == {key: defaults[key] for key in found}


def test_the_page_on_samplers_names_every_sampler_and_key() -> None:
    page = (Path(__file__).parent.parent / "docs" / "samplers.md").read_text(encoding="utf-8")
    first_cells = {line.split("|")[1].strip().strip("`") for line in page.splitlines() if line.startswith("| `")}
    keys = {f"loss.{key}" for name in SAMPLERS for key in sampler_keys(name)}
    assert first_cells == {*SAMPLERS, *keys, "loss.num_negatives", "loss.sampling", "loss.sampler"}


def test_the_page_on_the_audit_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "audit.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {"__name__": "page"})
    assert any((tmp_path / "audits" / "chain" / "trials").iterdir())


def test_the_page_on_the_audit_names_every_class() -> None:
    page = (DOCS / "audit.md").read_text(encoding="utf-8")
    assert all(f"| {name} |" in page for name in ADVICE)
