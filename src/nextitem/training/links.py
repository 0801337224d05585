"""Link prediction from tables of triples to measures: trained, chosen by validation, tested once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
import torch

from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import IdMap
from nextitem.data.side.link_split import LinkSplit, link_split
from nextitem.errors import InputError, NonFiniteLossError, suggest
from nextitem.evaluation.links import measure_links, rank_links
from nextitem.nn.scorers import InnerProduct
from nextitem.nn.triples import SCORERS, RotatE, TransE, TripleScorer
from nextitem.nn.triples.inverses import WithInverses
from nextitem.nn.triples.losses import rarity
from nextitem.recipe import OptimizerName, ScheduleName
from nextitem.training.link_losses import FullLoss, LinkLoss, LinkLossName, SampledLoss
from nextitem.training.optimizers import make_optimizer
from nextitem.training.schedules import Schedule

Sides = Literal["alternate", "either", "bern", "tail"]


@dataclass(frozen=True)
class LinkEpoch:
    """What an epoch with a validation brought."""

    number: int  # from 1
    loss: float  # the mean over its steps
    seconds: float  # of training since the validation before
    valid: dict[str, float]  # as of `LinkResult.test`


@dataclass(frozen=True)
class LinkResult:
    """A trained scorer, what it reached, and how entities and relations are numbered in it.

    `test` has mrr, hits@1, hits@3, hits@10 and mean_rank: filtered, the mean over tails and heads, expected over ties.
    """

    model: TripleScorer | WithInverses  # with the weights of the best epoch
    split: LinkSplit
    epochs: tuple[LinkEpoch, ...]  # those with a validation
    best_epoch: int  # of the highest validation mrr
    test: dict[str, float]
    notes: tuple[str, ...]  # what a reader of the numbers could miss

    @property
    def entities(self) -> IdMap:
        """The ids of entities 1, 2, .. of the scorer's tables."""
        return self.split.entities

    @property
    def relations(self) -> IdMap:
        """The ids of relations 1, 2, .. of the scorer's tables."""
        return self.split.relations


def link_prediction(
    train: pl.DataFrame,
    valid: pl.DataFrame,
    test: pl.DataFrame,
    scorer: str = "RotatE",
    *,
    dim: int = 200,
    loss: LinkLossName = "self_adversarial",
    num_untrue: int = 64,
    margin: float = 6.0,
    temperature: float = 1.0,
    corrupt: Sides = "alternate",
    has_inverses: bool = True,
    cubes: float = 0.0,
    optimizer: OptimizerName = "adam",
    learning_rate: float = 1e-3,
    schedule: ScheduleName = "constant",
    batch_size: int = 512,
    epochs: int = 50,
    evaluate_every: int = 10,
    seed: int = 0,
    watch: Callable[[LinkEpoch], None] | None = None,
) -> LinkResult:
    """Train a scorer of triples, choose its epoch by filtered validation MRR, and test it once, filtered, both ends.

    The tables have the columns head, relation, tail. Untrue triples are never triples of train; rankings leave out
    what any of the three tables knows. The same seed gives the same numbers, on one number of threads. Runs on the CPU.

    Arguments:
        scorer: ComplEx, DistMult, RotatE, TransD, TransE, TransH or TransR.
        dim: real numbers of an entity; the default is a size for a CPU, where RotatE's code has 1,000 to 2,000.
        loss: self_adversarial (RotatE); margin, with entities bounded in length (TransE, H, R, D); logistic,
            softplus(untrue - true); or full, cross-entropy over all entities, for DistMult and ComplEx.
        num_untrue: untrue triples for each true one, where the loss is not full.
        margin: of self_adversarial (6 is RotatE's for WN18RR, 9 for FB15k-237; not used by inner products) and margin.
        temperature: of self_adversarial: how much plausible untrue triples count above others.
        corrupt: the ends that are replaced: heads and tails in turn, step by step; either, triple by triple; bern,
            TransH's rule; or the tail alone.
        has_inverses: give full a second vector a relation, by which it asks for heads.
        cubes: weight of the cubed magnitudes in full (Lacroix et al. 2018 have .1 for WN18RR, .05 for FB15k-237).
        watch: is called with every validation.

    Raises:
        InputError: a table, a name or a number breaks a rule.
        NonFiniteLossError: the loss is no finite number.
    """
    _check(scorer, batch_size=batch_size, epochs=epochs, evaluate_every=evaluate_every, num_untrue=num_untrue)
    split = link_split(train, valid, test)
    sampler = TripleSampler(split.train, corrupt="either" if corrupt == "alternate" else corrupt)
    model = _make(scorer, split, dim, loss, margin, has_inverses, seed)
    triples = torch.from_numpy(sampler.triples)
    cost: LinkLoss
    if isinstance(model, WithInverses) or loss == "full":
        cost = FullLoss(model, triples, cubes)
    else:
        is_product = isinstance(model.measure, InnerProduct)
        cost = SampledLoss(
            model, sampler, loss, num_untrue, 0.0 if is_product else margin, temperature, corrupt == "alternate",
            rarity(triples, len(split.relations)),
        )  # fmt: skip
    moved = make_optimizer(model, optimizer, learning_rate)
    rates = Schedule(schedule, epochs, math.ceil(len(triples) / batch_size), decay=0.95)
    best, chosen, weights = -1.0, 0, model.state_dict()
    watched: list[LinkEpoch] = []
    begin = time.monotonic()
    for number in range(1, epochs + 1):
        mean = _epoch(cost, moved, rates, learning_rate, len(triples), batch_size, number, seed)
        if number % evaluate_every and number < epochs:
            continue
        seconds = time.monotonic() - begin
        found = _measure(model, split, split.valid)
        watched.append(LinkEpoch(number, mean, seconds, found))
        if watch is not None:
            watch(watched[-1])
        if found["mrr"] > best:
            best, chosen = found["mrr"], number
            weights = {name: one.clone() for name, one in model.state_dict().items()}
        begin = time.monotonic()
    model.load_state_dict(weights)
    return LinkResult(model, split, tuple(watched), chosen, _measure(model, split, split.test), split.notes)


def _check(scorer: str, **counts: int) -> None:
    if scorer not in SCORERS:
        raise InputError(f'there is no scorer of triples "{scorer}"; {suggest(scorer, SCORERS)}')
    for name, count in counts.items():
        if count < 1:
            raise InputError(f"{name} must be at least 1, found {count}")


def _make(
    name: str, split: LinkSplit, dim: int, loss: LinkLossName, margin: float, has_inverses: bool, seed: int
) -> TripleScorer | WithInverses:
    """A scorer with its first weights, which nothing but `seed` decides.

    Self-adversarial sampling starts distances from where RotatE's code does: (margin + 2) / numbers of a vector.
    """
    is_doubled = loss == "full" and has_inverses
    num_relations = len(split.relations) * (2 if is_doubled else 1)
    kind, spread = SCORERS[name], None
    if loss == "self_adversarial" and kind in (RotatE, TransE):
        spread = (margin + 2.0) / (dim / 2 if kind is RotatE else dim)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scorer = kind(len(split.entities), num_relations, dim, spread=spread)  # type: ignore[call-arg]
    return WithInverses(scorer) if is_doubled else scorer


def _epoch(
    cost: LinkLoss,
    optimizer: torch.optim.Optimizer,
    rates: Schedule,
    learning_rate: float,
    count: int,
    batch_size: int,
    number: int,
    seed: int,
) -> float:
    """One pass over the triples, in an order of its own; the mean of its losses."""
    rng = np.random.default_rng((seed, number))
    losses = []
    for step, rows in enumerate(_batches(rng.permutation(count), batch_size)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * rates.factor(number, step + 1)
        cost.before_step()
        loss = cost(rows, step, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.detach())
    mean = float(torch.stack(losses).mean())
    if not math.isfinite(mean):
        raise NonFiniteLossError(f"the loss of epoch {number} is {mean}; take a smaller learning_rate")
    return mean


def _batches(order: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _measure(model: TripleScorer | WithInverses, split: LinkSplit, triples: np.ndarray) -> dict[str, float]:
    return measure_links(rank_links(model, triples, split.known), len(split.entities))
