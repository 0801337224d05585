"""Moments: what an optimizer keeps of each parameter, apart for each stream of steps that come in turn.

KGAT, MKR and KGCL give each of their two losses an Adam: the squares of one loss's gradients say nothing of how large
those of the other are. One optimizer does the same where its state is a stream's for as long as that stream's step
takes. In between, and in a checkpoint, `state[parameter]` holds the state of every stream by its name.

A step that does not reach a parameter leaves it without a gradient (None), and torch's optimizers skip it: what a
moment still has of other steps moves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, get_args

import torch
from torch import Tensor

from nextitem.data.batches import Stream
from nextitem.models.base import Trained


def streams_with_moments(model: Trained) -> tuple[str, ...]:
    """The streams that have moments of their own; none where a model knows one stream, or shares its moments."""
    turns = model.wanted().turns
    return () if turns is None or turns.shares_moments else get_args(Stream)


def give_each(optimizer: torch.optim.Optimizer, streams: tuple[str, ...]) -> None:
    """Let each of `streams` start from the state that the optimizer has, where none has its own yet."""
    for parameter, state in list(optimizer.state.items()):
        if streams and not state.keys() & set(streams):
            optimizer.state[parameter] = {stream: deepcopy(state) for stream in streams}


@contextmanager
def moments_of_stream(optimizer: torch.optim.Optimizer, stream: Stream, streams: tuple[str, ...]) -> Iterator[None]:
    """Inside, the state of the optimizer is that of the stream, if it is one of `streams`."""
    if stream not in streams:
        yield
        return
    every = optimizer.state
    own: defaultdict[Tensor, Any] = defaultdict(dict)
    own.update({parameter: states[stream] for parameter, states in every.items() if stream in states})
    optimizer.state = own
    try:
        yield
    finally:
        for parameter, state in own.items():
            if state:
                every[parameter][stream] = state
        optimizer.state = every


def flat(state: dict[str, Any]) -> dict[str, Any]:
    """A parameter's state, of streams under names such as `triples.exp_avg`."""
    named = {key: value if isinstance(value, dict) else {"": value} for key, value in state.items()}
    return {f"{key}.{part}" if part else key: one for key, parts in named.items() for part, one in parts.items()}


def load_moments(
    optimizer: torch.optim.Optimizer, moments: dict[int, dict[str, Tensor]], streams: tuple[str, ...]
) -> None:
    """Put back what `flat` gave of each parameter, by its number; hyper-parameters stay."""
    groups = optimizer.state_dict()["param_groups"]
    every: defaultdict[Tensor, Any] = defaultdict(dict)
    for stream in streams or ("",):
        start = f"{stream}." if stream else ""
        own = {
            number: {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
            for number, state in moments.items()
        }
        # One stream at a time: the optimizer looks into the state for names that it knows.
        optimizer.load_state_dict({"state": {number: s for number, s in own.items() if s}, "param_groups": groups})
        for parameter, state in optimizer.state.items():
            every[parameter][stream] = state
    if streams:
        optimizer.state = every
