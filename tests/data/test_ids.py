"""IdMap: there and back."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.ids import PAD, IdMap

quick = settings(deadline=None, max_examples=40)

INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=1)
IDS = INTEGERS | TEXTS


@quick
@given(IDS)
def test_ids_and_indices_are_inverse(ids: list[int] | list[str]) -> None:
    known = IdMap.of(ids)
    assert known.ids(known.indices(ids)) == ids


@quick
@given(IDS)
def test_indices_run_from_1_to_n_in_sorted_order(ids: list[int] | list[str]) -> None:
    known = IdMap.of(ids)
    assert known.indices(sorted(set(ids))).tolist() == list(range(1, len(known) + 1))  # type: ignore[type-var]


@quick
@given(IDS)
def test_load_gives_what_was_saved(ids: list[int] | list[str]) -> None:
    known = IdMap.of(ids)
    with TemporaryDirectory() as folder:
        known.save(Path(folder) / "ids.parquet")
        loaded = IdMap.load(Path(folder) / "ids.parquet")
    assert loaded.values.tolist() == known.values.tolist()
    assert loaded.values.dtype == known.values.dtype


def test_unknown_id_is_padding() -> None:
    assert IdMap.of(["a"]).indices(["b", "a"]).tolist() == [PAD, 1]


def test_id_is_looked_up_by_its_text() -> None:
    assert IdMap.of([50]).indices(["50", 50]).tolist() == [1, 1]
    assert "50" in IdMap.of([50])
    assert 51 not in IdMap.of([50])


def test_numbers_are_sorted_by_size_and_texts_by_letter() -> None:
    assert IdMap.of([10, 9]).ids([1, 2]) == [9, 10]
    assert IdMap.of(["10", "9"]).ids([1, 2]) == ["10", "9"]


@pytest.mark.parametrize("index", [PAD, 3, -1])
def test_padding_and_strangers_have_no_id(index: int) -> None:
    with pytest.raises(IndexError, match="from 1 to 2"):
        IdMap.of(["a", "b"]).ids(np.array([index]))
