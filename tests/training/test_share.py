"""share_of: the shares of all processes are the batch, and their weights are one."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from nextitem.data.batches import Batch
from nextitem.models.general.multi_vae import MultiVAE
from nextitem.models.sequential.sasrec import SASRec
from nextitem.processes import Processes
from nextitem.training.share import share_of

MODEL = SASRec(9, dim=4, num_layers=1)


def batch_of(targets: list[list[int]]) -> Batch:
    table = torch.tensor(targets)
    return Batch(torch.arange(1, len(targets) + 1), torch.ones_like(table), table)


def shares(batch: Batch, model: SASRec | MultiVAE, size: int) -> list[tuple[list[int], float]]:
    found = [share_of(batch, model, Processes(rank, size)) for rank in range(size)]
    return [(own.users.tolist(), weight) for own, weight in found]


def test_a_share_weighs_its_part_of_the_targets() -> None:
    batch = batch_of([[1, 2, 3], [4, 0, 0], [5, 0, 0]])
    assert shares(batch, MODEL, 2) == [([1, 3], 4 / 5), ([2], 1 / 5)]


def test_a_share_weighs_its_part_of_the_users_where_the_loss_is_their_mean() -> None:
    batch = batch_of([[1, 2, 3], [4, 0, 0], [5, 0, 0]])
    assert shares(batch, MultiVAE(9, 4, 2), 2) == [([1, 3], 2 / 3), ([2], 1 / 3)]


def test_who_has_no_target_takes_a_row_that_has_one_and_weighs_nothing() -> None:
    assert shares(batch_of([[0, 0], [1, 2]]), MODEL, 3) == [([2], 0.0), ([2], 1.0), ([2], 0.0)]


def test_one_process_takes_the_batch_itself() -> None:
    batch = batch_of([[1]])
    own, weight = share_of(batch, MODEL, Processes())
    assert own is batch
    assert weight == 1.0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12).filter(any), st.integers(1, 5))
def test_shares_are_the_batch_and_weights_add_up_to_one(counts: list[int], size: int) -> None:
    batch = batch_of([[1] * count + [0] * (3 - count) for count in counts])
    found = shares(batch, MODEL, size)
    assert abs(sum(weight for _, weight in found) - 1) < 1e-12
    taken = sorted(user for users, weight in found if weight for user in users)
    with_targets = {user for user, count in enumerate(counts, start=1) if count}
    assert len(taken) == len(set(taken))
    assert with_targets <= set(taken)
