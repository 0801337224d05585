"""Ranking: where each target stands among the candidates. Every metric is a function of this.

Sizes: R cases, B cases of a block, M most targets of a case, V = num_items + 1, C candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch, holdout_batch
from nextitem.data.ids import PAD
from nextitem.data.splits.split import Holdout
from nextitem.errors import InputError
from nextitem.evaluation.by_products import count_products, tower_of
from nextitem.evaluation.counting import count_above
from nextitem.evaluation.highest import first_of_highest
from nextitem.evaluation.listing import Listing
from nextitem.evaluation.protocol import Protocol, Ties
from nextitem.evaluation.ties import places
from nextitem.models.base import Recommender
from nextitem.models.negatives import unseen_sampler
from nextitem.nn.kernels.choose import exact_type
from nextitem.processes import ALONE, Processes

Track = Callable[[Iterable[Holdout], int], Iterable[Holdout]]
DEFAULT_MEMORY = 512 * 2**20  # bytes
POSITIONS = 2**14  # of a block's histories: on ml-100k (943 x 200) in one go takes 4.5 times as long
CASES = 1024  # of a block whose scores are not held: a model's own steps are few then, and its states in the cache
CACHE_BYTES = 6 * 2**20  # scores of a block: it stays in the cache from the product to the counts


@dataclass(frozen=True)
class Ranking:
    """Where the targets of each case stand. An item that is a target twice is one target."""

    users: np.ndarray  # (R,) int64
    above: np.ndarray  # (R, M) float64, candidates with a higher score, ascending; inf where a case has fewer targets
    tied: np.ndarray  # (R, M) int64, candidates with the same score, itself included: 1 is no tie
    num_targets: np.ndarray  # (R,) int64
    num_ranked: np.ndarray  # (R,) int64, candidates that a target competes with, itself and the other targets included
    ties: Ties = "expected"

    @cached_property
    def ranks(self) -> np.ndarray:
        """(R, M) float64, 1 is best, ascending, inf where a case has fewer targets; in a tie by the rule `ties`, the
        expected rank where it is `expected`."""
        return places(self.above, self.tied, self.ties)


def rank(
    model: Recommender,
    holdout: Holdout,
    protocol: Protocol,
    memory: int = DEFAULT_MEMORY,
    track: Track | None = None,
    processes: Processes = ALONE,
    listing: Listing | None = None,
) -> Ranking:
    """Score every case in blocks that keep to `memory` bytes and rank its targets.

    Results do not depend on `memory`, nor on the order of cases. `track` wraps the blocks, to show progress. Of several
    `processes` each takes every so many-th block, the very blocks that one would rank, and all get the whole Ranking.
    A `listing` is given the best items of every case, of this process; it wants the whole catalogue ranked.

    Raises:
        InputError: a score is not a number, or a user is left without candidates to draw.
    """
    holdout = protocol.chosen(holdout)
    if int(holdout.target.lengths.max()) > 1 and holdout.target.num_repeats():
        holdout = replace(holdout, target=holdout.target.distinct())
    by_length = np.argsort(holdout.history.lengths, kind="stable")  # blocks of similar length have little padding
    model.wanted().refuse_missing(holdout.history, type(model).__name__)
    cases = _Cases(model, holdout.take(by_length), protocol, protocol.masks_seen(holdout), memory, processes)
    counts = _Counts(by_length, int(holdout.target.lengths.max()))
    was_training = model.training
    model.eval()
    with torch.inference_mode(), model.ready():
        if protocol.candidates is not None:
            _among_drawn(cases, protocol.candidates, counts, track)
        elif listing is None and (tower := tower_of(model)) is not None:
            seen = protocol.seen if cases.masks_seen else None
            for rows, found, num_seen in count_products(tower, cases.ordered, cases.asked(track, CASES), seen):
                counts.take(rows, found, model.num_items - num_seen)
        else:
            _among_all(cases, counts, track, listing)
    model.train(was_training)
    above, tied, num_ranked = (processes.sum(one) for one in (counts.above, counts.tied, counts.num_ranked))
    if np.isnan(above).any():  # only now, so that all processes say so
        raise InputError("the model's scores are not numbers (NaN), so nothing can be ranked; its training diverged")
    order = np.argsort(above, axis=1, kind="stable")
    above, tied = (np.take_along_axis(one, order, axis=1) for one in (above, tied))
    return Ranking(holdout.users, above, tied, holdout.target.lengths, num_ranked, protocol.ties)


@dataclass(frozen=True)
class _Cases:
    """Cases to be ranked, short histories first, and how the model is asked about them."""

    model: Recommender
    ordered: Holdout
    protocol: Protocol
    masks_seen: bool
    memory: int
    processes: Processes

    @property
    def device(self) -> torch.device:
        return next(chain(self.model.parameters(), self.model.buffers())).device

    def asked(self, track: Track | None, most: int) -> Iterator[tuple[np.ndarray, Batch]]:
        """Block by block, `most` cases at once: their places in `ordered`, and what the model is asked."""
        edges = list(spans(self.ordered, self.model, self.memory, most))[self.processes.rank :: self.processes.size]
        blocks = [self.ordered.take(np.arange(start, stop)) for start, stop in edges]
        for span, block in zip(edges, blocks if track is None else track(blocks, len(blocks)), strict=True):
            shown = block if self.protocol.shown == "history" else replace(block, history=block.trained)
            batch = holdout_batch(shown, self.model.max_length, self.model.wanted())
            yield np.arange(*span), batch.to(self.device)

    def scored(self, track: Track | None) -> Iterator[tuple[np.ndarray, Holdout, Tensor, Tensor]]:
        """The places of a block, its cases, the scores of all items (B, V) and the targets (B, M)."""
        for rows, batch in self.asked(track, fitting_cache(self.model.num_items)):
            block = self.ordered.take(rows)
            targets = torch.from_numpy(block.target.padded(None)).to(self.device)
            yield rows, block, self.model.score(batch), targets


class _Counts:
    """What is found of each case, in the order of the holdout; zero what other processes rank."""

    def __init__(self, by_length: np.ndarray, most: int) -> None:
        self.by_length = by_length
        self.above: np.ndarray = np.zeros((len(by_length), most))
        self.tied: np.ndarray = np.zeros((len(by_length), most), dtype=np.int64)
        self.num_ranked: np.ndarray = np.zeros(len(by_length), dtype=np.int64)

    def take(self, rows: np.ndarray, found: tuple[Tensor, Tensor] | None, num_ranked: np.ndarray) -> None:
        """The counts above and equal (B, M) of some cases, NaN where there are none; `rows`: their places by length."""
        there = self.by_length[rows]
        self.above[there], self.tied[there], self.num_ranked[there] = np.inf, 1, num_ranked
        if found is None:
            self.above[there] = np.nan
        else:
            width = found[0].shape[1]
            self.above[there, :width], self.tied[there, :width] = (one.cpu().numpy() for one in found)


def _among_all(cases: _Cases, counts: _Counts, track: Track | None, listing: Listing | None) -> None:
    num_out = num_masked(cases.ordered) if cases.masks_seen else np.zeros(len(cases.ordered), dtype=np.int64)
    spares_targets = cases.protocol.seen == "mask_unless_target"
    for rows, block, scores, targets in cases.scored(track):
        found = _count(scores, block if cases.masks_seen else None, targets, spares_targets)
        counts.take(rows, found, cases.model.num_items - num_out[rows])
        if found is not None and listing is not None:
            listing.take(counts.by_length[rows], _best(scores, listing.depth), block.target)


def _among_drawn(cases: _Cases, count: int, counts: _Counts, track: Track | None) -> None:
    negatives = _draw(cases.model, cases.ordered, count, cases.protocol.seed)
    for rows, _, scores, targets in cases.scored(track):
        counts.take(rows, *_count_among(scores, targets, negatives[rows].to(cases.device)))


def bytes_of_a_row(num_items: int) -> int:
    """What ranking one case holds at once: its scores, a copy for comparisons, and what a model makes on the way."""
    return 3 * 4 * (num_items + 1)


def fitting_cache(num_items: int) -> int:
    """Cases whose scores are few enough for the cache."""
    return max(CACHE_BYTES // (4 * (num_items + 1)), 64)


def spans(ordered: Holdout, model: Recommender, memory: int, most: int) -> Iterator[tuple[int, int]]:
    """Start and stop of blocks of `most` cases, short histories first, that keep to the memory."""
    most = max(1, min(most, memory // bytes_of_a_row(model.num_items)))
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


def num_masked(holdout: Holdout) -> np.ndarray:
    """(R,) distinct items of each history that are no targets of the case."""
    width = int(max(holdout.history.items.max(initial=0), holdout.target.items.max(initial=0))) + 1
    seen = np.unique(holdout.history.flat_rows() * width + holdout.history.flat_items())
    rows = holdout.target.flat_rows()
    targets = rows * width + holdout.target.flat_items()
    at = np.searchsorted(seen, targets)
    is_seen = np.append(seen, -1)[at] == targets
    masked: np.ndarray = np.bincount(seen // width, minlength=len(holdout))
    return masked - np.bincount(rows[is_seen], minlength=len(holdout))


def _count(scores: Tensor, seen: Holdout | None, targets: Tensor, spares_targets: bool) -> tuple[Tensor, Tensor] | None:
    """(B, V) scores and (B, M) targets -> (B, M) items above each, and equal to it, itself included; without the
    histories of `seen`, or those but the targets.

    inf above where the target is PAD; None if a score is NaN.
    """
    scores[:, PAD] = float("-inf")
    spared = scores.gather(1, targets)
    hid_nan = seen is not None and _hide(scores, seen)
    if spares_targets:
        scores.scatter_(1, targets, spared)
    target_scores = scores.gather(1, targets)
    above, equal, has_nan = count_above(scores, target_scores)
    if hid_nan or has_nan:
        return None
    # A target that has left the ranking with the seen items is last: no tie among them may lift it onto a list.
    is_out = target_scores == float("-inf")
    above = above.to(exact_type(above.device)).masked_fill(is_out, scores.shape[1] - 2)
    above = above.masked_fill(targets == PAD, float("inf"))
    return above, equal.masked_fill(is_out, 1)


def _best(scores: Tensor, k: int) -> np.ndarray:
    """(B, V) scores, -inf of what has left the ranking -> (B, k) items; see `beyond.py`."""
    values, items = first_of_highest(scores, k)
    best: np.ndarray = items.masked_fill(values == float("-inf"), PAD).cpu().numpy()
    return best


def _count_among(scores: Tensor, targets: Tensor, drawn: Tensor) -> tuple[tuple[Tensor, Tensor] | None, np.ndarray]:
    """The same among all targets of a case and (B, C) drawn items; and how many candidates these are (B,).

    A drawn item that is a target is in the ranking once, as a target.
    """
    candidates = torch.cat([targets, drawn], 1)  # (B, M + C)
    is_target = (drawn[:, :, None] == targets[:, None, :]).any(2)
    is_pad = targets == PAD
    competes = torch.cat([~is_pad, ~is_target], 1)
    others, target_scores = scores.gather(1, candidates)[:, None, :], scores.gather(1, targets)[:, :, None]
    above = ((others > target_scores) & competes[:, None, :]).sum(2)
    equal = ((others == target_scores) & competes[:, None, :]).sum(2)
    found = above.to(exact_type(above.device)).masked_fill(is_pad, float("inf")), equal.masked_fill(is_pad, 1)
    has_nan = bool(scores[:, PAD + 1 :].amax(1).isnan().any())  # a maximum with a NaN is NaN, and quicker than asking
    return None if has_nan else found, competes.sum(1).cpu().numpy()


def _draw(model: Recommender, holdout: Holdout, count: int, seed: int) -> Tensor:
    """(R, C) items, drawn user by user, so that the order of the cases changes nothing."""
    sampler = unseen_sampler(holdout.trained, model.num_items)
    by_user = torch.from_numpy(np.argsort(holdout.users, kind="stable"))
    drawn = sampler.draw(by_user + 1, count, torch.Generator().manual_seed(seed))
    return drawn[by_user.argsort()]
