"""Ranking: where each target stands among the candidates. Every metric is a function of this.

Sizes: R cases, B cases of a block, M most targets of a case, V = num_items + 1, C candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import holdout_batch
from nextitem.data.ids import PAD
from nextitem.data.split import Holdout
from nextitem.errors import InputError
from nextitem.evaluation.counting import count_above
from nextitem.evaluation.protocol import Protocol, Ties
from nextitem.models.base import Recommender
from nextitem.models.negatives import unseen_sampler
from nextitem.processes import ALONE, Processes

Track = Callable[[Iterable[Holdout], int], Iterable[Holdout]]
DEFAULT_MEMORY = 512 * 2**20  # bytes
POSITIONS = 2**14  # of a block's histories: on ml-100k (943 x 200) in one go takes 4.5 times as long
CACHE_BYTES = 6 * 2**20  # scores of a block: it stays in the cache from the product to the counts


@dataclass(frozen=True)
class Ranking:
    users: np.ndarray  # (R,) int64
    ranks: np.ndarray  # (R, M) float64, 1 is best, ascending; inf where a case has fewer than M targets
    num_targets: np.ndarray  # (R,) int64
    num_ranked: np.ndarray  # (R,) int64, candidates that a target competes with, itself and the other targets included


def rank(
    model: Recommender,
    holdout: Holdout,
    protocol: Protocol,
    memory: int = DEFAULT_MEMORY,
    track: Track | None = None,
    processes: Processes = ALONE,
) -> Ranking:
    """Score every case in blocks that keep to `memory` bytes and rank its targets.

    Results do not depend on `memory`, nor on the order of cases. `track` wraps the blocks, to show progress. Of several
    `processes` each takes every so many-th block, the very blocks that one would rank, and all get the whole Ranking.

    Raises:
        InputError: a score is not a number, or a user is left without candidates to draw.
    """
    if protocol.users is not None and protocol.users < len(holdout):
        chosen = np.random.default_rng(protocol.seed).choice(len(holdout), protocol.users, replace=False)
        holdout = holdout.take(np.sort(np.argsort(holdout.users, kind="stable")[chosen]))
    by_length = np.argsort(holdout.history.lengths, kind="stable")  # blocks of similar length have little padding
    ordered = holdout.take(by_length)
    negatives = None if protocol.candidates is None else _draw(model, ordered, protocol.candidates, protocol.seed)
    most = int(holdout.target.lengths.max())
    ranks = np.zeros((len(holdout), most))  # a process leaves zero what others rank
    num_ranked = np.zeros(len(holdout), dtype=np.int64)
    masks_seen, wanted = protocol.masks_seen(holdout), model.wanted()
    wanted.refuse_missing(holdout.history, type(model).__name__)
    spans = list(_spans(ordered, model, memory))[processes.rank :: processes.size]
    blocks = [ordered.take(np.arange(start, stop)) for start, stop in spans]
    device = next(chain(model.parameters(), model.buffers())).device
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for span, block in zip(spans, blocks if track is None else track(blocks, len(blocks)), strict=True):
            places = by_length[slice(*span)]
            scores = model.score(holdout_batch(block, model.max_length, wanted).to(device))
            targets = torch.from_numpy(block.target.padded(None)).to(device)  # (B, M')
            if negatives is not None:
                drawn = negatives[slice(*span)].to(device)
                found, num_ranked[places] = _ranks_among(scores, targets, drawn, protocol.ties)
            else:
                found = _ranks(scores, block if masks_seen else None, targets, protocol.ties)
            ranks[places] = np.inf
            ranks[places, : targets.shape[1]] = np.nan if found is None else found.cpu().numpy()
    model.train(was_training)
    ranks, num_ranked = processes.sum(ranks), processes.sum(num_ranked)
    if negatives is None:
        num_ranked += model.num_items - (holdout.history.distinct().lengths if masks_seen else 0)
    if np.isnan(ranks).any():  # only now, so that all processes say so
        raise InputError("the model's scores are not numbers (NaN), so nothing can be ranked; its training diverged")
    return Ranking(holdout.users, np.sort(ranks, axis=1), holdout.target.lengths, num_ranked)


def bytes_of_a_row(num_items: int) -> int:
    """What ranking one case holds at once: its scores, a copy for comparisons, and what a model makes on the way."""
    return 3 * 4 * (num_items + 1)


def _spans(ordered: Holdout, model: Recommender, memory: int) -> Iterator[tuple[int, int]]:
    """Start and stop of blocks, short histories first, that keep to the memory and are small enough for the cache."""
    row = 4 * (model.num_items + 1)
    most = max(1, min(max(CACHE_BYTES // row, 64), memory // bytes_of_a_row(model.num_items)))
    lengths = np.maximum(ordered.history.newest(model.max_length or ordered.history.num_interactions).lengths, 1)
    start = 0
    while start < len(ordered):
        longest = int(lengths[min(start + most, len(ordered)) - 1])
        stop = min(start + _even(max(1, min(most, POSITIONS // longest))), len(ordered))
        yield start, stop
        start = stop


def _even(cases: int) -> int:
    """Whole vectors of 16: a product that leaves 12 cases over takes as long as with 16, torch's even twice as long."""
    return cases if cases < 16 else cases - cases % 16


def _hide(scores: Tensor, block: Holdout) -> bool:
    """Put -inf at the items of the histories; whether a NaN was there."""
    rows, items = block.history.flat_rows(), block.history.flat_items().astype(np.int64)
    places = torch.from_numpy(rows).to(scores.device), torch.from_numpy(items).to(scores.device)
    had_nan = bool(scores[places].isnan().any())
    scores[places] = float("-inf")
    return had_nan


def _ranks(scores: Tensor, seen: Holdout | None, targets: Tensor, ties: Ties) -> Tensor | None:
    """(B, V) scores and (B, M) targets -> (B, M) ranks among all items, without the histories of `seen`.

    inf where the target is PAD; None if a score is NaN.
    """
    scores[:, PAD] = float("-inf")
    hid_nan = seen is not None and _hide(scores, seen)
    target_scores = scores.gather(1, targets)
    better, equal, has_nan = count_above(scores, target_scores)
    if hid_nan or has_nan:
        return None
    ranks = _break_ties(better, equal, ties)
    # A target that has left the ranking with the seen items is last: no tie among them may lift it onto a list.
    ranks = ranks.masked_fill(target_scores == float("-inf"), scores.shape[1] - 1)
    return ranks.masked_fill(targets == PAD, float("inf"))


def _ranks_among(scores: Tensor, targets: Tensor, drawn: Tensor, ties: Ties) -> tuple[Tensor | None, np.ndarray]:
    """The rank of each of (B, M) targets among all targets of the case and (B, C) drawn items; how many these are (B,).

    A drawn item that is a target is in the ranking once, as a target. No ranks if a score is NaN.
    """
    candidates = torch.cat([targets, drawn], 1)  # (B, M + C)
    is_target = (drawn[:, :, None] == targets[:, None, :]).any(2)
    competes = torch.cat([targets != PAD, ~is_target], 1)
    others, target_scores = scores.gather(1, candidates)[:, None, :], scores.gather(1, targets)[:, :, None]
    better = ((others > target_scores) & competes[:, None, :]).sum(2)
    equal = ((others == target_scores) & competes[:, None, :]).sum(2)
    ranks = _break_ties(better, equal, ties).masked_fill(targets == PAD, float("inf"))
    has_nan = bool(scores[:, PAD + 1 :].amax(1).isnan().any())  # a maximum with a NaN is NaN, and quicker than asking
    return None if has_nan else ranks, competes.sum(1).cpu().numpy()


def _break_ties(better: Tensor, equal: Tensor, ties: Ties) -> Tensor:
    """`equal` counts the target itself: its rank lies between better + 1 and better + equal."""
    share = {"optimistic": 0.0, "expected": 0.5, "pessimistic": 1.0}[ties]
    return better + 1 + share * (equal - 1).double()


def _draw(model: Recommender, holdout: Holdout, count: int, seed: int) -> Tensor:
    """(R, C) items, drawn user by user, so that the order of the cases changes nothing."""
    sampler = unseen_sampler(holdout.trained, model.num_items)
    by_user = torch.from_numpy(np.argsort(holdout.users, kind="stable"))
    drawn = sampler.draw(by_user + 1, count, torch.Generator().manual_seed(seed))
    return drawn[by_user.argsort()]
