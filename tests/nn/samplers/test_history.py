"""How much of a user's history stands before a value: the compiled search beside the plain one, and Python's."""

from bisect import bisect_right

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.nn.samplers.history import count_at_most, count_plain

NUMBERS = st.integers(-5, 30)


@settings(deadline=None)
@given(
    histories=st.lists(st.lists(NUMBERS, max_size=9), min_size=1, max_size=5),
    asked=st.lists(st.tuples(st.integers(0, 4), NUMBERS, NUMBERS), max_size=9),
    is_real=st.booleans(),
)
def test_both_forms_count_what_python_counts(
    histories: list[list[int]], asked: list[tuple[int, int, int]], is_real: bool
) -> None:
    histories = [sorted(history) for history in histories]
    dtype = torch.float64 if is_real else torch.int64
    values = torch.tensor([value for history in histories for value in history], dtype=dtype)
    offsets = torch.tensor([0, *(len(history) for history in histories)]).cumsum(0)
    users = [user % len(histories) for user, *_ in asked]
    numbers = torch.tensor([pair for _, *pair in asked], dtype=dtype).view(-1, 2)
    expected = [[bisect_right(histories[user], x) for x in pair] for user, (_, *pair) in zip(users, asked, strict=True)]
    for count in (count_at_most, count_plain):
        found = count(values, offsets, torch.tensor(users, dtype=torch.int64), numbers)
        assert found.dtype == torch.int64
        assert found.tolist() == expected
