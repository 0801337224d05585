"""IALS: matrix factorisation of implicit feedback by alternating least squares.

Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.
Code followed: implicit's AlternatingLeastSquares; with the same first factors both give the same factors, whichever the
solver (a test holds them together). Its conjugate gradient is that of Takács, Pilászy, Tikk, RecSys 2011.
Departures from implicit: the confidence is the paper's 1 + alpha * r, where implicit's is alpha * r; rows of similar
length are solved together; first factors are N(0, 0.1 / sqrt(dim)), as in the code of Rendle et al. (RecSys 2022,
arXiv:2110.14037), not uniform in [0, 0.01). Those are all but parallel, so that in float32 the rounding of the first
conjugate gradients decides where the later ones go: two block sizes gave factors 0.015 apart, now 4e-6.
Departure from the paper: r is how often a user met an item, or the sum of the ratings where ratings weigh.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.batches.alternating import AlternatingBatches, Block
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, expect_word
from nextitem.models.base import Fitted
from nextitem.models.towers import ItemTower

Solver = Literal["cholesky", "conjugate_gradient"]
FLOATS = 2**20  # of a block's vectors, and of its matrices: 4 MB each, the fastest of 2**16 to 2**24
CONJUGATE_GRADIENT_STEPS = 3  # implicit's
CONVERGED = 1e-20  # squared residual below which there is nothing left to correct; implicit's


class IALS(ItemTower, Fitted):
    """IALS: matrix factorisation of all user-item pairs, by alternating least squares.

    score(u, i) = x_u . y_i, where x and y minimise

    sum over all u, i of c_ui (p_ui - x_u . y_i)^2 + regularization * (sum of |x_u|^2 + sum of |y_i|^2)

    with c_ui = 1 + alpha * r_ui and p_ui = 1 where the user met the item, else 0. Whoever met nothing is at zero.

    Sizes: B rows of a block, T longest of them, D dim.
    """

    knows_users = True
    takes_weights = True
    user_factors: Tensor  # (num_users + 1, D); row 0 is nobody's and zero
    item_factors: Tensor  # (V, D); row 0 is zero

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 100,
        alpha: float = 40.0,
        regularization: float = 100.0,
        num_iterations: int = 10,
        solver: Solver = "cholesky",
    ) -> None:
        """`alpha` and `num_iterations` are the paper's; `dim` is implicit's.

        The paper gives no `regularization` (it depends on the data); 100 was the best of 0.01, 1, 10, 50, 100, 200 on
        the validation part of ml-100k at alpha 40 (ndcg@10 0.239, against 0.159 at implicit's 0.01; dim 64).
        """
        super().__init__(num_items)
        if alpha <= 0 or regularization <= 0:
            raise InputError(f"alpha and regularization must be above 0, found {alpha} and {regularization}")
        expect_word("solver", solver, Solver)
        self.alpha, self.regularization, self.num_iterations = alpha, regularization, num_iterations
        self.solver = solver
        for name, count in (("user_factors", num_users), ("item_factors", num_items)):
            factors = torch.randn(count + 1, dim) * 0.1 / dim**0.5
            factors[PAD] = 0.0
            self.register_buffer(name, factors)

    def fit(self, train: TrainingData) -> None:
        """From the factors that there are: fitting again continues."""
        dim = self.item_factors.shape[1]
        batches = AlternatingBatches(train.rows, self.num_items, num_cells=FLOATS // dim, min_width=dim)
        for _ in range(self.num_iterations):
            self.user_factors = self._solved(self.user_factors, self.item_factors, batches.users())
            self.item_factors = self._solved(self.item_factors, self.user_factors, batches.items())

    def item_vectors(self) -> Tensor:
        return self.item_factors

    def query(self, batch: Batch) -> Tensor:
        return self.user_factors[batch.users]

    def _solved(self, factors: Tensor, others: Tensor, blocks: Iterator[Block]) -> Tensor:
        """The factors of one side that are best for the `others`."""
        gram = others.T @ others + self.regularization * torch.eye(others.shape[1]).to(
            others
        )  # (D, D): every pair weighs 1
        solved = torch.zeros_like(factors)
        for block in blocks:
            rows = torch.from_numpy(block.rows)
            vectors = others[torch.from_numpy(block.others)]  # (B, T, D); the padding's are zero and add nothing
            extra = self.alpha * torch.from_numpy(block.weights)[..., None]  # (B, T, 1): what a met pair weighs more
            right = ((1 + extra) * vectors).sum(1)  # (B, D)
            if self.solver == "cholesky":
                solved[rows] = by_cholesky(gram, vectors, extra, right)
            else:
                solved[rows] = by_conjugate_gradient(gram, vectors, extra, right, factors[rows])
        return solved


def by_cholesky(gram: Tensor, vectors: Tensor, extra: Tensor, right: Tensor) -> Tensor:
    """(B, D): x with (gram + sum over t of extra_t v_t v_t') x = right, exactly."""
    matrices = torch.baddbmm(gram.expand(len(vectors), -1, -1), (extra * vectors).mT, vectors)  # (B, D, D)
    return torch.cholesky_solve(right[..., None], torch.linalg.cholesky(matrices))[..., 0]


def by_conjugate_gradient(gram: Tensor, vectors: Tensor, extra: Tensor, right: Tensor, x: Tensor) -> Tensor:
    """Nearly the same by a few steps from `x` (B, D), without (B, D, D) matrices: the faster one from dim 100 on."""

    def product(p: Tensor) -> Tensor:  # (B, D) -> (B, D)
        along = extra * (vectors @ p[..., None])  # (B, T, 1)
        return p @ gram + (along.mT @ vectors)[:, 0]

    residual = right - product(x)
    direction, square = residual, residual.square().sum(1, keepdim=True)
    for _ in range(CONJUGATE_GRADIENT_STEPS):
        moved = product(direction)
        is_open = square > CONVERGED
        step = torch.where(is_open, square / (direction * moved).sum(1, keepdim=True), 0.0)
        x, residual = x + step * direction, residual - step * moved
        before, square = square, residual.square().sum(1, keepdim=True)
        direction = residual + torch.where(is_open, square / before, 0.0) * direction
    return x
