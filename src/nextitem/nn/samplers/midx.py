"""MIDX negatives: an inverted multi-index. Two codebooks, of the first and the second halves of the item vectors.

Chen et al., "Fast Variational AutoEncoder with Inverted Multi-Index for Collaborative Filtering", WWW 2022,
arXiv:2109.05773. Item i has the codes k1(i), k2(i); its vector is near [c1_k1; c2_k2]. A cell (k1, k2) holds the items
with these codes, W sums their weights. With query z = [z1; z2]:

    Q(i | z) = w_i e^(z1 . c1_k1(i) + z2 . c2_k2(i)) / Z,   Z = sum over the cells of W e^(z1 . c1 + z2 . c2)

All w equal: the uniform form; w the popularity: the popularity form. Histories are not excluded but struck.
Sizes: N rows, K codes of a half, k draws, n = num_items, V = n + 1, D dim.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.samplers.base import Positives, Proposal, Sampler, pick, point_below, queries_of
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.k_means import k_means

MOST_APART = 600.0  # nats: e^-600 is a normal float64 yet


class MidxSampler(Sampler):
    """Costs a row K D + K^2, and a draw K, however many items there are."""

    needs_vectors = True
    weights: Tensor  # (V,) int64

    def __init__(self, weights: Tensor, clusters: int, strikes: History | None = None) -> None:
        super().__init__(strikes)
        self.num_clusters = clusters
        self.register_buffer("weights", weights, persistent=False)
        self.index: MultiIndex | None = None

    def refresh(self, vectors: Tensor) -> None:
        """Vectors of one number have a second half of no numbers, and so one code for it."""
        items = vectors[1:].detach().double()
        half = -(-items.shape[1] // 2)
        centres1, codes1 = k_means(items[:, :half], self.num_clusters)
        centres2, codes2 = k_means(items[:, half:], self.num_clusters)
        cells = codes1 * self.num_clusters + codes2
        order = cells.argsort(stable=True)
        sizes = torch.zeros(self.num_clusters**2, dtype=torch.int64, device=items.device)
        sizes.index_add_(0, cells, self.weights[1:])
        self.index = MultiIndex(
            centres1, centres2, cells, self.weights, order + 1, self.weights[order + 1].cumsum(0), sizes
        )

    def proposal(self, rows: Positives) -> Proposal:
        if self.index is None:
            raise InputError("a MIDX sampler draws by item vectors: call refresh(vectors) before the first draw")
        return self.index.proposal(queries_of(rows))


@dataclass(frozen=True)
class MultiIndex:
    centres1: Tensor  # (K, D1)
    centres2: Tensor  # (K, D2)
    cells: Tensor  # (n,) k1 * K + k2 of each item
    weights: Tensor  # (V,) int64
    order: Tensor  # (n,) items, cell after cell
    ends: Tensor  # (n,) int64: running sum of the weights in this order
    sizes: Tensor  # (K * K,) int64: summed weights of a cell

    def proposal(self, queries: Tensor) -> MidxProposal:
        half = self.centres1.shape[1]
        logits1, logits2 = queries[:, :half] @ self.centres1.T, queries[:, half:] @ self.centres2.T  # (N, K) each
        log_first = logits1 + self._log_mass(logits2)
        return MidxProposal(self, logits1, logits2, log_first.softmax(1), log_first.logsumexp(1))

    def _log_mass(self, logits2: Tensor) -> Tensor:
        """(N, K) logits of the second codes -> (N, K): of each first code, the log of the sum over k2 of W e^logit.

        A matrix product, but where the logits lie so far apart that exponentials vanish.
        """
        sizes = self.sizes.double().view(len(self.centres1), -1)  # (K, K)
        best = logits2.amax(1, keepdim=True)
        if float((best - logits2).max()) > MOST_APART:
            return (logits2[:, None, :] + sizes.log()).logsumexp(2)
        return ((logits2 - best).exp() @ sizes.T).log() + best


@dataclass(frozen=True)
class MidxProposal(Proposal):
    index: MultiIndex
    logits1: Tensor  # (N, K)
    logits2: Tensor  # (N, K)
    first: Tensor  # (N, K) chances of the first code
    log_z: Tensor  # (N,)

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        index, num_codes = self.index, self.first.shape[1]
        codes1 = pick(self.first, count, generator)  # (N, k)
        sizes = index.sizes.view(num_codes, num_codes)[codes1]  # (N, k, K)
        shares2 = (sizes.double().log() + self.logits2[:, None, :]).softmax(2)
        codes2 = pick(shares2.flatten(0, 1), 1, generator).view_as(codes1)
        cells = codes1 * num_codes + codes2
        before = (index.sizes.cumsum(0) - index.sizes)[cells]
        points = before + point_below(index.sizes[cells], generator)
        return index.order[torch.searchsorted(index.ends, points, right=True)]

    def log_prob(self, items: Tensor) -> Tensor:
        cells = self.index.cells[items - 1].expand(len(self.first), -1)
        codes1, codes2 = cells // self.first.shape[1], cells % self.first.shape[1]
        logits = self.logits1.gather(1, codes1) + self.logits2.gather(1, codes2)
        return self.index.weights[items].double().log() + logits - self.log_z[:, None]
