"""fit_labelled: a model learns pairs that say yes or no, or ratings, and is asked for the labels of others."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from nextitem.data.batches import make_batches
from nextitem.data.splits.labelled import Labelled, Pairs
from nextitem.errors import InputError, expect
from nextitem.evaluation.labelled import accuracy, auc, best_threshold, f1, logloss, mae, pair_scores, rmse
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.models.rated import Rated
from nextitem.models.strangers import forget_strangers
from nextitem.nn.labels import Labels
from nextitem.nn.losses.pointwise import logistic, squared_error
from nextitem.processes import ALONE
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer
from nextitem.training.share import fit_once


@dataclass(frozen=True)
class LabelReport:
    """What a model is worth on the test pairs, whose labels it was asked for once, at the end."""

    protocol: str  # one line on the split
    test: dict[str, float]  # auc, logloss, f1, accuracy of yes and no; rmse, mae of ratings
    best_epoch: int  # chosen by the validation pairs; 0 of a closed form
    valid: tuple[dict[str, float], ...]  # an epoch each

    def __repr__(self) -> str:
        found = ", ".join(f"{name} {value:.4f}" for name, value in self.test.items())
        return f"LabelReport({found}; epoch {self.best_epoch}; {self.protocol})"


@dataclass(frozen=True)
class LabelEpoch:
    """An epoch is done."""

    number: int  # from 1
    loss: float
    valid: dict[str, float]  # what the model has on the validation pairs
    is_best: bool  # so far


def fit_labelled(
    model: Recommender,
    split: Labelled,
    *,
    epochs: int = 20,
    batch_size: int = 1024,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    patience: int = 5,
    seed: int = 0,
) -> LabelReport:
    """Train a model on the labels of a split, and ask it for those of the test pairs.

        split = ni.split.labelled(ni.read_dataset("clicks.csv", rating="clicked"))
        report = ni.fit_labelled(ni.models.BPR(split.num_items, ..), split)

    Labels of 1 and 0 are learned by the logistic loss, and the epoch is the one with the highest area under the curve
    on the validation pairs. F1 says yes above a probability of a half; of a closed form, whose scores are none, above
    the threshold that is best on the validation pairs, and there is no logloss. Other labels are ratings, learned by
    the squared error, or by the model's own loss where it predicts ratings; the epoch is the one with the lowest root
    of it. Training stops after `patience` epochs without a better one, and the model holds the weights of the best.

    The defaults are those of KGCN's published runs, but for the learning rate, which is the model's to choose.

    Raises:
        InputError: the model scores by its order of items alone, or was made for other data.
        NonFiniteLossError: training diverged.
    """
    told = label_epochs(
        model, split, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, weight_decay=weight_decay,
        patience=patience, seed=seed,
    )  # fmt: skip
    while True:
        try:
            next(told)
        except StopIteration as end:
            report: LabelReport = end.value
            return report


def label_epochs(
    model: Recommender,
    split: Labelled,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    patience: int,
    seed: int,
) -> Generator[LabelEpoch, None, LabelReport]:
    """`fit_labelled`, an epoch at a time; a closed form has none."""
    expect("model", model, Recommender, "make one: ni.models.BPR(num_users, num_items)")
    expect("split", split, Labelled, "make one with ni.split.labelled(dataset)")
    split.training_data.refuse_missing(model.needs, type(model).__name__)
    if not isinstance(model, Trained):
        return _closed(model, split)
    if not (model.takes_objective or isinstance(model, Rated)) or "pair" not in model.trains_on:
        raise InputError(
            f"{type(model).__name__} does not learn from pairs of users and items, and labels are of pairs; take one "
            "that does, such as BPR"
        )
    model.prepare(split.training_data)
    forget_strangers(model, split.training_data)
    if not isinstance(model, Rated):
        model.objective = _labels_of(split)
    batches = make_batches("pair", split.rows, batch_size, num_items=split.num_items, seed=seed, wanted=model.wanted())
    optimizer = make_optimizer(model, learning_rate=learning_rate, weight_decay=weight_decay)
    asked = _asked(split)
    valid: list[dict[str, float]] = []
    best, weights = 0, dict[str, Tensor]()
    for epoch in train(model, batches, optimizer, last=epochs, seed=seed):
        valid.append(asked(model, split.valid, 0.0))
        is_best = best == 0 or _is_better(valid[-1], valid[best - 1])
        if is_best:
            best, weights = epoch.number, {name: one.detach().clone() for name, one in model.state_dict().items()}
        yield LabelEpoch(epoch.number, epoch.loss, valid[-1], is_best)
        if epoch.number - best >= patience:
            break
    model.load_weights(weights)
    return LabelReport(split.name, asked(model.eval(), split.test, 0.0), best, tuple(valid))


def _closed(model: Recommender, split: Labelled) -> LabelReport:
    if not isinstance(model, Fitted) or not split.is_binary:
        raise InputError(
            f"{type(model).__name__} gives scores that are no ratings; take a model that learns by gradients"
        )
    fit_once(model, split.training_data, ALONE)
    scores = pair_scores(model, split.valid, split.met)
    found = _asked(split)(model, split.test, best_threshold(scores, split.valid.labels))
    return LabelReport(split.name, found, 0, ())


def _labels_of(split: Labelled) -> Labels:
    users, items, labels = (torch.from_numpy(one) for one in (split.train.users, split.train.items, split.train.labels))
    return Labels(users, items, labels, logistic if split.is_binary else squared_error)


def _asked(split: Labelled) -> Callable[[Recommender, Pairs, float], dict[str, float]]:
    """What measures a model on pairs; the threshold is that of saying yes."""

    def measured(model: Recommender, pairs: Pairs, threshold: float) -> dict[str, float]:
        scores, labels = pair_scores(model, pairs, split.met), pairs.labels
        if isinstance(model, Rated):
            scores = model.rate(torch.from_numpy(scores)).numpy()
        if not split.is_binary:
            return {"rmse": rmse(scores, labels), "mae": mae(scores, labels)}
        is_odds = isinstance(model, Trained)  # by the logistic loss
        return {
            "auc": auc(scores, labels),
            **({"logloss": logloss(scores, labels)} if is_odds else {}),
            "f1": f1(scores, labels, threshold),
            "accuracy": accuracy(scores, labels, threshold),
        }

    return measured


def _is_better(one: dict[str, float], other: dict[str, float]) -> bool:
    return one["auc"] > other["auc"] if "auc" in one else one["rmse"] < other["rmse"]
