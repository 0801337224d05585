"""IALS: against a plain loop over users and items, and against the package implicit."""

from typing import Literal, get_args

import numpy as np
import pytest
import torch
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.counting import interaction_matrix
from nextitem.models.general import ials
from nextitem.models.general.ials import IALS, by_cholesky, by_conjugate_gradient
from nextitem.testing import RecommenderTests

Solver = Literal["cholesky", "conjugate_gradient"]
NUM_USERS, NUM_ITEMS = 80, 50


class TestCholesky(RecommenderTests):
    learns = "taste"
    solver: Solver = "cholesky"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return IALS(num_users, num_items, dim=4, alpha=10.0, regularization=1.0, solver=self.solver)


class TestConjugateGradient(TestCholesky):
    solver = "conjugate_gradient"


def log() -> Sequences:
    """Rows of 0 to 40 items, some of them several times; the last five items are met by nobody."""
    rng = np.random.default_rng(0)
    popular = rng.zipf(1.3, 10_000) % (NUM_ITEMS - 5) + 1
    return Sequences.from_lists([rng.choice(popular, rng.integers(0, 41)).tolist() for _ in range(NUM_USERS)])


def model(solver: Solver = "cholesky", num_iterations: int = 5) -> IALS:
    torch.manual_seed(0)
    return IALS(NUM_USERS, NUM_ITEMS, 8, 4.0, regularization=2.0, num_iterations=num_iterations, solver=solver)


def counts(rows: Sequences) -> np.ndarray:
    """(R, num_items) float64: how often each user met each item."""
    return interaction_matrix(rows, NUM_ITEMS, binary=False).toarray()[:, 1:].astype(np.float64)


def plain_half(met: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Equation 4 of the paper, row by row, as it stands there."""
    solved = np.zeros((len(met), others.shape[1]))
    for row, times in enumerate(met):
        confidence = np.diag(1 + 4.0 * times)
        left = others.T @ confidence @ others + 2.0 * np.eye(others.shape[1])
        solved[row] = np.linalg.solve(left, others.T @ confidence @ (times > 0))
    return solved


def test_cholesky_equals_the_plain_loop() -> None:
    fitted, met = model(), counts(log())
    items = fitted.item_factors[1:].numpy().astype(np.float64)
    for _ in range(fitted.num_iterations):
        users = plain_half(met, items)
        items = plain_half(met.T, users)
    fitted.fit(TrainingData.of(log()))
    np.testing.assert_allclose(fitted.user_factors[1:].numpy(), users, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(fitted.item_factors[1:].numpy(), items, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.* is configured to use .* threads:RuntimeWarning")  # of its speed
@pytest.mark.parametrize("solver", get_args(Solver))
def test_factors_equal_those_of_implicit(solver: Solver) -> None:
    ours = model(solver)
    theirs = AlternatingLeastSquares(
        factors=8, regularization=2.0, alpha=1.0, iterations=5, use_cg=solver == "conjugate_gradient", num_threads=1
    )
    assert theirs.cg_steps == ials.CONJUGATE_GRADIENT_STEPS
    theirs.user_factors, theirs.item_factors = (
        ours.user_factors[1:].numpy().copy(),
        ours.item_factors[1:].numpy().copy(),
    )
    ours.fit(TrainingData.of(log()))
    confidences = interaction_matrix(log(), NUM_ITEMS, binary=False)[:, 1:]
    confidences.data = 1 + 4.0 * confidences.data  # its alpha * r is the whole confidence
    theirs.fit(csr_matrix(confidences), show_progress=False)
    np.testing.assert_allclose(ours.user_factors[1:].numpy(), theirs.user_factors, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.item_factors[1:].numpy(), theirs.item_factors, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", get_args(Solver))
def test_small_blocks_give_the_same(solver: Solver, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = model(solver), model(solver)
    whole.fit(TrainingData.of(log()))
    monkeypatch.setattr(ials, "FLOATS", 8 * 60)
    cut.fit(TrainingData.of(log()))
    torch.testing.assert_close(cut.user_factors, whole.user_factors, rtol=1e-3, atol=1e-4)


def objective(fitted: IALS, met: np.ndarray) -> float:
    users, items = fitted.user_factors[1:].double().numpy(), fitted.item_factors[1:].double().numpy()
    errors = (1 + fitted.alpha * met) * ((met > 0) - users @ items.T) ** 2
    return float(errors.sum() + fitted.regularization * ((users**2).sum() + (items**2).sum()))


@pytest.mark.parametrize("solver", get_args(Solver))
def test_every_iteration_lowers_the_objective(solver: Solver) -> None:
    met, fitted, values = counts(log()), model(solver, num_iterations=1), []
    for _ in range(6):
        fitted.fit(TrainingData.of(log()))  # continues
        values.append(objective(fitted, met))
    assert values == sorted(values, reverse=True)


def test_conjugate_gradient_comes_to_the_exact_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ials, "CONJUGATE_GRADIENT_STEPS", 60)  # long after it converged: the rest must do no harm
    torch.manual_seed(0)
    vectors, extra, right = torch.randn(3, 5, 4), torch.rand(3, 5, 1), torch.randn(3, 4)
    exact = by_cholesky(*(one.double() for one in (torch.eye(4), vectors, extra, right)))
    found = by_conjugate_gradient(torch.eye(4), vectors, extra, right, torch.zeros(3, 4))
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("solver", get_args(Solver))
def test_who_met_nothing_is_at_zero(solver: Solver) -> None:
    fitted = model(solver)
    fitted.fit(TrainingData.of(log()))
    empty = torch.from_numpy(np.flatnonzero(log().lengths == 0) + 1)
    assert len(empty)
    assert not fitted.user_factors[empty].any()
    assert not fitted.user_factors[0].any()
    assert not fitted.item_factors[[0, *range(NUM_ITEMS - 4, NUM_ITEMS + 1)]].any()


def test_regularization_of_zero_is_an_error() -> None:
    with pytest.raises(InputError, match="regularization must be above 0"):
        IALS(2, 2, regularization=0.0)
