"""ICLRec: SASRec that also learns that two views of a history are alike, and like what users of one intent do.

Chen et al., "Intent Contrastive Learning for Sequential Recommendation", WWW 2022, arXiv:2202.02519. Code followed: the
authors' (salesforce/ICLRec).
Departures:
- the state of a view is that at its newest item in `contrast` (theirs: all states side by side), and the mean of those
  at its items in `intents` (theirs: at the padding, too);
- the intent of a row is that of its user, found at the start of the epoch, as in the paper's algorithm; the code looks
  for the nearest anew in every step. Clusters are of directions, from one random start, where faiss has five;
- the two views of a row are of different operators; the mask has a vector of its own, theirs is the padding's;
- the loss of the next item comes from outside (full cross-entropy by default; theirs samples one negative).

Sizes: B rows, T positions, U = num_users + 1, D dim.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import NotNegative, Positive
from nextitem.models.clusters import Clusters
from nextitem.models.contrast import Contrast
from nextitem.models.initialise import FirstWeights
from nextitem.models.positions import Positions
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import newest_places
from nextitem.nn.blocks import Norm
from nextitem.nn.losses.contrastive import info_nce_of_views

BLOCK = 1024  # users that are encoded at once


class ICLRec(SASRec):
    """ICLRec: SASRec whose views of a history are drawn together, and to the middle of the cluster of its user.

    Its loss has three parts: `ranking`; `contrast`, by which a view should find the other one of its row among the
    views of a batch; and `intents`, by which it should find the middle of its user's cluster among those of the others,
    rows of one cluster not held apart. Clusters are found at the start of every epoch, of what training shows of users.

    Arguments:
        contrast_weight, intent_weight: what these parts count for in the loss; the authors' defaults.
        temperature: of both; inner products are divided by it.
        crop, mask, reorder: the shares of a row that the operators of its views keep, hide and shuffle.
        num_clusters: of users; where there are fewer of these, as many.
        warm_up_epochs: after which `intents` begins.
        norm, first_weights, positions: as of SASRec; by default the authors' layout and first weights.
    """

    takes_contrast = reads_ratings = False  # the contrast is its own arguments, and views have no ratings
    compares_rows = True

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        max_length: int = 50,
        norm: Norm = "bert",
        contrast_weight: float = 0.1,
        intent_weight: NotNegative = 0.3,
        temperature: float = 1.0,
        crop: float = 0.2,
        mask: float = 0.7,
        reorder: float = 0.2,
        num_clusters: Positive = 256,
        warm_up_epochs: int = 0,
        first_weights: FirstWeights = "normal",
        positions: Positions = "newest",
    ) -> None:
        sizes = dim, num_layers, num_heads, dropout, max_length
        super().__init__(num_items, *sizes, norm, first_weights=first_weights, positions=positions)
        self.intent_weight, self.warm_up_epochs, self.has_intents = intent_weight, warm_up_epochs, False
        self.intents, self.shown = Clusters(num_users + 1, dim, num_clusters), Sequences.from_lists([])
        self.begin_contrast(Contrast("cl4srec", contrast_weight, temperature, crop, mask, reorder))

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        newest = train.rows.newest(self.position_embedding.num_embeddings + 1)
        self.shown = newest.without_last(1)  # the newest item is a target alone

    def begin_epoch(self, number: int) -> None:
        if number > self.warm_up_epochs and not len(self.shown):
            raise InputError("ICLRec finds intents of users, and has seen none: call prepare(train) first")
        self.has_intents = number > self.warm_up_epochs
        if self.has_intents:
            was_training = self.training
            self.eval()
            with torch.no_grad():
                self.intents.find(self.user_states())
            self.train(was_training)

    def user_states(self) -> Tensor:
        """The mean state (U, D) of what training shows of each user; of who has nothing to show, that of no item."""
        table = self.item_embedding.weight
        found, device = [table.new_zeros(1, table.shape[1])], table.device
        for start in range(0, len(self.shown), BLOCK):
            rows = self.shown.take(np.arange(start, min(start + BLOCK, len(self.shown))))
            batch = Batch.of(torch.from_numpy(rows.padded()).to(device))
            found.append(mean_states(self.encode(batch), batch.inputs))
        return torch.cat(found)

    def contrast_parts(self, batch: Batch) -> dict[str, Tensor]:
        views, temperature = self.views_in(batch), self.contrast.temperature
        states = self.encode(views)
        newest = states[torch.arange(len(states), device=states.device), newest_places(views.inputs)]
        one, other = newest.chunk(2)
        parts = {"contrast": self.contrast.contrast_weight * info_nce_of_views(one, other, temperature)}
        if self.intent_weight and self.has_intents:
            codes = self.intents.codes[batch.users]
            middles = self.intents.middles[codes].to(states.dtype)
            means = mean_states(states, views.inputs).chunk(2)
            losses = torch.stack([info_nce_of_views(one, middles, temperature, codes) for one in means])
            parts["intents"] = self.intent_weight * losses.mean()
        elif self.intent_weight:
            parts["intents"] = states.new_zeros(())
        return parts


def mean_states(states: Tensor, inputs: Tensor) -> Tensor:
    """(B, D) of states (B, T, D): the mean of those at the items of each row; of an empty row its first padding counts.

    >>> mean_states(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[5, 6, 0]])).tolist()
    [[2.0]]
    """
    lengths = (inputs != PAD).sum(1, keepdim=True).clamp(min=1)
    is_read = torch.arange(inputs.shape[1], device=inputs.device) < lengths
    return (states * is_read[..., None]).sum(1) / lengths
