"""Contrast: what a sequence model learns of rows that should be alike, as keys of a recipe's `model` section; none by
default.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from nextitem.errors import InputError
from nextitem.keys import AboveZero, NotNegative, Share
from nextitem.models.contents import check_name

Kind = Literal["none", "cl4srec", "duorec", "coserec"]
OPERATORS = {  # the shares of a row that they change, as the codes have them
    "cl4srec": {"crop": 0.6, "mask": 0.3, "reorder": 0.6},
    "coserec": {"crop": 0.2, "mask": 0.7, "reorder": 0.2, "substitute": 0.1, "insert": 0.4},
}


@dataclass(frozen=True)
class Contrast:
    """A second part of the loss, `contrast`: states of two rows that should be alike are drawn together, and those of
    the other rows of a batch are held off; by default there is none. Batches can then not be cut into parts.

    Arguments:
        contrast: which rows are alike. "cl4srec": two views of a row, by two different operators of crop, mask and
            reorder (Xie et al., ICDE 2022). "coserec": two views, by operators drawn from these three, substitute and
            insert, which put in the items that share most users (Liu et al., 2021). "duorec": a row with other units
            dropped, and another training row with the same target; of prefix batches alone (Qiu et al., WSDM 2022).
        contrast_weight: what `contrast` counts for in the loss (the three papers': 0.1).
        temperature: of the contrast; inner products are divided by it.
        crop, mask, reorder, substitute, insert: the shares of a row that the operators keep, hide, shuffle, replace,
            and put something before. By default those of the code that `contrast` names: of cl4srec .6, .3 and .6; of
            coserec .2, .7, .2, .1 and .4.
        short_length: of coserec, rows of so many items or fewer are neither cropped nor shuffled.
        mask_alike: of duorec, whether rows with the same target are left out of what a row is held apart from.
    """

    contrast: Kind = "none"
    contrast_weight: NotNegative = 0.1
    temperature: AboveZero = 1.0
    crop: Share | None = None
    mask: Share | None = None
    reorder: Share | None = None
    substitute: Share | None = None
    insert: Share | None = None
    short_length: int = 4
    mask_alike: bool = True

    def __post_init__(self) -> None:
        """Raises InputError where a value is none that there is, or has nothing to act on."""
        check_name("contrast", self.contrast, get_args(Kind))
        if self.temperature <= 0:
            raise InputError(f"model.temperature: it must be above 0, found {self.temperature}")
        if self.contrast_weight < 0:
            raise InputError(f"model.contrast_weight: it must be 0 or more, found {self.contrast_weight}")
        acting = {"contrast", *OPERATORS.get(self.contrast, ())}
        if self.contrast != "none":
            acting |= {"contrast_weight", "temperature"}
        acting |= {"coserec": {"short_length"}, "duorec": {"mask_alike"}}.get(self.contrast, set())
        for one in fields(self):
            if one.name not in acting and (found := getattr(self, one.name)) != one.default:
                raise InputError(
                    f"model.{one.name}: found {found!r}, which does nothing where contrast is {self.contrast}; take "
                    f"--model.contrast {' or '.join(_kinds_with(one.name))}, or leave it out"
                )

    @property
    def trains_on(self) -> tuple[str, ...] | None:
        """The kinds of batches that it learns from; None: any."""
        return ("prefix",) if self.contrast == "duorec" else None

    @property
    def shares(self) -> dict[str, float]:
        """Of a row, by operator; empty where there are no views."""
        given = {name: getattr(self, name) for name in OPERATORS.get(self.contrast, {})}
        usual = OPERATORS.get(self.contrast, {})
        return {name: usual[name] if share is None else share for name, share in given.items()}


def _kinds_with(key: str) -> list[str]:
    own = {"short_length": ["coserec"], "mask_alike": ["duorec"]}
    all_kinds = [kind for kind in get_args(Kind) if kind != "none"]
    by_operator = [kind for kind in all_kinds if key in OPERATORS.get(kind, {})]
    return own.get(key) or by_operator or all_kinds


NO_CONTRAST = Contrast()
