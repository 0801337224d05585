"""What a kernel does with the memory of a weight: it reads it where it is, and leaves it as it was."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nextitem.nn.candidates import candidate_scores
from nextitem.nn.kernels.memory import array_of
from nextitem.nn.losses import full_cross_entropy
from nextitem.nn.mamba import MambaBlock
from nextitem.nn.scorers import all_inner_products


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
def test_an_array_is_the_tensors_own_memory(dtype: torch.dtype) -> None:
    whole = torch.arange(12).to(dtype).view(4, 3)
    array = array_of(whole[1:])
    assert array.tolist() == whole[1:].tolist()
    array[0, 0] = 0
    assert whole[1, 0] == 0


def test_an_array_outlives_its_tensor() -> None:
    array = array_of(torch.full((1000, 100), 7.0))
    torch.zeros(1000, 100)
    assert (array == 7).all()


def test_nothing_is_an_empty_array() -> None:
    assert array_of(torch.empty(0, 3)).shape == (0, 3)


def inner_products(table: Tensor) -> None:
    with torch.no_grad():
        all_inner_products(torch.randn(3, 64), table)


def cross_entropy(table: Tensor) -> None:
    full_cross_entropy(torch.randn(3, 64), table[1:], torch.tensor([0, 1, 2])).backward()


def candidates(table: Tensor) -> None:
    candidate_scores(torch.randn(3, 64), table, torch.tensor([[0, 1], [1, 2], [4, 4]])).sum().backward()


@pytest.mark.parametrize("use", [inner_products, cross_entropy, candidates])
def test_a_table_stays_one_that_fsdp_can_put_away(use: Callable[[Tensor], None]) -> None:
    table = torch.randn(9, 64, requires_grad=True)
    use(table)
    assert table.untyped_storage().resizable()


def test_so_do_the_weights_of_a_mamba_block() -> None:
    block = MambaBlock(16)
    block(torch.randn(2, 5, 16)).sum().backward()
    assert all(weight.untyped_storage().resizable() for weight in block.parameters())
