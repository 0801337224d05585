"""Scorers: how well an item's vector answers a query; higher is better.

Two calls, so that no shape has to be guessed:

| call                     | queries     | vectors        | scores      |
|--------------------------|-------------|----------------|-------------|
| `pairs(queries, vectors)` | (..., D)   | (..., D)       | (...)       |
| `pairs(queries, vectors)` | (..., D)   | (..., n, D)    | (..., n)    |
| `all(queries, vectors)`   | (..., D)   | (N, D)         | (..., N)    |

`pairs` gives each query vectors of its own: one, or n where `vectors` has one more dimension (the leading dimensions
broadcast). `all` scores one table for all queries, which most scorers do with a matrix product.

A model with a vector an item scores by a `VectorScorer`: its scores are inner products of vectors that it makes.

Sizes: D dim, E width of what a vector scorer makes, H width of the last hidden layer, n candidates of a query, N items
in the table.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.candidates import candidate_scores
from nextitem.nn.dropout import Dropout
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.scoring import scores_by_item


class Scorer(nn.Module):
    """A new one is a `match`; an `all` where something is faster than every pair by itself."""

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        """(..., D) and (..., D), broadcast against each other -> (...)."""
        raise NotImplementedError(f"{type(self).__name__} has no match")

    def pairs(self, queries: Tensor, vectors: Tensor) -> Tensor:
        """(..., D) and (..., D) -> (...), or (..., D) and (..., n, D) -> (..., n)."""
        extra = vectors.dim() - queries.dim()
        if extra not in (0, 1):
            raise InputError(
                "pairs takes vectors of as many dimensions as the queries or of one more, found "
                f"{tuple(queries.shape)} and {tuple(vectors.shape)}; all(queries, vectors) scores one table for all "
                "queries"
            )
        return self.match(queries.unsqueeze(-2) if extra else queries, vectors)

    def all(self, queries: Tensor, vectors: Tensor) -> Tensor:
        """(..., D) and (N, D) -> (..., N)."""
        return self.match(queries.unsqueeze(-2), vectors)


class VectorScorer(Scorer):
    """One whose score is the inner product of what it makes of the query and what it makes of the vector.

    So matrix products, full cross-entropy, samplers and nearest-neighbour search, which know inner products alone, give
    its scores. A new one is a `match`, the plain form, and the two maps.
    """

    title: ClassVar[str]  # what its scores are, for errors: "cosines"

    def map_queries(self, queries: Tensor) -> Tensor:
        """(..., D) -> (..., E)."""
        raise NotImplementedError(f"{type(self).__name__} has no map_queries")

    def map_vectors(self, vectors: Tensor) -> Tensor:
        """(..., D) -> (..., E)."""
        raise NotImplementedError(f"{type(self).__name__} has no map_vectors")

    def map(self, queries: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Both: scores are the inner products of what this gives."""
        return self.map_queries(queries), self.map_vectors(vectors)

    def place_queries(self, queries: Tensor) -> Tensor:
        """(B, D) -> (B, F): where the queries stand among `place_vectors`."""
        mapped = self.map_queries(queries)
        return torch.cat([mapped, torch.zeros_like(mapped[..., :1])], -1)

    def place_vectors(self, vectors: Tensor) -> Tensor:
        """(N, D) -> (N, F): places of which the nearest to a query's, by distance, is the item of the highest score.

        Indexes that are built on distances (graphs, clusters) are poor at inner products of vectors of unlike lengths.
        One more dimension makes all mapped vectors as long as the longest, of length M: |q - v|^2 is then
        |q|^2 + M^2 - 2 q . v (Bachrach et al., RecSys 2014, doi:10.1145/2645710.2645741).
        """
        mapped = self.map_vectors(vectors)
        squares = mapped.double().square().sum(-1, keepdim=True)  # a root of small differences follows
        return torch.cat([mapped, (squares.max() - squares).sqrt().to(mapped.dtype)], -1)

    def all(self, queries: Tensor, vectors: Tensor) -> Tensor:
        queries, vectors = self.map(queries, vectors)
        return queries @ vectors.T

    def candidates(self, mapped: Tensor, vectors: Tensor, items: Tensor, is_sparse: bool = False) -> Tensor:
        """Scores of queries, `mapped` (B, E), with some rows of a table, `vectors` (N, D): items (B, n), or (1, n) that
        all queries share -> (B, n).

        A table that has fewer rows than are asked for is mapped as a whole; else these rows alone are,
        and always with `is_sparse`, where the gradient of `vectors` holds no others.
        """
        if len(items) > 1 and items.numel() > len(vectors) and not is_sparse:
            return candidate_scores(mapped, self.map_vectors(vectors), items)
        chosen = self.map_vectors(F.embedding(items, vectors, sparse=is_sparse))  # (B, n, E), or (1, n, E)
        return mapped @ chosen[0].T if len(chosen) == 1 else (chosen * mapped[:, None, :]).sum(-1)


class InnerProduct(VectorScorer):
    """q . v"""

    title = "inner products"

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return (queries * vectors).sum(-1)

    def map_queries(self, queries: Tensor) -> Tensor:
        return queries

    def map_vectors(self, vectors: Tensor) -> Tensor:
        return vectors

    def candidates(self, mapped: Tensor, vectors: Tensor, items: Tensor, is_sparse: bool = False) -> Tensor:
        if len(items) == 1 and len(mapped) > 1:
            return super().candidates(mapped, vectors, items, is_sparse)
        return candidate_scores(mapped, vectors, items, is_sparse)


class Cosine(VectorScorer):
    """q . v / (|q| |v|), in [-1, 1]; 0 where one of them is the zero vector, which then gets no gradient.

    Mapped vectors are of length 1.
    """

    title = "cosines"

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return (unit(queries) * unit(vectors)).sum(-1)

    def map_queries(self, queries: Tensor) -> Tensor:
        return unit(queries)

    def map_vectors(self, vectors: Tensor) -> Tensor:
        return unit(vectors)


class Euclidean(VectorScorer):
    """-|q - v|^2 = [2 q, -|q|^2, 1] . [v, 1, -|v|^2], the nearest first.

    The term -|q|^2, the same for all items of a query, changes no rank. It is part of the score all the same: a loss of
    single scores, such as binary cross-entropy, would not be of distances without it.

    Only `match` takes differences. What goes by mapped vectors is rounded at the size of |q|^2 + |v|^2, and may be a
    little above 0 where the two are equal.
    """

    title = "squared Euclidean distances"

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return -(queries - vectors).square().sum(-1)

    def map_queries(self, queries: Tensor) -> Tensor:
        """(..., D) -> (..., D + 2)."""
        squares = queries.square().sum(-1, keepdim=True)
        return torch.cat([2.0 * queries, -squares, torch.ones_like(squares)], -1)

    def map_vectors(self, vectors: Tensor) -> Tensor:
        """(..., D) -> (..., D + 2)."""
        squares = vectors.square().sum(-1, keepdim=True)
        return torch.cat([vectors, torch.ones_like(squares), -squares], -1)

    def place_queries(self, queries: Tensor) -> Tensor:
        return queries

    def place_vectors(self, vectors: Tensor) -> Tensor:
        return vectors


class Norm(Scorer):
    """-|q - v|_p, p >= 1 (infinity for the largest difference); p = 2 is RecStudio's default.

    At p = 2 torch takes the matrix product for large tables: `all` is then rounded as Euclidean's is.
    """

    def __init__(self, p: float = 2.0) -> None:
        super().__init__()
        if not p >= 1.0:
            raise InputError(f"p of a norm must be at least 1, found {p}")
        self.p = p

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return -torch.linalg.vector_norm(queries - vectors, self.p, dim=-1)

    def all(self, queries: Tensor, vectors: Tensor) -> Tensor:
        distances = torch.cdist(queries.reshape(-1, queries.shape[-1]), vectors, self.p)
        return -distances.view(*queries.shape[:-1], len(vectors))


class GMF(Scorer):
    """h . (q * v), q * v element by element: generalised matrix factorisation (He et al. 2017, arXiv:1708.05031).

    It starts as the inner product, h = 1. The score is the logit; RecStudio's has a ReLU, under which half the scores
    tie at zero.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.output = nn.Parameter(torch.ones(dim))  # (D,)

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return (queries * self.output * vectors).sum(-1)

    def all(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return (queries * self.output) @ vectors.T


class MLP(Scorer):
    """h . hidden([q; v]) + b: a perceptron over the two vectors side by side."""

    def __init__(self, dim: int, hidden_sizes: tuple[int, ...] = (128, 64, 32), dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = HiddenLayers(dim, hidden_sizes, dropout)
        self.output = nn.Linear(hidden_sizes[-1], 1)

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return self.output(self.hidden(queries, vectors)).squeeze(-1)


class Fusion(Scorer):
    """h . [q * v; hidden([q; v])] + b, the sum of GMF and MLP: NeuMF (He et al. 2017, arXiv:1708.05031).

    Both see the same vectors, as in RecStudio's FusionMFMLPScorer; the paper's have vectors of their own, as in the
    model NCF.
    """

    def __init__(self, dim: int, hidden_sizes: tuple[int, ...] = (128, 64, 32), dropout: float = 0.0) -> None:
        super().__init__()
        self.gmf, self.mlp = GMF(dim), MLP(dim, hidden_sizes, dropout)

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return self.gmf.match(queries, vectors) + self.mlp.match(queries, vectors)

    def all(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return self.gmf.all(queries, vectors) + self.mlp.all(queries, vectors)


class HiddenLayers(nn.Module):
    """Linear maps and ReLUs over two vectors side by side, dropout before each map.

    The first map is linear in [q; v], so W [q; v] = W_query q + W_vector v: the part of a query is made once for all
    its candidates and the part of a vector once for all queries that share it.
    """

    def __init__(self, dim: int, hidden_sizes: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        if not hidden_sizes:
            raise InputError("hidden_sizes must name one layer or more, found none; GMF scores without hidden layers")
        self.from_query = nn.Linear(dim, hidden_sizes[0])
        self.from_vector = nn.Linear(dim, hidden_sizes[0], bias=False)
        self.later = nn.ModuleList(nn.Linear(width, next_width) for width, next_width in pairwise(hidden_sizes))
        self.dropout = Dropout(dropout)

    def forward(self, queries: Tensor, vectors: Tensor) -> Tensor:
        """(..., D) and (..., D), broadcast against each other -> (..., H)."""
        hidden = torch.relu(self.from_query(self.dropout(queries)) + self.from_vector(self.dropout(vectors)))
        for layer in self.later:
            hidden = torch.relu(layer(self.dropout(hidden)))
        return hidden


def all_inner_products(queries: Tensor, vectors: Tensor) -> Tensor:
    """(B, D) and (V, D) -> (B, V), an item a row in memory: on a CPU up to twice as fast, and as easily ranked."""
    if not torch.is_grad_enabled() and SCORES.runs(queries, vectors):
        return scores_by_item(vectors, queries).T
    return _scores_plain(vectors, queries).T


def _scores_plain(vectors: Tensor, queries: Tensor) -> Tensor:
    """(V, D) and (B, D) -> (V, B)."""
    return vectors @ queries.T


def unit(vectors: Tensor) -> Tensor:
    """(..., D), each of length 1; a zero vector stays, with a gradient of zero where F.normalize has one of 1e12."""
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / lengths.masked_fill(lengths == 0.0, torch.inf)


def _examples() -> list[Any]:
    """More items than a part has, of sizes that fill no vector."""
    return [drawn((70, 5), (9, 5))]


SCORES = Family("scores of all items", scores_by_item, _scores_plain, _examples)
