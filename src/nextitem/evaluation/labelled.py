"""What scores are worth against labels: AUC, logloss, F1 and accuracy of yes and no; errors of ratings.

Sizes: N pairs, V = num_items + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from nextitem.data.batches import Batch, history_batch
from nextitem.data.sequences import Sequences
from nextitem.data.splits.labelled import Pairs
from nextitem.errors import InputError
from nextitem.evaluation.ranking import DEFAULT_MEMORY, bytes_of_a_row
from nextitem.models.base import Recommender
from nextitem.models.products import with_products
from nextitem.models.towers import ItemTower, TowerFree

PAIRS = 2**14  # scored at once, one by one: their layers stay in a few MB
USERS = 2**10  # whose queries are made at once


def pair_scores(model: Recommender, pairs: Pairs, met: Sequences, memory: int = DEFAULT_MEMORY) -> np.ndarray:
    """(N,) the scores of labelled pairs, by a model that scores every item for a user at once, or any pair by itself.

    `met` holds the history of every user; row r is that of user r + 1. `memory` are bytes that scores may take.

    Raises:
        InputError: a score is not a number.
    """
    was_training = model.training
    model.eval()
    with torch.inference_mode(), model.ready():
        if isinstance(model, TowerFree) and type(model).matching is TowerFree.matching:
            found = _one_by_one(model, pairs)
        elif tower := with_products(model):
            found = _by_vectors(tower, pairs, met)
        else:
            found = _among_all(model, pairs, met, memory)
    model.train(was_training)
    if np.isnan(found).any():
        raise InputError("the model's scores are not numbers (NaN); its training diverged")
    return found


def _one_by_one(model: TowerFree, pairs: Pairs) -> np.ndarray:
    device = next(model.parameters()).device
    users, items = (torch.from_numpy(ends).to(device) for ends in (pairs.users, pairs.items))
    blocks = zip(torch.split(users, PAIRS), torch.split(items, PAIRS), strict=True)
    scores = [model.interact(some, asked[:, None])[:, 0] for some, asked in blocks]
    found: np.ndarray = torch.cat(scores).double().cpu().numpy()
    return found


def _by_vectors(model: ItemTower, pairs: Pairs, met: Sequences) -> np.ndarray:
    found: np.ndarray = np.empty(len(pairs), dtype=np.float64)
    vectors = model.mapped_vectors()
    for batch, places, rows, items in _by_user(model, pairs, met, USERS):
        queries = model.scorer.map_queries(model.query(batch))
        found[places] = (queries[rows] * vectors[items]).sum(1).cpu().numpy()
    return found


def _among_all(model: Recommender, pairs: Pairs, met: Sequences, memory: int) -> np.ndarray:
    found: np.ndarray = np.empty(len(pairs), dtype=np.float64)
    for batch, places, rows, items in _by_user(model, pairs, met, max(1, memory // bytes_of_a_row(model.num_items))):
        found[places] = model.score(batch)[rows, items].cpu().numpy()
    return found


def _by_user(
    model: Recommender, pairs: Pairs, met: Sequences, size: int
) -> Iterator[tuple[Batch, np.ndarray, Tensor, Tensor]]:
    """Histories of `size` users at a time, the places of their pairs, and the row and the item of each pair."""
    users, rows = np.unique(pairs.users, return_inverse=True)
    order, wanted = np.argsort(rows, kind="stable"), model.wanted()
    edges = np.searchsorted(rows[order], np.arange(0, len(users) + size, size))
    for number, (start, stop) in enumerate(pairwise(edges)):
        some, places = users[number * size : (number + 1) * size], order[start:stop]
        batch = history_batch(met.take(some - 1), model.max_length, some, wanted)
        yield batch, places, torch.from_numpy(rows[places] - number * size), torch.from_numpy(pairs.items[places])


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """How probably a pair of label 1 has a higher score than one of label 0; a tie counts a half.

    The statistic of Mann and Whitney over all pairs, whoever they are of.

    >>> auc(np.array([3.0, 2.0, 2.0, 1.0]), np.array([1, 1, 0, 0]))
    0.875
    """
    is_one = labels > 0
    ones, zeros = int(is_one.sum()), int((~is_one).sum())
    return float((stats.rankdata(scores)[is_one].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def logloss(scores: np.ndarray, labels: np.ndarray) -> float:
    """-label log p - (1 - label) log(1 - p), in nats a pair, where a score is the log-odds of p = sigmoid(score).

    >>> logloss(np.array([0.0, 0.0]), np.array([1, 0]))  # ln 2, of who says a half
    0.6931471805599453
    """
    scores = scores.astype(np.float64)
    return float((np.logaddexp(0, scores) - labels * scores).mean())


def f1(scores: np.ndarray, labels: np.ndarray, threshold: float = 0.0) -> float:
    """The harmonic mean of precision and recall of saying yes from `threshold` on: 2 hits / (said + those that are).

    The threshold 0 of a score that is a log-odds is a probability of a half.
    """
    said, is_one = scores >= threshold, labels > 0
    return float(2 * (said & is_one).sum() / max(1, said.sum() + is_one.sum()))


def accuracy(scores: np.ndarray, labels: np.ndarray, threshold: float = 0.0) -> float:
    """The share of pairs of which yes from `threshold` on, and no below, is right."""
    return float(((scores >= threshold) == (labels > 0)).mean())


def best_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """The threshold with the highest F1, to be found on validation pairs and used on others."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order] > 0)
    values = 2 * hits / (np.arange(1, len(scores) + 1) + hits[-1])
    is_last = np.append(np.diff(scores[order]) != 0, True)  # pairs of one score are said yes of together
    return float(scores[order][is_last][np.argmax(values[is_last])])


def rmse(scores: np.ndarray, labels: np.ndarray) -> float:
    """The root of the mean squared error of predicted ratings."""
    return float(np.sqrt(np.square(scores - labels).mean()))


def mae(scores: np.ndarray, labels: np.ndarray) -> float:
    """The mean absolute error of predicted ratings."""
    return float(np.abs(scores - labels).mean())
