"""What a trial has: near the best so far or by TPE, the same again for the same trials before, and no set twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from nextitem.tuning import engine
from nextitem.tuning.space import Choice, Range

if TYPE_CHECKING:
    import optuna
else:
    optuna = pytest.importorskip("optuna", reason='optuna is not installed: "nextitem[tune]"')

Values = dict[str, Any]
SPACE: dict[str, Range | Choice] = {
    **{f"model.key{i}": Range(0.0, 1.0) for i in range(10)},
    "model.count": Range(1, 3, is_whole=True),
    "model.word": Choice(("a", "b")),
    "training.average": Choice((None, "ema")),
    "training.rate": Range(1e-4, 1e-2, log=True),
}
DEFAULT = dict.fromkeys(SPACE, 0.5) | {
    "model.count": 1, "model.word": "a", "training.average": None, "training.rate": 1e-3,
}  # fmt: skip


def begun(study: optuna.Study, space: dict[str, Range | Choice], default: Values) -> tuple[optuna.trial.Trial, Values]:
    """As a store begins one: the first is the default."""
    number = len(study.get_trials(deepcopy=False))
    if number == 0:
        study.enqueue_trial(engine.kept(space, default))
    study.sampler = engine.make_sampler(0, number)
    trial = engine.next_trial(study, space, default, 0)
    study.sampler = engine.make_sampler(0, trial.number)
    return trial, engine.propose(trial, space)


def played(study: optuna.Study, trials: int, worth: Callable[[Values], float]) -> list[tuple[Values, float]]:
    """The values of the trials, and what each is worth."""
    found = []
    for _ in range(trials):
        trial, values = begun(study, SPACE, DEFAULT)
        study.tell(trial, worth(values))
        found.append((values, worth(values)))
    return found


def new_study() -> optuna.Study:
    return optuna.create_study(direction="maximize")


def unlike(values: Values, other: Values) -> int:
    return sum(values[path] != other[path] for path in values)


def is_around(values: Values, center: Values) -> bool:
    """Whether no number is further away than a step."""
    shares = [path for path in SPACE if path.startswith("model.key")]
    rate = values["training.rate"] / center["training.rate"]
    return all(abs(values[path] - center[path]) <= 0.25 for path in shares) and 0.33 < rate < 3.01


def test_the_first_trials_and_then_every_other_one_are_near() -> None:
    first, later = range(engine.NEAR + 1), range(engine.NEAR + 1, engine.NEAR + 7)
    assert all(engine.is_near(number) for number in first)
    assert [engine.is_near(number) for number in later] == [False, True] * 3


@pytest.mark.parametrize("worth", [lambda values: 1.0, lambda values: float(values["training.average"] == "ema")])
def test_the_second_trial_is_the_recipe_with_averaged_weights_alone(worth: Callable[[Values], float]) -> None:
    values = [values for values, _ in played(new_study(), 4, worth)]
    assert values[1] == DEFAULT | {"training.average": "ema"}
    assert unlike(values[2], values[1] if worth(values[1]) > worth(values[0]) else values[0]) > 0


@pytest.mark.parametrize("words", [(None, "last"), ("ema", "last"), None])
def test_without_averaged_weights_to_try_the_second_trial_is_near(words: tuple[str | None, ...] | None) -> None:
    space: dict[str, Range | Choice] = {"training.rate": Range(1e-4, 1e-2, log=True)}
    default: Values = {"training.rate": 1e-3}
    if words is not None:
        space, default = space | {"training.average": Choice(words)}, default | {"training.average": words[0]}
    study = new_study()
    study.tell(begun(study, space, default)[0], 0.5)
    values = begun(study, space, default)[1]
    assert all(one.holds(values[path]) for path, one in space.items())
    assert values != default


def test_near_trials_stay_near_the_best_so_far_wherever_that_is() -> None:
    def worth(values: Values) -> float:  # the recipe is not the best for long
        return float(values["model.key0"] + values["model.key1"] + values["training.rate"] + values["model.count"])

    trials = played(new_study(), engine.NEAR + 9, worth)
    centers = [max(trials[:number], key=lambda one: one[1])[0] for number in range(1, len(trials))]
    assert len({str(center) for center in centers[: engine.NEAR]}) > 2  # the best has moved
    is_far = []
    for number, center in enumerate(centers, start=1):
        values = trials[number][0]
        if engine.is_near(number):
            assert is_around(values, center), number
            assert 1 <= unlike(values, center) < len(SPACE)
        else:
            is_far.append(not is_around(values, center))
    assert sum(is_far) >= len(is_far) - 1  # TPE may happen to come near
    kept = [1 - unlike(trials[number][0], centers[number - 1]) / len(SPACE) for number in range(1, engine.NEAR + 1)]
    assert sum(kept) / len(kept) > 0.5


def test_until_a_trial_has_a_value_they_stay_near_the_recipe() -> None:
    study = new_study()
    for number in range(4):  # all of them still under way
        values = begun(study, SPACE, DEFAULT)[1]
        assert unlike(values, DEFAULT) > 0 if number else values == DEFAULT
        assert is_around(values, DEFAULT)


def test_a_trial_that_was_pruned_is_not_the_best() -> None:
    study = new_study()
    study.tell(begun(study, SPACE, DEFAULT)[0], 0.1)
    pruned = begun(study, SPACE, DEFAULT)[0]
    pruned.report(0.9, 1)
    study.tell(pruned, state=optuna.trial.TrialState.PRUNED)
    best = engine.best_of(study)
    assert best is not None
    assert best.number == 0


def test_of_equal_trials_the_first_is_the_best() -> None:
    study = new_study()
    played(study, 3, lambda values: 0.5)
    best = engine.best_of(study)
    assert best is not None
    assert best.number == 0


def test_the_same_trials_before_lead_to_the_same_trial_in_another_process() -> None:
    def worth(values: Values) -> float:
        return float(values["model.key0"] - values["model.key1"])

    study = new_study()
    whole = [values for values, _ in played(study, engine.NEAR + 5, worth)]
    for done in (1, 4, engine.NEAR + 1, engine.NEAR + 2):
        other = new_study()
        other.add_trials(study.get_trials()[:done])
        assert [values for values, _ in played(other, engine.NEAR + 5 - done, worth)] == whole[done:]


def test_trials_that_are_under_way_at_once_differ() -> None:
    study = new_study()
    at_once = [begun(study, SPACE, DEFAULT)[1] for _ in range(engine.NEAR + 5)]
    assert len({str(values) for values in at_once}) == len(at_once)


@pytest.mark.parametrize("value", [0.5, None])
def test_near_the_best_no_set_is_proposed_twice(value: float | None) -> None:
    """Whether the trials before have a value, or failed; there are 12 sets."""
    space: dict[str, Range | Choice] = {
        "model.count": Range(1, 3, is_whole=True),
        "model.size": Choice((8, 16)),
        "training.average": Choice((None, "ema")),
    }
    default = {"model.count": 2, "model.size": 8, "training.average": None}
    study, seen = new_study(), []
    for number in range(7):
        trial, values = begun(study, space, default)
        assert values not in seen, number
        seen.append(values)
        study.tell(trial, value, state=None if value else optuna.trial.TrialState.FAIL)


def test_where_all_around_the_best_was_tried_something_is_proposed_all_the_same() -> None:
    space: dict[str, Range | Choice] = {"model.size": Choice((8, 16))}
    study = new_study()
    for _ in range(5):
        trial, values = begun(study, space, {"model.size": 8})
        assert values["model.size"] in (8, 16)
        study.tell(trial, float(values["model.size"]))


def test_a_value_of_the_recipe_outside_of_the_space_is_left_to_the_sampler() -> None:
    key, size = Range(0.0, 1.0), Choice((4, 16))
    study = new_study()
    trial, default = begun(study, {"model.key": key}, {"model.key": 0.5})
    study.tell(trial, 0.5)
    values = begun(study, {"model.key": key, "model.size": size}, default)[1]
    assert size.holds(values["model.size"])
    assert 0.25 <= values["model.key"] <= 0.75


def test_null_is_a_value_of_a_list_and_near_it_are_the_others() -> None:
    study = new_study()
    played(study, engine.NEAR, lambda values: float(values["training.average"] == "ema"))
    assert {one.params["training.average"] for one in study.get_trials()} == {"null", '"ema"'}
    best = engine.best_of(study)
    assert best is not None
    assert engine.values_of(SPACE, best.params)["training.average"] == "ema"
    assert Choice((None, "ema")).near(None, 0.3) == "ema"
    assert Choice((None, "ema")).near("ema", -0.3) is None
