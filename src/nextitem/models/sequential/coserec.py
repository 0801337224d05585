"""CoSeRec: SASRec that also learns that two views of a history are alike, some of which have similar items put in.

Liu et al., "Contrastive Self-supervised Sequential Recommendation with Robust Augmentation", 2021, arXiv:2108.06479.
Code followed: the authors' (YChen1993/CoSeRec), with its shares of a row and its threshold of short rows.
Departures:
- the state of a view is that at its newest item; theirs is all states of a row side by side, padding among them;
- similar items are those of shared users throughout; theirs are also the nearest by embeddings, after 160 epochs;
- the mask has a vector of its own, where theirs is the padding's; every stretch of a row may be kept or shuffled, where
  theirs never reaches the newest item; of equal shares all five operators are drawn, as their paper has it;
- the loss of the next item comes from outside (full cross-entropy by default; theirs samples one negative).
"""

from __future__ import annotations

from nextitem.models.contrast import Contrast
from nextitem.models.initialise import FirstWeights
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.blocks import Norm


class CoSeRec(SASRec):
    """CoSeRec: SASRec that also learns to tell two views of one history from those of others, made by five operators.

    Its loss has two parts, `ranking` and `contrast`: rows are compared with each other. It is SASRec with `contrast:
    coserec`, to the bit.

    Arguments:
        contrast_weight: what `contrast` counts for in the loss.
        temperature: of the contrast; inner products are divided by it.
        crop, mask, reorder, substitute, insert: the shares of a row that the operators keep, hide, shuffle, replace by
            similar items, and put similar items before.
        short_length: rows of so many items or fewer are neither cropped nor shuffled (theirs: 4, Amazon Beauty 12).
        norm, first_weights, positions: as of SASRec; by default the authors' layout and first weights.
    """

    takes_contrast = reads_ratings = False  # the contrast is its own arguments, and views have no ratings
    compares_rows = True

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
        crop: float = 0.2,
        mask: float = 0.7,
        reorder: float = 0.2,
        substitute: float = 0.1,
        insert: float = 0.4,
        short_length: int = 4,
        first_weights: FirstWeights = "normal",
        positions: Positions = "newest",
    ) -> None:
        sizes = dim, num_layers, num_heads, dropout, max_length
        super().__init__(num_items, *sizes, norm, first_weights=first_weights, positions=positions)
        shares = crop, mask, reorder, substitute, insert
        self.begin_contrast(Contrast("coserec", contrast_weight, temperature, *shares, short_length))
