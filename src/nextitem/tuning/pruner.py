"""The pruner that a tuning has by default; imported late, since it wants Optuna."""

from __future__ import annotations

import optuna


class HalfOrMedian(optuna.pruners.MedianPruner):
    """Ends a trial below the median of those before (Golovin et al., KDD 2017), and, already where these are too few
    for a median, one whose best value is below half of what the first trial had at the same epoch.

    `early` are the first trials that have no median, and the first epochs of each, which say too little.
    """

    def __init__(self, early: int) -> None:
        super().__init__(n_startup_trials=early, n_warmup_steps=early)
        self._early = early

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return super().prune(study, trial) or self._is_below_half(study, trial)

    def _is_below_half(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        first, own = study.get_trials(deepcopy=False)[0].intermediate_values, trial.intermediate_values
        epoch = trial.last_step
        if trial.number == 0 or epoch is None or epoch <= self._early or epoch not in first:
            return False
        return max(own.values()) < first[epoch] / 2
