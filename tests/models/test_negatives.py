"""unseen_sampler: from rows of data to a sampler of what they do not hold."""

import torch

from nextitem.data.sequences import Sequences
from nextitem.models.negatives import unseen_sampler


def drawn_by(user: int, rows: Sequences) -> set[int]:
    negatives = unseen_sampler(rows, 5).draw(torch.tensor([user]), 200)
    return set(negatives.flatten().tolist())


ROWS = Sequences.from_lists([[3, 1, 3], [], [2, 5, 4]])


def test_user_r_plus_1_never_draws_an_item_of_row_r() -> None:
    assert [drawn_by(user, ROWS) for user in (1, 2, 3)] == [{2, 4, 5}, {1, 2, 3, 4, 5}, {1, 3}]


def test_the_unknown_user_draws_any_item() -> None:
    assert drawn_by(0, ROWS) == {1, 2, 3, 4, 5}


def test_rows_may_be_views() -> None:
    assert drawn_by(3, ROWS.without_last(2)) == {1, 3, 4, 5}
