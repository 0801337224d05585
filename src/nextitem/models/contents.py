"""Contents: what is known of items and how they were rated, as keys of a recipe's `model` section; none by default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from nextitem.errors import InputError, suggest
from nextitem.keys import NotNegative, Positive

Attributes = Literal["none", "sum", "concat"]
AttributesIn = Literal["input", "both"]


@dataclass(frozen=True)
class Contents:
    """What a sequence model reads beside the items, and learns beside the next one; by default nothing.

    Arguments:
        attributes: what is known of an item, in its vector: "sum" adds the vectors of its attributes, of each column
            their mean (RecTools' CatFeaturesItemNet), "concat" maps both together back to dim (RecBole's SASRecF).
            Values that no item of the training rows has are left out. An item without training rows has no vector of
            its own: it is what its attributes say.
        attributes_in: "both", items that are read and that are scored; "input", those that are read alone, as RecBole.
        attribute_columns: of the item table; none named: all of texts and lists with half as many values as there are
            items, or fewer (a title is each item's own).
        ratings: add a vector of how the user rated each item of the history.
        rating_levels: how many different ratings there may be.
        rating_weight: what the squared error of the rating of the next item, predicted by a linear map of the state and
            the item's vector, counts for in the loss (0.1 is a first guess). It is of standardised ratings, and has no
            part in scores.
    """

    attributes: Attributes = "none"
    attributes_in: AttributesIn = "both"
    attribute_columns: tuple[str, ...] = ()
    ratings: bool = False
    rating_levels: Positive = 10
    rating_weight: NotNegative = 0.0

    def __post_init__(self) -> None:
        """Raises InputError where a value is none that there is, or has nothing to act on."""
        check_name("attributes", self.attributes, get_args(Attributes))
        check_name("attributes_in", self.attributes_in, get_args(AttributesIn))
        if self.rating_weight < 0:
            raise InputError(f"model.rating_weight: it must be 0 or more, found {self.rating_weight}")
        if self.rating_levels < 1:
            raise InputError(f"model.rating_levels: it must be 1 or more, found {self.rating_levels}")
        if self.attributes == "none":
            self._refuse_idle(("attributes_in", "attribute_columns"), "attributes is none; take --model.attributes sum")
        if not self.ratings:
            self._refuse_idle(("rating_levels",), "no ratings are read; take --model.ratings true")

    def _refuse_idle(self, names: tuple[str, ...], why: str) -> None:
        first = {one.name: one.default for one in fields(self)}
        found: dict[str, object] = asdict(self)
        for name in names:
            if found[name] != first[name]:
                raise InputError(
                    f"model.{name}: found {found[name]!r}, which does nothing where {why}, or leave it out"
                )

    @property
    def needs(self) -> tuple[str, ...]:
        """What the data must have beside the log."""
        return () if self.attributes == "none" else ("item_attributes",)

    def columns(self, item_attributes: dict[str, int], num_items: int) -> tuple[str, ...]:
        """The columns that are read, of those that there are and how many values each has, 0 if it is of numbers.

        >>> Contents("sum").columns({"genre": 18, "title": 90, "year": 0}, num_items=100)
        ('genre',)

        Raises:
            InputError: one that is named has no values; or none is named and none is left.
        """
        check_columns("attribute_columns", self.attribute_columns, item_attributes)
        chosen = self.attribute_columns or tuple(
            name for name, count in item_attributes.items() if 0 < count <= num_items / 2
        )
        if not chosen:
            raise InputError(
                f"model.attributes: the item table has no column of texts or lists whose values {num_items:,} items "
                f"share ({', '.join(item_attributes) or 'no column'}); name the ones to read with "
                "--model.attribute_columns, or bring others"
            )
        return chosen


def check_columns(key: str, names: tuple[str, ...], item_attributes: dict[str, int]) -> None:
    """Raises InputError where one of the columns that a model's `key` names has no values."""
    for name in names:
        if not item_attributes.get(name):
            raise InputError(f'model.{key}: "{name}" is no attribute with values; {suggest(name, item_attributes)}')


def check_name(key: str, value: str, known: tuple[str, ...]) -> None:
    """Raises InputError where a key of a model has a value that is not one of those there are."""
    if value not in known:
        raise InputError(f'model.{key}: there is no "{value}"; {suggest(value, known)}')


NOTHING = Contents()
