"""TiM4Rec: how its steps go by gaps, number by number."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.tim4rec import Pace, PacedLayer, TiM4Rec, log_gaps
from nextitem.nn.mamba2 import Mamba2Block
from nextitem.nn.scan import Rows
from nextitem.testing import RecommenderTests


class TestTiM4Rec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return TiM4Rec(num_items, dim=16, head_dim=8, d_state=4, dropout=0.0, max_length=30)


def made(**sizes: Any) -> TiM4Rec:
    torch.manual_seed(0)
    model = TiM4Rec(num_items=8, dim=4, head_dim=4, d_state=3, max_length=6, **sizes).eval()
    for name, parameter in model.named_parameters():
        if "pace" in name or "proj" in name:
            torch.nn.init.normal_(parameter)
    return model


def query(model: TiM4Rec, items: list[int], times: list[int]) -> Tensor:
    return model.query(Batch.of(torch.tensor([items]), times=torch.tensor([times])))[0]


def convolved(row: list[float], taps: Tensor, bias: Tensor) -> list[float]:
    """A causal convolution with a SiLU."""
    reach, found = len(taps), []
    for place in range(len(row)):
        seen = [row[place - back] if place >= back else 0.0 for back in range(reach)]
        total = sum(float(taps[reach - 1 - back]) * one for back, one in enumerate(seen)) + float(bias)
        found.append(float(F.silu(torch.tensor(total))))
    return found


def test_the_pace_is_the_formula() -> None:
    torch.manual_seed(0)
    pace = Pace(num_heads=2, num_taps=3, num_places=6, dropout=0.0, is_last=False)
    d = torch.randn(1, 1, 6)
    first, second = pace.scale[1], pace.scale[3]
    with torch.no_grad():
        e, after = pace(d, Rows.packed(torch.tensor([4])))
        scaled = d[0, 0] * second(F.silu(first(d[0, 0])))
        assert pace.keep is not None
        kept = pace.keep(d[0, 0])
        for head in range(2):
            row = scaled[:4].tolist()
            for layer in range(2):
                row = convolved(row, pace.taps[layer, head], pace.tap_bias[layer, head])
            torch.testing.assert_close(e[:, head], torch.tensor(row), rtol=1e-4, atol=1e-5)
            mixed = kept * d[0, 0] + (1 - kept) * torch.tensor([*row, 0.0, 0.0])
            wanted = (mixed - mixed.mean()) / (mixed.var(correction=0) + 1e-5).sqrt()
            torch.testing.assert_close(after[0, head], wanted, rtol=1e-4, atol=1e-5)


def test_a_pace_of_one_leaves_mamba2_as_it_is_and_another_moves_the_steps() -> None:
    torch.manual_seed(0)
    block, rows, u = Mamba2Block(4, d_state=3, head_dim=4), Rows.packed(torch.tensor([3])), torch.randn(3, 4)
    plain, ones = block.over(u, rows), torch.ones(3, 2)
    torch.testing.assert_close(block.over(u, rows, pace=ones), plain)
    with torch.no_grad():
        block.in_proj.weight[-2:] *= 3  # the rows of dt, which have no bias
        tripled = block.over(u, rows)
        block.in_proj.weight[-2:] /= 3
    torch.testing.assert_close(block.over(u, rows, pace=3 * ones), tripled)


def test_states_go_by_the_gaps_and_not_by_the_moment() -> None:
    model = made()
    one = query(model, [3, 2, 5], [10, 20, 90])
    torch.testing.assert_close(query(model, [3, 2, 5], [110, 120, 190]), one)
    assert not torch.allclose(query(model, [3, 2, 5], [10, 80, 90]), one)


def test_padding_has_no_part_whatever_its_times_are() -> None:
    model = made()
    one = query(model, [3, 2, 5], [10, 20, 90])
    torch.testing.assert_close(query(model, [3, 2, 5, 0, 0], [10, 20, 90, 0, 7]), one)


def test_the_states_of_all_places_are_those_of_the_prefixes() -> None:
    model = made()
    states = model.encode(Batch.of(torch.tensor([[5, 1, 2]]), times=torch.tensor([[3, 4, 90]])))[0]
    for place in range(3):
        prefix = query(model, [5, 1, 2][: place + 1], [3, 4, 90][: place + 1])
        torch.testing.assert_close(states[place], prefix, rtol=1e-4, atol=1e-5)


def test_the_last_layer_alone_makes_no_gaps_for_the_next() -> None:
    keeps = [layer.pace.keep is None for layer in made(num_layers=3).layers if isinstance(layer, PacedLayer)]
    assert keeps == [False, False, True]


def test_gaps_are_counted_between_neighbours() -> None:
    gaps = log_gaps(torch.tensor([[1, 2, 3, 0]]), torch.tensor([[50, 50, 53, 0]]))
    torch.testing.assert_close(gaps, torch.tensor([[0.0, 0.0, 4.0, 1.0]]).clamp(min=1).log())


def test_a_batch_without_times_and_no_layers_are_refused() -> None:
    with pytest.raises(InputError, match="goes by times"):
        made().query(Batch.of(torch.tensor([[1, 2]])))
    with pytest.raises(InputError, match="num_layers must be at least 1, found 0"):
        made(num_layers=0)
