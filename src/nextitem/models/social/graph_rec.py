"""GraphRec: how a user rates an item, from the ratings of both, each weighed by attention, and from friends.

Fan et al., "Graph Neural Networks for Social Recommendation", WWW 2019, arXiv:1902.07243.
Code followed: the authors' (wenqifan03/GraphRec-WWW19), in which friends are their vectors; in the paper they are what
their ratings make of them.
Departures:
- the rating that is asked for is left out of both histories (`hides_target`); theirs stands in them in training;
- what is predicted is the distance from the mean of ratings; Adam instead of RMSprop;
- who trusts whom is taken with its direction, each pair once, nobody trusting themselves.

Sizes: B rows or nodes, E edges, U = num_users + 1, V = num_items + 1, N users, K items of each, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import Positive
from nextitem.models.initialise import initialise_xavier
from nextitem.models.kept import Kept
from nextitem.models.rated import Rated
from nextitem.models.social.attention import Attention, Layers, Norm, Opinions, dropped
from nextitem.models.social.edges import trusting
from nextitem.models.towers import TowerFree
from nextitem.nn.graphs.changes import of_heads, turned, without_repeats
from nextitem.nn.graphs.dropping import at_most
from nextitem.nn.graphs.edges import Edges

NODES = 2048  # whose vectors are made at once for scoring


class Histories(nn.Module):
    """What users rated, who rated items, and whom users trust: a head receives from its tails."""

    def __init__(self, of_users: Edges, of_items: Edges, friends: Edges) -> None:
        super().__init__()
        self.of_users, self.of_items, self.friends = of_users, of_items, friends


class GraphRec(Kept, Rated, TowerFree):
    """GraphRec: layers over a user, made of what they rated and whom they trust, and an item, made of who rated it.

    A user is relu(W [p_u; sum of a x]) over the items rated, x what two layers make of an item and its rating, and a
    attention by x and p_u; then relu(W' [that; sum of a' p_v]) over the users v whom u trusts. An item is made of its
    ratings alike. The rating is the mean of all, moved by layers over both. Scores are of the vectors that the last
    `eval()` made.

    A step takes the histories of its rows, one by one, so that each may hide its own target: with B rows and H ratings
    of a user and an item at the mean, about 30 B H `dim` bytes.

    Arguments:
        num_levels: steps from the lowest to the highest rating, each a vector: 5 for one to five stars, 10 for halves.
        dropout: in attention and in the last layers.
        max_history: how many ratings of each user and item, and friends, stay, drawn once at random; None: all.
        hides_target: whether the rating that is asked for is left out of both histories in training.
    """

    needs = ("trust",)
    compares_rows = True  # by the mean and variance of the batch
    user_propagated: Tensor  # (U, D)
    item_propagated: Tensor  # (V, D)

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_levels: Positive = 5,
        dropout: float = 0.5,
        max_history: Positive | None = None,
        hides_target: bool = True,
    ) -> None:
        super().__init__(num_items)
        if not 0.0 <= dropout < 1.0:
            raise InputError(f"dropout must lie in [0, 1), found {dropout}")
        self.graph: Histories | None = None
        self.num_levels, self.dropout = num_levels, dropout
        self.max_history, self.hides_target = max_history, hides_target
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.level_embedding = nn.Embedding(num_levels, dim)
        self.of_user, self.of_item, self.of_friends = Opinions(dim), Opinions(dim), Attention(dim)
        self.with_friends = nn.Linear(2 * dim, dim)
        self.user_layers, self.item_layers = Layers(dim), Layers(dim)
        self.join_user, self.join_item = (nn.Linear(dim, dim, bias=False) for _ in range(2))  # of both side by side
        self.join_norm, self.hidden = Norm(dim), nn.Linear(dim, 16, bias=False)
        self.norm, self.output = Norm(16), nn.Linear(16, 1)
        for name, count in (("user_propagated", num_users), ("item_propagated", num_items)):
            self.register_buffer(name, torch.zeros(count + 1, dim))
        initialise_xavier(self)
        self.keep()

    def prepare(self, train: TrainingData) -> None:
        Rated.prepare(self, train)
        rated, friends = self._rated(train), trusting(train)
        histories = [rated, turned(rated), friends]
        if self.max_history is not None:
            histories = [at_most(one, self.max_history) for one in histories]
        self.graph = Histories(*histories)
        self.refresh()

    def rate(self, scores: Tensor) -> Tensor:
        return self.mean + scores

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if self.graph is None:
            raise InputError(
                "GraphRec was loaded without the histories of its training rows: it scores, and to train it call "
                "prepare(train) first"
            )
        users, items, p = batch.users, batch.targets[:, 0], self.dropout if self.training else 0.0
        hidden = (items, users) if self.hides_target else (None, None)
        user, item = self._users(self.graph, users, p, hidden[0]), self._items(self.graph, items, p, hidden[1])
        errors = self.rate(self._predicted(user, item, p)) - self.ratings_of(batch)
        return {"ratings": errors.square().mean()}

    def interact(self, users: Tensor, items: Tensor) -> Tensor:
        return self._predicted(self.user_propagated[users][:, None], self.item_propagated[items], 0.0)

    def refresh(self) -> None:
        """Bring the vectors of all users and items up to date, where there are histories."""
        if self.graph is None:
            return
        with torch.no_grad():
            for kept, made in ((self.user_propagated, self._users), (self.item_propagated, self._items)):
                for nodes in torch.split(torch.arange(len(kept), device=kept.device), NODES):
                    kept[nodes] = made(self.graph, nodes, 0.0)

    def _rated(self, train: TrainingData) -> Edges:
        """Who rated what, each rating by its level; heads are users, tails items."""
        rows = train.rows
        assert rows.ratings is not None
        users, items = torch.from_numpy(rows.flat_rows() + 1), torch.from_numpy(rows.flat_items()).long()
        ratings = torch.from_numpy(rows.ratings[rows.flat_positions()])
        shares = (ratings - self.lowest.cpu()) / (self.highest - self.lowest).cpu()
        levels = (shares * (self.num_levels - 1)).round().long()
        counts = len(rows) + 1, self.num_items + 1, self.num_levels
        edges = Edges(users, items, counts[0], num_tails=counts[1], relations=levels, num_relations=counts[2])
        return without_repeats(edges)

    def _users(self, graph: Histories, users: Tensor, p: float, hidden: Tensor | None = None) -> Tensor:
        """(B,) users, and an item hidden from the history of each -> (B, D)."""
        own, edges = self.user_embedding(users), _histories(graph.of_users, users, hidden)
        by_ratings = self.of_user(edges, own, self.item_embedding.weight, self.level_embedding.weight, p)
        friends = of_heads(graph.friends, users)
        by_friends = self.of_friends(friends, F.embedding(friends.tails, self.user_embedding.weight), own, p)
        return F.relu(self.with_friends(torch.cat([by_ratings, by_friends], 1)))

    def _items(self, graph: Histories, items: Tensor, p: float, hidden: Tensor | None = None) -> Tensor:
        """(B,) items, and a user hidden from the history of each -> (B, D)."""
        own, edges = self.item_embedding(items), _histories(graph.of_items, items, hidden)
        found: Tensor = self.of_item(edges, own, self.user_embedding.weight, self.level_embedding.weight, p)
        return found

    def _predicted(self, users: Tensor, items: Tensor, p: float) -> Tensor:
        """(..., D) and (..., D), broadcast against each other -> (...): by how much ratings are above the mean."""
        joined = self.join_user(self.user_layers(users, p)) + self.join_item(self.item_layers(items, p))
        hidden = self.hidden(dropped(F.relu(self.join_norm(joined)), p))
        return self.output(dropped(F.relu(self.norm(hidden)), p)).squeeze(-1)


def _histories(edges: Edges, nodes: Tensor, hidden: Tensor | None) -> Edges:
    """The edges of some nodes (B,), from each of which those to one tail (B,) may be hidden."""
    found = of_heads(edges, nodes)
    return found if hidden is None else found.kept(found.tails != hidden[found.heads])
