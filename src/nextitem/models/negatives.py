"""Negatives of a user: a sampler over the items that rows of the data do not hold."""

from __future__ import annotations

import numpy as np
import torch

from nextitem.data.sequences import Sequences
from nextitem.nn.samplers.uniform import UniformSampler


def unseen_sampler(rows: Sequences, num_items: int) -> UniformSampler:
    """A sampler whose user r + 1 never draws an item of row r; its user 0, who is unknown, may draw any."""
    distinct = rows.distinct()
    offsets = np.concatenate([[0], distinct.starts, distinct.stops[-1:]])
    return UniformSampler(num_items, torch.from_numpy(distinct.items.astype(np.int64)), torch.from_numpy(offsets))
