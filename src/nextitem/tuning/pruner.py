"""The pruner that a tuning has by default; imported late, since it wants Optuna."""

from __future__ import annotations

import optuna

WAITS = 1 / 3


class HalfOrMedian(optuna.pruners.MedianPruner):
    """Ends a trial below the median of those before (Golovin et al., KDD 2017), and one whose best value is below half
    of what the first trial had at the same epoch.

    `early` are the first trials, of which there is no median, and the first epochs of each, which say too little. The
    median waits longer: for a third of the epochs that the first trial needed to its best, since what learns slowly
    may learn more.
    """

    def __init__(self, early: int) -> None:
        super().__init__(n_startup_trials=early, n_warmup_steps=early)
        self._early = early

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        first, epoch = study.get_trials(deepcopy=False)[0].intermediate_values, trial.last_step
        if trial.number == 0 or epoch is None or not first:
            return False
        if epoch > max(first, key=lambda one: first[one]) * WAITS and super().prune(study, trial):
            return True
        return epoch > self._early and epoch in first and max(trial.intermediate_values.values()) < first[epoch] / 2
