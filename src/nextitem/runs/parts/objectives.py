"""Objectives by the name of a loss: with a sampler made of the training rows of a split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from torch import Tensor

from nextitem.data.batches import asked_of, find_batches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Split
from nextitem.errors import InputError, expect
from nextitem.models.negatives import Trainable, check_sampler, make_sampler, sampler_keys
from nextitem.nn.losses.by_name import find_loss, loss_keys, make_loss
from nextitem.nn.objectives import FullSoftmax, Objective, Sampled
from nextitem.nn.samplers.base import Sampler
from nextitem.recipe import LossRecipe
from nextitem.recipe.checks import default_negatives, with_loss_keys

Sampling = Literal["dynamic", "static"]
Value = float | Literal["log"]  # of a key: bool, int and float are numbers


def sampled(
    loss: str | Callable[[Tensor, Tensor], Tensor],
    split: Split,
    *,
    sampler: str = "uniform",
    num_negatives: int | None = None,
    sampling: Sampling = "dynamic",
    seed: int = 0,
    batches: str | None = None,
    max_length: int | None = None,
    target_rating: float | None = None,
    exclude_history: bool | None = None,
    shared: bool | None = None,
    power: float | Literal["log"] | None = None,
    pool: int | None = None,
    clusters: int | None = None,
    hardest_only: bool | None = None,
    detach: bool | None = None,
    correct: bool | None = None,
    temperature: float | None = None,
    margin: float | None = None,
    rank_weight: bool | None = None,
    negative_weight: float | None = None,
    calibration: float | None = None,
    regularisation: float | None = None,
) -> Sampled:
    """An objective with sampled negatives, for `ni.fit(model, split, objective=..)` or `model.objective`.

    `loss` is a name that recipes know ("bpr", "bce", "gbce", "sampled_softmax", ..; docs/losses.md) or a function of
    your own: scores of the targets (N,) and of their negatives (N, k), -inf where one was struck out, to a scalar, the
    mean over the targets. Where interactions are weighed it is called with `weight=` (N,) too.

    `sampler` is a name of docs/samplers.md; it is made of the training rows of `split`. `num_negatives` a target are 1,
    or of the sampler "in_batch" all targets of the batch, where it is not given. Negatives are drawn at every step,
    or with `sampling="static"` once for all by `seed`. "in_batch" counts the targets of an epoch, so it wants
    `batches`, the kind that is trained on ("next_item", "prefix", "cloze", "pair", "bag"), the `max_length` of the
    model, and the `target_rating` of the batches where they have one. The other keys are those of the sampler (from
    `exclude_history` to `clusters`) and of the loss (from `hardest_only` on); one that is None is what the sampler or
    the loss has by default.

    >>> from nextitem.data.splits.split import leave_one_out
    >>> from nextitem.data.synthetic import dataset_of
    >>> sampled("gbce", leave_one_out(dataset_of([[1, 2, 3, 4]])), num_negatives=2, calibration=0.5).num_negatives
    2

    Raises:
        InputError: no such loss or sampler, a key that neither has, or one that does nothing.
    """
    expect("split", split, Split, "make one with ni.split.leave_one_out(dataset)")
    of_sampler = _given(exclude_history=exclude_history, shared=shared, power=power, pool=pool, clusters=clusters)
    of_loss = _given(
        hardest_only=hardest_only, detach=detach, correct=correct, temperature=temperature, margin=margin,
        rank_weight=rank_weight, negative_weight=negative_weight, calibration=calibration,
        regularisation=regularisation,
    )  # fmt: skip
    if num_negatives is not None and num_negatives < 1:
        raise InputError(f"num_negatives is 1 or more, found {num_negatives}")
    if sampling not in get_args(Sampling):
        raise InputError(f"sampling is dynamic or static, found {sampling!r}")
    targets = _targets(split, sampler, batches, max_length, target_rating)
    if isinstance(loss, str):
        keys = {"name": loss, "sampler": sampler, "num_negatives": num_negatives, "sampling": sampling}
        return _by_name(LossRecipe.model_validate(keys | of_sampler | of_loss), split, targets, seed)
    if of_loss:
        raise InputError(f"{next(iter(of_loss))} is a key of losses by name; a function of your own has its own")
    made = _sampler(sampler, split, targets, check_sampler(sampler, of_sampler, sampling == "static"))
    count = default_negatives(sampler) if num_negatives is None else num_negatives
    return Sampled(loss, made, count, is_static=sampling == "static", seed=seed)


def make_objective(loss: LossRecipe, split: Split, targets: Sequences, seed: int) -> Objective:
    """The objective of a recipe's loss; `targets` are those of an epoch, a row a user."""
    return FullSoftmax() if loss.name == "cross_entropy" else _by_name(loss, split, targets, seed)


def _by_name(loss: LossRecipe, split: Split, targets: Sequences, seed: int) -> Sampled:
    if loss.name == "cross_entropy":
        raise InputError("cross_entropy scores all items and samples none; pass objective=ni.FullSoftmax()")
    loss = with_loss_keys(loss)
    assert loss.sampler is not None
    sampler = _sampler(loss.sampler, split, targets, loss.keys(sampler_keys(loss.sampler)))
    function, entry = make_loss(loss.name, loss.keys(loss_keys(loss.name)), split.num_items), find_loss(loss.name)
    return Sampled(
        function, sampler, loss.num_negatives, is_static=loss.sampling == "static", seed=seed,
        takes_log_q=entry.takes_log_q, asked_scorer=entry.scorer,
    )  # fmt: skip


def _sampler(name: str, split: Split, targets: Sequences, keys: dict[str, Value]) -> Sampler:
    return make_sampler(name, Trainable(split.train, split.num_items, targets), keys)


def _targets(
    split: Split, sampler: str, batches: str | None, max_length: int | None, target_rating: float | None
) -> Sequences:
    """What an epoch asks for, a row a user; the in_batch sampler alone counts it."""
    if sampler == "in_batch":
        if batches is None:
            raise InputError(
                "in_batch counts the targets of an epoch: pass batches=, the kind that is trained on (pair, next_item, "
                "..), and the max_length of the model"
            )
        return asked_of(find_batches(batches).targets_of(split.train, max_length), target_rating)
    if batches is not None or max_length is not None or target_rating is not None:
        raise InputError(
            f"batches, max_length and target_rating are of the sampler in_batch, and {sampler} does not ask; leave "
            "them out"
        )
    return split.train


def _given(**keys: Value | None) -> dict[str, Value]:
    return {name: value for name, value in keys.items() if value is not None}
