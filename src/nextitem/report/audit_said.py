"""What a finished order audit said, from its audit.json: for pages of other things about the same data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from nextitem.analysis.verdict import Verdict
from nextitem.models.own import label
from nextitem.report.audit_text import estimate
from nextitem.training.shapes import DataShape, Shape, read_json


class AuditShape(Shape):
    """Of audit.json what is used."""

    model_config = ConfigDict(strict=False)  # of JSON the verdict is made

    data: DataShape
    protocol: str
    main: str
    recipe: dict[str, Any]
    verdict: Verdict


@dataclass(frozen=True)
class Said:
    data: dict[str, Any]  # that it was made on
    lines: tuple[str, ...]


def read_audit(folder: Path) -> Said:
    """Raises InputError where there is no audit, or it is damaged."""
    found = read_json(folder / "audit.json", AuditShape)
    kept = AuditShape.model_validate(found)
    verdict, model = kept.verdict, label(str(kept.recipe["model"]["name"]))
    gain = f"{model} gains {estimate(verdict.gain)} {kept.main} over Popularity"
    if verdict.name != "no gain":
        gain += (
            f"; of that, {estimate(verdict.order_information)} is lost when all items but the last are shuffled, and "
            f"{estimate(verdict.last_item_share)} is there by the last item alone"
        )
    sure = "" if verdict.name == "no gain" else f", of which {verdict.sureness:.0%} of bootstrap samples are sure"
    return Said(found["data"], (f"Verdict: {verdict.name}{sure}.", f"{gain}.", verdict.advice))
