"""Link prediction: where the true tail and the true head of a triple stand among all entities.

Filtered, as in Bordes et al. 2013: entities that make another known triple true leave the ranking. Entities of one
score get what their places give on average (RotatE's and other codes sort them, so that a scorer that says nothing may
look perfect, or hopeless).

Sizes: N triples, B of a block, E entities, columns 0..E of scores (column 0 is the padding's, -inf), C candidates.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.evaluation.counting import count_above
from nextitem.evaluation.metrics import measured
from nextitem.evaluation.ranking import Ranking

BLOCK = 64  # triples whose scores are held at once


class LinkScorer(Protocol):
    """What scores all entities as the tail, or as the head; nn/triples has scorers that do."""

    def against_tails(self, heads: Tensor, relations: Tensor) -> Tensor:
        """(B,), (B,) -> (B, E + 1)."""

    def against_heads(self, relations: Tensor, tails: Tensor) -> Tensor:
        """(B,), (B,) -> (B, E + 1)."""


class KnownEnds:
    """The ends that are known for a question: the tails of a head and a relation, or heads of a tail and a relation."""

    def __init__(self, others: np.ndarray, relations: np.ndarray, ends: np.ndarray) -> None:
        """All (M,) int64: `others` are the ends that a question names."""
        self.width = int(relations.max()) + 1
        keys = others * self.width + relations
        order = np.argsort(keys, kind="stable")
        self.keys, self.ends = keys[order], ends[order]

    def of(self, others: np.ndarray, relations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(B,), (B,) -> the number of a question and a known end of it, for all of them, side by side."""
        keys = others * self.width + relations
        starts, stops = (np.searchsorted(self.keys, keys, side=side) for side in ("left", "right"))
        counts = stops - starts
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(np.arange(len(keys)), counts), self.ends[np.repeat(starts, counts) + within]


def rank_links(scorer: LinkScorer, triples: np.ndarray, known: np.ndarray) -> Ranking:
    """(N, 3) triples and all that are known to be true -> the ranking of 2N cases: the N tails, then the N heads.

    A triple's own end stays in its ranking, whether it is known or not.

    Raises:
        InputError: a score is not a number.
    """
    count = len(triples)
    heads, relations, tails = known.T
    known_tails, known_heads = KnownEnds(heads, relations, tails), KnownEnds(tails, relations, heads)
    above, tied, num_ranked = (np.zeros(2 * count, dtype=np.int64) for _ in range(3))
    by_relation = np.argsort(triples[:, 1], kind="stable")  # a block has few, whose places are made once
    with torch.inference_mode():
        for start in range(0, count, BLOCK):
            rows = by_relation[start : start + BLOCK]
            head, relation, tail = (torch.from_numpy(column) for column in triples[rows].T.copy())
            for first, scores, ends, filtered in (
                (0, scorer.against_tails(head, relation), tail, known_tails.of(*triples[rows, :2].T)),
                (count, scorer.against_heads(relation, tail), head, known_heads.of(*triples[rows, :0:-1].T)),
            ):
                places = first + rows
                above[places], tied[places], num_ranked[places] = _count(scores, ends, filtered)
    ones = np.ones(2 * count, dtype=np.int64)
    return Ranking(np.arange(2 * count), above[:, None].astype(np.float64), tied[:, None], ones, num_ranked)


def _count(scores: Tensor, ends: Tensor, filtered: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, ...]:
    """(B, E + 1) scores, (B,) true ends -> (B,) each: entities above, equal (itself included), ranked."""
    targets = ends[:, None]
    own = scores.gather(1, targets)
    if scores[:, 1:].isnan().any():
        raise InputError("the scorer's scores are not numbers (NaN), so nothing can be ranked; its training diverged")
    rows, columns = (torch.from_numpy(one) for one in filtered)
    scores[rows, columns] = float("-inf")
    scores.scatter_(1, targets, own)
    above, equal, _ = count_above(scores, own)
    num_ranked = (scores > float("-inf")).sum(1)
    return above[:, 0].numpy(), equal[:, 0].numpy(), num_ranked.numpy()


def measure_links(ranking: Ranking, num_entities: int) -> dict[str, float]:
    """The means over both ends: mrr, hits@1, hits@3, hits@10, mean_rank (1 is best), each expected over all ties."""
    found = {"mrr": measured(ranking, f"mrr@{num_entities}")}
    found |= {f"hits@{k}": measured(ranking, f"hr@{k}") for k in (1, 3, 10)}
    return {name: float(values.mean()) for name, values in found.items()} | {"mean_rank": float(ranking.ranks.mean())}


def auc_pr(scorer: LinkScorer, triples: np.ndarray, candidates: np.ndarray) -> float:
    """The area under precision and recall of (N, 3) triples whose tails are among C candidates, such as the regions.

    Each of N * C pairs is true or not; where scores are equal all of them are taken at once. The sum over scores, from
    the best, of precision times the recall that is gained: Nickel et al. 2016 and RotatE's code judge Countries so.

    Raises:
        InputError: a tail that is none of the candidates.
    """
    is_true = triples[:, 2:] == candidates
    if not is_true.any(1).all():
        raise InputError(f"{int((~is_true.any(1)).sum()):,} triples have a tail that is none of the candidates")
    with torch.inference_mode():
        heads, relations = (torch.from_numpy(column) for column in triples[:, :2].T.copy())
        scores = scorer.against_tails(heads, relations)[:, torch.from_numpy(candidates)].numpy().ravel()
    values, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, weights=is_true.ravel().astype(np.float64), minlength=len(values))
    precision = np.cumsum(hits) / np.cumsum(np.bincount(place, minlength=len(values)))
    return float((precision * hits).sum() / hits.sum())
