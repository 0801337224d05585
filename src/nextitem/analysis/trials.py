"""Trials: one model trained and measured; a folder each, so that an audit which was killed goes on where it was."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nextitem.analysis.attention import attribution, last_item_attention
from nextitem.analysis.perturbations import RANDOM, REORDERINGS, Newest, Without, reordered
from nextitem.data.split import Holdout, Split
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.metrics import hr, ndcg
from nextitem.models.base import Recommender, Trained
from nextitem.recipe import Recipe
from nextitem.training import build
from nextitem.training.assemble import fit_recipe
from nextitem.training.checkpoint import write_atomically
from nextitem.training.fit import CHECKPOINT, Progress
from nextitem.training.locking import locked

METRICS = ("hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10")
MAIN = "ndcg@10"
FORMAT = 1  # of a trial's folder


@dataclass(frozen=True)
class Trial:
    name: str  # also of its folder
    part: str  # what it is for: full, lengths, blocks, stamp, baselines
    recipe: Recipe
    draws: int = 0  # permutations of each random perturbation; 0: not perturbed


@dataclass(frozen=True)
class Result:
    ranks: dict[str, np.ndarray]  # "test", "shuffle/0", .. -> (R,) the rank of each case's target
    facts: dict[str, Any]  # protocol, seconds, epochs, attention, attribution

    def values(self, key: str, metric: str = MAIN) -> np.ndarray:
        """(R,) of `test` or a perturbation, the mean over its permutations."""
        names = [name for name in self.ranks if name.partition("/")[0] == key]
        return np.mean([measured(self.ranks[name], metric) for name in names], axis=0)


def measured(ranks: np.ndarray, metric: str) -> np.ndarray:
    """(R,) ranks of single targets -> (R,) hr@k or ndcg@k."""
    name, _, k = metric.partition("@")
    function = {"hr": hr, "ndcg": ndcg}[name]
    return function(ranks[:, None], np.ones(len(ranks), dtype=np.int64), int(k))


def perform(trial: Trial, split: Split, digest: str, folder: Path, again: bool) -> Iterator[Progress | Result]:
    """The epochs, and the Result at last: the kept one, if the folder holds this very trial already.

    Raises:
        InputError: the folder holds another trial, and `again` does not say that it may go; or another process
            is at it.
    """
    with locked(folder):
        _claim(trial, digest, folder, again)
        if not (folder / "result.json").exists():
            yield from _performed(trial, split, folder)
            return
        with np.load(folder / "ranks.npz", allow_pickle=False) as stored:
            yield Result(dict(stored), json.loads((folder / "result.json").read_text()))


def _claim(trial: Trial, digest: str, folder: Path, again: bool) -> None:
    """Write down what the folder is for."""
    key = {"format": FORMAT, "data": digest, "draws": trial.draws, "recipe": trial.recipe.model_dump(mode="json")}
    key = json.loads(json.dumps(key))
    if (folder / "trial.json").exists():
        if json.loads((folder / "trial.json").read_text()) == key:
            return
        if not again:
            raise InputError(
                f"{folder} holds a trial of another recipe or of other data; "
                "name another folder with --out, or add --again to replace it"
            )
        for name in ("trial.json", "result.json", "ranks.npz", CHECKPOINT):
            (folder / name).unlink(missing_ok=True)
    write_atomically(folder / "trial.json", json.dumps(key).encode())


def _performed(trial: Trial, split: Split, folder: Path) -> Iterator[Progress | Result]:
    start = time.perf_counter()
    model = build.build_model(trial.recipe, split)
    epochs = 0
    if isinstance(model, Trained):
        for progress in fit_recipe(trial.recipe, model, split, folder, metrics=(MAIN,)):
            epochs = progress.epoch.number
            yield progress
    ranks, facts = _measure(trial, model, split)
    result = Result(ranks, facts | {"epochs": epochs, "seconds": time.perf_counter() - start})
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **ranks)
    write_atomically(folder / "ranks.npz", packed.getvalue())
    write_atomically(folder / "result.json", json.dumps(result.facts).encode())
    (folder / CHECKPOINT).unlink(missing_ok=True)
    yield result


def _measure(trial: Trial, model: Recommender, split: Split) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    settings = trial.recipe.evaluation
    protocol = build.build_protocol(settings, trial.recipe.seed)
    memory = build.build_memory(settings, split.num_items)
    cases, width = split.test, model.max_length

    def ranked(one: Recommender, holdout: Holdout) -> np.ndarray:
        return evaluate(one, holdout, [MAIN], protocol, memory).ranking.ranks[:, 0]

    ranks = {"test": ranked(model, cases)}
    facts: dict[str, Any] = {"protocol": protocol.describe(cases)}
    if trial.draws:
        for name in REORDERINGS:
            for draw in range(trial.draws if name in RANDOM else 1):
                ranks[f"{name}/{draw}"] = ranked(model, reordered(cases, name, width, draw))
        ranks["drop-last/0"] = ranked(Without(model, 0), cases)
        ranks["only-last/0"] = ranked(Newest(model, 1), cases)
        facts["attention"], facts["even_attention"] = last_item_attention(model, cases)
        facts["attribution"] = attribution(model, cases, protocol, MAIN, memory)
    return ranks, facts


def with_fixed_training(split: Split, width: int | None) -> Split:
    """Training rows cut to their newest `width` items: the targets are the same whatever a model's max_length is."""
    return split if width is None else replace(split, train=split.train.newest(width))
