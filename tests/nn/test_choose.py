"""Which form runs, and that who follows torch's operations is given the plain one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.sequential.bert4rec import BERT4Rec
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import SequenceModel
from nextitem.nn.candidates import candidate_scores
from nextitem.nn.dropout import dropout
from nextitem.nn.feed_forward import feed_forward
from nextitem.nn.graphs.bipartite import BipartiteGraph
from nextitem.nn.kernels.choose import plain, runs_compiled
from nextitem.nn.losses import full_cross_entropy
from nextitem.nn.mixture import row_mixture
from nextitem.nn.pointwise import Bias, pointwise_mixture
from nextitem.nn.scan import Rows, causal_conv, selective_scan

INPUTS = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [7, 0, 0, 0]])


class Scores(nn.Module):
    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        self.model = model.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.model.score(Batch(torch.zeros(len(inputs), dtype=torch.long), inputs, torch.zeros_like(inputs)))


@pytest.fixture(params=[SASRec, BERT4Rec])
def scores(request: pytest.FixtureRequest) -> Scores:
    torch.manual_seed(0)
    return Scores(request.param(num_items=11, dim=8, num_layers=2, max_length=6))


def same(found: Tensor, wanted: Tensor) -> bool:
    return torch.allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_float32_on_a_cpu_runs_compiled() -> None:
    assert runs_compiled(torch.ones(2), nn.Parameter(torch.ones(2)))


@pytest.mark.parametrize("other", [torch.ones(2).double(), torch.ones(2).bfloat16(), torch.ones(2, device="meta")])
def test_one_other_tensor_makes_all_plain(other: Tensor) -> None:
    assert not runs_compiled(torch.ones(2), other)


def test_whole_numbers_run_compiled_where_the_loop_is_of_them() -> None:
    assert runs_compiled(torch.ones(2).long(), dtype=torch.int64)


def test_plain_is_plain_inside_alone() -> None:
    with plain():
        assert not runs_compiled(torch.ones(2))
    assert runs_compiled(torch.ones(2))


def test_a_tensor_of_torch_func_is_plain() -> None:
    assert torch.func.vmap(lambda x: x + float(runs_compiled(x)))(torch.zeros(3)).tolist() == [0, 0, 0]


def test_plain_scores_are_those_of_the_loops(scores: Scores) -> None:
    with torch.inference_mode():
        wanted = scores(INPUTS)
        with plain():
            assert same(scores(INPUTS), wanted)


def test_a_model_can_be_exported(scores: Scores) -> None:
    with torch.no_grad():
        exported = torch.export.export(scores, (INPUTS,)).module()
        assert same(exported(INPUTS), scores(INPUTS))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_model_can_be_traced(scores: Scores) -> None:
    with torch.no_grad():
        traced = torch.jit.trace(scores, (INPUTS,), check_trace=False)
        assert same(traced(INPUTS.flip(0)), scores(INPUTS.flip(0)))


def test_a_model_can_be_compiled(scores: Scores) -> None:
    with torch.no_grad():
        compiled = torch.compile(scores, backend="eager", fullgraph=True)
        assert same(compiled(INPUTS), scores(INPUTS))


LAYERS: dict[str, Callable[[Tensor], Tensor]] = {  # (4, 8) -> any shape
    "dropout": lambda x: dropout(x, 0.5, 3),
    "feed_forward": lambda x: feed_forward(x, (torch.eye(8), torch.zeros(8), torch.eye(8), torch.zeros(8)), 0.0, 0, 0),
    "attention": lambda x: row_mixture(x[None], x[None], x[None], 2, torch.tensor([4]), True, 0.0, 0),
    "pointwise": lambda x: pointwise_mixture(x[None], x[None], x[None], 2, Bias(torch.ones(4)), None),
    "cross_entropy": lambda x: full_cross_entropy(x, torch.eye(8), torch.tensor([0, 1, 2, 3])),
    "candidates": lambda x: candidate_scores(x, x.square(), torch.tensor([[0, 1], [2, 3], [1, 1], [0, 3]])),
    "propagation": lambda x: BipartiteGraph(torch.tensor([1]), torch.tensor([1]), 1, 1)(x),
    "convolution": lambda x: causal_conv(x, torch.ones(8, 2), torch.zeros(8), Rows.padded(1, 4)),
    "scan": lambda x: selective_scan(
        x, x, -torch.ones(8, 2), x[:, :2], x[:, :2], torch.ones(8), x, torch.zeros(8), Rows.padded(1, 4)
    ),
    "padding": lambda x: Rows.packed(torch.tensor([3, 1])).pad(x),
}


def penalty(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The squared length of a gradient, plus the layer itself: its own gradient needs the second derivative."""
    y = layer(x).square().sum()
    (gradient,) = torch.autograd.grad(y, x, create_graph=True)
    return gradient.square().sum() + y


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_gradients_are_refused_never_left_out(name: str) -> None:
    with pytest.raises(InputError, match="has first derivatives only, found create_graph=True"):
        penalty(LAYERS[name], torch.rand(4, 8, requires_grad=True))


@pytest.mark.parametrize("name", LAYERS)
def test_plain_layers_have_gradients_of_gradients(name: str) -> None:
    x = torch.rand(4, 8, dtype=torch.float64).float().requires_grad_()
    with plain():
        penalty(LAYERS[name], x).backward()
        assert x.grad is not None
        direction = torch.randn(4, 8)
        with torch.no_grad():
            wanted = (x.grad * direction).sum()
        step = 1e-2
        found = [penalty(LAYERS[name], (x.detach() + sign * step * direction).requires_grad_()) for sign in (1, -1)]
    assert float((found[0] - found[1]).detach() / (2 * step)) == pytest.approx(float(wanted), rel=5e-2, abs=5e-2)
