"""CL4SRec: SASRec that also learns that two changed views of a history are of the same user.

Xie et al., "Contrastive Learning for Sequential Recommendation", ICDE 2022, arXiv:2010.14395.
Code followed: the views of DuoRec's repository (RuihongQiu/DuoRec); no code of the authors is known.
Departures:
- the loss of the next item comes from outside (full cross-entropy by default; the paper samples one negative);
- SASRec's layouts, where DuoRec's port has one of BERT;
- padding stands after the newest item; the state of a view is that at its newest item.
"""

from __future__ import annotations

from nextitem.models.contrast import Contrast
from nextitem.models.initialise import FirstWeights
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.blocks import Norm


class CL4SRec(SASRec):
    """CL4SRec: SASRec that also learns to tell two changed views of one history from those of others.

    Its loss has two parts, `ranking` and `contrast`: rows are compared with each other. It is SASRec with `contrast:
    cl4srec`, to the bit.

    Arguments:
        contrast_weight: what `contrast` counts for in the loss (the paper's lambda, 0.1).
        temperature: of the contrast; inner products are divided by it.
        crop, mask, reorder: the shares of a row that the three operators keep, hide and shuffle.
        first_weights, positions: as of SASRec; the positions of a view are its own.
    """

    takes_contrast = reads_ratings = False  # the contrast is its own arguments, and views have no ratings

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
        self.begin_contrast(Contrast("cl4srec", contrast_weight, temperature, crop, mask, reorder))
