"""First weights, as the codes that a model follows have them. The padding's vector is zero."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn

from nextitem.errors import InputError, suggest
from nextitem.nn.mamba import initialise_linear

FirstWeights = Literal["xavier", "normal"]


def initialise(module: nn.Module, first_weights: FirstWeights) -> None:
    """All matrices of a module by name: `initialise_xavier` or `initialise_normal`.

    Raises:
        InputError: there is no such name.
    """
    if _is_xavier(first_weights):
        initialise_xavier(module)
    else:
        initialise_normal(module)


def initialise_maps(module: nn.Module, first_weights: FirstWeights) -> None:
    """Embeddings and linear maps alone, by name: for a module that has matrices of other kinds, which stay as they are.

    Raises:
        InputError: there is no such name.
    """
    if _is_xavier(first_weights):
        for part in module.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.xavier_normal_(part.weight)
    else:
        initialise_linear(module)
    _clear_padding(module)


def initialise_xavier(module: nn.Module) -> None:
    """Xavier-normal matrices (SASRec.pytorch, FreeRec, RecStudio); vectors keep torch's values."""
    for parameter in module.parameters():
        if parameter.dim() >= 2:
            nn.init.xavier_normal_(parameter)
    _clear_padding(module)


def initialise_normal(module: nn.Module, std: float = 0.02) -> None:
    """Matrices from N(0, std), zero biases of linear maps (BERT4Rec, RecBole)."""
    for parameter in module.parameters():
        if parameter.dim() >= 2:
            nn.init.normal_(parameter, std=std)
    for part in module.modules():
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
    _clear_padding(module)


def initialise_as_torch(module: nn.Module) -> None:
    """What torch begins with, drawn anew: embeddings from N(0, 1), linear maps uniform by their width (gSASRec)."""
    for part in module.modules():
        if isinstance(part, nn.Embedding | nn.Linear):
            part.reset_parameters()
    _clear_padding(module)


def _is_xavier(first_weights: FirstWeights) -> bool:
    if first_weights not in get_args(FirstWeights):
        raise InputError(
            f'there are no first weights "{first_weights}"; {suggest(first_weights, get_args(FirstWeights))}'
        )
    return first_weights == "xavier"


def _clear_padding(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[part.padding_idx].zero_()
