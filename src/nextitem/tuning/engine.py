"""Optuna, which proposes what a trial has and says when it is not worth going on; the extra `tune`, imported late."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nextitem.errors import InputError
from nextitem.tuning.space import Choice, Range, Space

if TYPE_CHECKING:
    import optuna

Pruner = Literal["median", "hyperband", "none"]
FILE = "study.db"
WAIT = 60  # seconds for another process that writes into the same database
EARLY = 3  # trials, and epochs of each, that the median leaves alone: first epochs say little
LEAST = 4  # trials, below which importances are noise
NEAR = 10  # first trials, all near the best so far; as many as Optuna would draw blindly
LEAST_STEP = 0.25  # of a number that is changed
TRIED = 1 / 5  # of the keys of the best, at least one
# What the second trial has in place of the recipe's null, all else as it is: it costs no time, and the mean of the
# weights of many steps is seldom worse than the last ones (Izmailov et al., UAI 2018, arXiv:1803.05407).
AVERAGE, AVERAGED = "training.average", "ema"
DRAWS = 10  # of a trial near the best, until it is none of those before


def require_optuna() -> None:
    """Raises InputError where it is not installed."""
    if find_spec("optuna") is None:
        raise InputError('tuning needs optuna: pip install "nextitem[tune]"')


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's own lines; what it was told before holds afterwards."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_storage(place: str | None, out: Path) -> optuna.storages.RDBStorage:
    """A database, `study.db` in a folder by default `out`: each change is whole or was never made, and the system frees
    the lock of a process that is killed.

    Raises:
        InputError: it cannot be opened.
    """
    import optuna

    url = place if place is not None and "://" in place else f"sqlite:///{(Path(place) if place else out) / FILE}"
    options: dict[str, Any] = {"connect_args": {"timeout": WAIT}} if url.startswith("sqlite") else {}
    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=options)
    except Exception as error:  # of SQLAlchemy, its drivers and Optuna, which share no class
        raise InputError(f"the storage {url} cannot be opened: {str(error).splitlines()[0]}") from error


def make_sampler(seed: int, number: int) -> optuna.samplers.BaseSampler:
    """TPE for one trial: what it proposes depends on the seed, the trial's number and the trials before, so that a
    tuning that was stopped goes on as if it had not been, and two processes do not propose the same.

    Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; one key at a time, as Optuna has it.
    """
    import optuna

    return optuna.samplers.TPESampler(seed=_seed(seed, number, 0), n_startup_trials=NEAR, multivariate=False)


def next_trial(study: optuna.Study, space: Space, default: dict[str, Any], seed: int) -> optuna.trial.Trial:
    """The one that waits, or a new one: the default with averaged weights, then near the best so far, which is the
    default until a trial has a value, or as TPE proposes. Few trials teach TPE little, and somebody chose the
    default: near it something better is found sooner."""
    import optuna

    trials = study.get_trials(deepcopy=False)
    if not any(one.state == optuna.trial.TrialState.WAITING for one in trials):
        found = _averaged(space, default) if len(trials) == 1 else {}
        if not found and is_near(len(trials)):
            best = best_of(study)
            center = default if best is None else values_of(space, best.params)
            found = _near(space, center, [one.params for one in trials], seed)
        study.enqueue_trial(found)
    return study.ask()


def _averaged(space: Space, default: dict[str, Any]) -> dict[str, Any]:
    """The default with averaged weights, as Optuna keeps it; empty where it has some, or they are not to be tried."""
    is_tried = AVERAGE in space and space[AVERAGE].holds(AVERAGED)
    return kept(space, default | {AVERAGE: AVERAGED}) if is_tried and default.get(AVERAGE, AVERAGED) is None else {}


def is_near(number: int) -> bool:
    """Whether a trial stays near the best so far: the first ones, and then every other one."""
    return number <= NEAR or (number - NEAR) % 2 == 0


def best_of(study: optuna.Study) -> optuna.trial.FrozenTrial | None:
    """The trial with the highest value, of those that are complete; of equal ones the first."""
    import optuna

    over = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    return max(over, key=lambda one: (one.value, -one.number), default=None)


def _near(space: Space, center: dict[str, Any], before: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Near the `center`, and what none of the trials `before` had, as Optuna keeps it; what is left out, all where
    nothing new was drawn, is TPE's to propose."""
    draw = random.Random(_seed(seed, len(before), 1))
    for _ in range(DRAWS if center else 0):
        found = kept(space, _moved(space, center, draw))
        if not any(found.items() <= one.items() for one in before):
            return found
    return {}


def _moved(space: Space, center: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """A few other values, which are not far away; of one key at least, a number if there is one."""
    tried = draw.choice([path for path in center if isinstance(space[path], Range)] or list(center))
    found: dict[str, Any] = {}
    for path, value in center.items():
        is_tried = path == tried or draw.random() < TRIED
        step = draw.uniform(LEAST_STEP, 1) * draw.choice((-1, 1))
        found[path] = space[path].near(value, step) if is_tried else value
    return found


def _seed(*parts: int) -> int:
    import numpy as np

    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def make_pruner(name: Pruner, epochs: int) -> optuna.pruners.BasePruner:
    import optuna

    match name:
        case "median":
            from nextitem.tuning.pruner import HalfOrMedian

            return HalfOrMedian(EARLY)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(min_resource=EARLY, max_resource=max(epochs, EARLY))
        case "none":
            return optuna.pruners.NopPruner()


def propose(trial: optuna.trial.Trial, space: Space) -> dict[str, Any]:
    """The values of a trial. Those of a list are kept by their text where they are no plain values."""
    found: dict[str, Any] = {}
    for path, one in space.items():
        if isinstance(one, Choice):
            names = [text_of(value) for value in one.values]
            found[path] = one.values[names.index(trial.suggest_categorical(path, names))]
        elif one.is_whole:
            found[path] = trial.suggest_int(path, int(one.low), int(one.high), log=one.log)
        else:
            found[path] = trial.suggest_float(path, one.low, one.high, log=one.log)
    return found


def kept(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as Optuna keeps them."""
    return {path: text_of(value) if isinstance(space[path], Choice) else value for path, value in values.items()}


def values_of(space: Space, held: Mapping[str, Any]) -> dict[str, Any]:
    """What Optuna keeps, as values of a recipe."""
    return {path: json.loads(value) if isinstance(space[path], Choice) else value for path, value in held.items()}


def text_of(value: object) -> str:
    """As YAML has it in a line; one text a value, whatever its type."""
    return json.dumps(value)


def importances(study: optuna.Study, space: Space) -> dict[str, float]:
    """How much of what separates the better trials from the rest lies in each key, in shares of 1 (PED-ANOVA, Watanabe
    et al., IJCAI 2023); empty where too few trials are over, or all are alike."""
    import optuna

    over = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    full = [one for one in over if one.params.keys() == set(space)]
    if len(full) < LEAST or len({one.value for one in full}) < LEAST:
        return {}
    own = optuna.create_study(direction="maximize")
    own.add_trials(full)
    found = optuna.importance.get_param_importances(own, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
    return {path: float(value) for path, value in found.items()}
