"""DSSM: two towers of layers, over what is known of the user and over what is known of the item.

Huang, He, Gao, Deng, Acero & Heck, "Learning Deep Structured Semantic Models for Web Search using Clickthrough Data",
CIKM 2013, doi:10.1145/2505515.2505665; as a recommender: RecStudio's DSSM, whose sizes these are, and Yi et al.,
"Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019, whose loss the recipe has.

Departures: no activation after the last layer, where RecStudio's tanh bounds every score; a softmax over the batch's
targets, corrected by how often they are drawn, in place of RecStudio's binary cross-entropy; inner products, as there,
where the paper has cosines. A share of the steps leaves the vector of the item, or user, itself out.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.models.field_towers import Attributes, FieldTowers
from nextitem.models.initialise import initialise_xavier
from nextitem.nn.dropout import Dropout


class DSSM(FieldTowers):
    """DSSM: a user's fields through layers, an item's fields through layers, and the inner product of the two.

    Fields are the user, or the item, and their attributes: texts and lists by the mean of the vectors of their values,
    numbers times a vector. An item that nobody has met is what its attributes say, and so is a user.

    Arguments:
        dim: of the vector of a field.
        layers: their widths; the last is that of the vectors that are scored. Without any, the fields themselves.
        dropout: after every layer but the last.
        attributes: whose are read, those of `items`, of `users`, or of `both`.
        item_columns, user_columns: of their tables; none named: all but those with a value for nearly every row.
        id_dropout: how often a step leaves the vector of the item, or user, itself out, so that attributes learn to
            stand alone.
    """

    def __init__(
        self,
        sizes: Sizes,
        dim: int = 64,
        layers: tuple[int, ...] = (128, 128, 128),
        dropout: float = 0.3,
        attributes: Attributes = "items",
        item_columns: tuple[str, ...] = (),
        user_columns: tuple[str, ...] = (),
        id_dropout: float = 0.1,
    ) -> None:
        super().__init__(sizes, attributes, (user_columns, item_columns), dim, id_dropout)
        widths = self.users.num_fields * dim, self.items.num_fields * dim
        if not layers and widths[0] != widths[1]:
            raise InputError(
                f"model.layers: without any, the {self.users.num_fields} fields of users and the "
                f"{self.items.num_fields} of items have vectors of unlike widths; name one or more, such as (128,)"
            )
        self.of_user, self.of_item = (_tower(width, layers, dropout) for width in widths)
        initialise_xavier(self)
        self.begin_kept(layers[-1] if layers else widths[0])

    def make_users(self, fields: Tensor) -> Tensor:
        made: Tensor = self.of_user(fields.flatten(1))
        return made

    def make_items(self, fields: Tensor) -> Tensor:
        made: Tensor = self.of_item(fields.flatten(1))
        return made


def _tower(width: int, layers: tuple[int, ...], dropout: float) -> nn.Sequential:
    parts = list[nn.Module]()
    for before, after in pairwise((width, *layers)):
        parts += [nn.Linear(before, after), nn.Tanh(), Dropout(dropout)]
    return nn.Sequential(*parts[:-2])
