"""The store of a tuning: a folder whose trials several processes share, and which a kill leaves in order.

    tuning.json   what is tuned: recipe, space, data, pruner, the study's name
    study.db      the study, where no other storage is named
    trials/N/     a trial that is under way, locked by its process, and the best that is over: a run without a report
    best/         the winner, a run folder; best.yaml its recipe
    trials.csv, report.html: what was tried

A trial is under way while its folder's lock is held, which the system frees when a process is killed; who comes next
goes on with the trial behind its last epoch.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from nextitem.errors import InputError
from nextitem.recipe import Recipe
from nextitem.recipe.comparing import comparable, differences
from nextitem.runs.folder.identity import difference
from nextitem.training.checkpoint import read_state
from nextitem.training.fit import CHECKPOINT
from nextitem.tuning import engine
from nextitem.tuning.space import Space, value_of, with_values
from nextitem.writing import make_folder, refuse_foreign, remove_folder, write

if TYPE_CHECKING:
    import optuna

FORMAT = 1
TUNING, TRIALS, BEST = "tuning.json", "trials", "best"
# Attributes of trials; the third: the epochs that a trial of a killed process had when it was taken over.
DEFAULT, REASON, TAKEN_OVER = "default", "reason", "taken_over"


@dataclass
class Begun:
    """A trial that this process trains."""

    number: int
    is_default: bool  # the recipe as it is
    values: dict[str, Any]  # by key
    folder: Path
    trial: optuna.trial.Trial
    reported: frozenset[int]  # epochs whose values are known, of a process that was killed
    until_over: ExitStack  # holds its lock


class Store:
    def __init__(self, out: Path, recipe: Recipe, space: Space, pruner: engine.Pruner) -> None:
        self.out, self.recipe, self.space, self.pruner = out, recipe, space, pruner
        self.study: optuna.Study  # once it is open
        self._database: optuna.storages.RDBStorage
        self._until_closed = ExitStack()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No other process changes what is shared, until the block ends."""
        make_folder(self.out)
        refuse_foreign(self.out / ".lock")
        with FileLock(self.out / ".lock"):
            yield

    def check(self) -> None:
        """Raises InputError where the folder holds a tuning of something else; before the data is read."""
        if not lexists(self.out / TUNING):
            if other := [name for name in (TRIALS, BEST, "recipe.yaml") if lexists(self.out / name)]:
                raise InputError(f"{self.out} holds something else than a tuning ({other[0]}); name another --out")
            return
        held = self._read()
        try:
            other = differences(self.recipe, comparable(held["recipe"]))
        except InputError as error:
            raise InputError(f"{self.out / TUNING}: {error}") from error
        space = json.loads(json.dumps(_written(self.space)))
        if held["space"] != space:
            keys = sorted(key for key in {*space, *held["space"]} if space.get(key) != held["space"].get(key))
            other.append(f"another space of {', '.join(keys)}")
        if held["pruner"] != self.pruner:
            other.append(f"pruner {held['pruner']}, not {self.pruner}")
        if other:
            raise InputError(
                f"{self.out} holds a tuning of another kind ({'; '.join(other[:3])}); name another folder with --out"
            )

    def open(self, described: dict[str, Any], storage: str | None) -> None:
        """Find the study, or begin it with the recipe as it is as first trial.

        Raises:
            InputError: it is of other data, or not in this storage.
        """
        import optuna

        if storage is not None and "://" not in storage:
            make_folder(Path(storage))
        with self.locked():
            self.check()
            database = self._database = engine.open_storage(storage, self.out)
            self._until_closed.callback(database.engine.dispose)
            self._until_closed.callback(database.remove_session)  # first, since it has a connection
            pruner = engine.make_pruner(self.pruner, self.recipe.training.epochs if self.recipe.training else 1)
            if lexists(self.out / TUNING):
                held = self._read()
                if differs := difference(held["data"], described):
                    raise InputError(
                        f"{self.out} holds a tuning on other data than {self.recipe.data.source} has now ({differs}); "
                        "name another folder with --out"
                    )
                if held["study"] not in optuna.get_all_study_names(database):
                    raise InputError(
                        f"the study of {self.out} is not in this storage; name the --storage that it was begun with"
                    )
                self.study = optuna.load_study(study_name=held["study"], storage=database, pruner=pruner)
                return
            name = f"{self.out.resolve().name}-{secrets.token_hex(4)}"
            self.study = optuna.create_study(study_name=name, storage=database, pruner=pruner, direction="maximize")
            self.study.enqueue_trial(engine.kept(self.space, self._defaults()), user_attrs={DEFAULT: True})
            told = {
                "format": FORMAT, "study": name, "pruner": self.pruner, "space": _written(self.space),
                "recipe": self.recipe.model_dump(mode="json"), "data": described,
            }  # fmt: skip
            write(self.out / TUNING, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())

    def begin(self, num_trials: int | None) -> Begun | None:
        """The trial of a process that was killed, to go on with; or the next one, unless so many have begun."""
        from optuna.trial import Trial

        with self.locked():
            left = self._left_behind()
            if left is None and num_trials is not None and len(self.counted()) >= num_trials:
                return None
            if left is None:
                trial = engine.next_trial(self.study, self.space, self._defaults(), self.recipe.seed)
            else:
                studies = self._database
                study = studies.get_study_id_from_name(self.study.study_name)
                trial = Trial(self.study, studies.get_trial_id_from_study_id_trial_number(study, left.number))
                trial.set_user_attr(TAKEN_OVER, self._epoch_of(left))
            reported = frozenset(left.intermediate_values if left is not None else ())
            folder = self.folder_of(trial.number)
            make_folder(folder, inside=self.out)
            until_over = ExitStack()
            until_over.enter_context(FileLock(folder / ".lock"))
            self.study.sampler = engine.make_sampler(self.recipe.seed, trial.number)
            is_default = bool(trial.user_attrs.get(DEFAULT))
            # What the recipe has may lie outside of a space that was given: that key is left alone.
            own = {path: one for path, one in self.space.items() if path in self._defaults()}
            values = engine.propose(trial, own if is_default else self.space)
            return Begun(trial.number, is_default, values, folder, trial, reported, until_over)

    def end(self, begun: Begun, value: float | None, *, is_pruned: bool = False, reason: str = "", **told: Any) -> None:
        """Keep what came of a trial: a value, or why there is none. Only the best one's weights stay."""
        from optuna.trial import TrialState

        for name, one in told.items():
            begun.trial.set_user_attr(name, one)
        if reason:
            begun.trial.set_user_attr(REASON, reason)
        with self.locked():
            if value is None or reason:
                self.study.tell(begun.trial, state=TrialState.FAIL)
            elif is_pruned:
                self.study.tell(begun.trial, state=TrialState.PRUNED)
            else:
                self.study.tell(begun.trial, value)
            begun.until_over.close()
            self._tidy()

    def counted(self) -> list[optuna.trial.FrozenTrial]:
        """Trials that have begun, but those that were killed."""
        from optuna.trial import TrialState

        trials = self.study.get_trials(deepcopy=False)
        return [one for one in trials if one.state != TrialState.WAITING and not is_killed(one)]

    def others(self) -> int:
        """Trials that other processes have under way; called with the lock held."""
        return sum(self.is_held(one.number) for one in self._running())

    def winner(self) -> optuna.trial.FrozenTrial | None:
        """The trial with the highest value; of equal ones the first."""
        return engine.best_of(self.study)

    def recipe_of(self, trial: optuna.trial.FrozenTrial) -> Recipe:
        return with_values(self.recipe, self.values_of(trial))

    def values_of(self, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
        """By key, as a recipe has them."""
        return engine.values_of(self.space, trial.params)

    def best_value(self) -> float | None:
        winner = self.winner()
        return None if winner is None else winner.value

    def last_reason(self) -> str:
        """Why the last of the failed trials has no value."""
        found = [one.user_attrs[REASON] for one in self.counted() if REASON in one.user_attrs]
        return str(found[-1]) if found else ""

    def seconds_of(self, number: int) -> float:
        return float(self.study.get_trials(deepcopy=False)[number].user_attrs["seconds"])

    def close(self) -> None:
        """Let go of the database, where it was opened."""
        self._until_closed.close()

    def importances(self) -> dict[str, float]:
        return engine.importances(self.study, self.space)

    def folder_of(self, number: int) -> Path:
        return self.out / TRIALS / str(number)

    def is_held(self, number: int) -> bool:
        """Whether a process is at a trial: it holds the lock of its folder."""
        folder = self.folder_of(number)
        if not folder.is_dir():
            return False
        refuse_foreign(folder / ".lock")
        try:
            with FileLock(folder / ".lock", timeout=0):
                return False
        except Timeout:
            return True

    def _defaults(self) -> dict[str, Any]:
        """Values of the recipe itself, of the keys whose space has them."""
        values = {path: value_of(self.recipe, path) for path in self.space}
        return {path: value for path, value in values.items() if self.space[path].holds(value)}

    def _epoch_of(self, trial: optuna.trial.FrozenTrial) -> int:
        return read_state(self.folder_of(trial.number) / CHECKPOINT).epoch

    def _running(self) -> list[optuna.trial.FrozenTrial]:
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _left_behind(self) -> optuna.trial.FrozenTrial | None:
        """A trial whose process was killed; one that was killed twice at the same epoch fails."""
        from optuna.trial import TrialState

        for one in self._running():
            if self.is_held(one.number):
                continue
            if one.user_attrs.get(TAKEN_OVER, -1) < self._epoch_of(one):
                return one
            self.study.tell(one.number, state=TrialState.FAIL)
            remove_folder(self.folder_of(one.number))
        return None

    def _tidy(self) -> None:
        """Remove the folders of trials that are over and not the best."""
        winner = self.winner()
        stay = {one.number for one in self._running()} | ({winner.number} if winner else set())
        for folder in (self.out / TRIALS).iterdir():
            if folder.name.isdigit() and int(folder.name) not in stay:
                remove_folder(folder)

    def _read(self) -> dict[str, Any]:
        path = self.out / TUNING
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            if held["format"] != FORMAT:
                raise InputError(
                    f"{path} is of format {held['format']!r}, this version reads {FORMAT}; name another --out"
                )
            for key, kind in (("study", str), ("pruner", str), ("space", dict), ("recipe", dict), ("data", dict)):
                if not isinstance(held[key], kind):
                    raise TypeError(key)
        except (OSError, UnicodeError, RecursionError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} is damaged ({error}); name another folder with --out") from error
        return dict(held)


def is_killed(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether a trial failed without a word."""
    from optuna.trial import TrialState

    return trial.state == TrialState.FAIL and REASON not in trial.user_attrs


def _written(space: Space) -> dict[str, object]:
    return {path: one.written() for path, one in space.items()}
