"""DGRec: the conformance suite, its queries by plain loops, whom it learns from, and that no later item is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch, holdout_batch, make_batches
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.data.training_data import Side, Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.models.social.dgrec import DGRec
from nextitem.models.towers import SequenceModel
from nextitem.recipe import make_recipe
from nextitem.runs.parts.build import build_model
from nextitem.testing import RecommenderTests
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

ROWS = [[1, 2, 3], [2], [3, 4, 1, 5, 6], [5, 1], [1, 4, 6], [2, 6], [7], [3, 7, 1, 2, 2, 4, 5], [], [2, 5]]
TRUST = [(1, 2), (1, 3), (2, 3), (4, 1), (5, 1), (5, 6), (7, 8), (8, 7), (8, 3), (9, 1), (9, 4), (3, 1), (3, 8)]


class TestDGRec(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        return DGRec(
            sizes.num_users,
            sizes.num_items,
            dim=16,
            hidden_dim=16,
            num_friends=2,
            num_friends_of_friends=2,
            friend_length=4,
            dropout=0.0,
            max_length=20,
        )


def network(trust: list[tuple[int, int]], num_users: int) -> Triples:
    heads, tails = (np.array(ends, dtype=np.int32) for ends in zip(*trust, strict=True))
    return Triples(heads, np.ones_like(heads), tails, num_users, IdMap.of(list[str]()), IdMap.of(["trusts"]))


def ten(rows: list[list[int]] = ROWS) -> TrainingData:
    """Ten users; the p-th item of user u was met at 10 p + u."""
    found = Sequences.from_lists(rows)
    times = np.array([10 * place + user for user, row in enumerate(rows, 1) for place in range(len(row))])
    return TrainingData.of(replace(found, timestamps=times), 8, Side(trust=network(TRUST, 10)))


def small(train: TrainingData, **arguments: int) -> DGRec:
    torch.manual_seed(0)
    model = DGRec(10, 8, dim=6, **{"hidden_dim": 4, "friend_length": 4, **arguments})
    model.prepare(train)
    return model.double().eval()


def read(model: DGRec, items: list[int]) -> Tensor:
    """The state of the recurrent cell after some items, step by step."""
    of_input, of_state, input_bias, state_bias = model.lstm.parameters()
    hidden = cell = torch.zeros(4, dtype=torch.float64)
    for item in items:
        gates = of_input @ model.item_embedding.weight[item] + input_bias + of_state @ hidden + state_bias
        enter, forget, new, leave = gates.split(4)
        cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        hidden = leave.sigmoid() * cell.tanh()
    return hidden


def friend(model: DGRec, user: int, moment: int) -> Tensor:
    met = [item for place, item in enumerate(ROWS[user - 1]) if 10 * place + user < moment]
    start = max((len(met) - 1) // 2 - 1, 0) * 2  # stretches of four items, each two further
    lately = F.relu(model.of_lately.weight @ read(model, met[start:])) if met else torch.zeros(2)
    return torch.cat([lately, F.relu(model.of_always.weight @ model.user_embedding.weight[user])])


def mixed(node: Tensor, others: list[Tensor]) -> Tensor:
    keys = [node, *others]
    shares = torch.stack([node @ key for key in keys]).exp()
    return torch.stack([share * key for share, key in zip(shares / shares.sum(), keys, strict=True)]).sum(0)


def trusted_by(user: int) -> list[int]:
    return [other for one, other in TRUST if one == user]


def loop(model: DGRec, user: int, items: list[int], moment: int) -> Tensor:
    """The query of a user with a history, asked at a moment."""
    state = read(model, items)
    own, friends = state, [friend(model, other, moment) for other in trusted_by(user)]
    near = []
    for other, vector in zip(trusted_by(user), friends, strict=True):
        theirs = [friend(model, one, moment) for one in trusted_by(other)]
        near.append(F.relu(model.first.weight @ mixed(vector, theirs)))
    own = F.relu(model.first.weight @ mixed(own, friends))
    return model.output.weight @ torch.cat([state, model.second.weight @ mixed(own, near)])


def asked(items: list[list[int]], users: list[int], moments: list[list[int]]) -> Batch:
    return replace(Batch.of(torch.tensor(items), torch.tensor(users)), asked_at=torch.tensor(moments))


@pytest.mark.parametrize("moments", [(0, 0), (12, 23), (34, 100)])
def test_queries_are_those_of_plain_loops(moments: tuple[int, int]) -> None:
    model = small(ten())
    batch = asked([[1, 2]] * 10, list(range(1, 11)), [list(moments)] * 10)
    with torch.no_grad():
        found, last = model.encode(batch), model.query(batch)
        wanted = [
            torch.stack([loop(model, user, [1, 2][: place + 1], moments[place]) for place in range(2)])
            for user in range(1, 11)
        ]
    torch.testing.assert_close(found, torch.stack(wanted), atol=1e-6, rtol=0)
    torch.testing.assert_close(last, found[:, 1], atol=1e-6, rtol=0)


@pytest.mark.parametrize(("row", "is_seen"), [(0, True), (3, True), (4, False), (6, False)])
def test_what_a_friend_meets_at_the_moment_of_the_question_or_later_changes_nothing(row: int, is_seen: bool) -> None:
    """User 7 trusts user 8, who met an item at 8, 18, .., 68, and is asked at 48."""
    rows = [list(one) for one in ROWS]
    rows[7][row] = 8
    batch = asked([[7]], [7], [[48]])
    with torch.no_grad():
        one, other = (small(ten(log), hidden_dim=16, friend_length=20).query(batch) for log in (ROWS, rows))
    assert torch.equal(one, other) != is_seen


def test_nobody_known_is_answered_by_the_history_alone() -> None:
    model = small(ten())
    with torch.no_grad():
        found = model.query(asked([[3]], [0], [[100]]))
    torch.testing.assert_close(found[0], loop(model, 0, [3], 100), atol=1e-6, rtol=0)


def test_friends_are_drawn_anew_by_the_seed_of_an_epoch() -> None:
    model = small(ten(), num_friends=1, num_friends_of_friends=1)
    drawn = []
    for seed in (1, 1, 2, 3, 4):
        torch.manual_seed(seed)
        model.begin_epoch(seed)
        drawn.append(model.friends.table[:, 0].tolist())
        assert all(one in trusted_by(user) or not trusted_by(user) for user, one in enumerate(drawn[-1]))
    assert drawn[0] == drawn[1]
    assert len({*map(tuple, drawn)}) > 1


def followers() -> tuple[list[list[int]], list[list[int]], list[tuple[int, int]]]:
    """Users 1 to 60 meet items 1 to 12 at random; user 60 + u trusts u, and meets item 12 + i five seconds after i.

    The newest two of the former, which are held out, nobody follows.
    """
    rng = np.random.default_rng(0)
    leaders = rng.integers(1, 13, (60, 10)).tolist()
    times = [[10 * step for step in range(10)]] * 60 + [[10 * step + 5 for step in range(8)]] * 60
    return (
        leaders + [[12 + item for item in row[:8]] for row in leaders],
        times,
        [(60 + user, user) for user in range(1, 61)],
    )


def found_by(make: type[SequenceModel]) -> float:
    """The share of the followers whose next item a model puts first."""
    rows, times, trust = followers()
    dataset = dataset_of(rows)
    sequences = replace(dataset.sequences, timestamps=np.concatenate(times))
    split = leave_one_out(replace(dataset, sequences=sequences, trust=network(trust, 120)))
    torch.manual_seed(0)
    model = DGRec(120, 24, 32, 32, 1, 1, 4, 0.0) if make is DGRec else make(24, 32)
    model.prepare(split.training_data)
    batches = make_batches("next_item", split.train, 30, max_length=50, seed=0, wanted=model.wanted(), num_items=24)
    list(train(model, batches, make_optimizer(model, learning_rate=0.02), last=20))
    batch, target = holdout_batch(split.test, None, model.wanted()), split.test.target.flat_items()
    with torch.no_grad():
        best = model.eval().score(batch)[:, 1:].argmax(1).numpy() + 1
    return float((best == target)[split.test.users > 60].mean())


def test_it_learns_from_what_friends_met_last() -> None:
    assert found_by(DGRec) > 0.85


def test_without_friends_the_same_log_is_chance() -> None:
    assert found_by(GRU4Rec) < 0.3


def test_a_log_without_times_is_refused() -> None:
    rows = Sequences.from_lists(ROWS)
    with pytest.raises(InputError, match=r"DGRec goes by times, .* --data\.timestamp"):
        DGRec(10, 8).prepare(TrainingData.of(rows, 8, Side(trust=network(TRUST, 10))))


def test_a_run_without_a_network_is_refused() -> None:
    split = leave_one_out(dataset_of([[1, 2, 3, 4]] * 4))
    with pytest.raises(InputError, match=r"DGRec learns from a network of users, .* --data\.trust"):
        build_model(make_recipe({"model": {"name": "DGRec"}}), split)


def test_a_loaded_model_says_that_it_needs_its_network_to_train() -> None:
    with pytest.raises(InputError, match=r"loaded without its network: .* prepare\(train\)"):
        DGRec(10, 8).begin_epoch(1)


@pytest.mark.parametrize(("name", "value"), [("friends.table", 11), ("pasts.items", 9), ("pasts.keys", 0)])
def test_weights_that_lead_outside_are_refused(name: str, value: int) -> None:
    weights = small(ten()).float().state_dict()
    weights[name] = torch.full_like(weights[name], value)
    with pytest.raises(InputError, match="outside"):
        DGRec(10, 8, dim=6, hidden_dim=4).load_weights(weights)


@pytest.mark.parametrize("wrong", [{"hidden_dim": 5}, {"friend_length": 1}])
def test_sizes_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=rf"{next(iter(wrong))} must be .* found"):
        DGRec(10, 8, **wrong)
