"""What a loss that goes by log Q asks of it: the sampler must be able to draw the target.

A sampler that leaves a user's history out never draws a training target, log Q -inf: NCE would then lose the term of
the target without a word, and a corrected softmax would be no number.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.kernels.choose import is_traced


def refuse_undrawn(target_log_q: Tensor, loss: str) -> None:
    """Refuse log Q (N,) of targets that is no finite number; who follows each operation to trace it is not asked.

    Raises:
        InputError: one is not.
    """
    if is_traced() or bool(torch.isfinite(target_log_q).all()):
        return
    num_undrawn = int((~torch.isfinite(target_log_q)).sum())
    raise InputError(
        f"{loss} needs the chance that the sampler draws the target, and {num_undrawn:,} of {len(target_log_q):,} "
        "targets have none (their log Q is no finite number); let the sampler draw from all items "
        "(exclude_history=False), or take a loss that does not go by log Q, such as bce or info_nce"
    )
