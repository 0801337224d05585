"""Energy: the electricity of a run beside its seconds, as codecarbon counts it, without the network.

It is that of the whole machine while the run lasts, idle and other work included. energy.json holds what all processes
of a run have drawn so far, phase by phase, so that a run that is continued adds up. Of an epoch that a kill cut short
nobody kept the count.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from os.path import lexists
from pathlib import Path
from typing import Any, Literal

from nextitem.errors import InputError, suggest
from nextitem.processes import Processes
from nextitem.recipe import EvaluationRecipe
from nextitem.runs.folder.run_folder import ENERGY
from nextitem.training.shapes import EnergyShape, read_json
from nextitem.writing import write

Phase = Literal["preparation", "training", "evaluation", "refit"]
Told = dict[str, Any]  # an EnergyShape
# What reads a counter of the hardware, by how the tracker describes it; all else is a model of what it may draw.
MEASURED = ("CPU(Intel Rapl)", "CPU(Windows Emi)", "CPU(Intel Power Gadget)", "AppleSiliconChip", "Raspberry", "GPU")


def check_energy(asked: EvaluationRecipe, processes: Processes) -> None:
    """Raises InputError where energy is asked for and cannot be told; before there is anything to lose."""
    if not asked.energy:
        return
    if find_spec("codecarbon") is None:
        raise InputError(
            'evaluation.energy: codecarbon is not installed; `pip install "nextitem[energy]"`, or leave the key out'
        )
    if processes.size > processes.local_size:
        raise InputError("evaluation.energy: it is counted on one machine, and this run has several; leave the key out")
    if asked.energy_country is not None:
        from codecarbon.input import DataSource

        known = DataSource().get_global_energy_mix_data()
        if asked.energy_country not in known:
            raise InputError(
                f'evaluation.energy_country: codecarbon knows no country "{asked.energy_country}"; it wants three '
                f"letters (ISO 3166), such as FRA; {suggest(asked.energy_country, known)}"
            )


class Meter:
    """kWh, and kg of CO2e, by phase: `lap` gives what was drawn since the one before to the phase that it names."""

    def __init__(self, folder: Path, country: str | None) -> None:
        import codecarbon

        # Importing it sets another level; and it tells of its findings, among which --json would be hard to read.
        logging.getLogger("codecarbon").setLevel(logging.ERROR)
        self._path, self._country = folder / ENERGY, country
        self._kwh, self._kg, self._how = dict[str, float](), dict[str, float](), dict[str, str]()
        self._latest = _Latest()
        # Its own settings (~/.codecarbon.config) may tell of the hardware, but let it neither write, send nor ask.
        self._tracker = codecarbon.OfflineEmissionsTracker(
            country_iso_code=country, country_2letter_iso_code=None, region=None, cloud_provider=None,
            cloud_region=None, force_carbon_intensity_g_co2e_kwh=None, electricitymaps_api_token="",
            output_methods=[], output_handlers=[self._latest], emissions_endpoint=None, output_dir=str(folder),
            api_call_interval=-1, tracking_mode="machine", allow_multiple_runs=True, log_level="error",
        )  # fmt: skip
        self._tracker.start()
        self._before = self._read()
        self._how = how_of([one.description() for one in self._tracker._hardware])

    def lap(self, phase: Phase) -> None:
        kwh, kg = self._read()
        self._add({phase: kwh - self._before[0]}, {phase: kg - self._before[1]})
        self._before = kwh, kg

    def resume(self) -> None:
        """Add what earlier processes of the run have drawn."""
        if not lexists(self._path):
            return
        kept = read_json(self._path, EnergyShape)
        self._add(kept["kwh"], kept["kg_co2e"] or {})
        for part, how in kept["how"].items():
            if how == "estimated":  # the sum of a measure and an estimate is none
                self._how[part] = how

    def keep(self) -> None:
        """Write energy.json."""
        write(self._path, (json.dumps(self.told()) + "\n").encode())

    def told(self) -> Told | None:
        """What the report says of it; None where nothing was counted."""
        kg = None if self._country is None else dict(self._kg)
        by = f"codecarbon {self._latest.total.codecarbon_version}"
        return {"kwh": dict(self._kwh), "kg_co2e": kg, "country": self._country, "how": dict(self._how), "by": by}

    def stop(self) -> None:
        self._tracker.stop()

    def _add(self, kwh: dict[str, float], kg: dict[str, float]) -> None:
        for phase, more in kwh.items():
            self._kwh[phase] = self._kwh.get(phase, 0.0) + more
        for phase, more in kg.items():
            self._kg[phase] = self._kg.get(phase, 0.0) + more

    def _read(self) -> tuple[float, float]:
        """kWh and kg since the tracker was started."""
        if self._tracker.flush() is None:  # it swallows its own failures
            raise InputError("evaluation.energy: codecarbon gives no reading on this machine; leave the key out")
        return float(self._latest.total.energy_consumed), float(self._latest.total.emissions)


class NoMeter(Meter):
    """Where no energy is asked for."""

    def __init__(self) -> None:
        pass

    def lap(self, phase: Phase) -> None:
        pass

    def resume(self) -> None:
        pass

    def keep(self) -> None:
        pass

    def told(self) -> Told | None:
        return None

    def stop(self) -> None:
        pass


class _Latest:
    """What the tracker hands over when it is flushed: one of its outputs."""

    def __init__(self) -> None:
        self.total: Any = None

    def out(self, total: Any, delta: Any) -> None:
        self.total = total

    def live_out(self, total: Any, delta: Any) -> None:
        pass

    def task_out(self, data: Any, experiment_name: str) -> None:
        pass

    def exit(self) -> None:
        pass


@contextmanager
def metered(asked: EvaluationRecipe, folder: Path, processes: Processes) -> Iterator[Meter]:
    """A meter of this machine until the block ends, in the first process where it is asked for."""
    meter = Meter(folder, asked.energy_country) if asked.energy and processes.is_first else NoMeter()
    try:
        yield meter
    finally:
        meter.stop()


def told_energy(meter: Meter, phase: Phase) -> dict[str, Told]:
    """What a report has of it once this last phase is over, which is kept too; nothing where no energy is counted."""
    meter.lap(phase)
    meter.keep()
    told = meter.told()
    return {} if told is None else {"energy": told}


def how_of(descriptions: list[str]) -> dict[str, str]:
    """Whether what each part of the machine draws is measured or estimated.

    >>> how_of(["RAM()", "CPU(Cpu Load)", "GPU() (H100)"])
    {'memory': 'estimated', 'cpu': 'estimated', 'gpu': 'measured'}
    """
    found = {}
    for one in descriptions:
        is_memory, is_gpu = ((one.startswith(kind) or one.endswith(f"> {kind})")) for kind in ("RAM", "GPU"))
        part = "memory" if is_memory else "gpu" if is_gpu else "cpu"
        found[part] = "measured" if one.startswith(MEASURED) else "estimated"
    return found
