"""TVRec: its size, its filter by plain loops over the authors' slots, and what it starts as.

Sizes: N max_length, T places, D dim.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, NextItemBatches, PrefixBatches
from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.tv_rec import TVRec
from nextitem.models.towers import SequenceModel
from nextitem.nn.age_taps import AgeTaps
from nextitem.testing import NUM_ITEMS, RecommenderTests, batch_of, ordered

ROWS = [[3, 1, 4, 1, 5], [2, 6], [7]]


class TestTVRec(RecommenderTests):
    epochs = 20

    def make(self, num_users: int, num_items: int) -> Recommender:
        return TVRec(num_items, dim=16, num_layers=2, num_bases=8, dropout=0.0, max_length=20)


class TestShorterThanTheRowsAndOrthogonal(TestTVRec):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return TVRec(num_items, 16, 1, num_bases=4, dropout=0.0, max_length=4, orthogonality_weight=0.01)


def drawn(max_length: int = 6, num_layers: int = 2) -> TVRec:
    """In float64, every parameter far from where it begins."""
    torch.manual_seed(0)
    model = TVRec(NUM_ITEMS, dim=4, num_layers=num_layers, num_bases=3, max_length=max_length).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


def filters(model: TVRec) -> list[AgeTaps]:
    return [one for one in model.modules() if isinstance(one, AgeTaps)]


def encoded(model: TVRec, rows: list[list[int]], width: int | None = None) -> Tensor:
    with torch.no_grad():
        return model.encode(batch_of(model, rows, width))


def test_as_many_parameters_as_in_the_authors_log() -> None:
    """12,101 items and Beauty's sizes: 774,528 + 128 + 2 (3,264 + 3,168 + 128 + 33,216)."""
    assert sum(one.numel() for one in TVRec(12_101).parameters()) == 854_208


def filtered(taps: AgeTaps, slots: list[Tensor | None]) -> list[Tensor | None]:
    """y_t = sum_k h[t, k] x_(t-k) over N slots, padded on the left with None, h of whole complex rows."""
    basis = torch.complex(taps.real, taps.imaginary)
    found: list[Tensor | None] = []
    for t, newest in enumerate(slots):
        total = torch.zeros(4, dtype=torch.float64)
        for k in range(t + 1):
            x, h = slots[t - k], 0.0
            for base in range(len(basis)):
                length = math.sqrt(sum(abs(complex(one)) ** 2 for one in basis[base]))
                h += float(taps.coefficients[t, base]) * complex(basis[base, k]).real / length
            total = total if x is None else total + h * x
        found.append(None if newest is None else total)
    return found


@torch.no_grad()
@pytest.mark.parametrize("row", ROWS, ids=len)
def test_states_are_those_of_plain_loops_over_slots(row: list[int]) -> None:
    model = drawn()
    slots: list[Tensor | None] = [None] * (6 - len(row))
    slots += [model.input_norm(model.item_embedding.weight[item]) for item in row]
    for block in model.frame.blocks:
        mixed = filtered(block.mixer, slots)  # type: ignore[arg-type]
        for slot, (x, y) in enumerate(zip(slots, mixed, strict=True)):
            if x is not None and y is not None:
                z = block.mixer_norm(x + y)  # type: ignore[operator]
                slots[slot] = block.feed_forward_norm(z + block.feed_forward(z))  # type: ignore[operator]
    wanted = torch.stack([one for one in slots if one is not None])
    # Beside a longer row, so that there is padding.
    found = encoded(model, [row, [1] * 6])[0, : len(row)]
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-9)


def test_without_coefficients_the_newest_item_alone_counts() -> None:
    model = drawn()
    with torch.no_grad():
        for one in filters(model):
            one.coefficients.zero_()
        scores = model.score(batch_of(model, [[3, 1, 4], [5, 9, 2, 4], [4]]))
    torch.testing.assert_close(scores[1:], scores[:1].expand(2, -1))


def test_it_begins_as_a_model_of_the_newest_item() -> None:
    torch.manual_seed(0)
    model = TVRec(NUM_ITEMS).eval()
    one, other = encoded(model, [[3, 1, 4], [5, 9, 4]])[:, 2]
    torch.testing.assert_close(one, other, rtol=0, atol=0.02)
    assert not torch.equal(one, other)


def test_an_older_item_more_is_its_tap_more() -> None:
    taps = filters(drawn())[0]
    x = torch.randn(1, 4, 4, dtype=torch.float64)
    short, long = taps(x, None, torch.tensor([3])), taps(x, None, torch.tensor([4]))
    for age in range(3):  # of slot 5 - age; the item of age 3 is 3 - age items older
        torch.testing.assert_close(long[0, age] - short[0, age], taps.taps()[5 - age, 3 - age] * x[0, 3])


def test_the_scale_of_a_basis_does_not_matter() -> None:
    model = drawn()
    before = encoded(model, ROWS)
    with torch.no_grad():
        for one in filters(model):
            one.real[1] *= 7
            one.imaginary[1] *= 7
    torch.testing.assert_close(encoded(model, ROWS), before)


def test_imaginary_parts_act_by_the_length_of_a_basis() -> None:
    model = drawn()
    before = encoded(model, ROWS)
    with torch.no_grad():
        filters(model)[0].imaginary.neg_()
        torch.testing.assert_close(encoded(model, ROWS), before)
        filters(model)[0].imaginary.mul_(2)
    assert not torch.allclose(encoded(model, ROWS), before)


def test_the_state_at_a_place_alone_is_that_beside_the_others() -> None:
    model = drawn()
    batch, whole = batch_of(model, ROWS), encoded(model, ROWS)
    for places in ([4, 1, 0], [2, 0, 0]):
        found = model.encode_at(batch, torch.tensor(places))
        torch.testing.assert_close(found, whole[torch.arange(3), places])


def test_the_order_of_the_rows_does_not_matter() -> None:
    model = drawn()
    torch.testing.assert_close(encoded(model, ROWS[::-1]).flip(0), encoded(model, ROWS))


def test_columns_of_padding_change_nothing() -> None:
    model = drawn()
    narrow, wide = encoded(model, ROWS), encoded(model, ROWS, width=9)  # wider than max_length
    for row, items in enumerate(ROWS):
        torch.testing.assert_close(wide[row, : len(items)], narrow[row, : len(items)])


@pytest.mark.parametrize("kind", [PrefixBatches, NextItemBatches])
def test_it_learns_from_rows_of_both_kinds(kind: type[PrefixBatches] | type[NextItemBatches]) -> None:
    model = TVRec(NUM_ITEMS, dim=8, max_length=20)
    batch = next(iter(kind(leave_one_out(ordered()).train, 16, 20, seed=1).epoch(1)))
    model.loss(batch).backward()
    assert all(one.grad is not None and one.grad.any() for one in model.parameters())


def test_the_loss_has_the_overlap_of_the_bases_in_it() -> None:
    """|R R^T - I|^2 by hand: real rows (3, 4) and (0, 2) meet in .8, imaginary ones not at all; a pair counts twice."""
    model = TVRec(NUM_ITEMS, dim=4, num_layers=1, num_bases=2, dropout=0.0, max_length=1, orthogonality_weight=0.5)
    (taps,) = filters(model)
    with torch.no_grad():
        taps.real.copy_(torch.tensor([[3.0, 4.0], [0.0, 2.0]]))
        taps.imaginary.copy_(torch.tensor([[1.0, 0.0], [0.0, 5.0]]))
    batch = Batch(torch.tensor([1]), torch.tensor([[2]]), torch.tensor([[3]]))
    parts = model.parts(batch)
    assert float(parts["orthogonality"].detach()) == pytest.approx(0.5 * 2 * 0.8**2)
    torch.testing.assert_close(parts["ranking"], SequenceModel.loss(model, batch))
    torch.testing.assert_close(model.loss(batch), parts["ranking"] + parts["orthogonality"])


def test_without_a_weight_the_loss_has_no_parts() -> None:
    model = TVRec(NUM_ITEMS, dim=4, max_length=3)
    assert model.parts(batch_of(model, [[1]])) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_bases": 0}, "num_bases must be at least 1, found 0"),
        ({"max_length": 0}, "max_length must be at least 1, found 0"),
        ({"orthogonality_weight": -1.0}, "orthogonality_weight must be 0 or more, found -1"),
    ],
)
def test_sizes_that_are_none_are_refused(given: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TVRec(NUM_ITEMS, **given)
