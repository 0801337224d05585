"""S3Rec: SASRec that first learns to fill in what is hidden of a history, and what is known of its items.

Zhou et al., "S3-Rec: Self-Supervised Learning for Sequential Recommendation with Mutual Information Maximization", CIKM
2020, arXiv:2008.07873. Code followed: the authors' (aHuiWang/CIKM2020-S3Rec).

    attributes         of each seen item: softplus(z) - [it has the attribute] z, z = a . W1 s, over attributes a
    masked_items       of each hidden item: -log sigmoid(sigmoid(e . W2 s) - sigmoid(e' . W2 s)), e' of an item that the
                       row has not
    masked_attributes  of each hidden item: as `attributes`, z = a . W3 s
    segments           of each row: as `masked_items`, between states at the newest place: W4 s of the row without a
                       stretch, with e of the stretch alone and e' of another stretch

s are states in whose making every place sees all others. Then attention is causal, and the next item is learned.

Departures:
- the two stages are epochs of one training: the optimizer goes on, where theirs begins anew;
- rows are those of the batches, in which the target is not seen; theirs are all prefixes of a user (`batches: prefix`);
- the four sums over a batch are divided by its rows; a row of one item has no stretch, where theirs compares it with
  itself;
- the loss of the next item comes from outside (full cross-entropy by default; theirs samples one negative);
- padding stands after the newest item.

Sizes: B rows, T positions, N places of rows, V = num_items + 1, D dim.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.batches.pretext import PretextViews
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import NotNegative, Share
from nextitem.models.base import Trained
from nextitem.models.contents import Contents
from nextitem.models.initialise import initialise
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import newest_places
from nextitem.nn.bags import embedding_bag
from nextitem.nn.blocks import AttentionMixer
from nextitem.nn.frame import FrameBlock


class S3Rec(SASRec):
    """S3Rec: SASRec in BERT's layout that pre-trains on hidden items, stretches and attributes of items.

    The authors' sizes and weights. While it pre-trains, the loss has four parts: `attributes`, `masked_items`,
    `masked_attributes` and `segments`. Attributes are in no vector of an item: who loads the model needs none.

    Arguments:
        pretrain_epochs: of the epochs of training, the first ones, which are not validated; the authors have 100 or 150
            on all prefixes.
        attribute_columns: of the item table; none named: all of texts and lists with half as many values as there are
            items, or fewer.
        mask_share: how many of the items are hidden, beside the newest.
        attribute_weight, item_weight, masked_attribute_weight, segment_weight: what the four parts count for.
        positions: as of SASRec.
    """

    needs = ("item_attributes",)
    takes_contents = takes_contrast = reads_ratings = False  # its stages are what it learns
    learns_in_part = True
    num_marks = 1

    def __init__(
        self,
        num_items: int,
        item_attributes: dict[str, int],
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        max_length: int = 50,
        pretrain_epochs: int = 100,
        attribute_columns: tuple[str, ...] = (),
        mask_share: Share = 0.2,
        attribute_weight: NotNegative = 0.2,
        item_weight: NotNegative = 1.0,
        masked_attribute_weight: NotNegative = 1.0,
        segment_weight: NotNegative = 0.5,
        positions: Positions = "newest",
    ) -> None:
        sizes = dim, num_layers, num_heads, dropout, max_length
        super().__init__(num_items, *sizes, "bert", first_weights="normal", positions=positions)
        if pretrain_epochs < 0:
            raise InputError(f"model.pretrain_epochs: it must be 0 or more, found {pretrain_epochs}")
        chosen = Contents("sum", attribute_columns=attribute_columns)
        self.columns = chosen.columns(item_attributes, num_items) if item_attributes else ()  # no data yet
        self.part_weights = attribute_weight, item_weight, masked_attribute_weight, segment_weight
        self.attribute_embedding = nn.Embedding(sum(item_attributes[name] for name in self.columns), dim)
        self.heads = nn.ModuleList(nn.Linear(dim, dim) for _ in self.part_weights)  # W1 to W4
        for module in (self.attribute_embedding, self.heads):
            initialise(module, "normal")
        self.pretrain_epochs, self.mask_share, self.mask_item = pretrain_epochs, mask_share, num_items + 1
        self.is_pretraining = pretrain_epochs > 0
        self.pretext: PretextViews | None = None
        self.owned: tuple[Tensor, Tensor] | None = None  # the attributes (K,) of all items, from 0, and their offsets

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        if not self.columns:
            raise InputError(
                "S3Rec was made without attributes of items; give it the sizes of the data, "
                'item_attributes=train.sizes_for(["item_attributes"]).item_attributes'
            )
        self.pretext = PretextViews(self.mask_item, train.rows.flat_items(), self.num_items, self.mask_share)
        codes, items, before = list[np.ndarray](), list[np.ndarray](), 0
        for name in self.columns:
            bags = train.item_attributes.bags(name)
            codes.append(bags.codes.astype(np.int64) - 1 + before)
            items.append(np.repeat(np.arange(self.num_items + 1), np.diff(bags.offsets)))
            before += bags.num_values
        owners = np.concatenate(items)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=self.num_items + 1))])
        ordered = np.concatenate(codes)[np.argsort(owners, kind="stable")]
        self.owned = torch.from_numpy(ordered), torch.from_numpy(offsets)

    def begin_epoch(self, number: int) -> None:
        super().begin_epoch(number)
        self.is_pretraining = number <= self.pretrain_epochs
        if self.pretext is not None:
            self.pretext.needed = self.is_pretraining

    def wanted(self) -> Wanted:
        return replace(super().wanted(), views=self.pretext)

    def num_terms(self, batch: Batch) -> float:
        return len(batch.users) if self.is_pretraining else super().num_terms(batch)

    def loss(self, batch: Batch) -> Tensor:
        return Trained.loss(self, batch) if self.is_pretraining else super().loss(batch)

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if not self.is_pretraining:
            return super().parts(batch)
        if batch.views is None or self.owned is None:
            raise InputError(
                "S3Rec pre-trains on views of its rows and on attributes of items, and has none; call prepare(train) "
                "first, and make batches with wanted=model.wanted()"
            )
        hidden, untrue, *stretched = batch.views.unbind(1)
        states, *ends = self.both_ways(torch.cat([hidden, *stretched])).chunk(4)  # one pass over four views
        is_hidden, is_told = hidden == self.mask_item, untrue != PAD
        is_seen = (batch.inputs != PAD) & ~is_hidden
        true, false = self.input_vectors(batch.inputs[is_told]), self.input_vectors(untrue[is_told])
        newest = newest_places(hidden)
        rows = newest.nonzero()[:, 0]  # those of more than one item
        context, stretch, other = (one[rows, newest[rows]] for one in ends)
        parts = {
            "attributes": self.attribute_loss(self.heads[0](states[is_seen]), batch.inputs[is_seen]),
            "masked_items": told_apart(self.heads[1](states[is_told]), true, false),
            "masked_attributes": self.attribute_loss(self.heads[2](states[is_hidden]), batch.inputs[is_hidden]),
            "segments": told_apart(self.heads[3](context), stretch, other),
        }
        weighted = zip(parts.items(), self.part_weights, strict=True)
        return {name: weight * part / len(hidden) for (name, part), weight in weighted}

    def both_ways(self, inputs: Tensor) -> Tensor:
        """The states (B, T, D) of rows (B, T) whose places see what is older and what is newer."""
        x, lengths = self.embed(Batch.of(inputs)), newest_places(inputs) + 1
        for block in self.stack.blocks:
            assert isinstance(block, FrameBlock)
            assert isinstance(block.mixer, AttentionMixer)
            x = block.fed(block.joined(x, block.mixer.attention.both_ways(x, lengths)))
        return x

    def attribute_loss(self, asking: Tensor, items: Tensor) -> Tensor:
        """The binary cross-entropies of all attributes of items (N,), by the products of each with `asking` (N, D)."""
        assert self.owned is not None
        codes, offsets = self.owned = self.owned[0].to(asking.device), self.owned[1].to(asking.device)
        table = self.attribute_embedding.weight
        # Of those that an item has, -z is added to softplus(z): z of their sum is the sum of their z.
        sums = embedding_bag(codes, table, offsets, has_end=True)  # (V, D)
        return F.softplus(asking @ table.T).sum() - (asking * sums[items]).sum()


def told_apart(asking: Tensor, true: Tensor, untrue: Tensor) -> Tensor:
    """The sum of -log sigmoid(sigmoid(q . t) - sigmoid(q . u)) over rows q, t and u of three (N, D): sigmoid twice, as
    the authors have it.

    >>> round(float(told_apart(torch.ones(1, 2), torch.zeros(1, 2), torch.zeros(1, 2))), 4)  # log 2
    0.6931
    """
    distances = (asking * true).sum(1).sigmoid() - (asking * untrue).sum(1).sigmoid()
    return F.softplus(-distances).sum()
