"""Ripple sets: what spreads from the items that a user met, hop by hop over the triples of a knowledge graph.

Sizes: U = num_users + 1, H hops, M triples that are kept of a hop, S seeds, C seeds of all users.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.sampling import drawn_places


def ripple_sets(met: Edges, known: Edges, num_hops: int, num_kept: int, generator: torch.Generator) -> Tensor:
    """(U, H, M, 4) int32: head, relation from 1, tail, and the item that the user met from which the triple is reached.

    Hop 1 are M of the triples that leave the items met, each hop after it M of those that leave the tails before,
    repeats counted: different ones where there are enough, else with replacement. A hop that nothing leaves to is the
    one before again; a user without any triple has zeros.

    Args:
        met: which items users met; heads are users 0..U-1.
        known: the triples, relations from 0.
    """
    seeds, origins, offsets = met.tails.long(), met.tails.long(), met.offsets.long()  # (C,), (C,), (U + 1,)
    hop = torch.zeros(met.num_nodes, num_kept, 4, dtype=torch.int64)
    hops = []
    for _ in range(num_hops):
        drawn = _hop(known, seeds, origins, offsets, num_kept, generator)
        hop = torch.where(drawn[:, :, :1] == 0, hop, drawn)
        hops.append(hop)
        seeds, origins = hop[:, :, 2].flatten(), hop[:, :, 3].flatten()
        offsets = torch.arange(met.num_nodes + 1) * num_kept
    return torch.stack(hops, 1).int()


def _hop(
    known: Edges, seeds: Tensor, origins: Tensor, offsets: Tensor, num_kept: int, generator: torch.Generator
) -> Tensor:
    """(U, M, 4): triples that leave the seeds of each user, zeros where none does.

    The seeds of user u are seeds[offsets[u] : offsets[u + 1]]. A triple is drawn by its number among all that leave
    them, from which its seed is found: they are not laid out.
    """
    assert known.relations is not None
    counts = known.offsets.diff().long()[seeds]  # (C,)
    ends = F.pad(counts.cumsum(0), (1, 0))  # (C + 1,): how many leave the seeds before
    firsts = ends[offsets]  # (U + 1,)
    numbers = firsts[:-1, None] + drawn_places(firsts.diff(), num_kept, generator)  # (U, M)
    is_there = (firsts.diff() > 0)[:, None].expand_as(numbers)
    drawn = torch.zeros(*numbers.shape, 4, dtype=torch.int64)
    numbers = numbers[is_there]
    places = torch.searchsorted(ends, numbers, right=True) - 1
    edges = known.offsets.long()[seeds[places]] + numbers - ends[places]
    columns = known.heads[edges], known.relations[edges] + 1, known.tails[edges], origins[places]
    drawn[is_there] = torch.stack([column.long() for column in columns], 1)
    return drawn
