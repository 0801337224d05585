"""Evaluation by an index: each target's rank among the items that are found; one that is not found is last.

So metrics of lists lose exactly what the index loses. The protocol says that it was so, and by which index.

Sizes: R cases, B cases of a block, M most targets of a case, d items found of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from nextitem.data.batches import holdout_batch
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.evaluation.beyond import is_listed
from nextitem.evaluation.evaluate import Report
from nextitem.evaluation.listing import Listing
from nextitem.evaluation.lists import check_listed
from nextitem.evaluation.metrics import AUC, measure, parse
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import DEFAULT_MEMORY, Ranking, fitting_cache, num_masked, spans
from nextitem.processes import ALONE
from nextitem.retrieval.approximate import Index


def evaluate_by(
    index: Index,
    holdout: Holdout,
    metrics: Sequence[str],
    protocol: Protocol,
    memory: int = DEFAULT_MEMORY,
    data: TrainingData | None = None,
) -> Report:
    """What `evaluate` measures, of the lists that the index finds: as long as the longest list of a metric.

    A tie counts as far as those lists go.

    Raises:
        InputError: a protocol or a metric that is of no list of the whole catalogue.
    """
    if protocol.candidates is not None:
        raise InputError("an index searches the whole catalogue; leave ann out of sampled protocols, or take full")
    if AUC in metrics:
        raise InputError(
            f"{AUC} is of the order of all items, and an index finds the best alone; leave one of the two out"
        )
    depth = max(parse(name)[1] for name in metrics)
    listed = [name for name in metrics if is_listed(name)]
    check_listed(listed, protocol.candidates, data)
    num_items = index.model.num_items
    listing = Listing(listed, len(protocol.chosen(holdout)), num_items, data) if listed else None
    ranking = rank_by(index, holdout, protocol, depth, memory, listing)
    recall = index.measured or "recall not measured"
    lists = f"approximate: targets looked for in lists of {depth} items found by {index} ({recall})"
    said = f"{protocol.describe(holdout, index.model.wanted())}, {lists}"
    values = measure(ranking, [name for name in metrics if name not in listed], num_items)
    of_cases, whole = ({}, {}) if listing is None else listing.collected(ALONE)
    return Report(said, ranking, values | of_cases, whole=whole)


def rank_by(
    index: Index,
    holdout: Holdout,
    protocol: Protocol,
    depth: int,
    memory: int = DEFAULT_MEMORY,
    listing: Listing | None = None,
) -> Ranking:
    """Rank the targets of every case among the `depth` best items that are found for it, of which a `listing` is
    told."""
    holdout = protocol.chosen(holdout)
    holdout = replace(holdout, target=holdout.target.distinct())
    model, wanted, masks_seen = index.model, index.model.wanted(), protocol.masks_seen(holdout)
    wanted.refuse_missing(holdout.history, type(model).__name__)
    by_length, num_items = np.argsort(holdout.history.lengths, kind="stable"), index.model.num_items
    ordered = holdout.take(by_length)
    shape = len(holdout), int(holdout.target.lengths.max())
    above, tied = np.full(shape, np.inf), np.ones(shape, dtype=np.int64)
    model.eval()
    with torch.inference_mode(), model.ready():
        for start, stop in spans(ordered, model, memory, fitting_cache(num_items)):
            block, rows = ordered.take(np.arange(start, stop)), by_length[start:stop]
            asked = block if protocol.shown == "history" else replace(block, history=block.trained)
            queries = model.query(holdout_batch(asked, model.max_length, wanted))
            seen = _masked(block, protocol.seen == "mask_unless_target") if masks_seen else None
            items, scores = index.search(queries, depth, seen=seen)
            if listing is not None:
                listing.take(rows, items, block.target)
            targets = block.target.padded(None)  # (B, M')
            width = targets.shape[1]
            above[rows, :width], tied[rows, :width] = _places(items, scores, targets, model.num_items)
    num_ranked = np.full(len(holdout), model.num_items) - (num_masked(holdout) if masks_seen else 0)
    order = np.argsort(above, axis=1, kind="stable")
    above, tied = (np.take_along_axis(counts, order, axis=1) for counts in (above, tied))
    return Ranking(holdout.users, above, tied, holdout.target.lengths, num_ranked, protocol.ties)


def _masked(block: Holdout, spares_targets: bool) -> Sequences:
    """What is left out of the list of each case."""
    if not spares_targets:
        return block.history
    wanted = [set(row) for row in block.target.to_lists()]
    return Sequences.from_lists(
        [[item for item in row if item not in own] for row, own in zip(block.history.to_lists(), wanted, strict=True)]
    )


def _places(
    items: np.ndarray, scores: np.ndarray, targets: np.ndarray, num_items: int
) -> tuple[np.ndarray, np.ndarray]:
    """(B, d) found items and (B, M) targets -> (B, M) found items above each, and equal to it, itself included; of a
    target that is not found all others stand above, and of the padding inf."""
    is_target = (items[:, None, :] == targets[:, :, None]) & (targets[:, :, None] != PAD)  # (B, M, d)
    is_found = is_target.any(2)
    own = np.where(is_found, np.where(is_target, scores[:, None, :], -np.inf).max(2), np.inf)[:, :, None]
    above = (scores[:, None, :] > own).sum(2).astype(np.float64)
    equal = (scores[:, None, :] == own).sum(2)
    above[~is_found], equal[~is_found] = num_items - 1, 1
    above[targets == PAD], equal[targets == PAD] = np.inf, 1
    return above, equal
