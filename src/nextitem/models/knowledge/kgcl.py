"""KGCL: what a knowledge graph tells steadily of an item decides which of its interactions two views of the log keep.

Yang et al., "Knowledge Graph Contrastive Learning for Recommendation", SIGIR 2022, arXiv:2205.00976.
Code followed: that in KGRec's repository (HKUDS/KGRec), attention over all edges of the graph, inverses too; the
authors' first (yuh-yang/KGCL-SIGIR22) pads or cuts each item to ten entities.
Departures:
- both parts of the loss over rows are means, where the code has sums; its penalty, 1e-5 of a mean beside sums over
  1,024 rows, is left out;
- each edge is dropped by itself with the same probability, where the code keeps an exact share of the triples;
- a step over triples draws heads alike and then a triple of each, as the code does, but no inverses.

Sizes: B batch, U = num_users + 1, V = num_items + 1, N = num_entities + 1 (the first are the items), R relations of the
data, E edges of the graph, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, Turns, Wanted
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.graph import GraphModel, interactions
from nextitem.models.initialise import initialise_xavier
from nextitem.models.knowledge.edges import KnownAndMet, knowledge_edges
from nextitem.nn.directions import directions
from nextitem.nn.dropout import draw_seed
from nextitem.nn.graphs.dropping import dropped, dropped_weights
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.end_scores import ScoredByEnds
from nextitem.nn.graphs.weighing import symmetric
from nextitem.nn.losses.contrastive import info_nce_among_all

TRIPLES_PER_STEP = 4096  # of the edges; a batch has as many beside batches of 1,024 rows


class View(KnownAndMet):
    """What is known, as attention goes over it, and who met what; `of_items` are the heads that the last layer asks."""

    def __init__(self, attended: ScoredByEnds, met: Edges) -> None:
        super().__init__(attended.edges, met)
        self.attended, self.of_items = attended, attended.of_first_heads(met.num_tails)


class Views(nn.Module):
    """The graphs, and two views of them, which every epoch makes anew; before the first these are whole."""

    def __init__(self, whole: View) -> None:
        super().__init__()
        self.whole = self.one = self.other = whole


class KGCL(GraphModel[Views]):
    """KGCL: LightGCN over items that attend to a knowledge graph, with two views of both graphs that should agree.

    score(u, i) = p_u . q_i, both propagated. The loss over rows has two parts, `ranking` and `contrast`; steps over
    triples follow them in every epoch, with a part `graph`, TransE's.

    Arguments:
        num_layers: of attention over the graph, and of LightGCN over interactions.
        dropout: of what a layer of attention gives, elements.
        edge_dropout: the share of either graph's edges that a step leaves out.
        contrast_weight: what `contrast` counts for in the loss.
        temperature: of the contrast; cosines are divided by it (the code's 0.2, and 0.1 on Last-FM).
        keep_share: the share of interactions that a view keeps, the mean over items (the code's mu, 0.7, 0.6 or 0.5).
        l2: weighs half the squared length of the vectors of a triple (the code's 1e-3).
    """

    needs = ("knowledge",)
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 64,
        num_layers: int = 2,
        dropout: float = 0.1,
        edge_dropout: float = 0.5,
        contrast_weight: float = 0.1,
        temperature: float = 0.2,
        keep_share: float = 0.7,
        l2: float = 1e-3,
    ) -> None:
        super().__init__(num_users, num_items, dim)
        if temperature <= 0:
            raise InputError(f"temperature must be above 0, found {temperature}")
        self.num_layers, self.dropout, self.edge_dropout = num_layers, dropout, edge_dropout
        self.contrast_weight, self.temperature, self.keep_share, self.l2 = contrast_weight, temperature, keep_share, l2
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.entity_embedding = nn.Embedding(num_entities + 1, dim, padding_idx=PAD)
        self.relation_embedding = nn.Embedding(2 * num_relations + 1, dim, padding_idx=PAD)  # with their inverses
        self.attention = nn.Linear(2 * dim, dim)
        self.triples: TripleSampler | None = None
        initialise_xavier(self)

    def make_graph(self, train: TrainingData) -> Views:
        return Views(View(ScoredByEnds(knowledge_edges(train)), symmetric(interactions(train))))

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        self.triples = TripleSampler(train.knowledge, per_head=True)

    def wanted(self) -> Wanted:
        steps = 1 if self.graph is None else max(1, self.graph.whole.known.num_edges // TRIPLES_PER_STEP)
        return Wanted(triples=self.triples, turns=Turns(None, steps, triples_per_row=TRIPLES_PER_STEP / 1024))

    def begin_epoch(self, number: int) -> None:
        graph = self.prepared_graph()
        met = graph.whole.met.with_weights(None)
        halves = [_dropped(graph.whole.attended, 0.5) for _ in range(2)]
        with torch.no_grad():
            one, other = (self._items(View(half, met)) for half in halves)
            shares = kept_shares(F.cosine_similarity(one, other), self.keep_share)  # (V,)
        of_met = shares.index_select(0, met.tails)
        graph.one, graph.other = (View(half, symmetric(met.kept(torch.bernoulli(of_met).bool()))) for half in halves)

    def propagate(self, graph: Views) -> tuple[Tensor, Tensor]:
        return self._vectors(graph.whole)

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if batch.stream == "triples":
            return {"graph": self._graph_loss(batch.triples)}
        graph = self.prepared_graph()
        p, p_edge = (self.dropout, self.edge_dropout) if self.training else (0.0, 0.0)
        view = View(_dropped(graph.whole.attended, p_edge), dropped(graph.whole.met, p_edge))
        ranking = self.loss_over(batch, *self._vectors(view, p))
        contrast = self._contrast(batch, self._vectors(graph.one, p), self._vectors(graph.other, p))
        return {"ranking": ranking, "contrast": self.contrast_weight * contrast}

    def _contrast(self, batch: Batch, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
        """That of the users of a batch among all users, and that of its items among all items."""
        weight = batch.weight_at((slice(None), 0))
        users = info_nce_among_all(one[0], other[0], batch.users, self.temperature, weight=weight)
        return users + info_nce_among_all(one[1], other[1], batch.targets[:, 0], self.temperature, weight=weight)

    def _vectors(self, graph: View, p: float = 0.0) -> tuple[Tensor, Tensor]:
        """The vectors of users (U, D) and items (V, D): LightGCN's layers, added up, above those of attention."""
        users, items = self.user_embedding.weight, self._items(graph, p)
        all_users, all_items = users, items
        for _ in range(self.num_layers):
            users, items = graph.met(items), graph.met.turned(users)
            all_users, all_items = all_users + users, all_items + items
        return all_users, all_items

    def _items(self, graph: View, p: float = 0.0) -> Tensor:
        """(V, D): items after the layers of attention; an entity without edges keeps its direction."""
        x, relations = self.entity_embedding.weight, self.relation_embedding.weight[1:]
        # r . (W [h; t] + b) is (r W_h) . h + (r W_t) . t + r . b: relations are mapped, no edge and no node.
        of_heads, of_tails = (relations @ self.attention.weight).chunk(2, 1)  # (2 R, D) each
        biases = relations @ self.attention.bias
        for left in reversed(range(self.num_layers)):
            known = graph.attended if left else graph.of_items
            shares = known.edges.softmax(F.leaky_relu(known.scores(x, of_heads, of_tails, biases), 0.2))
            x = x[: known.edges.num_nodes] + known.edges(x, shares)
            x = directions(x, p, draw_seed() if p else 0)
        return x[: self.num_items + 1]

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """The exponential of each edge's attention in the first layer, whoever the user is."""
        relation, ends = self.relation_embedding(relations), torch.cat([heads, tails]).reshape(2, -1)
        scores = (self.attention(self.entity_embedding(ends).transpose(0, 1).flatten(1)) * relation).sum(1)
        return F.leaky_relu(scores, 0.2).exp()

    def _graph_loss(self, triples: Tensor | None) -> Tensor:
        assert triples is not None
        heads, relations, tails, untrue = triples.unbind(1)
        head, tail, other = self.entity_embedding(
            torch.stack([heads, tails, untrue])
        ).unbind()  # one gradient of a table
        relation = self.relation_embedding(relations)
        true, false = ((head + relation - end).square().sum(1) for end in (tail, other))
        square = torch.stack([one.square().sum(1).mean() for one in (head, relation, tail, other)]).sum()
        return F.softplus(true - false).mean() + self.l2 * 0.5 * square


def _dropped(known: ScoredByEnds, p: float) -> ScoredByEnds:
    return known.kept(dropped_weights(known.edges, p, is_scaled=False).bool()) if p else known


def kept_shares(steadiness: Tensor, mean: float) -> Tensor:
    """How probably a view keeps an interaction with each item, at most 0.95; (V,) -> (V,), row 0 is the padding's.

    `steadiness` is the cosine of an item's vectors in two halves of the graph. Its exponentials are spread over 0 to 1,
    what is below 0.3 is raised to it, and all are scaled to `mean` before any is cut.
    """
    exponentials = steadiness[1:].exp()
    low, high = exponentials.aminmax()
    weights = ((exponentials - low) / (high - low).clamp(min=1e-12)).clamp(min=0.3)
    return F.pad((mean * weights / weights.mean()).clamp(max=0.95), (1, 0))
