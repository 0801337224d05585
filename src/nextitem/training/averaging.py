"""Averaging: the mean of the weights that training went through, which is what is validated and kept.

| name | the mean                                                                                          |
|------|---------------------------------------------------------------------------------------------------|
| ema  | after step k it moves towards the weights by 1 - d_k, with d_k = min(decay, k / (9 + k))            |
| last | of the weights of the newest `count` validations                                                  |

Training itself goes on with the weights as they are. Parameters are averaged, buffers are those of the moment. `ema`
begins with the first weights, which the small d_1 = 1/10, d_2 = 2/11, .. soon forget: Polyak & Juditsky, "Acceleration
of Stochastic Approximation by Averaging", 1992; the start is that of TensorFlow's ExponentialMovingAverage. `last`:
Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018, arXiv:1803.05407,
without its learning rates.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from nextitem.errors import InputError
from nextitem.models.checks import check_weights
from nextitem.recipe import AverageName

DECAY, COUNT = 0.999, 5


class Average:
    """The mean of the parameters of one model; it is told of every step and of every validation.

    Arguments:
        decay: of ema, once it has warmed up.
        count: of last, how many validations.
    """

    def __init__(self, name: AverageName, model: nn.Module, decay: float = DECAY, count: int = COUNT) -> None:
        self.name, self.model, self.decay, self.count = name, model, decay, count
        self.num_steps = 0
        self.kept: list[dict[str, Tensor]] = [self._now()] if name == "ema" else []

    def after_step(self) -> None:
        if self.name != "ema":
            return
        self.num_steps += 1
        decay = min(self.decay, self.num_steps / (9 + self.num_steps))
        own = {name: parameter.detach() for name, parameter in self.model.named_parameters()}
        if any(tensor.device != own[name].device for name, tensor in self.kept[0].items()):  # training moved the model
            self.kept = [{name: tensor.to(own[name].device) for name, tensor in self.kept[0].items()}]
        follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call] # one pass over all tensors
        follow(list(self.kept[0].values()), [own[name] for name in self.kept[0]], None)

    def before_validation(self) -> None:
        if self.name == "last":
            self.kept = [*self.kept, self._now()][-self.count :]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """A context in which the model has the mean."""
        before = self._now()
        self.apply()
        try:
            yield
        finally:
            self._set(before)

    def apply(self) -> None:
        """Leave the mean in the model."""
        if self.kept:
            self._set({name: torch.stack([one[name] for one in self.kept]).mean(0) for name in self.kept[0]})

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps of it."""
        found = {f"{place}.{name}": tensor for place, one in enumerate(self.kept) for name, tensor in one.items()}
        return {"steps": torch.tensor(self.num_steps), **found}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take what `tensors` gave.

        Raises:
            InputError: it is of another model or another kind of mean, or holds what is no finite number.
        """
        parts: dict[str, dict[str, Tensor]] = {}
        for full, tensor in tensors.items():
            place, _, name = full.partition(".")
            parts.setdefault(place, {})[name] = tensor
        steps = parts.pop("steps", {"": torch.tensor(-1)})[""]
        places = sorted(parts, key=lambda place: (len(place), place))
        most = 1 if self.name == "ema" else self.count
        if steps.numel() != 1 or int(steps) < 0 or places != [str(place) for place in range(len(places))]:
            raise InputError("its mean of the weights is not whole")
        if len(places) > most or (self.name == "ema" and not places):
            raise InputError(f"it has {len(places)} weights of a mean, training.average {self.name} keeps {most}")
        for place in places:
            check_weights(dict(self.model.named_parameters()), parts[place])
        self.num_steps = int(steps)
        self.kept = [{name: tensor.clone() for name, tensor in parts[place].items()} for place in places]

    def _now(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.model.named_parameters()}

    def _set(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(weights[name])
