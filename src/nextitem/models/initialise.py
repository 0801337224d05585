"""First weights, as the codes that a model follows have them. The padding's vector is zero."""

from __future__ import annotations

import torch
from torch import nn


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


def _clear_padding(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[part.padding_idx].zero_()
