"""The order audit: the data alone, then trials that take things away from a model, then the verdict.

After MTandHJ, "On the Markovian Nature of the Next-Item Recommendation Task", 2025.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nextitem.analysis.ngrams import Predictability, predictability
from nextitem.analysis.statistics import Statistics, describe
from nextitem.analysis.trials import METRICS, Result, Trial, perform, with_fixed_training
from nextitem.analysis.verdict import Cases, Verdict, judge
from nextitem.data.batches import batch_keys
from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.evaluation.lists import narrowed
from nextitem.evaluation.significance import PairedTest, paired_test
from nextitem.models.base import Recommender
from nextitem.models.catalogue import arguments, find
from nextitem.models.own import Given, among
from nextitem.models.towers import SequenceModel
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.recipe.checks import refuse_unused
from nextitem.recipe.commands import AUDIT
from nextitem.runs.folder.identity import describe_data
from nextitem.runs.parts.build import build_protocol, build_split
from nextitem.runs.parts.metrics import choose_monitor
from nextitem.runs.parts.threads import take_threads
from nextitem.training.fit import Progress
from nextitem.writing import make_folder

Part = Literal["lengths", "blocks", "stamp"]
PARTS: tuple[Part, ...] = ("lengths", "blocks", "stamp")
FAST_TARGETS = 80_000  # training targets that the fast form keeps, by leaving users out


@dataclass(frozen=True)
class Settings:
    lengths: tuple[int, ...] = (1, 2, 3, 5, 10, 20)  # beside the model's own max_length
    blocks: tuple[int, ...] = (4, 3, 1)  # beside the model's own, all at max_length 1
    parts: tuple[Part, ...] = PARTS
    seeds: int = 3
    draws: int = 5  # permutations of each random perturbation
    is_fast: bool = False


FAST = Settings(lengths=(1,), parts=("lengths",), seeds=1, draws=3, is_fast=True)
# The article's settings. The fast form learns with larger steps, and stops after 8 epochs at the latest.
ARTICLE: Layer = {
    "model": {"dim": 64, "dropout": 0.6, "first_weights": "xavier"},
    "training": {"batch_size": 512, "learning_rate": 5e-4},
}
HURRIED: Layer = {"training": {"epochs": 8, "patience": 2, "batch_size": 512, "learning_rate": 2e-3}}


@dataclass(frozen=True)
class Step:
    number: int  # of the trial, from 1
    total: int
    name: str
    progress: Progress | None  # None: the trial is done


@dataclass(frozen=True)
class Audit:
    data: dict[str, Any]
    protocol: str
    recipe: dict[str, Any]  # of the full model
    settings: Settings
    notes: list[str]  # what was left out, and why
    main: str  # the metric that everything is said in: ndcg@10, or of all items where these are fewer
    statistics: Statistics
    ngrams: dict[str, Predictability]
    metrics: dict[str, dict[str, float]]  # trial -> metric -> mean over cases and seeds
    perturbed: dict[str, dict[str, float]]  # perturbation -> metric -> mean over cases, seeds and permutations
    differences: dict[str, PairedTest]  # perturbation -> main of it minus that of true histories, paired over users
    seeds: list[float]  # main of the full model, by seed
    attention: list[float]  # on the last item, by layer
    even_attention: float
    attribution: list[float]  # main lost without the item of age 0, 1, ..
    verdict: Verdict
    seconds: float = field(default=0.0)  # of all trials, those of earlier runs too

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"advice": self.verdict.advice, "sure": self.verdict.is_sure}, indent=1)


def audited_recipe(name: str, source: str, settings: Settings, *layers: Layer, models: Sequence[Given] = ()) -> Recipe:
    """The recipe of the full model: its own, under the article's settings, under `layers`. `models` are classes of the
    user's own that `name` may mean.

    Raises:
        InputError: the model is no sequence model, the split is not leave-one-out, or a key would do nothing.
    """
    for layer in layers:
        AUDIT.check(layer)
    base: Layer = HURRIED if settings.is_fast else ARTICLE if name == "SASRec" else {}
    named: Layer = {"model": {"name": name}, "data": {"source": source}}
    own = among(name, models)
    model = _sequence_model(find(name) if own is None else own.model)
    batches: Layer = {"training": {"batches": "prefix"}} if "prefix" in model.trains_on else {}
    recipe = make_recipe(_joined(named, batches, base, *layers), models=models)
    if recipe.split.kind != "leave_one_out":
        raise InputError(f"the audit looks at the last item of every user; split.kind {recipe.split.kind} has none")
    refuse_unused(recipe)
    return recipe


def plan(recipe: Recipe, settings: Settings) -> tuple[list[Trial], list[str]]:
    """The trials, and what is left out with a word on why."""
    name, model, notes = recipe.model.label, _sequence_model(recipe.model.kind), list[str]()
    trials = [_fitted(recipe, one) for one in ("Popularity", "MarkovChain")]
    known = arguments(model)
    full_length = recipe.model.arguments.get("max_length")
    by_length = "max_length" in known and "prefix" in model.trains_on
    by_block = name == "SASRec"
    lengths = [one for one in settings.lengths if full_length is None or one < full_length]
    if not by_length:
        notes.append(f"max_length sweep: {name} has no max_length, or trains on no prefixes; only-last stands in for 1")
    if "blocks" in settings.parts and not by_block:
        notes.append(f"blocks: {name} is no SASRec")
    if settings.is_fast:
        notes.append("fast form: few epochs, one seed, max_length 1 alone, no blocks, no STAMP; shares are rough")
    for seed in range(recipe.seed, recipe.seed + settings.seeds):
        seeded = recipe.model_copy(update={"seed": seed})
        trials.append(Trial(f"full-seed-{seed}", "full", seeded, settings.draws))
        if by_length and (full_length is None or full_length > 1):
            wanted = lengths if "lengths" in settings.parts else [1]
            trials += [
                Trial(f"length-{length}-seed-{seed}", f"max_length {length}", with_model(seeded, max_length=length))
                for length in wanted
            ]
        if by_block and "blocks" in settings.parts:
            short = with_model(seeded, max_length=1)
            trials += [
                Trial(f"blocks-{count}-seed-{seed}", f"blocks {count}", with_model(short, num_layers=count))
                for count in settings.blocks
            ]
            trials.append(Trial(f"blocks-0-seed-{seed}", "blocks 0", _other(seeded, "ZeroBlock", is_kin=True)))
        if "stamp" in settings.parts:
            for score in ("full", "h_t", "m_t"):
                stamp = _other(seeded, "STAMP", score=score, memory="recboard")  # as in the article
                trials.append(Trial(f"stamp-{score}-seed-{seed}", f"STAMP {score}", stamp))
    return trials, notes


def audit(
    dataset: Dataset,
    recipe: Recipe,
    settings: Settings,
    out: Path,
    *,
    again: bool = False,
    attributes: Mapping[int, set[str]] | None = None,
) -> Iterator[Step | Audit]:
    """The steps, and the Audit at last. What `out` holds already of these trials is not repeated.

    Raises:
        InputError: `out` holds trials of another recipe or of other data.
    """
    take_threads(recipe.training.threads if recipe.training else None)
    make_folder(out)
    split = build_split(recipe.split, dataset, recipe.seed)
    trials, notes = plan(recipe, settings)
    notes += _notes(recipe, dataset, split)
    if settings.is_fast:
        split, said = _sampled(split, recipe.seed)
        notes += said
    counted = predictability(split)
    statistics = describe(dataset.sequences, split, attributes)
    data = describe_data(dataset)
    fixed = with_fixed_training(split, recipe.model.arguments.get("max_length"))
    results: dict[str, list[Result]] = {}
    digest = f"{data['sha256']} {len(split.test)} cases, {split.train.num_interactions} training items"
    for number, trial in enumerate(trials, start=1):
        seen = split if trial.part in ("Popularity", "MarkovChain") else fixed
        for event in perform(trial, seen, digest, out / "trials" / trial.name, again):
            if isinstance(event, Result):
                results.setdefault(trial.part, []).append(event)
                yield Step(number, len(trials), trial.name, None)
            else:
                yield Step(number, len(trials), trial.name, event)
    yield _summed(data, recipe, settings, notes, statistics, counted, results)


def _notes(recipe: Recipe, dataset: Dataset, split: Split) -> tuple[str, ...]:
    """On the ranking; refuses a monitor that there are too few items for."""
    protocol = build_protocol(recipe.evaluation, recipe.seed)
    num_ranked = protocol.num_ranked(split.num_items)
    said = protocol.notes(split.test, dataset.num_interactions) + choose_monitor(recipe, num_ranked)[1]
    return said + narrowed(METRICS, num_ranked)[1]


def _summed(
    data: dict[str, Any], recipe: Recipe, settings: Settings, notes: list[str], statistics: Statistics,
    counted: dict[str, Predictability], results: dict[str, list[Result]],
) -> Audit:  # fmt: skip
    full = results["full"]
    names = full[0].metrics

    def values(part: str, key: str = "test", metric: str | None = None) -> np.ndarray:
        mean: np.ndarray = np.mean([one.values(key, metric) for one in results[part]], axis=0)
        return mean

    perturbations = list(dict.fromkeys(name.partition("/")[0] for name in full[0].counts if name != "test"))
    short = values("max_length 1") if "max_length 1" in results else values("full", "only-last")
    cases = Cases(values("full"), values("full", "shuffle"), values("full", "shuffle-all"), short, values("Popularity"))
    return Audit(
        data=data,
        protocol=full[0].facts["protocol"],
        recipe=recipe.model_dump(mode="json"),
        settings=settings,
        notes=notes,
        main=full[0].main,
        statistics=statistics,
        ngrams=counted,
        metrics={part: {one: float(values(part, "test", one).mean()) for one in names} for part in results},
        perturbed={
            key: {one: float(values("full", key, one).mean()) for one in names} for key in ("test", *perturbations)
        },
        differences={key: paired_test(values("full", key), cases.full) for key in perturbations},
        seeds=[float(one.values("test").mean()) for one in full],
        attention=np.mean([one.facts["attention"] for one in full], axis=0).tolist(),
        even_attention=full[0].facts["even_attention"],
        attribution=np.mean([one.facts["attribution"] for one in full], axis=0).tolist(),
        verdict=judge(cases, recipe.seed),
        seconds=sum(one.facts["seconds"] for some in results.values() for one in some),
    )


def _sequence_model(model: type[Recommender]) -> type[SequenceModel]:
    if not issubclass(model, SequenceModel):
        raise InputError(
            f"the audit takes the order away from a sequence model, and {model.__name__} is none; take SASRec"
        )
    return model


def with_model(recipe: Recipe, **given: Any) -> Recipe:
    """The recipe with other arguments of its model."""
    model = type(recipe.model)(name=recipe.model.name, **(recipe.model.arguments | given))
    return recipe.model_copy(update={"model": model.of(recipe.model.own)})


def _other(recipe: Recipe, name: str, is_kin: bool = False, **given: Any) -> Recipe:
    """Another model in the place of the audited one, trained alike as far as it can be; one of its kin begins alike."""
    shared = {"name": name, **given}
    known = arguments(find(name))
    wanted = ("dim", "max_length", *(["dropout", "first_weights"] if is_kin else []))
    shared |= {key: value for key, value in recipe.model.arguments.items() if key in wanted and key in known}
    layer: Layer = recipe.model_dump(mode="json", exclude_none=True)
    layer["model"] = shared
    own = recipe.training.batch_keys if recipe.training else {}
    idle = own.keys() - batch_keys("prefix")
    layer["training"] = {key: value for key, value in layer["training"].items() if key not in idle}
    layer["training"]["batches"] = "prefix"
    return make_recipe(layer)


def _fitted(recipe: Recipe, name: str) -> Trial:
    layer: Layer = {
        key: value
        for key, value in recipe.model_dump(mode="json", exclude_none=True).items()
        if key not in ("model", "loss", "training")
    }
    return Trial(name.lower(), name, make_recipe(layer, {"model": {"name": name}}))


def _sampled(split: Split, seed: int) -> tuple[Split, list[str]]:
    """Some of the users, so that FAST_TARGETS training targets are left."""
    total = split.train.num_interactions
    if total <= FAST_TARGETS:
        return split, []
    share = FAST_TARGETS / total
    is_kept = np.random.default_rng(seed).random(len(split.train)) < share
    empty = split.train.without_last(np.where(is_kept, 0, split.train.lengths))
    valid, test = (part.take(is_kept[part.users - 1]) for part in (split.valid, split.test))
    return replace(split, train=empty, valid=valid, test=test), [
        f"fast form: trained and tested on {int(is_kept.sum()):,} of {len(is_kept):,} users drawn at random"
    ]


def _joined(*layers: Sequence[Layer] | Layer) -> Layer:
    joined: Layer = {}
    for layer in layers:
        assert isinstance(layer, dict)
        for section, keys in layer.items():
            both = isinstance(keys, dict) and isinstance(joined.get(section), dict)
            joined[section] = joined[section] | keys if both else keys
    return joined
