"""Where a model looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nextitem.analysis.attention import attribution, last_item_attention
from nextitem.data.batches import Batch
from nextitem.data.splits.split import Holdout, leave_one_out
from nextitem.data.synthetic import dataset_of, markov_chain
from nextitem.evaluation.protocol import Protocol
from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.models.sequential.markov_chain import MarkovChain
from nextitem.models.sequential.sasrec import SASRec


def cases() -> Holdout:
    return leave_one_out(dataset_of([[1, 2, 3, 4], [4, 3, 2], [5, 1, 2, 3, 4, 5]])).test


def test_a_model_that_asks_for_nothing_looks_at_all_items_alike() -> None:
    model = SASRec(5, dim=8)
    block: Any  # of a list of modules
    for block in model.stack.blocks:
        torch.nn.init.zeros_(block.attention.query.weight)
        torch.nn.init.zeros_(block.attention.query.bias)
    layers, even = last_item_attention(model, cases())
    assert even == pytest.approx(np.mean([1 / 3, 1 / 2, 1 / 5]))
    assert layers == pytest.approx([even, even])


def test_weights_are_those_of_the_forward_pass() -> None:
    model = SASRec(5, dim=8, num_layers=1).eval()
    inputs = torch.tensor([[1, 2, 3]])
    block: Any = model.stack.blocks[0]
    x = model.embed(Batch.of(inputs))
    query = block.attention.query(block.attention_norm(x))[:, -1]
    weights = (query @ block.attention.key(x)[0].T / 8**0.5).softmax(-1)
    layers, _ = last_item_attention(model, cases().take(np.array([0])))
    assert layers == pytest.approx([weights[0, -1].item()])


def test_a_model_without_attention_has_no_layers() -> None:
    assert last_item_attention(GRU4Rec(5, dim=8), cases()) == ([], 0.0)


def test_a_chain_of_order_1_loses_by_the_last_item_alone() -> None:
    split = leave_one_out(markov_chain(1, num_users=200, num_items=20, noise=0.0))
    model = MarkovChain(20)
    model.fit(split.training_data)
    model.max_length = None  # show it everything; it looks at the last
    lost = attribution(model, split.test, Protocol(), "hr@1")
    assert lost[0] == 1
    assert not any(lost[1:])
    assert len(lost) == 10
