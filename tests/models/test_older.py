"""Older: what came after a model is passed over in histories, never recommended, and nobody's that it does not know."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nextitem as ni
from nextitem.data.batches import history_batch
from nextitem.data.sequences import Sequences
from nextitem.models.older import Older
from nextitem.testing.logs import timed

ITEMS, MORE, LENGTH = 9, 12, 4
ROWS = [[1, 10, 2, 11, 12, 3, 4, 5, 12], [12, 11], [], [7, 8]]
KNOWN = [[1, 2, 3, 4, 5], [], [], [7, 8]]


@pytest.mark.parametrize("kind", [ni.models.SASRec, ni.models.TiSASRec, ni.models.GRU4Rec])
def test_unknown_items_of_a_history_are_passed_over(kind: type[ni.models.SASRec]) -> None:
    """With their times; and the newest that the model looks at are the newest that it knows."""
    model = kind(ITEMS, dim=8, max_length=LENGTH).eval()
    rows = timed(Sequences.from_lists(ROWS))
    is_known = rows.items <= ITEMS
    known = rows.arranged(np.flatnonzero(is_known))
    lengths = np.array([len(one) for one in KNOWN])
    stops = np.cumsum(lengths)
    alone = Sequences(known.items, stops - lengths, stops, known.timestamps)
    assert alone.to_lists() == KNOWN
    with torch.inference_mode():
        wanted = model.score(history_batch(alone, LENGTH, wanted=model.wanted()))
        found = Older(model, 0, MORE).score(history_batch(rows, None, wanted=model.wanted()))
    torch.testing.assert_close(found[:, 1 : ITEMS + 1], wanted[:, 1:])
    assert (found[:, ITEMS + 1 :] == -torch.inf).all()
    assert found.shape == (len(ROWS), MORE + 1)


def test_an_unknown_user_is_recommended_nothing() -> None:
    model = ni.models.BPR(3, ITEMS, dim=4).eval()
    batch = history_batch(Sequences.from_lists([[1], [2]]), None, np.array([3, 4]))
    with torch.inference_mode():
        found = Older(model, 3, MORE).score(batch)
        wanted = model.score(batch.take(slice(0, 1)))
    torch.testing.assert_close(found[0, 1 : ITEMS + 1], wanted[0, 1:])
    assert (found[1] == -torch.inf).all()


def test_a_target_that_it_does_not_know_is_last() -> None:
    data = ni.read_dataset("synthetic")
    split = ni.split.leave_one_out(data)
    model = ni.models.Popularity(data.num_items - 5)
    counts = torch.arange(data.num_items - 4, dtype=torch.float32)
    model.load_weights({"counts": counts})
    found = ni.evaluate(Older(model, data.num_users, data.num_items), split.test, ["hr@10"])
    is_unknown = split.test.target.padded(None)[:, 0] > data.num_items - 5
    assert is_unknown.any()
    assert (found.values["hr@10"][is_unknown] == 0).all()
