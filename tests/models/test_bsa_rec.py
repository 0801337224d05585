"""BSARec: the conformance suite, its projection by hand, and a block by plain loops over the authors' slots.

Sizes: N slots, T places, D dim.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.bsa_rec import AgeAttention, BSABlock, BSARec, HighPass, low_pass
from nextitem.nn.slots import Padding
from nextitem.testing import NUM_ITEMS, RecommenderTests

DIM, SLOTS = 4, 6


class TestBSARec(RecommenderTests):
    epochs = 15
    padding: Padding = "learned"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return BSARec(num_items, 16, 2, 2, dropout=0.0, max_length=8, filter_share=0.5, padding=self.padding)


class TestZeroPadding(TestBSARec):
    padding = "zero"


def drawn(padding: Padding = "learned", filter_share: float = 0.7) -> BSABlock:
    torch.manual_seed(0)
    block = BSABlock(HighPass(SLOTS, DIM, 3, padding), AgeAttention(DIM, 2, 0.0), 0.0, filter_share).double()
    for parameter in block.parameters():
        nn.init.normal_(parameter)
    return block


def test_the_weights_of_attention_have_a_dropout_of_their_own() -> None:
    def shares(attention_dropout: float | None) -> list[float]:
        blocks = BSARec(9, 16, dropout=0.5, attention_dropout=attention_dropout).frame.blocks
        return [block.attention.dropout.p for block in blocks if isinstance(block, BSABlock)]

    assert shares(None) == [0.5, 0.5]
    assert shares(0.0) == [0.0, 0.0]


def test_the_projection_of_four_slots_by_hand() -> None:
    torch.testing.assert_close(low_pass(4, 3)[0], torch.tensor([0.75, 0.25, -0.25, 0.25]))


def test_the_projection_of_fifty_slots_by_hand() -> None:
    projection = low_pass(50, 5)
    torch.testing.assert_close(projection[0, [0, 1, 25]], torch.tensor([0.1, 0.09842791, 0.02]), rtol=0, atol=1e-7)


@pytest.mark.parametrize("cutoff", [0, 1, 4, 9, 99])
def test_it_is_a_projection_that_keeps_what_is_constant(cutoff: int) -> None:
    projection = low_pass(7, cutoff)
    torch.testing.assert_close(projection @ projection, projection, rtol=0, atol=1e-6)
    torch.testing.assert_close(projection.sum(1), torch.ones(7), rtol=0, atol=1e-6)


def test_an_even_cutoff_keeps_as_much_as_the_next_odd_one() -> None:
    assert torch.equal(low_pass(9, 4), low_pass(9, 5))


@torch.no_grad()
def test_high_frequencies_as_they_are_leave_all_as_it_is() -> None:
    one, x = HighPass(SLOTS, DIM, 3, "learned"), torch.randn(2, SLOTS, DIM)
    nn.init.ones_(one.root)
    torch.testing.assert_close(one(x), x)


def attended(block: BSABlock, x: Tensor, length: int) -> Tensor:
    """As in the authors' code: slots from the oldest on, -10,000 on all that a slot may not see."""
    attention, mixed = block.attention, torch.zeros_like(x)
    query, key, value = attention.query(x), attention.key(x), attention.value(x)
    for slot in range(SLOTS):
        for half in (slice(0, 2), slice(2, 4)):
            scores = torch.zeros(SLOTS, dtype=torch.float64)
            for other in range(SLOTS):
                is_seen = other <= slot and other >= SLOTS - length
                scores[other] = query[slot, half] @ key[other, half] / 2**0.5 - (0.0 if is_seen else 10_000.0)
            mixed[slot, half] = scores.softmax(0) @ value[:, half]
    return block.attention_norm(x + attention.output(mixed))


def filtered(block: BSABlock, x: Tensor) -> Tensor:
    assert isinstance(block.mixer, HighPass)
    spectrum = torch.fft.rfft(x, dim=0, norm="ortho")
    spectrum[2:] = 0  # of c = 3 the lowest two are kept
    low = torch.fft.irfft(spectrum, n=SLOTS, dim=0, norm="ortho")
    return block.mixer_norm(x + low + block.mixer.root**2 * (x - low))


@torch.no_grad()
@pytest.mark.parametrize("length", [6, 4, 1])
@pytest.mark.parametrize("padding", ["learned", "zero"])
def test_a_block_by_plain_loops(padding: Padding, length: int) -> None:
    block, x = drawn(padding), torch.randn(SLOTS, DIM, dtype=torch.float64)
    seen = x.clone()  # from the oldest slot on
    if padding == "zero":
        seen[: SLOTS - length] = 0.0
    y = 0.7 * filtered(block, seen) + 0.3 * attended(block, x, length)
    y = block.feed_forward_norm(y + block.feed_forward(y))
    width = SLOTS if padding == "learned" else length
    found = block(x.flip(0)[None, :width], None, torch.tensor([length]))[0]
    torch.testing.assert_close(found, y.flip(0)[:width], rtol=0, atol=1e-6)
    newest = block(x.flip(0)[None, :width], torch.tensor([0]), torch.tensor([length]))[0, 0]
    torch.testing.assert_close(newest, y[-1], rtol=0, atol=1e-6)


def test_a_filter_alone_gives_attention_no_gradient() -> None:
    model = BSARec(NUM_ITEMS, dim=DIM, max_length=SLOTS, filter_share=1.0)
    model.loss(Batch(torch.tensor([1]), torch.tensor([[1, 2, 3]]), torch.tensor([[0, 0, 4]]))).backward()
    for name, parameter in model.named_parameters():
        if "attention" in name:
            assert parameter.grad is not None
            assert not parameter.grad.any()


def test_what_begins_as_chance_are_the_weights_of_high_frequencies() -> None:
    """b is normal, so that b^2 is 1 in the mean."""
    torch.manual_seed(0)
    assert float(HighPass(4, 20_000, 3, "zero").root.detach().square().mean()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("given", "message"), [({"filter_share": 1.5}, "filter_share must lie in"), ({"cutoff": -1}, "cutoff must be 0")]
)
def test_settings_that_are_none_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BSARec(NUM_ITEMS, **given)  # type: ignore[arg-type]


def test_states_of_padding_are_numbers_too() -> None:
    """A slot that may see nothing would have none."""
    x = torch.randn(2, 5, DIM, dtype=torch.float64)
    assert drawn("zero")(x, None, torch.tensor([5, 1])).isfinite().all()
