"""Energy: kWh and kg of CO2e beside the seconds, by a stand-in for codecarbon and, where it is installed, by itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import nextitem as ni
from nextitem.errors import InputError
from nextitem.processes import Processes
from nextitem.recipe import EvaluationRecipe, Layer, make_recipe
from nextitem.report import comparison_page, run_page
from nextitem.report.bench import html as bench_page
from nextitem.report.results import test_table as shown_table
from nextitem.runs.folder.energy import check_energy
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import Finished, run
from nextitem.runs.several.choosing import choose
from nextitem.runs.several.experiment import Experiment
from nextitem.runs.several.plan import seeds_of
from nextitem.training.fit import Progress

KG = 0.5  # that the stand-in has of a kWh
ASKED: Layer = {"evaluation": {"energy": True, "energy_country": "FRA"}}
SMALL: Layer = {
    "data": {"source": "synthetic"},
    "model": {"dim": 4, "num_layers": 1},
    "training": {"batches": "next_item", "batch_size": 512, "epochs": 3},
    "evaluation": {"metrics": ["hr@5"], "baselines": []},
}


@dataclass
class Told:
    """What the stand-in was told, and what it does."""

    options: list[dict[str, Any]] = field(default_factory=list)
    stopped: int = 0
    is_broken: bool = False
    hardware: tuple[str, ...] = ("RAM()", "CPU(Cpu Load)")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """A stand-in for codecarbon, by whose tracker a kWh is drawn between any two looks."""
    found = Told()

    class OfflineEmissionsTracker:
        def __init__(self, **options: Any) -> None:
            found.options.append(options)
            self.looks = 0
            self._hardware = [SimpleNamespace(description=lambda one=one: one) for one in found.hardware]

        def start(self) -> None:
            pass

        def flush(self) -> float | None:
            if found.is_broken:
                return None
            self.looks += 1
            drawn = SimpleNamespace(energy_consumed=self.looks, emissions=KG * self.looks, codecarbon_version="0.0")
            for one in found.options[-1]["output_handlers"]:
                one.out(drawn, drawn)
            return float(drawn.emissions)

        def stop(self) -> None:
            found.stopped += 1

    module, data = ModuleType("codecarbon"), ModuleType("codecarbon.input")
    module.__spec__ = ModuleSpec("codecarbon", None)
    module.OfflineEmissionsTracker = OfflineEmissionsTracker  # type: ignore[attr-defined]
    countries = SimpleNamespace(get_global_energy_mix_data=lambda: {"FRA": {}, "DEU": {}})
    data.DataSource = lambda: countries  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "codecarbon", module)
    monkeypatch.setitem(sys.modules, "codecarbon.input", data)
    return found


def report_of(folder: Path, *layers: Layer, **options: Any) -> dict[str, Any]:
    *_, last = run(make_recipe(SMALL, *layers), folder, **options)
    assert isinstance(last, Finished)
    return last.report


def test_it_stands_beside_the_seconds_by_phase(told: Told, tmp_path: Path) -> None:
    report = report_of(tmp_path / "run", ASKED)
    kwh = {"preparation": 1.0, "training": 4.0, "evaluation": 1.0}  # of training a look an epoch, and one at its end
    assert report["energy"] == {
        "kwh": kwh, "kg_co2e": {phase: KG * value for phase, value in kwh.items()}, "country": "FRA",
        "how": {"memory": "estimated", "cpu": "estimated"}, "by": "codecarbon 0.0",
    }  # fmt: skip
    assert RunFolder(tmp_path / "run").read_report() == json.loads((tmp_path / "run/report.json").read_text())
    assert json.loads((tmp_path / "run/energy.json").read_text()) == report["energy"]
    assert told.stopped == 1
    screen = Console(width=300, record=True, file=StringIO())
    screen.print(shown_table(report))
    line = (
        "energy of the whole machine: 6.000 kWh (preparation 1.000, training 4.000, evaluation 1.000), 3.0000 kg CO2e "
        "by the electricity of FRA; memory and cpu estimated (codecarbon 0.0)"
    )
    assert line in screen.export_text()
    page = run_page.html(tmp_path / "run")
    assert "<tr><td>kWh of training</td><td>4.000</td></tr>" in page
    assert "<tr><td>CO2e of training, FRA</td><td>2.0000 kg</td></tr>" in page


def test_the_tracker_neither_writes_nor_sends_nor_asks(told: Told, tmp_path: Path) -> None:
    report_of(tmp_path / "run", ASKED)
    (options,) = told.options
    assert options["output_methods"] == []
    assert options["emissions_endpoint"] is None
    assert not options["electricitymaps_api_token"]
    assert options["country_iso_code"] == "FRA"
    assert options["output_dir"] == str(tmp_path / "run")


def test_a_run_that_is_continued_adds_up(told: Told, tmp_path: Path) -> None:
    recipe = make_recipe(SMALL, ASKED)
    for event in run(recipe, tmp_path / "run"):
        if isinstance(event, Progress) and event.epoch.number == 2:
            break
    kept = json.loads((tmp_path / "run/energy.json").read_text())
    assert kept["kwh"] == {"preparation": 1.0, "training": 2.0}
    told.hardware = ("RAM()", "CPU(Intel Rapl)")
    report = report_of(tmp_path / "run", ASKED)
    assert report["energy"]["kwh"] == {"preparation": 2.0, "training": 4.0, "evaluation": 1.0}
    assert report["energy"]["how"]["cpu"] == "estimated"  # a part of the sum is
    again = report_of(tmp_path / "run", ASKED, again=True)
    assert again["energy"]["kwh"]["training"] == 4.0
    assert again["energy"]["how"]["cpu"] == "measured"


def test_a_refit_is_a_phase_of_its_own(told: Told, tmp_path: Path) -> None:
    report = report_of(tmp_path / "run", ASKED)
    done = report_of(tmp_path / "run", ASKED, refit=True)
    assert done["energy"]["kwh"] == {
        "preparation": 2.0, "training": 4.0, "evaluation": 1.0, "refit": report["best_epoch"] + 1.0,
    }  # fmt: skip
    assert RunFolder(tmp_path / "run").read_report()["energy"] == done["energy"]


def test_a_model_that_is_fitted_in_one_go_is_counted_and_without_a_country_kwh_alone(
    told: Told, tmp_path: Path
) -> None:
    counted: Layer = {"model": {"name": "MarkovChain"}, "data": {"source": "synthetic"}}
    *_, last = run(make_recipe(counted, {"evaluation": {"energy": True}}), tmp_path / "run")
    assert isinstance(last, Finished)
    assert last.report["energy"]["kwh"] == {"preparation": 1.0, "training": 1.0, "evaluation": 1.0}
    assert last.report["energy"]["kg_co2e"] is None
    assert "CO2e" not in run_page.html(tmp_path / "run")
    assert told.options[0]["country_iso_code"] is None


def test_comparisons_have_it_where_the_seconds_stand(told: Told, tmp_path: Path) -> None:
    report_of(tmp_path / "a", ASKED)
    report_of(tmp_path / "b", {"seed": 1})  # a seed of the same model, without energy
    folders = [tmp_path / "a", tmp_path / "b"]
    found = ni.compare(folders, metrics=["hr@5"])
    assert [line.seeds for line in found.lines] == [2]
    table = comparison_page.runs_table(found)
    assert table.head == ["model", "seed", "epochs (best)", "training, s", "training, kWh", "folder"]
    assert [row[4] for row in table.rows] == ["4.000", ""]
    assert "training, kWh" not in comparison_page.runs_table(ni.compare(folders[1:], metrics=["hr@5"])).head
    page = bench_page(choose([tmp_path / "a"], ["hr@5"]), {})
    assert '<th scope="col">kWh</th>' in page
    assert told.stopped == 1


def test_a_blend_of_runs_counts_none(told: Told, tmp_path: Path) -> None:
    report_of(tmp_path / "a", ASKED)
    blended = ni.blend([tmp_path / "a", "MarkovChain"], tmp_path / "blend")
    assert not blended.recipe.evaluation.energy
    assert "energy" not in blended.report
    assert len(told.options) == 1


def test_what_is_missing_or_unknown_is_refused_first(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r'knows no country "fra"; .*did you mean "FRA"'):
        report_of(tmp_path / "run", {"evaluation": {"energy": True, "energy_country": "fra"}})
    with pytest.raises(InputError, match=r"evaluation\.energy_country: it is of evaluation.energy, which is false"):
        report_of(tmp_path / "run", {"evaluation": {"energy_country": "FRA"}})
    several = Processes(rank=0, size=4, local_rank=0, local_size=2, is_launched=True)
    with pytest.raises(InputError, match="counted on one machine"):
        check_energy(EvaluationRecipe(energy=True), several)
    told.is_broken = True
    with pytest.raises(InputError, match="gives no reading on this machine"):
        report_of(tmp_path / "run", ASKED)
    monkeypatch.setattr("nextitem.runs.folder.energy.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"nextitem\[energy\]"):
        report_of(tmp_path / "none", ASKED)
    assert not (tmp_path / "none").exists()


def test_runs_side_by_side_and_trials_are_refused(tmp_path: Path) -> None:
    recipe = make_recipe(SMALL, ASKED)
    with pytest.raises(InputError, match="take --workers 1"):
        next(Experiment(tmp_path / "out", seeds_of(recipe, 2)).execute(2))
    with pytest.raises(InputError, match=r"evaluation\.energy: tuning counts none"):
        ni.tune(recipe, tmp_path / "tuned", trials=1)


def test_a_damaged_count_is_refused(told: Told, tmp_path: Path) -> None:
    report_of(tmp_path / "run", ASKED)
    (tmp_path / "run/report.json").unlink()
    (tmp_path / "run/energy.json").write_text('{"kwh": {"training": "much"}}')
    with pytest.raises(InputError, match=r"energy\.json is damaged: kwh\.training"):
        report_of(tmp_path / "run", ASKED)


@pytest.fixture
def quiet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A home and a working folder of the test's own; what lies in them."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return lambda: [path.name for name in ("home", "here") for path in (tmp_path / name).iterdir()]


@pytest.mark.skipif(find_spec("codecarbon") is None, reason="codecarbon is not installed")
@pytest.mark.filterwarnings("default")  # of it, and of what it imports
def test_codecarbon_itself_counts_without_a_connection_or_a_file(
    tmp_path: Path,
    quiet_home: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def connected(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr("socket.socket.connect", connected)
    monkeypatch.setattr("socket.getaddrinfo", connected)
    monkeypatch.setenv("CODECARBON_CO2_SIGNAL_API_TOKEN", "of the user's own")  # with which it would ask
    monkeypatch.setenv("CODECARBON_OUTPUT_METHODS", "csv")
    energy = report_of(tmp_path / "run", ASKED)["energy"]
    kwh, kg = energy["kwh"], energy["kg_co2e"]  # of a phase of milliseconds both may be 0
    assert sum(kwh.values()) > 0
    assert all(0 <= kg[phase] <= value for phase, value in kwh.items())
    assert 0 < sum(kg.values()) < sum(kwh.values())  # of France: below 1 kg/kWh
    assert energy["how"]["memory"] == "estimated"
    assert energy["how"]["cpu"] in ("measured", "estimated")
    assert quiet_home() == []
    assert "emissions.csv" not in [path.name for path in (tmp_path / "run").iterdir()]
    assert "codecarbon" not in capfd.readouterr().err
