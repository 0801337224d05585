"""Weighing: what each member of a blend counts, chosen by the validation cases alone.

A coordinate search without chance: from the best member on, what one of them counts is changed as long as the metric
grows. It goes by each member's best items of each case, among which the blend's best ones are; what is found is
evaluated in full before it is believed.

Sizes: R cases, M members, T most targets of a case, C candidates of a case, F forms (the members' scores, and the
logarithms of those that count).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import holdout_batch
from nextitem.data.ids import PAD
from nextitem.data.splits.split import Holdout
from nextitem.evaluation.metrics import measure
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import Ranking, Track
from nextitem.models.blend import Blend, of_form, standardised, unseen_items

BEST = 100  # items of a member that are looked at
KEPT_BYTES = 256 * 2**20  # of the candidates of all cases
COMPARED = 2**24  # pairs of a target and a candidate at once
# What a member may count beside one that counts 1. Counts of few items stand a hundred deviations above their mean.
GRID = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
FINER = (0.6, 0.75, 0.9, 1.1, 1.3, 1.7)
MOST_SWEEPS = 6


@dataclass(frozen=True)
class Candidates:
    """The items of each case that may be among its best, first its targets."""

    scores: np.ndarray  # (F, R, C) float32, standardised; -inf: no candidate
    member_of: tuple[int, ...]  # (F,) of which member a form is
    is_log: tuple[bool, ...]  # (F,)
    num_targets: np.ndarray  # (R,)
    num_ranked: int

    def measure(self, counts: np.ndarray, metric: str) -> float:
        """The mean of a metric where the forms count so much (F,)."""
        most = int(self.num_targets.max())
        above, equal = np.zeros((len(self.num_targets), most)), np.ones((len(self.num_targets), most), dtype=np.int64)
        for start in range(0, len(above), size := max(1, COMPARED // (most * self.scores.shape[2]))):
            rows = slice(start, start + size)
            total = np.zeros(self.scores[0, rows].shape, dtype=np.float32)
            for one in np.flatnonzero(counts):
                total += np.float32(counts[one]) * self.scores[one, rows]
            targets = total[:, :most, None]
            above[rows] = (total[:, None, :] > targets).sum(2)
            equal[rows] = np.maximum((total[:, None, :] == targets).sum(2), 1)
        is_none = np.arange(most) >= self.num_targets[:, None]
        above[is_none], equal[is_none] = np.inf, 1
        order = np.argsort(above, axis=1, kind="stable")
        places = np.take_along_axis(above, order, 1), np.take_along_axis(equal, order, 1)
        ranked = np.full(len(above), self.num_ranked)
        ranking = Ranking(np.arange(len(above)), *places, self.num_targets, ranked)
        return float(measure(ranking, [metric], self.num_ranked)[metric].mean())


def weigh(
    blend: Blend, holdout: Holdout, protocol: Protocol, metric: str, track: Track | None = None
) -> tuple[Tensor, Tensor]:
    """What each member counts (M,), which adds up to 1, and of which the logarithm is taken (M,) bool."""
    found = gather(blend, holdout, protocol, track)
    counts = searched(found, metric)
    weights, logs = torch.zeros(len(blend.members)), torch.zeros(len(blend.members), dtype=torch.bool)
    for one in np.flatnonzero(counts):
        weights[found.member_of[one]], logs[found.member_of[one]] = float(counts[one]), found.is_log[one]
    return weights / weights.sum(), logs


def gather(blend: Blend, holdout: Holdout, protocol: Protocol, track: Track | None = None) -> Candidates:
    """The candidates of the validation cases; of more than fit into the memory as many as do, drawn by the seed."""
    holdout = replace(holdout, target=holdout.target.distinct())
    num_members, most = len(blend.members), int(holdout.target.lengths.max())
    width = most + num_members * min(BEST, blend.num_items)
    fitting = max(1, KEPT_BYTES // (width * 2 * num_members * 4))
    holdout = replace(protocol, users=min(fitting, protocol.users or fitting)).chosen(holdout)
    holdout = holdout.take(np.argsort(holdout.history.lengths, kind="stable"))
    size = max(1, min(256, 2**24 // (blend.num_items + 1)))
    blocks = [holdout.take(np.arange(at, min(at + size, len(holdout)))) for at in range(0, len(holdout), size)]
    found, counting = [], torch.ones(num_members, dtype=torch.bool)
    with torch.inference_mode(), blend.eval().ready():
        for block in _tracked(blocks, track):
            scores, is_counting = _block(blend, block, protocol, most)
            counting &= is_counting
            found.append(scores)
    forms = [(number, False) for number in range(num_members)]
    forms += [(number, True) for number in range(num_members) if counting[number]]
    chosen = [number + num_members * is_log for number, is_log in forms]
    return Candidates(
        np.concatenate([one[chosen] for one in found], 1),
        tuple(number for number, _ in forms),
        tuple(is_log for _, is_log in forms),
        holdout.target.lengths,
        protocol.num_ranked(blend.num_items),
    )


def _tracked(blocks: Sequence[Holdout], track: Track | None) -> Iterable[Holdout]:
    return blocks if track is None else track(blocks, len(blocks))


def _block(blend: Blend, block: Holdout, protocol: Protocol, most: int) -> tuple[np.ndarray, Tensor]:
    """(2 M, B, C) standardised scores of a block, and those of logarithms; and which members have none below 0 (M,)."""
    asked = block if protocol.shown == "history" else replace(block, history=block.trained)
    batch = holdout_batch(asked, blend.max_length, blend.wanted())
    unseen = unseen_items(batch.inputs, blend.num_items)
    targets = torch.from_numpy(block.target.padded(None))
    targets = torch.nn.functional.pad(targets, (0, most - targets.shape[1]))
    own = [blend.scores_of(number, batch) for number in range(len(blend.members))]
    is_counting = torch.tensor([not bool((scores[:, 1:] < 0).any()) for scores in own])
    forms = torch.stack(
        [standardised(of_form(one, log), unseen) for log in (False, True) for one in own]
    )  # (2 M, B, V)
    shown = unseen if protocol.masks_seen(block) else torch.ones_like(unseen)
    shown[:, PAD] = False
    if protocol.seen == "mask_unless_target":
        shown = shown.scatter(1, targets, True)
        shown[:, PAD] = False
    forms.masked_fill_(~shown, -torch.inf)
    best = forms[: len(own)].topk(min(BEST, blend.num_items), 2).indices  # (M, B, BEST)
    items = torch.cat([targets, best.transpose(0, 1).flatten(1)], 1)  # (B, C)
    kept = forms.gather(2, items.expand(len(forms), -1, -1))
    return kept.masked_fill(_is_repeated(items), -torch.inf).numpy(), is_counting


def _is_repeated(items: Tensor) -> Tensor:
    """(B, C) bool: the item stands further left already, or is none.

    >>> _is_repeated(torch.tensor([[2, 0, 3, 2]])).tolist()
    [[False, True, False, True]]
    """
    order = items.argsort(stable=True, dim=1)
    ordered = items.gather(1, order)
    is_repeated = torch.zeros_like(items, dtype=torch.bool)
    is_repeated[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return torch.zeros_like(is_repeated).scatter(1, order, is_repeated) | (items == PAD)


def searched(found: Candidates, metric: str) -> np.ndarray:
    """(F,) what each form counts; of a member one form at the most."""
    forms = range(len(found.member_of))
    alone = [found.measure(np.eye(len(forms))[one], metric) for one in forms]
    counts, best = np.eye(len(forms))[int(np.argmax(alone))], max(alone)
    for steps in (GRID, FINER):
        for _ in range(MOST_SWEEPS):
            before = best
            for one in forms:
                for tried in _tries(counts, one, steps, found.member_of):
                    value = found.measure(tried, metric)
                    if value > best:
                        counts, best = tried, value
            if best == before:
                break
    return counts


def _tries(counts: np.ndarray, form: int, steps: Sequence[float], member_of: Sequence[int]) -> Iterable[np.ndarray]:
    """The counts with that of a form changed: to each of the grid, in its place of the member's other form, or by each
    finer factor."""
    is_own = np.array(member_of) == member_of[form]
    others = np.where(is_own, 0.0, counts)
    if not others.any():
        return  # alone it may count what it likes
    scale = others.max()
    values = [scale * one for one in GRID] if steps is GRID else [counts[form] * one for one in steps if counts[form]]
    for value in values:
        tried = others.copy()
        tried[form] = value
        yield tried
