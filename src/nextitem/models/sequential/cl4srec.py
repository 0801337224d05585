"""CL4SRec: SASRec that also learns that two changed views of a history are of the same user.

Xie et al., "Contrastive Learning for Sequential Recommendation", ICDE 2022, arXiv:2010.14395.
Code followed: the views of DuoRec's repository (RuihongQiu/DuoRec); no code of the authors is known.
Departures:
- the loss of the next item comes from outside (full cross-entropy by default; the paper samples one negative);
- SASRec's layouts, where DuoRec's port has one of BERT;
- padding stands after the newest item; the state of a view is that at its newest item.

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from nextitem.data.batches import Batch, Wanted
from nextitem.data.batches.augment import TwoViews
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.initialise import FirstWeights
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import newest_places
from nextitem.nn.blocks import Norm
from nextitem.nn.losses.contrastive import info_nce_of_views


class CL4SRec(SASRec):
    """CL4SRec: SASRec that also learns to tell two changed views of one history from those of others.

    Its loss has two parts, `ranking` and `contrast`: rows are compared with each other.

    Arguments:
        contrast_weight: what `contrast` counts for in the loss (the paper's lambda, 0.1).
        temperature: of the contrast; inner products are divided by it.
        crop, mask, reorder: the shares of a row that the three operators keep, hide and shuffle.
        first_weights, positions: as of SASRec; the positions of a view are its own.
    """

    reads_ratings = False  # views have none
    num_marks = 1
    compares_rows = True
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        max_length: int = 50,
        norm: Norm = "post",
        contrast_weight: float = 0.1,
        temperature: float = 1.0,
        crop: float = 0.6,
        mask: float = 0.3,
        reorder: float = 0.6,
        first_weights: FirstWeights = "xavier",
        positions: Positions = "newest",
    ) -> None:
        sizes = dim, num_layers, num_heads, dropout, max_length
        super().__init__(num_items, *sizes, norm, first_weights=first_weights, positions=positions)
        if temperature <= 0:
            raise InputError(f"temperature must be above 0, found {temperature}")
        self.contrast_weight, self.temperature = contrast_weight, temperature
        self.views = TwoViews(num_items + 1, crop, mask, reorder)

    def wanted(self) -> Wanted:
        return replace(super().wanted(), views=self.views)

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if batch.views is None:
            raise InputError(
                "CL4SRec learns from views, and the batch has none; make batches with wanted=model.wanted()"
            )
        views = Batch.of(torch.cat([batch.views[:, 0], batch.views[:, 1]]))  # (2B, T)
        one, other = self.encode_at(views, newest_places(views.inputs)).chunk(2)
        contrast = info_nce_of_views(one, other, self.temperature)
        return {"ranking": SASRec.loss(self, batch), "contrast": self.contrast_weight * contrast}
