"""Sequences: every operation against plain Python lists."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.sequences import Sequences

quick = settings(deadline=None, max_examples=40)

Lists = list[list[int]]

ROWS = st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=8)
COUNTS = st.integers(0, 7)


@quick
@given(ROWS)
def test_lists_and_back(rows: Lists) -> None:
    sequences = Sequences.from_lists(rows)
    assert sequences.to_lists() == rows
    assert sequences.lengths.tolist() == [len(row) for row in rows]
    assert (len(sequences), sequences.num_interactions) == (len(rows), sum(map(len, rows)))


@quick
@given(ROWS, COUNTS)
def test_without_last_cuts_the_end(rows: Lists, count: int) -> None:
    assert Sequences.from_lists(rows).without_last(count).to_lists() == [
        row[: max(len(row) - count, 0)] for row in rows
    ]


@quick
@given(ROWS, COUNTS)
def test_newest_keeps_the_end(rows: Lists, count: int) -> None:
    assert Sequences.from_lists(rows).newest(count).to_lists() == [row[max(len(row) - count, 0) :] for row in rows]


def test_without_last_takes_one_number_a_row() -> None:
    assert Sequences.from_lists([[1, 2, 3], [4, 5]]).without_last(np.array([0, 2])).to_lists() == [[1, 2, 3], []]


@quick
@given(ROWS, st.integers(1, 4))
def test_prefixes_are_all_beginnings(rows: Lists, min_length: int) -> None:
    expected = [row[:stop] for row in rows for stop in range(min_length, len(row) + 1)]
    assert Sequences.from_lists(rows).prefixes(min_length).to_lists() == expected


@quick
@given(ROWS, st.integers(1, 7))
def test_padding_stands_after_the_newest(rows: Lists, width: int) -> None:
    table = Sequences.from_lists(rows).padded(width)
    longest = max(1, max(min(len(row), width) for row in rows))
    assert table.tolist() == [row[-width:] + [0] * (longest - len(row[-width:])) for row in rows]


def test_padded_without_width_keeps_whole_rows() -> None:
    assert Sequences.from_lists([[1, 2, 3], []]).padded().tolist() == [[1, 2, 3], [0, 0, 0]]


@quick
@given(ROWS, st.data())
def test_take_gives_rows_in_the_order_asked(rows: Lists, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    taken = Sequences.from_lists(rows).take(np.array(chosen, dtype=np.int64))
    assert taken.to_lists() == [rows[number] for number in chosen]


def test_take_accepts_a_mask() -> None:
    assert Sequences.from_lists([[1], [2], [3]]).take(np.array([True, False, True])).to_lists() == [[1], [3]]


CUTS: list[Callable[[Sequences], Sequences]] = [
    lambda rows: rows,
    lambda rows: rows.prefixes(2),
    lambda rows: rows.newest(2),
    lambda rows: rows.without_last(1),
]


@pytest.mark.parametrize("cut", CUTS, ids=["whole", "prefixes", "newest", "without_last"])
@quick
@given(rows=ROWS)
def test_flat_views_agree_with_the_rows(cut: Callable[[Sequences], Sequences], rows: Lists) -> None:
    sequences = cut(Sequences.from_lists(rows))
    flat = [(number, item) for number, row in enumerate(sequences.to_lists()) for item in row]
    assert list(zip(sequences.flat_rows().tolist(), sequences.flat_items().tolist(), strict=True)) == flat


@pytest.mark.parametrize("cut", CUTS, ids=["whole", "prefixes", "newest", "without_last"])
@quick
@given(rows=ROWS)
def test_packed_rows_are_the_same_rows(cut: Callable[[Sequences], Sequences], rows: Lists) -> None:
    sequences = cut(Sequences.from_lists(rows))
    packed = sequences.packed()
    assert packed.to_lists() == sequences.to_lists()
    assert len(packed.items) == sequences.num_interactions


@quick
@given(ROWS)
def test_repeats_are_within_a_row(rows: Lists) -> None:
    assert Sequences.from_lists(rows).num_repeats() == sum(len(row) - len(set(row)) for row in rows)


def test_cuts_share_memory() -> None:
    sequences = Sequences.from_lists([[1, 2, 3]])
    assert sequences.prefixes().newest(1).items is sequences.items


@quick
@given(ROWS.filter(any), st.booleans())
def test_load_gives_what_was_saved(rows: Lists, has_times: bool) -> None:
    whole = Sequences.from_lists(rows)
    times = np.arange(whole.num_interactions) if has_times else None
    cut = Sequences(whole.items, whole.starts, whole.stops, times).newest(2)
    with TemporaryDirectory() as folder:
        cut.save(Path(folder))
        loaded = Sequences.load(Path(folder))
        assert loaded.to_lists() == cut.to_lists()
        assert (loaded.timestamps is not None) == has_times
        if times is not None and loaded.timestamps is not None:
            assert loaded.timestamps.tolist() == times[cut.flat_positions()].tolist()


def test_loaded_arrays_are_memory_mapped(tmp_path: Path) -> None:
    Sequences.from_lists([[1, 2]]).save(tmp_path)
    assert isinstance(Sequences.load(tmp_path).items, np.memmap)


@quick
@given(ROWS)
def test_repeats_are_counted_by_both_forms(rows: Lists) -> None:
    expected = sum(len(row) - len(set(row)) for row in rows)
    sequences = Sequences.from_lists(rows)
    assert sequences.num_repeats() == sequences._num_repeats() == expected
