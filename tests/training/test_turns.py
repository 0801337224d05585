"""Steps over rows and over triples in turn: each with its loss, its moments and its mean, and all of them counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from turn_taking import OPTIMIZERS, TurnTaking, batches_of, equal, made, trained

from nextitem.data.batches import Batch, Batches, PairBatches, Turns, make_batches, num_steps
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.nn.dropout import Dropout
from nextitem.testing import tastes
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer
from nextitem.training.profile import Profile


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(tastes())


def test_a_step_of_each_stream_by_hand() -> None:
    """Rate 0.1; p = 2, q1 = 3: -p q has the gradients -3 and -2, so p = 2.3 and q1 = 3.2. Then r = 1, q2 = 4:
    (q1 + r - q2)^2 = 0.2^2 has 0.4, 0.4 and -0.4, so q1 = 3.16, r = 0.96 and q2 = 4.04; p stays."""
    head, relation, tail = (np.array([number], dtype=np.int32) for number in (1, 1, 2))
    graph = Triples(head, relation, tail, 1, IdMap.of(["maker"]), IdMap.of(["made by"]))
    data = TrainingData.of(Sequences.from_lists([[1]]), 1, Side(knowledge=graph))
    model = TurnTaking((1, 1, 2, 1), dim=1)
    model.dropout = Dropout(0.0)
    model.prepare(data)
    with torch.no_grad():
        model.users.weight[1], model.nodes.weight[1], model.nodes.weight[2], model.relations.weight[1] = 2, 3, 4, 1
    batches = make_batches("pair", data.rows, 1, num_items=1, wanted=model.wanted())
    (epoch,) = train(model, batches, torch.optim.SGD(model.parameters(), lr=0.1), last=1)
    found = [model.users.weight[1], *model.nodes.weight[1:], model.relations.weight[1]]
    assert torch.cat(found).tolist() == pytest.approx([2.3, 3.16, 4.04, 0.96], rel=1e-6)
    assert epoch.parts == pytest.approx({"ranking": -6.0, "graph": 0.04}, rel=1e-5)
    assert epoch.loss == pytest.approx(-5.96, rel=1e-6)


def test_the_mean_of_a_stream_is_over_its_own_steps(split: Split) -> None:
    model = made(split, Turns(3, 1))
    model.dropout = Dropout(0.0)
    batches = batches_of(model, split)
    losses: dict[str, list[float]] = {"rows": [], "triples": []}
    for batch in batches.epoch(1):
        losses[batch.stream].append(model.loss(batch).item())
    assert len(losses["rows"]) > 2 * len(losses["triples"])
    (epoch,) = train(model, batches, torch.optim.SGD(model.parameters(), lr=0.0), last=1)
    rows, triples = (float(np.mean(losses[stream])) for stream in ("rows", "triples"))
    assert epoch.parts == pytest.approx({"ranking": rows, "graph": triples})
    assert epoch.loss == pytest.approx(rows + triples)


def test_a_loss_without_parts_has_the_name_of_its_stream(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    (named,) = trained(made(split), split, last=1)
    loss = TurnTaking.loss
    parts, none = TurnTaking.parts, dict[str, Tensor]()
    monkeypatch.setattr(TurnTaking, "loss", lambda self, batch: sum(parts(self, batch).values()))
    monkeypatch.setattr(TurnTaking, "parts", lambda self, batch: none)
    (unnamed,) = trained(made(split), split, last=1)
    assert unnamed.parts == {"rows": named.parts["ranking"], "triples": named.parts["graph"]}
    assert loss is Trained.loss


def two_adams(model: TurnTaking, batches: Batches, shares: bool) -> None:
    """Two epochs as they are defined: an Adam each, or one, and no gradient where a step does not reach."""
    one, other = (torch.optim.Adam(model.parameters(), 0.01, fused=True) for _ in range(2))
    for number in (1, 2):
        for batch in batches.epoch(number):
            optimizer = one if shares or batch.stream == "rows" else other
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()


@pytest.mark.parametrize("shares", [False, True])
def test_each_stream_has_an_adam_unless_they_share_it(split: Split, shares: bool) -> None:
    found, expected = (made(split, Turns(2, 3, shares_moments=shares)) for _ in range(2))
    for model in (found, expected):
        model.dropout = Dropout(0.0)
    trained(found, split, last=2)
    two_adams(expected, batches_of(expected, split), shares)
    assert equal(found, expected)


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_moments_move_nothing_that_a_step_does_not_reach(split: Split, name: str, shares: bool) -> None:
    """Users have no part in a step over triples, relations none in one over rows."""
    model = made(split, Turns(1, 1, shares_moments=shares))
    seen: list[tuple[str, Tensor, Tensor]] = []

    def track(batches: Iterable[Batch], total: int) -> Iterator[Batch]:
        for batch in batches:
            seen.append((batch.stream, model.users.weight.detach().clone(), model.relations.weight.detach().clone()))
            yield batch

    list(train(model, batches_of(model, split), OPTIMIZERS[name](model), last=2, track=track))
    for (stream, users, relations), (_, users_after, relations_after) in pairwise(seen):
        assert torch.equal(users, users_after) == (stream == "triples")
        assert torch.equal(relations, relations_after) == (stream == "rows")


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("turns", [Turns(), Turns(2, 1)])
def test_all_steps_are_counted(split: Split, turns: Turns, accumulate: int) -> None:
    model, profile, asked, lengths = made(split, turns), Profile(), list[int](), list[int]()
    batches = batches_of(model, split)
    assert len(list(PairBatches(split.train, 100).epoch(1))) == 8

    def track(batches: Iterable[Batch], total: int) -> Iterable[Batch]:
        taken = list(batches)
        lengths.extend([total, len(taken)])
        return taken

    def rate(epoch: int, step: int) -> float:
        asked.append(step)
        return 1.0

    observed = {"rate": rate, "profile": profile, "track": track}
    list(train(model, batches, make_optimizer(model), last=1, accumulate=accumulate, **observed))  # type: ignore[arg-type]
    assert asked == list(range(1, num_steps(batches, accumulate) + 1))
    assert profile.num_steps == num_steps(batches, accumulate)
    assert lengths[0] == lengths[1]


def test_a_step_of_accumulated_batches_is_of_one_stream(split: Split) -> None:
    """Three batches of rows, or of triples, are one with the rows, or the triples, of all."""
    found, expected = (made(split, Turns(1, 1)) for _ in range(2))
    for model in (found, expected):
        model.dropout = Dropout(0.0)
        model.double()
    batches = batches_of(found, split)
    list(train(found, batches, torch.optim.SGD(found.parameters(), lr=0.1), last=1, accumulate=3))
    optimizer, steps = torch.optim.SGD(expected.parameters(), lr=0.1), 0
    for group in groups_of_three(split, expected):
        optimizer.zero_grad()
        expected.loss(group).backward()
        optimizer.step()
        steps += 1
    assert steps == num_steps(batches, 3) == 6
    torch.testing.assert_close(found.state_dict(), expected.state_dict())


def groups_of_three(split: Split, model: TurnTaking) -> Iterator[Batch]:
    triples = [one.triples for one in batches_of(made(split, Turns(1, 2)), split).epoch(1) if one.triples is not None]
    rows = list(batches_of(made(split, None), split).epoch(1))
    for start in range(0, len(rows), 3):
        group = rows[start : start + 3]
        users, targets = (torch.cat([one.tensors()[key] for one in group]) for key in ("users", "targets"))
        yield Batch(users, torch.zeros_like(targets), targets)
        yield Batch.of_triples(torch.cat(triples[start : start + 3]))


def test_rows_alone_are_refused(split: Split) -> None:
    model = made(split)
    with pytest.raises(InputError, match="PairBatches has rows alone; let make_batches make them"):
        list(train(model, PairBatches(split.train, 100), make_optimizer(model), last=1))
