"""Sequence models that take `Contents` (attributes of items, ratings that are read or learned) and a `Contrast`."""

from __future__ import annotations

from typing import ClassVar, Self

from nextitem.errors import InputError
from nextitem.models.contents import Contents
from nextitem.models.contrasting import Contrasting
from nextitem.models.described import Described
from nextitem.models.rating_readers import RatingReader


class WithContents(Contrasting, RatingReader, Described):
    """A sequence model that may have `contents`, and a `contrast`; without them it is as it is, to the bit."""

    takes_contents: ClassVar[bool] = True  # whether a recipe may ask for them

    def take_contents(self, contents: Contents, item_attributes: dict[str, int] | None = None) -> Self:
        """Read these from here on; for a new model, whose further first weights are drawn here.

            sizes = split.training_data.sizes_for(["item_attributes"])
            model = SASRec(split.num_items).take_contents(Contents(attributes="sum"), sizes.item_attributes)

        Raises:
            InputError: the model does not read ratings, or there are no such attributes.
        """
        if contents.ratings and not self.reads_ratings:
            raise InputError(
                f"model.ratings: {type(self).__name__} does not read ratings; take SASRec, or leave them out"
            )
        if contents.ratings and self.contrast.contrast != "none":
            raise InputError(
                "model.ratings: the rows that a contrast compares with have none; leave the ratings out, or "
                "model.contrast"
            )
        width = self.item_vectors().shape[1]
        self.contents, self.needs = contents, (*self.needs, *contents.needs)
        if contents.attributes != "none":
            sizes = item_attributes or {}
            self.begin_attributes(sizes, contents.columns(sizes, self.num_items))
        if contents.ratings:
            self.begin_ratings(contents.rating_levels)
        if contents.rating_weight:
            self.begin_rating_head(width)
        return self
