"""Sequence models that may learn, beside the next item, that some rows are alike.

Sizes: B rows, T positions, D dim, W rows of the item table: V = num_items + 1, and marks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.batches.augment import RobustViews, TwoViews
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.contrast import NO_CONTRAST, Contrast
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.similar_items import most_similar
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.nn.losses.contrastive import info_nce_of_views


class Contrasting(SequenceModel):
    """A sequence model that may have a `contrast`; without it is as it is, to the bit.

    The state of a view, or of a partner, is that at its newest item. A new model whose loss has parts of its own adds
    `contrast_parts` to them, and has its `ranking` in the place of super().loss.
    """

    takes_contrast: ClassVar[bool] = True  # whether a recipe may ask for one
    contrast = NO_CONTRAST
    first_weights: FirstWeights = "normal"  # of what is begun here
    views: TwoViews | None = None
    mask_item: int = PAD  # what views hide items under

    def take_contrast(self, contrast: Contrast) -> Self:
        """Learn this beside the next item; for a new model, of which nothing else was asked yet.

            model = GRU4Rec(split.num_items).take_contrast(Contrast("cl4srec"))

        Where views hide items, the table of items gets a row more, for the mask.

        Raises:
            InputError: the model has none of rows: they are hidden items, or it reads what views have not.
        """
        if contrast.contrast != "none" and not self.takes_contrast:
            raise InputError(f"model.contrast: {type(self).__name__} takes none; take SASRec, or leave it out")
        return self.begin_contrast(contrast)

    def begin_contrast(self, contrast: Contrast) -> Self:
        """`take_contrast` of a model that has one of its own, by arguments of its constructor."""
        wanted = self.wanted()
        if contrast.contrast != "none" and (wanted.times or wanted.ratings):
            what = "ratings" if wanted.ratings else "times"
            raise InputError(
                f"model.contrast: {type(self).__name__} reads {what}, which the rows that it would be compared with "
                f"have not; leave the {what} out, or the contrast"
            )
        if contrast.shares:
            self._widen()
        self.contrast = contrast
        self.compares_rows = contrast.contrast != "none"
        if contrast.trains_on is not None:
            self.trains_on = contrast.trains_on
        if contrast.contrast == "cl4srec":
            self.views = TwoViews(self.mask_item, **contrast.shares)
        return self

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        if self.contrast.contrast == "coserec":
            self.views = RobustViews(
                self.mask_item, most_similar(train), self.max_length, short_length=self.contrast.short_length,
                **self.contrast.shares,
            )  # fmt: skip

    def wanted(self) -> Wanted:
        wanted = super().wanted()
        if self.contrast.contrast == "none":
            return wanted
        return replace(wanted, views=self.views, partners=self.contrast.contrast == "duorec")

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        more = self.contrast_parts(batch)
        return {"ranking": self.ranking(batch), **more} if more else {}

    def loss(self, batch: Batch) -> Tensor:
        return self.ranking(batch) if self.contrast.contrast == "none" else Trained.loss(self, batch)

    def ranking(self, batch: Batch) -> Tensor:
        """The loss of the next item alone."""
        return super().loss(batch)

    def contrast_parts(self, batch: Batch) -> dict[str, Tensor]:
        """What a contrast adds to the loss, by name; nothing without one."""
        if self.contrast.contrast == "none":
            return {}
        one, other, kinds = self.of_partners(batch) if self.contrast.contrast == "duorec" else self.of_views(batch)
        return {"contrast": self.contrast_of(one, other, kinds)}

    def contrast_of(self, one: Tensor, other: Tensor, kinds: Tensor | None) -> Tensor:
        """What states (B, D) of rows that should be alike add to the loss; `kinds` (B,) are not held apart."""
        return self.contrast.contrast_weight * info_nce_of_views(one, other, self.contrast.temperature, kinds)

    def of_views(self, batch: Batch) -> tuple[Tensor, Tensor, None]:
        """The states (B, D) of the two views of each row."""
        views = self.views_in(batch)
        one, other = self.encode_at(views, newest_places(views.inputs)).chunk(2)
        return one, other, None

    def views_in(self, batch: Batch) -> Batch:
        """The views of its rows as rows (2B, T): the first of each, then the second of each."""
        if batch.views is None:
            raise InputError(
                f"{type(self).__name__} learns from views, and the batch has none; make batches with "
                "wanted=model.wanted(), after prepare(train)"
            )
        return Batch.of(torch.cat([batch.views[:, 0], batch.views[:, 1]]))

    def of_partners(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """The states (B, D) of the rows and of others with their targets, and these targets (B,)."""
        if batch.partners is None:
            raise InputError(
                f"{type(self).__name__} learns from rows that share a target, and the batch has none beside its rows; "
                "make prefix batches with wanted=model.wanted()"
            )
        newest, partners = newest_places(batch.inputs), Batch.of(batch.partners)
        own, other = self.encode_at(batch, newest), self.encode_at(partners, newest_places(partners.inputs))
        kinds = batch.targets.gather(1, newest[:, None])[:, 0] if self.contrast.mask_alike else None
        return own, other, kinds

    def _widen(self) -> None:
        """A row for the mask, behind all that the table has; the others stay as they are.

        Raises:
            InputError: vectors of the attributes of its items are kept already, without a row for it.
        """
        if "item_kept" in dict(self.named_buffers()):
            raise InputError(f"{type(self).__name__} has attributes already: ask for the contrast first")
        before = self.item_embedding.weight.detach()
        table = nn.Embedding(len(before) + 1, before.shape[1], padding_idx=PAD)
        initialise(table, self.first_weights)
        with torch.no_grad():
            table.weight[:-1] = before
        self.item_embedding, self.mask_item = table, len(before)
