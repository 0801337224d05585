"""Models in the frame that mix all slots of a prefix: what they share, and where learned and zero padding differ."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import PrefixBatches
from nextitem.data.splits.split import leave_one_out
from nextitem.models.framed_prefixes import FramedPrefixes
from nextitem.models.names import BSARec, FEARec, FMLPRec, WEARec
from nextitem.nn.slots import Padding
from nextitem.testing import NUM_ITEMS, batch_of, ordered

MODELS = [FMLPRec, BSARec, WEARec, FEARec]
PADDINGS: list[Padding] = ["learned", "zero"]
ROWS = [[3, 1, 4, 1, 5], [2, 6], [7], [9, 8, 2, 3, 1, 4, 2, 5]]


def drawn(kind: Any, padding: Padding, max_length: int = 6) -> FramedPrefixes:
    """In float64, every parameter far from where it begins."""
    torch.manual_seed(0)
    model: FramedPrefixes = kind(NUM_ITEMS, dim=4, max_length=max_length, padding=padding).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


def queries(model: FramedPrefixes, rows: list[list[int]], width: int | None = None) -> Tensor:
    with torch.no_grad():
        return model.query(batch_of(model, rows, width))


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("padding", PADDINGS)
class TestBothPaddings:
    def test_the_state_at_a_place_is_that_of_its_prefix(self, kind: Any, padding: Padding) -> None:
        model = drawn(kind, padding)
        with torch.no_grad():
            states = model.encode(batch_of(model, ROWS))
        for place in range(5):
            torch.testing.assert_close(states[0, place], queries(model, [ROWS[0][: place + 1]])[0])

    def test_the_order_of_the_rows_does_not_matter(self, kind: Any, padding: Padding) -> None:
        model = drawn(kind, padding)
        torch.testing.assert_close(queries(model, ROWS[::-1]).flip(0), queries(model, ROWS))

    def test_columns_of_padding_change_nothing(self, kind: Any, padding: Padding) -> None:
        model = drawn(kind, padding)
        torch.testing.assert_close(queries(model, ROWS, width=9), queries(model, ROWS))  # wider than max_length

    def test_every_parameter_learns(self, kind: Any, padding: Padding) -> None:
        model = kind(NUM_ITEMS, dim=4, max_length=6, padding=padding)
        batch = next(PrefixBatches(leave_one_out(ordered()).train, 64, 6, seed=1, wanted=model.wanted()).epoch(1))
        model.loss(batch).backward()
        idle = [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()]
        assert not [name for name in idle if not name.endswith("key.bias")]

    def test_rows_that_fill_all_slots_have_no_padding(self, kind: Any, padding: Padding) -> None:
        model, other = drawn(kind, padding), drawn(kind, "zero" if padding == "learned" else "learned")
        weights = model.state_dict()
        rows = len(other.item_embedding.weight)
        table = torch.cat([weights["item_embedding.weight"], torch.zeros(1, 4).double()])[:rows]
        other.load_weights(weights | {"item_embedding.weight": table})
        torch.testing.assert_close(queries(model, [[1, 2, 3, 4, 5, 6]]), queries(other, [[1, 2, 3, 4, 5, 6]]))


@pytest.mark.parametrize("kind", MODELS)
class TestLearnedPadding:
    def test_its_vector_takes_part_in_rows_that_do_not_fill_their_slots(self, kind: Any) -> None:
        model = drawn(kind, "learned")
        rows = [[1, 2, 3, 4, 5, 6], [1, 2, 3]]
        before = queries(model, rows)
        with torch.no_grad():
            model.item_embedding.weight[NUM_ITEMS + 1] += torch.tensor([3.0, -1.0, 0.0, 2.0])
        full, short = queries(model, rows)
        torch.testing.assert_close(full, before[0])
        assert not torch.allclose(short, before[1])

    def test_it_is_neither_scored_nor_the_vector_of_what_is_not_predicted(self, kind: Any) -> None:
        model = drawn(kind, "learned")
        assert model.score(batch_of(model, [[1]])).shape == (1, NUM_ITEMS + 1)
        assert not kind(NUM_ITEMS, padding="learned").item_embedding.weight[0].any()


@pytest.mark.parametrize("kind", MODELS)
def test_zero_padding_has_no_vector(kind: Any) -> None:
    assert len(kind(NUM_ITEMS, padding="zero").item_embedding.weight) == NUM_ITEMS + 1
