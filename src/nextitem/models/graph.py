"""GraphModel: the base of models whose vectors are made by propagation over a graph of the training rows.

What is saved: the parameters, to train on, and the propagated vectors, to score with. Whoever loads a model has no
training rows, and for N interactions their graph would take 8 N bytes beside 4 D bytes a node; ml-1m has 100
interactions a node. The propagated vectors are made anew, where there is a graph, by `eval()` and by `state_dict()`,
so they are made once an evaluation and what is saved is never older than the weights.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.kept import Kept
from nextitem.models.towers import TwoTower
from nextitem.nn.graphs.changes import without_repeats
from nextitem.nn.graphs.edges import Edges

G = TypeVar("G", bound=nn.Module)


def interactions(train: TrainingData) -> Edges:
    """Who met what in training, each once: heads are users 0..num_users, tails items 0..num_items."""
    rows = train.rows
    users, items = torch.from_numpy(rows.flat_rows() + 1), torch.from_numpy(rows.flat_items()).long()
    return without_repeats(Edges(users, items, len(rows) + 1, num_tails=train.num_items + 1))


class GraphModel(Kept, TwoTower, Generic[G]):
    """score(u, i) = p_u . q_i, with p and q propagated over a graph. A new one is a `make_graph` and a `propagate`.

    G is the graph, a module such as `BipartiteGraph` or `Edges`; a model with more than one makes a module of them.
    In training mode vectors are those of the weights as they are, propagated at each call: a `loss` of its own calls
    `propagated()` once and hands the vectors to `loss_over`.
    """

    user_propagated: Tensor  # (U, D)
    item_propagated: Tensor  # (V, D)

    def __init__(self, num_users: int, num_items: int, dim: int) -> None:
        """`dim`: of the vectors that `propagate` gives."""
        super().__init__(num_items)
        self.graph: G | None = None
        self.register_buffer("user_propagated", torch.zeros(num_users + 1, dim))
        self.register_buffer("item_propagated", torch.zeros(num_items + 1, dim))
        self.keep()

    def make_graph(self, train: TrainingData) -> G:
        """The graph of the training data; row r of `train.rows` is of user r + 1. Nothing of it is saved."""
        raise NotImplementedError(f"{type(self).__name__} has no make_graph")

    def propagate(self, graph: G) -> tuple[Tensor, Tensor]:
        """The vectors of users (U, D) and items (V, D), of the weights as they are now; row 0 is nobody's."""
        raise NotImplementedError(f"{type(self).__name__} has no propagate")

    def prepare(self, train: TrainingData) -> None:
        self.graph = self.make_graph(train)
        self.refresh()

    def propagated(self) -> tuple[Tensor, Tensor]:
        """The propagated vectors of users (U, D) and items (V, D), of the weights as they are now."""
        return self.propagate(self.prepared_graph())

    def prepared_graph(self) -> G:
        """The graph that `prepare` made.

        Raises:
            InputError: there is none, because the model was loaded and has not seen the training rows.
        """
        if self.graph is None:
            raise InputError(
                f"{type(self).__name__} was loaded without the graph of its training rows: it scores after eval(), "
                "and to train it or to score in training mode call prepare(train) first"
            )
        return self.graph

    def user_vectors(self) -> Tensor:
        return self.propagated()[0] if self.training else self.user_propagated

    def item_vectors(self) -> Tensor:
        return self.propagated()[1] if self.training else self.item_propagated

    def loss(self, batch: Batch) -> Tensor:
        return self.loss_over(batch, *self.propagated())

    def loss_over(self, batch: Batch, users: Tensor, items: Tensor) -> Tensor:
        """The objective's loss with (U, D) and (V, D) vectors that were propagated; a scalar."""
        weights = batch.weight_at((slice(None), 0))
        query, targets = F.embedding(batch.users, users), batch.targets[:, 0]
        return self.objective(query, items, targets, batch.users, weights, scorer=self.scorer)

    def refresh(self) -> None:
        """Bring the propagated vectors up to date, where there is a graph."""
        if self.graph is not None:
            with torch.no_grad():
                users, items = self.propagated()
                self.user_propagated.copy_(users)
                self.item_propagated.copy_(items)


def half_squares(batch: Batch, users: Tensor, items: Tensor) -> Tensor:
    """Half the squared length of a batch's vectors: of its users, of their targets and of an average item; a scalar.

    users (U, D) and items (V, D). The average item stands for the sampled negatives, which only the objective knows.
    """
    mean_square = items[1:].square().sum() / (len(items) - 1)
    for vectors in (F.embedding(batch.users, users), F.embedding(batch.targets[:, 0], items)):
        mean_square = mean_square + vectors.square().sum() / len(vectors)
    return 0.5 * mean_square
