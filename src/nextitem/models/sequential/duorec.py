"""DuoRec: SASRec that also learns that histories with the same next item are alike.

Qiu et al., "Contrastive Learning for Representation Degeneration Problem in Sequential Recommendation", WSDM 2022,
arXiv:2110.05730. Code followed: the authors' repository (RuihongQiu/DuoRec), in its default form `us_x`.
Departures:
- rows of a batch that have the same target are not held apart (`mask_alike`); there they are (False), though they are
  what the model is to find alike;
- the loss of the next item comes from outside (full cross-entropy, as theirs, by default);
- padding stands after the newest item.
"""

from __future__ import annotations

from nextitem.models.contrast import Contrast
from nextitem.models.initialise import FirstWeights
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.blocks import Norm


class DuoRec(SASRec):
    """DuoRec: SASRec whose states of two histories with the same next item are drawn together, and others apart.

    Its loss has two parts, `ranking` and `contrast`. The contrast is between the state of a row, with other units
    dropped, and that of another training row with the same target; a row whose target no other has is its own
    partner. A step takes three passes. It is SASRec with `contrast: duorec`, to the bit.

    Arguments:
        contrast_weight: what `contrast` counts for in the loss; 0.1 of a grid from 0.1 to 0.5 in the authors' scripts.
        temperature: of the contrast; inner products are divided by it.
        mask_alike: whether rows with the same target are left out of what a row is held apart from.
        norm, first_weights, positions: as of SASRec; by default the authors' layout and first weights.
    """

    takes_contrast = reads_ratings = False  # the contrast is its own arguments, and partners have no ratings
    trains_on = ("prefix",)

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        max_length: int = 50,
        norm: Norm = "bert",
        contrast_weight: float = 0.1,
        temperature: float = 1.0,
        mask_alike: bool = True,
        first_weights: FirstWeights = "normal",
        positions: Positions = "newest",
    ) -> None:
        sizes = dim, num_layers, num_heads, dropout, max_length
        super().__init__(num_items, *sizes, norm, first_weights=first_weights, positions=positions)
        self.begin_contrast(Contrast("duorec", contrast_weight, temperature, mask_alike=mask_alike))
