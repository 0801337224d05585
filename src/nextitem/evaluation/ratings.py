"""Predicted ratings: how far they are from those that were given, beside means of users and items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import torch

from nextitem.data.batches import holdout_batch
from nextitem.data.sequences import Sequences
from nextitem.data.splits.labelled import Pairs
from nextitem.data.splits.split import Holdout
from nextitem.evaluation.labelled import USERS, mae, pair_scores, rmse
from nextitem.evaluation.ranking import DEFAULT_MEMORY
from nextitem.models.base import Recommender
from nextitem.models.rated import Rated
from nextitem.models.rating_readers import RatingReader

ITEM_DAMPING, USER_DAMPING = 25.0, 10.0  # Koren, "Factor in the Neighbors", TKDD 2010, equations 2 and 3


@dataclass(frozen=True)
class RatingErrors:
    """Of a model and of means, on the same ratings."""

    ratings: int
    rmse: float
    mae: float
    means_rmse: float  # of the mean of all, moved by what the item and the user are above it
    means_mae: float


def predicts_ratings(model: Recommender) -> TypeGuard[Rated | RatingReader]:
    """Whether there are ratings to ask the model for, beside its ranking."""
    return isinstance(model, Rated) or (isinstance(model, RatingReader) and model.rating_head is not None)


def rating_errors(
    model: Rated | RatingReader, holdout: Holdout, train: Sequences, memory: int = DEFAULT_MEMORY
) -> RatingErrors | None:
    """The errors of predicted ratings on the targets of a holdout; None where these have no ratings.

    A sequence model predicts them from the history of each case, others from whom and what they trained on.
    """
    target = holdout.target
    if target.ratings is None or train.ratings is None:
        return None
    users = holdout.users[target.flat_rows()]
    pairs = Pairs(users, target.flat_items().astype(np.int64), target.ratings[target.flat_positions()])
    if isinstance(model, Rated):
        scores = torch.from_numpy(pair_scores(model, pairs, train, memory))
        with torch.no_grad():
            found = model.rate(scores).double().numpy()
    else:
        found = _after_histories(model, holdout)
    means = predicted_by_means(pairs, train, model.num_items)
    given = pairs.labels
    return RatingErrors(len(pairs), rmse(found, given), mae(found, given), rmse(means, given), mae(means, given))


def _after_histories(model: RatingReader, holdout: Holdout) -> np.ndarray:
    """(N,) of the targets of all cases, one after the other."""
    device, wanted, was_training = next(model.parameters()).device, model.wanted(), model.training
    found: list[np.ndarray] = []
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(holdout), USERS):
            cases = holdout.take(np.arange(start, min(start + USERS, len(holdout))))
            states = model.query(holdout_batch(cases, model.max_length, wanted).to(device))
            rows, items = cases.target.flat_rows(), cases.target.flat_items().astype(np.int64)
            places = torch.from_numpy(rows).to(device)
            ratings = model.rate(states[places], torch.from_numpy(items).to(device))
            found.append(ratings.double().cpu().numpy())
    model.train(was_training)
    return np.concatenate(found)


def predicted_by_means(pairs: Pairs, train: Sequences, num_items: int) -> np.ndarray:
    """(N,) the mean rating, plus what the item is above it, plus what the user is above both; damped by Koren's counts.

    Whoever has no rating is not above.
    """
    assert train.ratings is not None
    users, items = train.flat_rows() + 1, train.flat_items()
    given = train.ratings[train.flat_positions()].astype(np.float64)
    mean = given.mean()

    def above(ends: np.ndarray, left: np.ndarray, count: int, damping: float) -> np.ndarray:
        sums, counts = np.bincount(ends, left, count + 1), np.bincount(ends, minlength=count + 1)
        moved: np.ndarray = sums / (counts + damping)
        return moved

    of_items = above(items, given - mean, num_items, ITEM_DAMPING)
    of_users = above(users, given - mean - of_items[items], len(train), USER_DAMPING)
    predicted: np.ndarray = mean + of_items[pairs.items] + of_users[pairs.users]
    return predicted
