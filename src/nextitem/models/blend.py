"""Blend: the scores of finished models, standardised and added up; what each counts was chosen by validation.

Models that err in different ways make up for each other, such as a network and a count of what followed the last item.
`nextitem blend RUN RUN MarkovChain --out FOLDER` makes one.

Sizes: B batch, T length, V = num_items + 1 (item 0 is the padding), M members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.data.training_data import Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Fitted, Recommender
from nextitem.models.catalogue import check_arguments, find, make
from nextitem.models.checks import check_weights
from nextitem.models.towers import ItemTower


@dataclass(frozen=True)
class Member:
    """What of a member stands in the recipe of a blend."""

    name: str  # of the member in tables
    model: str  # one of ours
    arguments: Mapping[str, Any]
    loss: str | None = None  # the name of the loss it was trained by, where that decides how it scores
    run: str | None = None  # the folder it comes from; None of one that was fitted for the blend

    @classmethod
    def read(cls, keys: Mapping[str, Any]) -> Member:
        """A member of a recipe.

        Raises:
            InputError: it is no member, or of a model or with arguments that there are not.
        """
        known = {field.name for field in fields(cls)}
        if not known >= keys.keys() >= {"name", "model", "arguments"} or not isinstance(keys["arguments"], dict):
            raise InputError(f"model.members: a member has the keys {', '.join(sorted(known))}; found {dict(keys)}")
        return cls(**{**keys, "arguments": check_arguments(find(keys["model"]), keys["arguments"])})

    def make(self, sizes: Sizes) -> Recommender:
        """Its model with first weights."""
        model = make(find(self.model), sizes, dict(self.arguments))
        if isinstance(model, ItemTower) and self.loss is not None:
            model.score_for(self.loss)
        return model


class Blend(Fitted):
    """Blend: several finished models in one; a score is the weighted sum of their standardised scores.

    score(j) = sum over members m of weights[m] (f_m(j) - mean) / sd, with mean and standard deviation over the items
    that the row has not seen, and f_m a member's scores, or log(1 + scores) of one that counts, as `logs` says. With
    one weight alone above 0 the scores are that member's own, so that every rank is the same.
    """

    weights: Tensor  # (M,) float32, none below 0
    logs: Tensor  # (M,) bool

    def __init__(self, sizes: Sizes, members: Sequence[dict[str, Any]] = ()) -> None:
        """`members` are dicts of a `Member`'s fields."""
        super().__init__(sizes.num_items)
        if not members:
            raise InputError("model.members: a blend has at least one member, found none")
        self.members = tuple(map(Member.read, members))
        self.models = nn.ModuleList(member.make(sizes) for member in self.members)
        self.register_buffer("weights", torch.ones(len(self.members)))
        self.register_buffer("logs", torch.zeros(len(self.members), dtype=torch.bool))
        self.needs = tuple(dict.fromkeys(need for model in self._models() for need in model.needs))
        knowing = [model for model in self._models() if model.knows_users]
        self.knows_users = bool(knowing)
        self.takes_strangers = bool(knowing) and all(model.takes_strangers for model in knowing)
        self.answers_by_network = bool(knowing) and all(model.answers_by_network for model in knowing)

    def wanted(self) -> Wanted:
        every = [model.wanted() for model in self._models()]
        return Wanted(
            times=any(one.times for one in every),
            ratings=any(one.ratings for one in every),
            asked_at=any(one.asked_at for one in every),
        )

    def fit(self, train: TrainingData) -> None:
        raise InputError("a Blend is made of finished runs, not of data: nextitem blend RUN RUN .. --out FOLDER")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        own = {name: value for name, value in weights.items() if not name.startswith("models.")}
        check_weights({"weights": self.weights, "logs": self.logs}, own)
        for number, model in enumerate(self._models()):
            prefix = f"models.{number}."
            its_own = {name: value for name, value in weights.items() if name.startswith(prefix)}
            model.load_weights({name.removeprefix(prefix): value for name, value in its_own.items()})
        numbers = {name.split(".")[1] for name in weights.keys() - own.keys()}
        if strange := sorted(numbers - set(map(str, range(len(self.members))))):
            raise InputError(f"the file has weights of a member {strange[0]}, the recipe {len(self.members)} members")
        self.weigh(own["weights"], own["logs"])

    def weigh(self, weights: Tensor, logs: Tensor) -> None:
        """What each member counts (M,), and of which the logarithm is taken (M,) bool.

        Raises:
            InputError: a weight is negative or no number, or all are 0.
        """
        if not bool((weights >= 0).all()) or not bool(weights.isfinite().all()) or not bool((weights > 0).any()):
            raise InputError(f"weights of a blend are 0 or more, and not all 0; found {weights.tolist()}")
        self.weights, self.logs, self.is_fitted = weights.float(), logs.bool(), True

    @contextmanager
    def ready(self) -> Iterator[None]:
        with ExitStack() as every:
            for model in self._models():
                every.enter_context(model.ready())
            yield

    def score(self, batch: Batch) -> Tensor:
        counted = self.weights.nonzero()[:, 0].tolist()
        if len(counted) == 1:
            return self.scores_of(counted[0], batch)
        unseen = unseen_items(batch.inputs, self.num_items)
        total = torch.zeros(unseen.shape, device=unseen.device)
        for number in counted:
            scores = self.scores_of(number, batch)
            total += self.weights[number] * standardised(of_form(scores, bool(self.logs[number])), unseen)
        return total

    def scores_of(self, number: int, batch: Batch) -> Tensor:
        """(B, V): what a member says by itself, of as much of the batch as it looks at."""
        model = self.models[number]
        assert isinstance(model, Recommender)
        return model.score(shown_to(model, batch))

    def _models(self) -> Iterator[Recommender]:
        for model in self.models:
            assert isinstance(model, Recommender)
            yield model


def unseen_items(inputs: Tensor, num_items: int) -> Tensor:
    """(B, T) histories -> (B, V) bool, the items that are not in them.

    >>> unseen_items(torch.tensor([[2, 0]]), 3).tolist()
    [[False, True, False, True]]
    """
    unseen = torch.ones(len(inputs), num_items + 1, dtype=torch.bool, device=inputs.device)
    unseen.scatter_(1, inputs, False)
    unseen[:, PAD] = False
    return unseen


def of_form(scores: Tensor, is_log: bool) -> Tensor:
    """Scores, or log(1 + scores) of a member that counts."""
    return scores.clamp(min=0).log1p() if is_log else scores


def standardised(scores: Tensor, unseen: Tensor) -> Tensor:
    """Scores (B, V) less their mean over the `unseen` items (B, V), by their standard deviation; 0 where that is 0.

    >>> standardised(torch.tensor([[9.0, 1.0, 5.0, 3.0]]), torch.tensor([[False, True, False, True]])).tolist()
    [[7.0, -1.0, 3.0, 1.0]]
    """
    count = unseen.sum(1, keepdim=True).clamp(min=1)
    mean = scores.masked_fill(~unseen, 0).sum(1, keepdim=True) / count
    centred = scores - mean
    spread = (centred.masked_fill(~unseen, 0).square().sum(1, keepdim=True) / count).sqrt()
    return torch.where(spread > 0, centred / spread, 0.0)


def shown_to(model: Recommender, batch: Batch) -> Batch:
    """A batch of whole histories, cut to what a model looks at, without what it does not ask for."""
    wanted = model.wanted()
    seen = replace(
        batch,
        times=batch.times if wanted.times else None,
        ratings=batch.ratings if wanted.ratings else None,
        asked_at=batch.asked_at if wanted.asked_at else None,
    )
    longest = model.max_length
    if longest is None or batch.inputs.shape[1] <= longest:
        return seen
    lengths = (batch.inputs != PAD).sum(1, keepdim=True)
    places = torch.arange(longest, device=lengths.device) + (lengths - longest).clamp(min=0)  # (B, longest)
    cut = seen.with_inputs(lambda field: field.gather(1, places))
    return replace(cut, targets=torch.zeros_like(cut.inputs))
