"""Sparse tables: the same gradients in fewer rows; what reads every row is refused."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from nextitem.data.batches import make_batches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.general.bpr import BPR
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.general.multi_vae import MultiVAE
from nextitem.models.general.ncf import NCF
from nextitem.models.negatives import unseen_sampler
from nextitem.models.sequential.bert4rec import BERT4Rec
from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.zero_block import ZeroBlock
from nextitem.models.tables import sparsify
from nextitem.models.towers import ItemTower, TowerFree
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.testing import NUM_ITEMS, tastes

USERS = 200


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(tastes())


def with_negatives(model: Trained, split: Split) -> Trained:
    assert isinstance(model, (ItemTower, TowerFree))
    model.prepare(split.training_data)
    model.objective = Sampled(bpr, unseen_sampler(split.train, NUM_ITEMS), 3)
    return model


def gradients(model: Trained, split: Split) -> dict[str, Tensor]:
    batch = next(make_batches(model.trains_on[0], split.train, 4, num_items=NUM_ITEMS).epoch(1))
    torch.manual_seed(1)
    model.loss(batch).backward()
    return {name: one.grad for name, one in model.named_parameters() if one.grad is not None}


@pytest.mark.parametrize(
    ("model", "tables"),
    [
        (SASRec(NUM_ITEMS, dim=8), {"item_embedding.weight"}),
        (SASRec(NUM_ITEMS, dim=8, tied=False), {"item_embedding.weight", "output_embedding.weight"}),
        (GRU4Rec(NUM_ITEMS, dim=8), {"item_embedding.weight"}),
        (ZeroBlock(NUM_ITEMS, dim=8), {"item_embedding.weight"}),
        (BPR(USERS, NUM_ITEMS, dim=8), {"user_embedding.weight", "item_embedding.weight"}),
        (
            NCF(USERS, NUM_ITEMS, dim=8),
            {f"branches.{b}.{s}_embedding.weight" for b in ("gmf", "mlp") for s in ("user", "item")},
        ),
    ],
    ids=["SASRec", "untied SASRec", "GRU4Rec", "ZeroBlock", "BPR", "NCF"],
)
def test_gradients_are_the_same_but_sparse(model: Trained, tables: set[str], split: Split) -> None:
    model = with_negatives(model, split)
    other = copy.deepcopy(model)
    weights = sparsify(other)
    assert {name for name, one in other.named_parameters() if any(one is weight for weight in weights)} == tables
    dense, sparse = gradients(model, split), gradients(other, split)
    assert {name for name, grad in sparse.items() if grad.is_sparse} == tables
    for name, grad in dense.items():
        assert not grad.is_sparse
        found = sparse[name].to_dense() if name in tables else sparse[name]
        torch.testing.assert_close(found, grad)


@pytest.mark.parametrize(
    "model", [LightGCN(USERS, NUM_ITEMS), BERT4Rec(NUM_ITEMS)], ids=lambda model: type(model).__name__
)
def test_a_model_that_makes_its_vectors_of_the_whole_table_is_refused(model: Trained, split: Split) -> None:
    model = with_negatives(model, split)
    with pytest.raises(InputError, match=f"{type(model).__name__} makes its vectors from the whole table"):
        sparsify(model)


def test_an_objective_that_reads_every_row_is_refused() -> None:
    model = SASRec(NUM_ITEMS)
    with pytest.raises(InputError, match=r"set loss\.name to one with sampled negatives"):
        sparsify(model)
    assert not model.item_embedding.sparse


@pytest.mark.parametrize("model", [MultiVAE(NUM_ITEMS), torch.nn.Linear(2, 2)], ids=["MultiVAE", "no recommender"])
def test_a_model_without_an_objective_is_refused(model: torch.nn.Module) -> None:
    with pytest.raises(InputError, match=f"{type(model).__name__} takes adam"):
        sparsify(model)
