"""Cluster negatives: a cluster by the score of its centre, then an item of it by its weight, the history left out.

Lian et al., "Personalized Ranking with Importance Sampling", WWW 2020 (PRIS).
Sizes: N rows, K clusters, k draws, n = num_items, V = n + 1, D dim.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.samplers.base import Positives, Proposal, Sampler, pick, point_below, queries_of
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.k_means import k_means
from nextitem.nn.samplers.line import Line


class ClusterSampler(Sampler):
    """Q(i | u) in proportion to w_i e^(u . c_k(i)) over the items that u has not met; c_k is the centre of cluster k.

    P(k | u) is in proportion to e^(u . c_k) (W_k - W_k^seen), where W sums w over a cluster, or over what u met of it.
    All w equal: PRIS's uniform form; w the popularity: its popularity form.
    """

    needs_vectors = True
    weights: Tensor  # (V,) int64

    def __init__(self, weights: Tensor, history: History, clusters: int) -> None:
        """Raises InputError where a user has met every item."""
        super().__init__()
        history.refuse_full(len(weights) - 1)
        self.history, self.num_clusters = history, clusters
        self.register_buffer("weights", weights, persistent=False)
        self.codebook: Codebook | None = None

    def refresh(self, vectors: Tensor) -> None:
        centres, codes = k_means(vectors[1:].detach().double(), self.num_clusters)
        self.codebook = Codebook(centres, codes, Line(self.weights, self.history, codes.argsort(stable=True) + 1))

    def proposal(self, rows: Positives) -> Proposal:
        if self.codebook is None:
            raise InputError("a cluster sampler draws by item vectors: call refresh(vectors) before the first draw")
        return self.codebook.proposal(rows)


@dataclass(frozen=True)
class Codebook:
    centres: Tensor  # (K, D)
    codes: Tensor  # (n,) the cluster of each item
    line: Line  # with the items of a cluster side by side

    def proposal(self, rows: Positives) -> ClusterProposal:
        people, person = torch.unique(rows.users, return_inverse=True)
        owner, entry = self.line.history.entries_of(people)
        seen = self.line.history.items[entry]
        shape = (len(people), len(self.centres))
        seen_sizes = torch.zeros(shape, dtype=torch.int64, device=seen.device)
        seen_sizes.index_put_((owner, self.codes[seen - 1]), self.line.weights[seen], accumulate=True)
        whole = torch.zeros_like(seen_sizes[0]).index_add_(0, self.codes, self.line.weights[1:])
        sizes = (whole - seen_sizes)[person]
        log_p = (queries_of(rows) @ self.centres.T + sizes.double().log()).log_softmax(1)
        return ClusterProposal(self, rows.users, sizes, log_p)


@dataclass(frozen=True)
class ClusterProposal(Proposal):
    book: Codebook
    users: Tensor  # (N,)
    sizes: Tensor  # (N, K) int64: summed weights of what is unseen
    log_p: Tensor  # (N, K) of drawing from a cluster

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        chosen = pick(self.log_p.exp(), count, generator)  # (N, k) clusters
        first = (self.sizes.cumsum(1) - self.sizes).gather(1, chosen)  # where they start on the user's line
        within = point_below(self.sizes.gather(1, chosen), generator)
        return self.book.line.items_at(self.users, first + within)

    def log_prob(self, items: Tensor) -> Tensor:
        codes = self.book.codes[items - 1].expand(len(self.users), -1)
        line = self.book.line
        log_share = line.weights[items].double().log() - self.sizes.gather(1, codes).double().log()
        return (self.log_p.gather(1, codes) + log_share).masked_fill(
            line.history.holds(self.users, items), float("-inf")
        )
