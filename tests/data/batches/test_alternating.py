"""AlternatingBatches: both sides of the training rows, each pair once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.batches.alternating import AlternatingBatches, Block
from nextitem.data.sequences import Sequences

ROWS = Sequences.from_lists([[3, 1, 3], [], [2, 1]])


def triples(blocks: list[Block]) -> list[tuple[int, int, int]]:
    """(row, other, count) of every cell that is not padding, sorted."""
    cells = [
        (int(row), int(other), int(count))
        for block in blocks
        for row, others, counts in zip(block.rows, block.others, block.weights, strict=True)
        for other, count in zip(others, counts, strict=True)
        if other
    ]
    return sorted(cells)


def test_users_come_with_their_items_and_counts() -> None:
    assert triples(list(AlternatingBatches(ROWS, 4, 100).users())) == [(1, 1, 1), (1, 3, 2), (3, 1, 1), (3, 2, 1)]


def test_items_come_with_their_users_and_counts() -> None:
    assert triples(list(AlternatingBatches(ROWS, 4, 100).items())) == [(1, 1, 1), (1, 3, 1), (2, 3, 1), (3, 1, 2)]


def test_rows_may_be_views() -> None:
    batches = AlternatingBatches(ROWS.without_first(1), 4, 100)
    assert triples(list(batches.users())) == [(1, 1, 1), (1, 3, 1), (3, 1, 1)]


logs = st.lists(st.lists(st.integers(1, 9), max_size=20), max_size=20)


@given(logs, st.integers(1, 40), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_every_row_is_in_one_block_that_fits(rows: list[list[int]], num_cells: int, min_width: int) -> None:
    batches = AlternatingBatches(Sequences.from_lists(rows), 9, num_cells, min_width)
    users, items = list(batches.users()), list(batches.items())
    pairs = {(user, item, row.count(item)) for user, row in enumerate(rows, start=1) for item in row}
    assert triples(users) == sorted(pairs)
    assert triples(items) == sorted((item, user, count) for user, item, count in pairs)
    for block in users + items:
        assert len(block.rows) * max(block.others.shape[1], min_width) <= num_cells or len(block.rows) == 1
        lengths = (block.others > 0).sum(1)
        assert lengths.max() == block.others.shape[1] <= 2 * lengths.min()
        assert np.array_equal(block.others > 0, block.weights > 0)
