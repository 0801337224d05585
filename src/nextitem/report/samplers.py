"""The samplers beside the softmax of a model's scores, which a sampled loss stands in for.

Sizes: N users, n = num_items, k draws.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text
from torch import Tensor

from nextitem.data.batches import asked_of, find_batches, holdout_batch
from nextitem.data.splits.split import Holdout, Split
from nextitem.errors import InputError
from nextitem.keys import defaults_of
from nextitem.models.base import Recommender, Trained
from nextitem.models.negatives import BY_VECTORS, SAMPLERS, Trainable, make_sampler, sampler_keys
from nextitem.models.own import Given
from nextitem.models.towers import ItemTower, TowerFree
from nextitem.nn.samplers.base import Positives, Sampler
from nextitem.nn.scorers import InnerProduct
from nextitem.recipe import Recipe
from nextitem.report.tables import FittingTable
from nextitem.runs.asking.reevaluate import load_with_split
from nextitem.runs.parts.build import least_asked

ROUNDS = 5  # of drawing; the median time counts


@dataclass(frozen=True)
class Quality:
    """Of one sampler; means over the users."""

    name: str
    divergence: float  # KL(softmax || Q), nats; inf where Q never draws what the softmax may
    reverse_divergence: float  # KL(Q || softmax), nats
    effective_draws: (
        float | None
    )  # of k draws, as self-normalised importance weights count them; None: it draws nothing
    draws_per_second: float | None  # with log Q


@dataclass(frozen=True)
class SamplerQualities:
    protocol: str
    num_draws: int
    qualities: list[Quality]


def compare_samplers(
    folder: Path,
    users: int = 300,
    draws: int = 100,
    seed: int = 0,
    data: str | None = None,
    models: Sequence[Given] = (),
) -> SamplerQualities:
    """All samplers that the run's model can train with, over the whole catalogue: no history is left out.

    Samplers take the keys of the run's own loss where they have them (clusters, power, pool), else their defaults.

    Raises:
        InputError: the run's model is not trained on targets, or its data has changed.
    """
    run, split = load_with_split(folder, data, models)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(split.valid), min(users, len(split.valid)), replace=False))
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        rows, vectors = _rows(run.model, split.valid.take(chosen), run.recipe.model.label)
        everything = torch.arange(1, split.num_items + 1)[None, :]
        log_softmax = rows.score(everything).double().log_softmax(1)  # (N, n)
        qualities = []
        for name in SAMPLERS:
            if vectors is not None or name not in BY_VECTORS:
                sampler = _sampler(name, run.recipe, split, run.model.max_length)
                if vectors is not None:
                    sampler.refresh(vectors)
                qualities.append(_quality(name, sampler, rows, log_softmax, draws))
    protocol = (
        f"Q: the sampler; P: the softmax of {run.recipe.model.label}'s scores over all {split.num_items:,} items; "
        f"{len(chosen):,} validation users, histories not excluded, {draws} draws a user, seed {seed}"
    )
    return SamplerQualities(protocol, draws, qualities)


def _rows(model: Recommender, holdout: Holdout, name: str) -> tuple[Positives, Tensor | None]:
    """One row a user, and the item vectors, as the model's scorer maps them, where it has any."""
    batch = holdout_batch(holdout, model.max_length, model.wanted())
    targets = torch.from_numpy(holdout.target.padded(1))[:, 0]
    if isinstance(model, ItemTower) and isinstance(model, Trained):
        queries, vectors = model.scorer.map_queries(model.query(batch)), model.mapped_vectors()
        of_mapped = InnerProduct()
        return Positives(
            batch.users, targets, lambda items: of_mapped.candidates(queries, vectors, items), queries
        ), vectors
    if isinstance(model, TowerFree):
        return Positives(batch.users, targets, model.matching(batch)), None
    raise InputError(
        f"{name} is fitted in one go: it has no loss that samples negatives, so there is nothing to compare"
    )


def _sampler(name: str, recipe: Recipe, split: Split, max_length: int | None) -> Sampler:
    assert recipe.training is not None
    targets = find_batches(recipe.training.batches).targets_of(split.train, max_length)
    targets = asked_of(targets, least_asked(recipe.training, split))
    keys = defaults_of(sampler_keys(name))
    own = recipe.loss.keys(keys) if recipe.loss else {}
    plain = {key: False for key in ("exclude_history", "shared") if key in keys}
    return make_sampler(name, Trainable(split.train, split.num_items, targets), keys | own | plain)


def _quality(name: str, sampler: Sampler, rows: Positives, log_softmax: Tensor, count: int) -> Quality:
    everything = torch.arange(1, log_softmax.shape[1] + 1)[None, :]
    log_q = sampler.proposal(rows).log_prob(everything).expand_as(log_softmax)
    divergence, reverse = kl(log_softmax, log_q), kl(log_q, log_softmax)
    if name == "in_batch":
        return Quality(name, divergence, reverse, None, None)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        draw = sampler(rows, count)
        drawn_log_q = draw.log_q.expand_as(draw.items)
        seconds.append(time.perf_counter() - start)
    log_weights = log_softmax.gather(1, draw.items - 1) - drawn_log_q
    return Quality(
        name, divergence, reverse, effective_draws(log_weights), draw.items.numel() / float(np.median(seconds))
    )


def kl(log_p: Tensor, log_q: Tensor) -> float:
    """KL(P || Q), the mean over (N, n) rows, in nats; inf where P is not 0 and Q is."""
    terms = log_p.exp() * (log_p - log_q)
    return float(terms.where(log_p > float("-inf"), 0.0).sum(1).mean())


def effective_draws(log_weights: Tensor) -> float:
    """(sum w)^2 / sum w^2, the mean over (N, k) rows: k where all weights are equal, 1 where one outweighs the rest."""
    return float((2 * log_weights.logsumexp(1) - (2 * log_weights).logsumexp(1)).exp().mean())


def samplers_table(comparison: SamplerQualities) -> Group:
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("sampler", no_wrap=True)
    for title in ("KL(P||Q)", "KL(Q||P)", "effective draws", "draws/s"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in comparison.qualities:
        effective = "-" if one.effective_draws is None else f"{one.effective_draws:.1f}"
        speed = "-" if one.draws_per_second is None else f"{one.draws_per_second:,.0f}"
        table.add_row(one.name, f"{one.divergence:.4f}", f"{one.reverse_divergence:.4f}", effective, speed)
    notes = (
        f"effective draws: of {comparison.num_draws}, as self-normalised importance weights P / Q count them; "
        "in_batch takes what the batch holds and draws nothing"
    )
    return Group(Text(comparison.protocol), table, Text(notes))
