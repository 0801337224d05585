"""White space: what lines without a header and without a plain separator are, or that they do not say it."""

from pathlib import Path

import pytest

from nextitem.data.sources.formats.reading import read, sniff
from nextitem.data.sources.formats.white_space import Told, tell
from nextitem.errors import InputError

STARS = ["1 70 5", "1 71 3", "2 70 4", "2 72 1"]
TIMES = ["1 70 1400000000", "1 71 1400000007", "2 70 1400000003"]
BOTH = ["1 70 5 1400000000", "2 71 3 1400000007"]


@pytest.mark.parametrize(
    ("lines", "format"),
    [
        (STARS, "spaced-ratings"),
        ([line.replace(" ", "\t") for line in STARS], "spaced-ratings"),
        (["a b 0.5", "a c 1.5", "b b 5"], "spaced-ratings"),
        (TIMES, "spaced-times"),
        (BOTH, "spaced-ratings"),
        ([line.replace(" ", "\t") for line in BOTH], "movielens"),
        (["1\t70\t4.5\t8"], "movielens"),
        (["1\t70\t4\t8", "1\t71\t4\t9"], "movielens"),
        (["1 70 71 72", "2 70", "3 71 72"], "sequences"),
        (["1 70 71 72 73", "2 70 71 72 74"], "sequences"),
        ([f"{user} {70 + user} {60 + user}" for user in range(20)], "sequences"),
        (["u1\ta b", "u2\tb c d"], "sequences"),
        (["1 70", "1 71"], "pairs"),
    ],
)
def test_lines_that_say_what_they_are(lines: list[str], format: str) -> None:
    assert tell(lines) == Told(format)


@pytest.mark.parametrize(
    ("lines", "may_be"),
    [
        (["1 70 5"], ["spaced-ratings", "spaced-times", "sequences"]),
        (["1 70 5", "2 71 3"], ["spaced-ratings", "spaced-times", "sequences"]),
        (["1\t70\t71\t72", "2\t73\t74\t75"], ["movielens", "spaced-ratings", "sequences"]),
        (["1 70 71 72", "2 73 74 75"], ["spaced-ratings", "sequences"]),
        (["1 70 0", "1 71 1", "2 70 1"], ["spaced-ratings", "spaced-times", "sequences"]),  # labels
        (["1 70 300", "1 71 2", "2 70 17"], ["spaced-ratings", "spaced-times", "sequences"]),  # counts
        (["1 70 5", "1 71"], ["spaced-ratings", "sequences"]),  # one rating is missing
        (["u1\tThe Beatles\t5", "u2\tMuse\t3"], ["table", "sequences"]),
    ],
)
def test_lines_that_do_not_say_it_are_asked_about(lines: list[str], may_be: list[str]) -> None:
    assert tell(lines) == Told(may_be=tuple(may_be))


def test_words_in_columns_say_nothing() -> None:
    assert tell(["a b c", "a d e"]) == Told()


def test_the_forms_to_choose_from_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("1 70 5\n2 71 3\n")
    with pytest.raises(InputError, match=r"more than one reading.*--data\.format: spaced-ratings .*; sequences \("):
        sniff(tmp_path / "x.txt")


def test_a_second_line_of_a_user_may_stand_far_below(tmp_path: Path) -> None:
    lines = [f"{user} {user % 7 + 50} {user % 5 + 1}" for user in range(40)]
    (tmp_path / "x.txt").write_text("\n".join([*lines, "0 70 5"]))
    assert sniff(tmp_path / "x.txt") == "spaced-ratings"


@pytest.mark.parametrize(
    ("text", "format", "columns"),
    [
        ("1 70 5\n 2  71\t3.5 \n", "spaced-ratings", {"rating": [5, 3.5]}),
        ("1 70 5 8\n2 71 3.5 9\n", "spaced-ratings", {"timestamp": [8, 9], "rating": [5, 3.5]}),
        ("1 70 8\n2 71 9\n", "spaced-times", {"timestamp": [8, 9]}),
    ],
)
def test_columns_split_by_white_space_are_read(
    tmp_path: Path, text: str, format: str, columns: dict[str, list[float]]
) -> None:
    (tmp_path / "x.txt").write_text(text)
    log = read(tmp_path / "x.txt", format=format).frame.drop("row")
    assert {name: log[name].to_list() for name in log.columns} == {"user": ["1", "2"], "item": ["70", "71"], **columns}


def test_a_line_of_another_width_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("1 70 5\n1 71 3\n1 72 4\n2 70\n")
    with pytest.raises(InputError, match=r"x\.txt, line 4: spaced-ratings needs user, item and rating.*found 2 fields"):
        read(tmp_path / "x.txt", format="spaced-ratings")


def test_a_time_before_a_rating_is_not_taken_for_one(tmp_path: Path) -> None:
    """`user,item,timestamp,rating` is no Amazon 2014; read as a table, it lacks its names."""
    (tmp_path / "x.csv").write_text("1,70,1400000000,5\n2,71,1400000007,3\n")
    with pytest.raises(InputError, match="add a header line"):
        read(tmp_path / "x.csv")
