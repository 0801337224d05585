"""Losses by name: what they can be told, and that they are told it."""

import pytest
import torch

from nextitem.errors import InputError
from nextitem.nn import losses
from nextitem.nn.losses.by_name import LOSSES, check_loss, find_loss, loss_keys, make_loss
from nextitem.recipe import make_recipe

POSITIVE, NEGATIVE = torch.tensor([0.5, -1.0]), torch.tensor([[0.2, 0.9, -0.4], [1.0, 0.0, -2.0]])
LOG_Q = torch.tensor([[-1.0, -2.0, -3.0], [-2.0, -2.0, -1.0]])


def value_of(name: str, keys: dict[str, object]) -> float:
    logs = (LOG_Q[:, 0], LOG_Q) if LOSSES[name].takes_log_q else ()
    return float(make_loss(name, keys, num_items=50)(POSITIVE, NEGATIVE, *logs))


def test_every_pairwise_loss_has_a_name() -> None:
    others = {losses.full_cross_entropy, losses.logistic, losses.squared_error}
    assert {entry.function for entry in LOSSES.values()} == {getattr(losses, name) for name in losses.__all__} - others


OTHER = {
    "hardest_only": True, "detach": True, "correct": False, "calibration": 0.1, "temperature": 2.0, "margin": 0.1,
    "negative_weight": 3.0, "regularisation": 5.0, "rank_weight": True,
}  # fmt: skip


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in LOSSES for key in loss_keys(name)])
def test_every_key_changes_the_loss_or_its_gradient(name: str, key: str) -> None:
    if key == "detach":  # of the gradient alone
        grads = []
        for detach in (False, True):
            negative = NEGATIVE.clone().requires_grad_()
            make_loss(name, {key: detach}, 50)(POSITIVE, negative, LOG_Q[:, 0], LOG_Q).backward()
            assert negative.grad is not None
            grads.append(negative.grad)
        assert not torch.allclose(grads[0], grads[1])
    else:
        assert value_of(name, {}) != pytest.approx(value_of(name, {key: OTHER[key]}))
        assert value_of(name, {}) == value_of(name, check_loss(name, {}))


def test_gbce_knows_the_number_of_items() -> None:
    assert value_of("gbce", {}) == float(losses.gbce(POSITIVE, NEGATIVE, num_items=50))
    assert value_of("hinge", {"rank_weight": True}) == float(losses.hinge(POSITIVE, NEGATIVE, num_items=50))


def test_a_key_that_a_loss_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match=r'loss\.margin: bpr has no key "margin", found 1; known: hardest_only'):
        check_loss("bpr", {"margin": 1})
    with pytest.raises(InputError, match="it has no keys"):
        check_loss("nce", {"margin": 1})


@pytest.mark.parametrize(
    ("name", "key", "value"), [("gbce", "calibration", 1.5), ("info_nce", "temperature", 0), ("ccl", "margin", "wide")]
)
def test_a_value_that_a_loss_cannot_take_is_refused(name: str, key: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"loss\.{key}: .*found {value!r}"):
        check_loss(name, {key: value})


def test_a_loss_that_there_is_not_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r'loss\.name: there is no loss "bprmax"; did you mean "bpr_max"'):
        find_loss("bprmax")


@pytest.mark.parametrize("name", LOSSES)
def test_a_recipe_takes_every_loss_that_there_is(name: str) -> None:
    recipe = make_recipe({"loss": {"name": name}})
    assert recipe.loss is not None
    assert recipe.loss.keys(loss_keys(name)) == check_loss(name, {})
