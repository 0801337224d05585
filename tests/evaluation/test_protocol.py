"""Protocol: what is ranked, by name and in words."""

import pytest

from nextitem.data.split import Holdout, leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.evaluation.protocol import Protocol, Seen, named_protocol

FRESH, REPEATING = [[1, 2, 3], [2, 3, 4]], [[1, 2, 3], [2, 4, 4, 3]]


def holdout_of(rows: list[list[int]]) -> Holdout:
    return leave_one_out(dataset_of(rows)).test


@pytest.mark.parametrize(
    ("seen", "rows", "masks"),
    [
        ("auto", FRESH, True),
        ("auto", REPEATING, False),
        ("mask", REPEATING, True),
        ("mask", FRESH, True),
        ("keep", FRESH, False),
        ("keep", REPEATING, False),
    ],
)
def test_seen_items_are_masked_as_asked_and_by_auto_unless_users_repeat(
    seen: Seen, rows: list[list[int]], masks: bool
) -> None:
    assert Protocol(seen=seen).masks_seen(holdout_of(rows)) is masks


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("full", Protocol(seed=7)),
        ("sampled-100", Protocol(candidates=100, seen="keep", seed=7)),
        ("sampled-5", Protocol(candidates=5, seen="keep", seed=7)),
        ("sasrec", Protocol(candidates=100, seen="keep", users=10_000, seed=7)),
    ],
)
def test_named_protocol(name: str, protocol: Protocol) -> None:
    assert named_protocol(name, seed=7) == protocol


@pytest.mark.parametrize("name", ["", "all", "full-5", "sampled", "sampled-", "sampled-0", "sampled-x", "sasrec-100"])
def test_another_name_is_an_error_that_lists_what_is_known(name: str) -> None:
    with pytest.raises(InputError, match=f'"{name}" is not a protocol; known: full, sampled-N'):
        named_protocol(name)


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (Protocol(), "full ranking, seen items masked, ties: expected rank, 2 users"),
        (
            Protocol(candidates=9, seen="keep", ties="pessimistic", users=1),
            "target + 9 uniform negatives (sampled), seen items kept, ties: pessimistic rank, 1 random users",
        ),
        (Protocol(users=50), "full ranking, seen items masked, ties: expected rank, 2 random users"),
    ],
)
def test_description_says_everything_that_decides_a_number(protocol: Protocol, words: str) -> None:
    assert protocol.describe(holdout_of(FRESH)) == words
