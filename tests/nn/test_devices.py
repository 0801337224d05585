"""What runs on a device other than a CPU: torch's own dropout and attention, in few operations.

There is none here: `meta` stands for it where shapes are enough, and the forms are called on a CPU for their numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from nextitem.nn.attention import BidirectionalAttention, CausalAttention
from nextitem.nn.dropout import Dropout, dropout, seeded_dropout
from nextitem.nn.feed_forward import FeedForward
from nextitem.nn.kernels.choose import plain, runs_on_device
from nextitem.nn.mixture import device_mixture, mixture, plain_mixture, row_mixture

META = torch.device("meta")


class Operations(TorchDispatchMode):
    """How many operations make tensors, and how many bytes they write."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.written = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if isinstance(found, Tensor) and not func.is_view:
            self.count += 1
            self.written += found.numel() * found.element_size()
        return found


class Calls(TorchFunctionMode):
    """The functions of torch that are called by name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Any, Any]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found.append((func, kwargs or {}))
        return func(*args, **(kwargs or {}))

    def attentions(self) -> list[dict[str, Any]]:
        return [kwargs for func, kwargs in self.found if func is F.scaled_dot_product_attention]


def test_a_device_is_not_a_cpu_and_not_followed_by_plain() -> None:
    there, here = torch.ones(2, device=META), torch.ones(2)
    assert runs_on_device(there)
    assert not runs_on_device(here)
    assert not runs_on_device(there, here)
    with plain():
        assert not runs_on_device(there)
    assert torch.func.vmap(lambda x: x + float(runs_on_device(x)))(torch.zeros(3, device=META)).shape == (3,)


def test_dropout_on_a_device_takes_few_operations_and_no_wide_numbers() -> None:
    x = torch.empty(64, 1000, device=META)
    with Operations() as own:
        assert dropout(x, 0.5, 3).shape == x.shape
    with plain(), Operations() as hashed:
        dropout(x, 0.5, 3)
    assert own.count <= 4 < 30 < hashed.count
    assert own.written <= 4 * x.nbytes < 40 * x.nbytes < hashed.written


@pytest.mark.parametrize("layer", [Dropout(0.5), FeedForward(8, dropout=0.5)])
def test_layers_take_torchs_dropout_there(layer: nn.Module) -> None:
    with Operations() as own:
        layer.to(META)(torch.empty(5, 8, device=META))
    assert own.count < 20


def test_what_a_seed_decides_is_hashed_on_every_device() -> None:
    x = torch.ones(40, device=META)
    with Operations() as hashed:
        seeded_dropout(x, 0.5, 3)
    assert hashed.count > 30


LAYERS: dict[str, Callable[[Tensor], Tensor]] = {  # (B, T, 8) -> as many
    "causal": lambda x: CausalAttention(8, 2, 0.25).to(x.device)(x, x),
    "place": lambda x: CausalAttention(8, 2, 0.25).to(x.device)(x[:, :1], x, torch.empty(len(x), device=x.device)),
    "bidirectional": lambda x: BidirectionalAttention(8, 2, 0.25).to(x.device)(x, torch.empty(len(x), device=x.device)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_attention_on_a_device_is_torchs(name: str) -> None:
    x = torch.empty(3, 7, 8, device=META)
    with Calls() as calls:
        LAYERS[name](x)
    assert [one["is_causal"] for one in calls.attentions()] == [name == "causal"]


def test_attention_is_plain_there_where_it_is_asked_to_be() -> None:
    with plain(), Calls() as calls:
        LAYERS["causal"](torch.empty(3, 7, 8, device=META))
    assert calls.attentions() == []


def test_attention_on_a_cpu_is_not_torchs() -> None:
    with Calls() as calls:
        LAYERS["causal"](torch.ones(3, 7, 8))
    assert calls.attentions() == []


def test_a_compiled_layer_takes_torchs_there() -> None:
    layer, x = CausalAttention(8, 2, 0.25).eval().to(META), torch.empty(3, 7, 8, device=META)
    graphs: list[torch.fx.GraphModule] = []

    def keep(graph: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    torch.compile(layer, backend=keep, fullgraph=True)(x, x)
    assert F.scaled_dot_product_attention in {node.target for node in graphs[0].graph.nodes}


def test_evaluation_drops_nothing_there() -> None:
    with Operations() as own:
        x = torch.empty(3, 7, device=META)
        assert Dropout(0.5).to(META).eval()(x) is x
    assert own.count == 1


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("kind", ["causal", "padded", "both", "places"])
def test_the_devices_form_equals_the_plain_one(kind: str, heads: int) -> None:
    """Without dropout: results and gradients."""
    length, seen = 9, torch.tensor([9, 4, 1])
    place = torch.arange(length)
    hidden = {
        "causal": place > place[:, None],
        "padded": (place >= seen[:, None])[:, None, None],
        "both": (place > place[:, None]) | (place >= seen[:, None])[:, None, None],
        "places": place > (seen - 1)[:, None, None, None],
    }[kind]
    asking = 1 if kind == "places" else length
    leaves = [torch.randn(3, size, 12, requires_grad=True) for size in (asking, length, length)]
    is_hidden = None if kind == "causal" else hidden
    query, key, value = leaves
    found = device_mixture(query, key, value, heads, is_hidden, 0.0)
    wanted = plain_mixture(query, key, value, heads, hidden, 0.0, 0)
    torch.testing.assert_close(found, wanted)
    upstream = torch.linspace(-1, 1, found.numel()).view_as(found)
    for one, other in zip(*(torch.autograd.grad(y, leaves, upstream) for y in (found, wanted)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_with_dropout_it_is_right_on_average() -> None:
    """The same row 20,000 times: the mean lies within five standard errors of the mixture without dropout."""
    count = 20_000
    query, key, value = (one.expand(count, -1, -1) for one in torch.randn(3, 1, 5, 4).unbind())
    found = device_mixture(query, key, value, 2, None, 0.25).double()
    wanted = row_mixture(query[:1], key[:1], value[:1], 2, None, True, 0.0, 0)[0].double()
    assert not torch.equal(found[0], found[1])
    assert bool(((found.mean(0) - wanted).abs() <= 5 * found.std(0) / math.sqrt(count)).all())


def test_rows_without_lengths_are_seen_whole() -> None:
    query, key, value = torch.randn(3, 2, 6, 8).unbind()
    for is_causal in (True, False):
        one, other = (
            row_mixture(query, key, value, 2, seen, is_causal, 0.5, 7) for seen in (None, torch.full((2,), 6))
        )
        assert torch.equal(one, other)


def test_a_mixture_on_a_cpu_drops_by_its_seed() -> None:
    (query, key, value), hidden = torch.randn(3, 2, 6, 8).unbind(), torch.zeros(1, dtype=torch.bool)
    one, other = (mixture(query, key, value, 2, hidden, 0.5, 7) for _ in range(2))
    assert torch.equal(one, other)
