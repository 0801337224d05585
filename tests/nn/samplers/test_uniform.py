"""Uniform negatives: never what the user met, all others alike."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nextitem.errors import InputError
from nextitem.nn.samplers.uniform import UniformSampler


def sampler_of(num_items: int, histories: list[set[int]]) -> UniformSampler:
    """User u + 1 has met `histories[u]`; user 0 is unknown."""
    seen = [item for history in histories for item in sorted(history)]
    offsets = torch.tensor([0, 0, *(len(history) for history in histories)]).cumsum(0)
    return UniformSampler(num_items, torch.tensor(seen, dtype=torch.int64), offsets)


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[int, list[set[int]]]:
    num_items = draw(st.integers(2, 30))
    history = st.sets(st.integers(1, num_items), max_size=num_items - 1)
    return num_items, draw(st.lists(history, min_size=1, max_size=6))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(catalogues())
def test_negatives_are_items_that_the_user_has_not_met(catalogue: tuple[int, list[set[int]]]) -> None:
    num_items, histories = catalogue
    users, generator = torch.arange(1, len(histories) + 1), torch.Generator().manual_seed(0)
    drawn = sampler_of(num_items, histories).draw(users, 60, generator)
    for row, history in zip(drawn.tolist(), histories, strict=True):
        assert set(row) <= set(range(1, num_items + 1)) - history


@pytest.mark.parametrize("history", [{2, 3, 7}, {1, 2, 3}, {8, 9, 10}, {1, 3, 5, 7, 9}, {4}])
def test_negatives_are_uniform_over_the_others(history: set[int]) -> None:
    drawn = sampler_of(10, [{1, 10}, history]).draw(torch.tensor([2]), 20_000)
    counts = torch.bincount(drawn.flatten(), minlength=11).tolist()
    free = [counts[item] for item in range(1, 11) if item not in history]
    assert stats.chisquare(free).pvalue > 1e-3


def test_an_unknown_user_may_draw_any_item() -> None:
    drawn = sampler_of(5, [{1, 2, 3}]).draw(torch.tensor([0]), 200)
    assert set(drawn.flatten().tolist()) == {1, 2, 3, 4, 5}


def test_without_any_history_all_items_are_drawn() -> None:
    assert set(sampler_of(3, [set()]).draw(torch.tensor([1]), 100).flatten().tolist()) == {1, 2, 3}


@pytest.mark.parametrize("free", [1, 4, 7])
def test_the_only_free_item_is_always_drawn(free: int) -> None:
    drawn = sampler_of(7, [set(range(1, 8)) - {free}]).draw(torch.tensor([1]), 50)
    assert set(drawn.flatten().tolist()) == {free}


def test_a_user_who_has_met_everything_is_an_error() -> None:
    with pytest.raises(InputError, match="1 of 2 users have met all 3 items"):
        sampler_of(3, [{1}, {1, 2, 3}])


def test_shape_is_users_by_count() -> None:
    assert sampler_of(9, [{1}, {2}]).draw(torch.tensor([1, 2, 2]), 4).shape == (3, 4)


def test_a_generator_makes_draws_repeatable() -> None:
    sampler, users = sampler_of(50, [{1, 5}, {7}]), torch.tensor([1, 2])
    one, other = (sampler.draw(users, 20, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, other)


def test_a_generator_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    sampler_of(50, [{1}]).draw(torch.tensor([1]), 20, torch.Generator().manual_seed(4))
    assert torch.equal(before, torch.get_rng_state())


def test_two_draws_differ() -> None:
    sampler, users = sampler_of(1000, [{1}]), torch.tensor([1])
    assert not torch.equal(sampler.draw(users, 20), sampler.draw(users, 20))


def test_state_dict_is_empty() -> None:
    assert sampler_of(5, [{1}]).state_dict() == {}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(catalogues(), st.integers(0, 2**31 - 1))
def test_fixed_negatives_are_items_that_the_user_has_not_met(catalogue: tuple[int, list[set[int]]], seed: int) -> None:
    num_items, histories = catalogue
    sampler, users = sampler_of(num_items, histories), torch.arange(1, len(histories) + 1)
    for target in (1, num_items):
        drawn = sampler.draw_fixed(users, torch.full_like(users, target), 60, seed)
        for row, history in zip(drawn.tolist(), histories, strict=True):
            assert set(row) <= set(range(1, num_items + 1)) - history


def test_fixed_negatives_of_a_pair_do_not_depend_on_its_place_nor_on_the_batch() -> None:
    sampler = sampler_of(1000, [{1, 5}, {7}, {2, 3}])
    users, targets = torch.tensor([1, 2, 3, 1]), torch.tensor([5, 7, 2, 1])
    together = sampler.draw_fixed(users, targets, 8, seed=3)
    order = torch.tensor([2, 0, 3, 1])
    assert torch.equal(sampler.draw_fixed(users[order], targets[order], 8, seed=3), together[order])
    assert torch.equal(sampler.draw_fixed(users[1:2], targets[1:2], 8, seed=3), together[1:2])


def test_more_fixed_negatives_begin_with_the_fewer() -> None:
    sampler, user, target = sampler_of(1000, [{1}]), torch.tensor([1]), torch.tensor([1])
    assert torch.equal(sampler.draw_fixed(user, target, 9, 0)[:, :4], sampler.draw_fixed(user, target, 4, 0))


def fixed(user: int, target: int, seed: int) -> list[int]:
    sampler = sampler_of(10_000, [{1, 2, 3}, {1, 2, 3}])
    return sampler.draw_fixed(torch.tensor([user]), torch.tensor([target]), 20, seed).flatten().tolist()


@pytest.mark.parametrize(("user", "target", "seed"), [(2, 1, 0), (1, 2, 0), (1, 1, 1)], ids=["user", "target", "seed"])
def test_another_user_target_or_seed_has_other_fixed_negatives(user: int, target: int, seed: int) -> None:
    assert len(set(fixed(user, target, seed)) & set(fixed(1, 1, 0))) <= 2  # of 20 out of 10,000


def test_fixed_negatives_of_a_target_differ_among_themselves() -> None:
    assert len(set(fixed(1, 1, 0))) >= 18


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
@pytest.mark.parametrize("history", [{2, 3, 7}, {8, 9, 10}, {4}])
def test_fixed_negatives_are_uniform_over_many_targets(history: set[int], seed: int) -> None:
    """Neighbouring users and targets, one negative each: what a hash that mixes badly would show."""
    sampler = sampler_of(10, [history] * 40)
    users = torch.arange(1, 41).repeat_interleave(500)
    targets = torch.arange(1, 501).repeat(40)
    drawn = sampler.draw_fixed(users, targets, 1, seed).flatten()
    counts = torch.bincount(drawn, minlength=11).tolist()
    assert stats.chisquare([counts[item] for item in range(1, 11) if item not in history]).pvalue > 1e-3


def test_fixed_negatives_of_neighbouring_targets_are_independent() -> None:
    sampler, targets = sampler_of(10, [set()]), torch.arange(1, 20_002)
    drawn = sampler.draw_fixed(torch.ones_like(targets), targets, 1, seed=0).flatten() - 1
    table = torch.bincount(drawn[:-1] * 10 + drawn[1:], minlength=100).reshape(10, 10)
    assert stats.chi2_contingency(table.numpy()).pvalue > 1e-3


def test_fixed_negatives_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    fixed(1, 1, 0)
    assert torch.equal(before, torch.get_rng_state())
