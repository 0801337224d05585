"""Card: what a service says of its run: data, protocol, figures, and what can be asked of it."""

from __future__ import annotations

from dataclasses import asdict
from os.path import lexists
from typing import Any

from nextitem.models.attentive import Attentive
from nextitem.models.streaming import Streaming
from nextitem.report.results import against_baseline, recommending
from nextitem.runs.asking.explain import has_paths
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.similar import has_vectors
from nextitem.runs.folder.histories import HISTORIES
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.serving.limits import Limits


def card(run: Run, name: str, limits: Limits, *, has_index: bool) -> dict[str, Any]:
    """`name` is what the run is called; figures are of the test cases, none where the run was not evaluated."""
    kept = RunFolder(run.folder)
    data = kept.read_data()
    wanted = run.model.wanted()
    return {
        "run": name,
        "model": run.recipe.model.label,
        "data": {key: data[key] for key in ("name", "users", "items", "interactions")},
        "is_refit": run.is_refit,
        "figures": _figures(run) if kept.is_finished else None,
        "asks": {
            "users": run.model.knows_users,
            "strangers": not run.model.knows_users or run.model.takes_strangers,
            "times": wanted.times or wanted.asked_at,
            "ratings": wanted.ratings,
        },
        "has": {
            "titles": run.titles is not None,
            "histories": lexists(run.folder / HISTORIES),
            "vectors": has_vectors(type(run.model)),
            "sessions": isinstance(run.model, Streaming),
            "paths": has_paths(run.model),
            "influences": not run.model.knows_users or run.model.takes_strangers,
            "attention": isinstance(run.model, Attentive),
            "index": has_index,
        },
        "limits": asdict(limits),
    }


def _figures(run: Run) -> dict[str, Any]:
    report = run.report
    said = [one for one in (against_baseline(report), recommending(report), *report.get("notes", ())) if one]
    return {
        "split": report["split"], "protocol": report["protocol"], "test": report["test"],
        "baselines": report["baselines"], "said": said,
    }  # fmt: skip
