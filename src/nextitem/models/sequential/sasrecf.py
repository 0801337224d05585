"""SASRecF: SASRec whose items are also what is known of them, and which may read how they were rated.

The idea is RecBole's model of this name (concatenation there) and RecTools' CatFeaturesItemNet: an item's vector is a
vector of its own plus the mean of its attributes' vectors, as input and as what is scored.
Departures: a sum, not a concatenation, which SASRec's own `attributes: concat` is; attributes that are numbers are left
out; an item without training rows has no vector of its own, so that it is what its attributes say.

What is saved, beside the weights: the vectors of all items, so that whoever loads the model needs no attributes.
"""

from __future__ import annotations

from nextitem.models.contents import Contents, check_columns
from nextitem.models.initialise import FirstWeights
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.blocks import Norm


class SASRecF(SASRec):
    """SASRecF: SASRec whose item vectors have the attributes of the items in them.

    SASRec over vectors e_j + mean of a_c over the values c of item j's attributes (each attribute has its mean); it is
    SASRec with `attributes: sum`.

    Arguments:
        attributes: columns of the item table; none named: all but those of numbers.
        ratings: add a vector of how the user rated each item of the history.
        num_levels: how many different ratings there may be.
        first_weights, positions: as of SASRec.
    """

    needs = ("item_attributes",)
    takes_contents = takes_contrast = False  # they are its own arguments, or those of SASRec
    levels_key = "num_levels"

    def __init__(
        self,
        num_items: int,
        item_attributes: dict[str, int],
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.5,
        max_length: int = 50,
        norm: Norm = "freerec",
        attributes: tuple[str, ...] = (),
        ratings: bool = False,
        num_levels: int = 10,
        first_weights: FirstWeights = "xavier",
        positions: Positions = "newest",
    ) -> None:
        sizes = dim, num_layers, num_heads, dropout, max_length
        super().__init__(num_items, *sizes, norm, first_weights=first_weights, positions=positions)
        check_columns("attributes", attributes, item_attributes)
        self.contents = Contents(attributes="sum")
        chosen = attributes or tuple(name for name, count in item_attributes.items() if count)
        self.begin_attributes(item_attributes, chosen)
        if ratings:
            self.begin_ratings(num_levels)
        else:
            self.begin_levels(num_levels)  # which are saved all the same
