"""Protocol: what is ranked, by name and in words."""

import pytest

from nextitem.data.batches import Wanted
from nextitem.data.splits.split import Holdout, leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.evaluation.protocol import Protocol, Seen, Ties, named_protocol

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
        ("mask_unless_target", REPEATING, True),
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
        (Protocol(), "full ranking, seen items masked, ties: expected metric, 2 users"),
        (
            Protocol(candidates=9, seen="keep", ties="pessimistic", users=1),
            "target + 9 uniform negatives (sampled), seen items kept, ties: pessimistic rank, 1 random users",
        ),
        (Protocol(users=50), "full ranking, seen items masked, ties: expected metric, 2 random users"),
    ],
)
def test_description_says_everything_that_decides_a_number(protocol: Protocol, words: str) -> None:
    assert protocol.describe(holdout_of(FRESH)) == words


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ("auto", "seen items kept (auto: 1 repeat)"),
        ("keep", "seen items kept"),
        ("mask", "seen items masked"),
        ("mask_unless_target", "seen items masked unless they are targets"),
    ],
)
def test_description_says_which_seen_rule_holds_and_what_decided_it(seen: Seen, words: str) -> None:
    assert f", {words}, " in Protocol(seen=seen).describe(holdout_of(REPEATING))


@pytest.mark.parametrize(
    ("ties", "words"),
    [
        ("expected", "expected metric"),
        ("expected_rank", "expected rank"),
        ("optimistic", "optimistic rank"),
        ("pessimistic", "pessimistic rank"),
    ],
)
def test_description_tells_the_expected_metric_from_that_of_the_expected_rank(ties: Ties, words: str) -> None:
    assert f"ties: {words}, " in Protocol(ties=ties).describe(holdout_of(FRESH))


def test_that_auto_keeps_seen_items_is_noted_with_the_repeats_that_decided_it() -> None:
    (note,) = Protocol().notes(holdout_of(REPEATING), num_interactions=7)
    assert "1 repeat among 7 interactions" in note
    assert "--evaluation.seen mask_unless_target" in note


@pytest.mark.parametrize("protocol", [Protocol(seen="keep"), Protocol(seen="mask"), Protocol(candidates=9)])
def test_nothing_is_noted_where_auto_decides_nothing(protocol: Protocol) -> None:
    assert protocol.notes(holdout_of(REPEATING), 7) == ()


def test_nothing_is_noted_where_nobody_repeats() -> None:
    assert Protocol().notes(holdout_of(FRESH), 6) == ()


def test_a_model_that_is_told_when_the_target_comes_is_said_to_be() -> None:
    holdout = holdout_of(FRESH)
    plain = Protocol().describe(holdout)
    assert Protocol().describe(holdout, Wanted(times=True)) == plain
    told = Protocol().describe(holdout, Wanted(times=True, asked_at=True))
    assert told == f"{plain}, the model is told the time of each target"


def test_a_number_of_none_is_refused() -> None:
    with pytest.raises(InputError, match="candidates must be 1 or more, or None for all; found 0"):
        Protocol(candidates=0)
    with pytest.raises(InputError, match="users must be 1 or more, or None for all; found -3"):
        Protocol(users=-3)
