"""What torch gets wrong on a device is found out before it is used, said once, and not used there.

There is no MPS here: `other_device` stands for one, and torch's functions are given faults that they had there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import nextitem
from nextitem.nn import bags, mixture
from nextitem.nn.attention import BidirectionalAttention, CausalAttention
from nextitem.nn.bags import BAGS, embedding_bag, plain_bags
from nextitem.nn.kernels import probing
from nextitem.nn.kernels.choose import plain
from nextitem.nn.kernels.probing import PROBES
from nextitem.nn.mixture import DEVICES_DROPOUT, DEVICES_FORM
from nextitem.testing import other_device

CPU = torch.device("cpu")
OF_TORCH = ("torch's attention", "torch's attention with dropout", "torch's embedding_bag")
ATTENTION, BAG = F.scaled_dot_product_attention, F.embedding_bag


@pytest.fixture(autouse=True)
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was found out yet, and the other device is under suspicion."""
    monkeypatch.setattr(probing, "SUSPECTS", ("meta",))
    for probe in PROBES.values():
        monkeypatch.setattr(probe, "_agrees", {})


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OF_TORCH)
def test_what_is_right_agrees(name: str, dtype: torch.dtype) -> None:
    assert PROBES[name].fault(CPU, dtype) == ""


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, p: float = 0.0, is_causal: bool = False
) -> Tensor:
    return ATTENTION(query, key, value, mask, p, is_causal)


def leaking(query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, is_causal: bool) -> Tensor:
    """The causal mask of a group of four is that of its last."""
    if not is_causal:
        return attend(query, key, value, mask, p)
    place = torch.arange(key.shape[2], device=key.device)
    return attend(query, key, value, place <= (place // 4 * 4 + 3)[:, None], p)


def first_mask(query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, is_causal: bool) -> Tensor:
    """One mask for the heads of a row is read as one for all rows."""
    return attend(query, key, value, mask if mask is None else mask[:1], p, is_causal)


def as_it_lies(query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, is_causal: bool) -> Tensor:
    """Queries are read as if the positions of a head lay side by side."""
    lying = query.transpose(1, 2).reshape(query.shape)
    return attend(lying, key, value, mask, p, is_causal)


def without_dropout(query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, is_causal: bool) -> Tensor:
    return attend(query, key, value, mask, 0.0, is_causal)


def refusing_dropout(query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, is_causal: bool) -> Tensor:
    if p:
        raise NotImplementedError("dropout_p is not supported on MPS\nmore")
    return attend(query, key, value, mask, p, is_causal)


def wrong_gradient(query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, is_causal: bool) -> Tensor:
    return attend(query, key, value.detach() + 0 * value, mask, p, is_causal)


FAULTS = {
    leaking: "a causal row: the result is off by",
    first_mask: "masks of rows: the result is off by",
    as_it_lies: "rows of three items: the result is off by",
    wrong_gradient: "rows of three items: the gradient by argument 3 is off by",
}


@pytest.mark.parametrize("wrong", FAULTS)
def test_wrong_attention_is_said_once_and_plain_products_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: Callable[..., Tensor]
) -> None:
    layer, x, lengths = BidirectionalAttention(8, 2), torch.randn(3, 6, 8), torch.tensor([6, 2, 1])
    causal = CausalAttention(8, 2)
    wanted = layer(x, lengths), causal(x, x)

    def called(*arguments: Any, is_causal: bool) -> Tensor:
        return wrong(*arguments, is_causal)

    monkeypatch.setattr(F, "scaled_dot_product_attention", called)
    with other_device() as device:
        there, lengths, both, older = x.to(device), lengths.to(device), layer.to(device), causal.to(device)
        for _ in range(2):
            found = both(there, lengths), older(there, there)
            torch.testing.assert_close(tuple(one.cpu() for one in found), wanted)
    (message,) = said(caplog)
    assert message.startswith(f"torch's attention is not used on meta in float32, for it does not agree with the plain "
                              f"form: {FAULTS[wrong]}")  # fmt: skip
    assert message.endswith("; attention of plain products runs instead, slower and in more memory")


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (without_dropout, "the result is off by 1"),
        (refusing_dropout, "it fails, NotImplementedError: dropout_p is not supported on MPS;"),
    ],
)
def test_attention_that_drops_nothing_is_left_out_where_weights_are_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: Callable[..., Tensor], fault: str
) -> None:
    calls: list[float] = []

    def called(query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, *, is_causal: bool) -> Tensor:
        calls.append(p)
        return wrong(query, key, value, mask, p, is_causal)

    monkeypatch.setattr(F, "scaled_dot_product_attention", called)
    with other_device() as device:
        layer = CausalAttention(8, 2, dropout=0.5).to(device)
        x = torch.randn(3, 6, 8).to(device)
        layer(x, x)
        calls.clear()
        one, other = layer(x, x), layer(x, x)
        assert not torch.equal(one.cpu(), other.cpu())
        assert calls == []
        layer.eval()(x, x)
        assert calls == [0.0]
    (message,) = said(caplog)
    assert f"half of the weights dropped: {fault}" in message


def test_what_is_right_there_is_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fails(*_: Any) -> Tensor:
        raise AssertionError

    with other_device() as device, caplog.at_level(logging.INFO):
        x, layer = torch.randn(3, 6, 8).to(device), CausalAttention(8, 2, dropout=0.5).to(device)
        for _ in range(2):
            layer(x, x)
            embedding_bag(torch.tensor([[0, 2]], device=device), x[0])
            monkeypatch.setattr(mixture, "plain_mixture", fails)  # once they were tried
            monkeypatch.setattr(bags, "plain_bags", fails)
    heard = [one.getMessage() for one in caplog.records]
    assert heard == [f"{name} runs on meta" for name in OF_TORCH]


def missing(*_: Any, **__: Any) -> Tensor:
    raise NotImplementedError("The operator 'aten::_embedding_bag' is not currently implemented for the MPS device")


def unweighted(*arguments: Any, per_sample_weights: Tensor | None, **named: Any) -> Tensor:
    return BAG(*arguments, per_sample_weights=None, **named)


def means_of_nothing(*arguments: Any, mode: str, **named: Any) -> Tensor:
    sums = BAG(*arguments, mode="sum", **named)
    return sums if mode == "sum" else BAG(*arguments, mode=mode, **named) + 0 / sums


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (missing, "bags of one size: it fails, NotImplementedError: The operator 'aten::_embedding_bag' is not"),
        (unweighted, "bags of one size: the result is off by"),
        (means_of_nothing, "means: the result is off by nan"),
    ],
)
def test_wrong_bags_are_said_once_and_added_up_otherwise(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: Callable[..., Tensor], fault: str
) -> None:
    places, table, weights = torch.tensor([[0, 2], [1, 1]]), torch.randn(3, 4), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    wanted = plain_bags(places, table, None, weights, "sum", has_end=False)
    monkeypatch.setattr(F, "embedding_bag", wrong)
    with other_device() as device:
        for _ in range(2):
            found = embedding_bag(places.to(device), table.to(device), weights=weights.to(device))
            assert torch.equal(found.cpu(), wanted)
    (message,) = said(caplog)
    assert message.startswith("torch's embedding_bag is not used on meta in float32")
    assert fault in message


def test_a_device_under_no_suspicion_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    for probe in (BAGS, DEVICES_FORM, DEVICES_DROPOUT):
        monkeypatch.setattr(probe, "agrees", None)
        assert probe.trusts(torch.ones(1))


def test_nothing_is_tried_where_operations_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(F, "embedding_bag", missing)
    with other_device() as device, plain():
        found = embedding_bag(torch.tensor([[0, 1]], device=device), torch.ones(2, 3).to(device))
        assert torch.equal(found.cpu(), torch.full((1, 3), 2.0))
    assert BAGS._agrees == {}


def test_a_trial_takes_no_mode_of_the_caller_and_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert [PROBES[name].fault(CPU) for name in OF_TORCH] == [""] * len(OF_TORCH)
    assert torch.equal(torch.get_rng_state(), before)


def test_torchs_functions_are_called_at_one_place_each() -> None:
    """Which tries them first."""
    root = Path(nextitem.__path__[0])
    texts = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    for call, place in ((r"F\.embedding_bag\(", "nn/bags.py"), (r"F\.scaled_dot_product_attention\(", "nn/mixture.py")):
        assert [path for path, text in texts.items() if re.search(call, text)] == [place]
    assert not [path for path, text in texts.items() if re.search("EmbeddingBag|MultiheadAttention", text)]
