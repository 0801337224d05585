"""What knowledge models hold of edges: every one says it, and some of it by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nextitem.data.splits.split import leave_one_out
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import MODELS, make
from nextitem.models.knowledge.reasons import WeighsEdges
from nextitem.nn.graphs.edges import Edges
from nextitem.testing.logs import tastes

KNOWLEDGE = [name for name, model in MODELS.items() if "knowledge" in model.needs]
SPLIT = leave_one_out(tastes())


def made(name: str, **arguments: object) -> Recommender:
    torch.manual_seed(0)
    model = make(MODELS[name], SPLIT.training_data.sizes_for(("knowledge",)), {"dim": 8, **arguments})
    if isinstance(model, Trained):
        model.prepare(SPLIT.training_data)
    return model.eval()


def edges() -> tuple[Tensor, Tensor, Tensor]:
    graph = SPLIT.training_data.knowledge
    heads, relations, tails = (torch.from_numpy(ends).long() for ends in (graph.heads, graph.relations, graph.tails))
    return heads, relations, tails


def weights(model: Recommender, user: int = 3, item: int = 5) -> Tensor:
    assert isinstance(model, WeighsEdges)
    with torch.no_grad():
        return model.edge_weights(user, item, *edges())


@pytest.mark.parametrize("name", KNOWLEDGE)
def test_every_knowledge_model_weighs_edges(name: str) -> None:
    found = weights(made(name))
    assert found.shape == edges()[0].shape
    assert found.isfinite().all()
    assert (found >= 0).all()
    assert found.any()
    no_edge = torch.zeros(0, dtype=torch.int64)
    model = made(name)
    assert isinstance(model, WeighsEdges)
    assert model.edge_weights(3, 5, no_edge, no_edge, no_edge).shape == (0,)


@pytest.mark.parametrize(("name", "arguments"), [("KGAT", {"attention": "learned"}), ("KGRec", {"num_heads": 1})])
def test_the_softmax_of_weights_is_the_attention(name: str, arguments: dict[str, object]) -> None:
    """Over the edges of a head, in a graph without inverses."""
    model: Any = made(name, **arguments)
    heads, relations, tails = edges()
    known = Edges(heads, tails, SPLIT.training_data.knowledge.num_nodes + 1, relations=relations - 1, num_relations=2)
    assert known.relations is not None
    with torch.no_grad():
        if name == "KGAT":
            from nextitem.models.knowledge.kgat import attention_scores

            table = model.entity_embedding.weight
            scores = attention_scores(known, table, model.relation_embedding, model.matrices)
        else:
            keys = model.attention(model.entity_embedding.weight)
            scores = known.inner_products(keys, keys, model.relation_embedding.weight[:2]) * 8**-0.5
        found = model.edge_weights(1, 1, known.heads.long(), known.relations.long() + 1, known.tails.long())
    sums = torch.zeros(known.num_nodes).index_add(0, known.heads, found)
    torch.testing.assert_close(found / sums[known.heads.long()], known.softmax(scores))


@pytest.mark.parametrize("name", ["KGIN", "KTUP"])
def test_shares_are_of_relations_and_of_the_user(name: str) -> None:
    _, relations, _ = edges()
    model = made(name)
    one, other = weights(model, user=3), weights(model, user=4)
    by_relation = torch.stack([one[relations == kind][0] for kind in (1, 2)])
    torch.testing.assert_close(by_relation.sum(), torch.tensor(1.0))
    assert all(len(one[relations == kind].unique()) == 1 for kind in (1, 2))
    assert not torch.equal(one, other)


def test_untrue_edges_weigh_less_than_true_ones_after_training() -> None:
    """CFKG and CKE hold true what they learned: each item's tails weigh more than those of no item."""
    from nextitem.data.batches import make_batches
    from nextitem.training.loop import train
    from nextitem.training.optimizers import make_optimizer

    heads, relations, tails = edges()
    for name in ("CFKG", "CKE"):
        model: Any = made(name)
        batches = make_batches("pair", SPLIT.train, 64, num_items=SPLIT.num_items, wanted=model.wanted())
        list(train(model, batches, make_optimizer(model, learning_rate=0.02), last=20))
        model.eval()
        others = torch.where(tails % 3 == 2, tails - 1, tails + 1)  # of the same kind: 21 to 23, 24 to 26
        with torch.no_grad():
            true, untrue = (model.edge_weights(1, 1, heads, relations, ends) for ends in (tails, others))
        assert true.mean() > 1.5 * untrue.mean(), name
