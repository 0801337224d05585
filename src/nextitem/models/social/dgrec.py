"""DGRec: what a user looks for now, and what their friends looked for lately, weighed by how well it fits.

Song et al., "Session-based Social Recommendation via Dynamic Graph Attention Networks", WSDM 2019, arXiv:1902.09362.
Code followed: the authors' (DeepGraphLearning/RecommenderSystems, socialRec/dgrec).
Departures:
- there are no sessions of a week: a row is a user's newest items, and what a friend looked for is asked at each of its
  places anew, as it was before the moment at which the next item is asked for; there it is the friend's last session
  before this one, for all of its items;
- of a friend at most `friend_length` items are read, where there it is the whole of a session;
- friends are drawn without repeats, once an epoch, and evaluation goes by the last draw; there anew at each step and
  at each evaluation, with repeats where a user has fewer, and from 50 at most;
- rows of users without friends stay, and attend to the user alone;
- who trusts whom is taken with its direction, each pair once, nobody trusting themselves.

Sizes: B rows, T positions, Q questions, F friends, G friends of each, K pasts, L items of a stretch, D dim, H hidden.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import Positive
from nextitem.models.initialise import initialise_xavier
from nextitem.models.social.drawn import Drawn
from nextitem.models.social.edges import trusting
from nextitem.models.social.pasts import Pasts
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout
from nextitem.nn.graphs.edges import Edges


class DGRec(SequenceModel):
    """DGRec: a recurrent network over a user's items, beside attention over what friends and their friends met lately.

    h is the state of an LSTM after the user's items. A friend v is [relu(W1 s); relu(W2 p_v)], s the state of the same
    LSTM after the items that v met last before the next item is asked for, zero if there is none, and p_v a vector of
    v. A layer makes of a node x and those it trusts f(W sum of a y), y the node and them, a = softmax(x . y); there are
    two, f is relu in the first, and the user begins as h. The query is W3 [h; what the second makes of the user].

    Nothing that a friend met at the moment of the question or later has a part. Someone unknown, or who trusts nobody,
    has themselves alone to attend to. Histories, times and the drawn friends are saved with the weights. A step of B
    rows of T items needs about 20 B T F (G + 1) H bytes for F `num_friends` and G `num_friends_of_friends`; take less
    of these or a smaller batch where that is too much.

    Arguments:
        dim: of the items' vectors.
        hidden_dim: of the recurrent state, even; half of a friend is what they met lately, half what they always are.
        num_friends: how many of those whom a user trusts it attends to, drawn for an epoch; all where it is as many.
        num_friends_of_friends: and how many of those whom these trust.
        friend_length: at most so many of a friend's newest items are read, and of more than these at least half.
        dropout: of the embedded items.
        max_length: how many of the user's own newest items it reads.
    """

    needs = ("trust",)
    knows_users = True
    takes_strangers = True
    answers_by_network = True

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 100,
        hidden_dim: int = 100,
        num_friends: Positive = 5,
        num_friends_of_friends: Positive = 10,
        friend_length: int = 20,
        dropout: float = 0.2,
        max_length: int = 50,
    ) -> None:
        super().__init__(num_items, dim)
        if hidden_dim < 2 or hidden_dim % 2:
            raise InputError(f"hidden_dim must be even and 2 or more, found {hidden_dim}")
        if friend_length < 2:
            raise InputError(f"friend_length must be 2 or more, found {friend_length}")
        self.max_length, self.friend_length = max_length, friend_length
        self.network: Edges | None = None
        self.pasts = Pasts(num_users, num_items)
        self.friends, self.friends_of_friends = Drawn(num_users, num_friends), Drawn(num_users, num_friends_of_friends)
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.lstm = nn.LSTM(dim, hidden_dim, batch_first=True)
        self.of_lately = nn.Linear(hidden_dim, hidden_dim // 2, bias=False)  # W1
        self.of_always = nn.Linear(dim, hidden_dim // 2, bias=False)  # W2
        self.first, self.second = (nn.Linear(hidden_dim, hidden_dim, bias=False) for _ in range(2))
        self.output = nn.Linear(2 * hidden_dim, dim, bias=False)  # W3
        self.dropout = Dropout(dropout)
        initialise_xavier(self)

    def wanted(self) -> Wanted:
        return Wanted(asked_at=True)

    def prepare(self, train: TrainingData) -> None:
        self.pasts.take(train, type(self).__name__)
        self.network = trusting(train)
        self._draw(self.network)

    def begin_epoch(self, number: int) -> None:
        if self.network is None:
            raise InputError("DGRec was loaded without its network: it scores, and to train it call prepare(train)")
        self._draw(self.network)

    def _draw(self, network: Edges) -> None:
        """Whom a user attends to, and whom each of these does, until the next draw."""
        for drawn in (self.friends, self.friends_of_friends):
            drawn.draw(network)

    def encode(self, batch: Batch) -> Tensor:
        states = self._read(batch.inputs)
        users = batch.users[:, None].expand_as(batch.inputs)
        asked = self._asked_at(batch)
        return self._answer(states.flatten(0, 1), users.flatten(), asked.flatten()).view(*batch.inputs.shape, -1)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        rows = torch.arange(len(places), device=places.device)
        return self._answer(self._read(batch.inputs)[rows, places], batch.users, self._asked_at(batch)[rows, places])

    def _asked_at(self, batch: Batch) -> Tensor:
        if batch.asked_at is None:
            raise InputError("DGRec goes by times: the batch does not say when it is asked")
        return batch.asked_at

    def _read(self, items: Tensor) -> Tensor:
        """The states (B, T, H) after each of the items (B, T)."""
        states: Tensor = self.lstm(self.dropout(self.item_embedding(items)))[0]
        return states

    def _answer(self, states: Tensor, users: Tensor, asked: Tensor) -> Tensor:
        """(Q, D): what users (Q,) with states (Q, H) look for when they are asked (Q,)."""
        friends = self.friends.of(users)  # (Q, F)
        nodes = torch.cat([friends[..., None], self.friends_of_friends.of(friends)], -1)  # (Q, F, 1 + G)
        vectors = self._friends_at(nodes, asked[:, None, None].expand_as(nodes))  # (Q, F, 1 + G, H)
        is_there = friends != PAD
        near = self.first(attended(vectors[:, :, 0], vectors[:, :, 1:], nodes[:, :, 1:] != PAD)).relu()  # (Q, F, H)
        user = self.first(attended(states, vectors[:, :, 0], is_there)).relu()
        user = self.second(attended(user, near, is_there))
        answer: Tensor = self.output(torch.cat([states, user], 1))
        return answer

    def _friends_at(self, users: Tensor, times: Tensor) -> Tensor:
        """What users of any shape are to those who trust them, at these times: the shape, and H.

        Each is worked out once, however often it is asked for: a past by its newest item, and nobody's by the user.
        """
        newest, num_met = self.pasts.newest(users, times), len(self.pasts.items)
        asked, places = torch.unique(torch.where(newest >= 0, newest, num_met + users), return_inverse=True)
        has_past = asked < num_met
        owners = torch.where(has_past, 0, asked - num_met)
        owners[has_past] = self.pasts.owners(asked[has_past])
        lately = self.user_embedding.weight.new_zeros(len(asked), self.of_lately.out_features)
        lately[has_past] = self.of_lately(self._states_after(asked[has_past])).relu().to(lately.dtype)
        always = self.of_always(self.user_embedding(owners)).relu()
        return F.embedding(places, torch.cat([lately, always], 1))

    def _states_after(self, newest: Tensor) -> Tensor:
        """(K, H): the states after the items at some places of the pasts (K,), and those before them."""
        begins, steps = self.pasts.stretches(newest, self.friend_length)
        begins, places = torch.unique(begins, return_inverse=True)
        longest = int(steps.max()) + 1 if len(steps) else 1
        # A stretch that ends early goes on into items that come later, or are of the next user: their states, which
        # the earlier do not depend on, are not taken.
        at = begins[:, None] + torch.arange(longest, device=begins.device)
        items = self.pasts.items[at.clamp(max=max(len(self.pasts.items) - 1, 0))].long()
        return self._read(items)[places, steps]


def attended(nodes: Tensor, others: Tensor, is_there: Tensor) -> Tensor:
    """nodes (.., H) and others (.., F, H), of which some are there (.., F) -> (.., H): the mean over the node and
    them, weighed by a softmax of their products with the node."""
    keys = torch.cat([nodes[..., None, :], others], -2)
    is_key = torch.cat([torch.ones_like(is_there[..., :1]), is_there], -1)
    scores = (keys @ nodes[..., None])[..., 0].masked_fill(~is_key, float("-inf"))
    return (scores.softmax(-1)[..., None, :] @ keys)[..., 0, :]
