"""Energy in words: what a run drew, of whose electricity, and how that was found."""

from __future__ import annotations

from typing import Any


def energy_line(report: dict[str, Any]) -> str:
    """In a sentence; empty where it was not counted."""
    found = report.get("energy")
    if not found:
        return ""
    parts = ", ".join(f"{phase} {_figure(value)}" for phase, value in found["kwh"].items())
    said = f"energy of the whole machine: {_figure(sum(found['kwh'].values()))} kWh ({parts})"
    if found["kg_co2e"] is not None:
        said += f", {weight(sum(found['kg_co2e'].values()))} CO2e by the electricity of {found['country']}"
    return f"{said}; {_how(found['how'])} ({found['by']})"


def training_kwh(report: dict[str, Any]) -> str:
    """Of training alone; empty where it was not counted."""
    found = report.get("energy")
    return _figure(found["kwh"]["training"]) if found else ""


def energy_rows(report: dict[str, Any]) -> list[list[str]]:
    """A row a phase, as of the seconds."""
    found = report.get("energy")
    if not found:
        return []
    rows = [[f"kWh of {phase}", _figure(value)] for phase, value in found["kwh"].items()]
    if found["kg_co2e"] is not None:
        rows += [[f"CO2e of {phase}, {found['country']}", weight(value)] for phase, value in found["kg_co2e"].items()]
    return [*rows, ["energy", f"of the whole machine; {_how(found['how'])} ({found['by']})"]]


def weight(kg: float) -> str:
    """
    >>> weight(0.0000156), weight(0.25), weight(3.0)
    ('0.0156 g', '250.0000 g', '3.0000 kg')
    """
    return f"{kg:.4f} kg" if kg >= 1 else f"{1000 * kg:.4f} g"


def _figure(kwh: float) -> str:
    """
    >>> _figure(0.0000278), _figure(12.5)
    ('0.000028', '12.500')
    """
    return f"{kwh:.3f}" if kwh >= 1 else f"{kwh:.6f}"


def _how(found: dict[str, str]) -> str:
    """
    >>> _how({"memory": "estimated", "cpu": "estimated", "gpu": "measured"})
    'gpu measured, memory and cpu estimated'
    """
    said = []
    for how in ("measured", "estimated"):
        parts = [part for part, one in found.items() if one == how]
        said += [f"{' and '.join(parts)} {how}"] if parts else []
    return ", ".join(said)
