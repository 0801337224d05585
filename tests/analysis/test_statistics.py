"""Statistics of a log, by hand."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nextitem.analysis.attributes import read_attributes
from nextitem.analysis.statistics import are_followers, describe, drift, run_share, tie_share, unique_share
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError

ROWS = Sequences.from_lists([[1, 2, 3], [3, 2, 1], [3, 2, 3]])


def timed(rows: Sequences, times: list[int]) -> Sequences:
    return replace(rows, timestamps=np.array(times))


def test_unique_share_counts_rows_whose_newest_items_are_theirs_alone() -> None:
    assert unique_share(ROWS, 1) == pytest.approx(1 / 3)  # [3] twice, [1]
    assert unique_share(ROWS, 2) == pytest.approx(1 / 3)  # [2, 3] twice, [2, 1]
    assert unique_share(ROWS, 3) == 1


def test_a_target_follows_if_training_has_it_after_the_last_item() -> None:
    split = leave_one_out(dataset_of([[1, 2, 3, 1], [1, 2, 9, 3, 1], [2, 3, 1, 2]]))
    # training: 1 2 | 1 2 9 | 2 3; tests: 3 -> 1, 3 -> 1, 1 -> 2
    assert are_followers(split.train, split.test, 9).tolist() == [False, False, True]


def test_ties_are_neighbours_with_equal_timestamps() -> None:
    assert tie_share(ROWS) is None
    assert tie_share(timed(ROWS, [1, 1, 2, 5, 5, 5, 1, 2, 3])) == pytest.approx(3 / 6)


def test_describe_puts_it_together() -> None:
    dataset = dataset_of([[1, 2, 3], [3, 2, 1], [3, 2, 3]])
    rows = timed(dataset.sequences, [1, 1, 2, 5, 5, 5, 1, 2, 3])
    dataset = replace(dataset, sequences=rows)
    found = describe(rows, leave_one_out(dataset), {1: {"a"}, 2: {"a", "b"}, 3: {"b"}})
    assert found.repeats == pytest.approx(1 / 9)
    assert found.tied_targets == pytest.approx(1 / 3)
    assert found.never_trained == 0  # 3 and 1 are trained on
    assert found.runs == 1
    assert found.unique_histories[1] == 0


def test_drift_is_large_if_the_halves_share_nothing_and_small_if_they_are_alike() -> None:
    one, other = [[1, 2]] * 100, [[3, 4]] * 100
    times = list(range(400))
    assert (drift(timed(Sequences.from_lists(one + other), times), 4) or 0) > 0.8
    assert (drift(timed(Sequences.from_lists(one * 2), times), 4) or 0) < 0.1
    assert drift(ROWS, 3) is None


def test_a_run_is_a_pair_of_neighbours_with_a_common_attribute() -> None:
    assert run_share(ROWS, {1: {"a"}, 2: {"a"}}) == pytest.approx(2 / 6)


def test_attributes_are_read_from_lines_and_from_json(tmp_path: Path) -> None:
    lines, mapping = tmp_path / "movies.dat.gz", tmp_path / "items.json"
    lines.write_bytes(gzip.compress("7::Amélie (2001)::Comedy|Romance\n8::Alien::Horror\n".encode("latin-1")))
    mapping.write_text('{"7": ["Comedy", "Romance"], "8": ["Horror"]}')
    for path in (lines, mapping):
        assert read_attributes(path, IdMap.of([7, 9])) == {1: {"Comedy", "Romance"}}


def test_attributes_of_other_items_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "movies.dat"
    path.write_text("7::Amelie::Comedy\n")
    with pytest.raises(InputError, match="names none of the 1 items"):
        read_attributes(path, IdMap.of([8]))
    path.write_text("7,Amelie\n")
    with pytest.raises(InputError, match="line 1: expected item::name"):
        read_attributes(path, IdMap.of([7]))


def test_genres_of_movielens_come_in_runs(real_data: Path) -> None:
    lines = gzip.decompress((real_data / "ml-1m/ml-1m-all-items.txt.gz").read_bytes()).decode().splitlines()
    rows = [line.split() for line in lines[:50_000]]
    ids = IdMap.of([int(item) for _, item in rows])
    by_user: dict[str, list[str]] = {}
    for user, item in rows:
        by_user.setdefault(user, []).append(item)
    log = Sequences.from_lists([ids.indices(items).tolist() for items in by_user.values()])
    attributes = read_attributes(real_data / "ml-1m/movies.dat.gz", ids)
    keys = np.random.default_rng(0).random(log.num_interactions)
    mixed = replace(log, items=log.items[np.lexsort((keys, log.flat_rows()))])
    assert run_share(log, attributes) > 1.1 * run_share(mixed, attributes)
