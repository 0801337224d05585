"""Trials: one model trained and measured; a folder each, so that an audit which was killed goes on where it was."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from nextitem.analysis.attention import attribution, last_item_attention
from nextitem.analysis.perturbations import RANDOM, REORDERINGS, Newest, Without, reordered
from nextitem.data.splits.split import Holdout, Split
from nextitem.errors import InputError
from nextitem.evaluation.lists import fitting, main
from nextitem.evaluation.metrics import measured
from nextitem.evaluation.protocol import Ties
from nextitem.evaluation.ranking import Ranking, rank
from nextitem.models.base import Recommender, Trained
from nextitem.recipe import Recipe
from nextitem.runs.folder.locking import locked
from nextitem.runs.parts import build
from nextitem.runs.parts.assemble import fit_recipe
from nextitem.training.fit import CHECKPOINT, Progress
from nextitem.training.shapes import own, read_bytes
from nextitem.writing import remove, write

METRICS = ("hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10")
FORMAT = 2  # of a trial's folder; 1 kept ranks, by which ties could not be told


@dataclass(frozen=True)
class Trial:
    name: str  # also of its folder
    part: str  # what it is for: full, lengths, blocks, stamp, baselines
    recipe: Recipe
    draws: int = 0  # permutations of each random perturbation; 0: not perturbed


@dataclass(frozen=True)
class Result:
    counts: dict[str, np.ndarray]  # "test", "shuffle/0", .. -> (2, R) int64: candidates above each target, and tied
    facts: dict[str, Any]  # protocol, ties, num_ranked, seconds, epochs, attention, attribution

    @property
    def main(self) -> str:
        """ndcg@10, or of fewer items that are ranked."""
        return main(self.facts["num_ranked"])

    @property
    def metrics(self) -> tuple[str, ...]:
        """METRICS, without lists that are longer than the ranking, and the main one."""
        return tuple(dict.fromkeys((*fitting(METRICS, self.facts["num_ranked"]), self.main)))

    def values(self, key: str, metric: str | None = None) -> np.ndarray:
        """(R,) of `test` or a perturbation, the mean over its permutations; of the main metric where none is named."""
        names = [name for name in self.counts if name.partition("/")[0] == key]
        ties: Ties = self.facts["ties"]
        rankings = [single_targets(self.counts[name], self.facts["num_ranked"], ties) for name in names]
        return np.mean([measured(ranking, metric or self.main) for ranking in rankings], axis=0)


def single_targets(counts: np.ndarray, num_ranked: int, ties: Ties) -> Ranking:
    """(2, R) -> the ranking of cases with one target each."""
    above, tied = counts
    every = np.arange(1, len(above) + 1)
    ones = np.ones_like(every)
    return Ranking(every, above[:, None].astype(float), tied[:, None], ones, ones * num_ranked, ties)


def perform(trial: Trial, split: Split, digest: str, folder: Path, again: bool) -> Iterator[Progress | Result]:
    """The epochs, and the Result at last: the kept one, if the folder holds this very trial already.

    Raises:
        InputError: the folder holds another trial, and `again` does not say that it may go; or another process
            is at it.
    """
    with locked(folder, inside=folder.parents[1]):
        _claim(trial, digest, folder, again)
        if not (folder / "result.json").exists():
            yield from _performed(trial, split, folder)
            return
        yield _kept(folder)


def _kept(folder: Path) -> Result:
    """Raises InputError where what was kept is damaged."""
    try:
        with np.load(own(folder / "counts.npz"), allow_pickle=False) as stored:
            counts = dict(stored)
        facts = json.loads(read_bytes(folder / "result.json").decode("utf-8"))
    except (OSError, ValueError, EOFError, BadZipFile, RecursionError) as error:
        raise InputError(f"{folder} is damaged ({str(error)[:80]}); restore it, or remove the folder") from error
    is_whole = (
        isinstance(facts, dict)
        and {"protocol", "epochs", "seconds", "ties", "num_ranked"} <= facts.keys()
        and "test" in counts
    )
    if not is_whole or not all(one.shape == counts["test"].shape and one.dtype.kind == "i" for one in counts.values()):
        raise InputError(f"{folder} is damaged: results or counts are missing; restore it, or remove the folder")
    return Result(counts, facts)


def _claim(trial: Trial, digest: str, folder: Path, again: bool) -> None:
    """Write down what the folder is for."""
    key = {"format": FORMAT, "data": digest, "draws": trial.draws, "recipe": trial.recipe.model_dump(mode="json")}
    if trial.recipe.model.own is not None:
        key["code"] = trial.recipe.model.own.sha256
    key = json.loads(json.dumps(key))
    if (folder / "trial.json").exists():
        if _read_key(folder / "trial.json") == key:
            return
        if not again:
            raise InputError(
                f"{folder} holds a trial of another recipe or of other data, or an older version's; "
                "name another folder with --out, or add --again to replace it"
            )
        for name in ("trial.json", "result.json", "counts.npz", CHECKPOINT):
            remove(folder / name)
    write(folder / "trial.json", json.dumps(key).encode())


def _read_key(path: Path) -> object:
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except (ValueError, RecursionError):
        return None  # of no trial: it is refused, or replaced with --again


def _performed(trial: Trial, split: Split, folder: Path) -> Iterator[Progress | Result]:
    start = time.perf_counter()
    model = build.build_model(trial.recipe, split)
    epochs = 0
    if isinstance(model, Trained):
        num_ranked = build.build_protocol(trial.recipe.evaluation, trial.recipe.seed).num_ranked(split.num_items)
        for progress in fit_recipe(trial.recipe, model, split, folder, metrics=(main(num_ranked),)):
            epochs = progress.epoch.number
            yield progress
    counts, facts = _measure(trial, model, split)
    result = Result(counts, facts | {"epochs": epochs, "seconds": time.perf_counter() - start})
    packed = io.BytesIO()
    # Of whole numbers, so that nothing is pickled; numpy 2.0 would keep allow_pickle=False as one of the arrays.
    np.savez_compressed(packed, **counts)  # type: ignore[arg-type]
    write(folder / "counts.npz", packed.getvalue())
    write(folder / "result.json", json.dumps(result.facts).encode())
    remove(folder / CHECKPOINT)
    yield result


def _measure(trial: Trial, model: Recommender, split: Split) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    settings = trial.recipe.evaluation
    protocol = build.build_protocol(settings, trial.recipe.seed)
    memory = build.build_memory(settings, split.num_items)
    cases, width, num_ranked = split.test, model.max_length, protocol.num_ranked(split.num_items)

    def ranked(one: Recommender, holdout: Holdout) -> np.ndarray:
        found = rank(one, holdout, protocol, memory)
        return np.stack([found.above[:, 0].astype(np.int64), found.tied[:, 0]])

    counts = {"test": ranked(model, cases)}
    said = protocol.describe(cases, model.wanted())
    facts: dict[str, Any] = {"protocol": said, "ties": protocol.ties, "num_ranked": num_ranked}
    if trial.draws:
        for name in REORDERINGS:
            for draw in range(trial.draws if name in RANDOM else 1):
                counts[f"{name}/{draw}"] = ranked(model, reordered(cases, name, width, draw))
        counts["drop-last/0"] = ranked(Without(model, 0), cases)
        counts["only-last/0"] = ranked(Newest(model, 1), cases)
        facts["attention"], facts["even_attention"] = last_item_attention(model, cases)
        facts["attribution"] = attribution(model, cases, protocol, main(num_ranked), memory)
    return counts, facts


def with_fixed_training(split: Split, width: int | None) -> Split:
    """Training rows cut to their newest `width` items: the targets are the same whatever a model's max_length is."""
    return split if width is None else replace(split, train=split.train.newest(width))
