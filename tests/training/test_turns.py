"""Steps over rows and over triples in turn: each with its loss, its moments and its mean, and all of them counted."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, Batches, PairBatches, Turns, Wanted, make_batches, num_steps
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.towers import TwoTower
from nextitem.nn.dropout import Dropout
from nextitem.recipe import make_recipe
from nextitem.runs.folder.loggers import CsvLogger
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.parts.assemble import fit_recipe
from nextitem.testing import tastes
from nextitem.training.fit import fit
from nextitem.training.lazy_adam import LazyAdam
from nextitem.training.loop import Epoch, train
from nextitem.training.optimizers import make_optimizer
from nextitem.training.profile import Profile

PHASES = Turns()


class TurnTaking(TwoTower):
    """score(u, i) = p_u . q_i; triples ask for q_h + r = q_t, and know of no untrue one."""

    loss = Trained.loss

    def __init__(self, sizes: tuple[int, int, int, int], dim: int = 4, turns: Turns | None = PHASES) -> None:
        super().__init__(sizes[1])
        self.turns = turns
        self.triples: TripleSampler | None = None
        self.users, _, self.nodes, self.relations = (nn.Embedding(size + 1, dim, padding_idx=0) for size in sizes)
        self.dropout = Dropout(0.2)

    def prepare(self, train: TrainingData) -> None:
        self.triples = TripleSampler(train.knowledge)

    def wanted(self) -> Wanted:
        return Wanted(triples=self.triples, turns=self.turns)

    def user_vectors(self) -> Tensor:
        return self.users.weight

    def item_vectors(self) -> Tensor:
        return self.nodes.weight[: self.num_items + 1]

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        parts = {}
        if batch.stream == "rows":
            scores = self.dropout(self.users(batch.users)) * self.nodes(batch.targets[:, 0])
            parts["ranking"] = -scores.sum(1).clamp(max=20).mean()
        if batch.triples is not None:
            heads, relations, tails, _ = batch.triples.unbind(1)
            away = self.nodes(heads) + self.relations(relations) - self.nodes(tails)
            parts["graph"] = away.square().sum(1).mean()
        return parts


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(tastes())


def made(split: Split, turns: Turns | None = PHASES) -> TurnTaking:
    torch.manual_seed(0)
    sizes = split.training_data.sizes_for(("knowledge",))
    model = TurnTaking((sizes.num_users, sizes.num_items, sizes.num_entities, sizes.num_relations), turns=turns)
    model.prepare(split.training_data)
    return model


def batches_of(model: Trained, split: Split, batch_size: int = 100) -> Batches:
    return make_batches("pair", split.train, batch_size, num_items=split.num_items, seed=3, wanted=model.wanted())


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


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


def lazy_adam(model: TurnTaking) -> LazyAdam:
    tables = [model.users, model.nodes, model.relations]
    for table in tables:
        table.sparse = True
    return LazyAdam([], [table.weight for table in tables], 0.01)


OPTIMIZERS: dict[str, Callable[[TurnTaking], torch.optim.Optimizer]] = {
    "adam": lambda model: make_optimizer(model, "adam", 0.01, weight_decay=0.01),
    "adamw": lambda model: make_optimizer(model, "adamw", 0.01, weight_decay=0.01),
    "adagrad": lambda model: make_optimizer(model, "adagrad", 0.01),
    "rmsprop": lambda model: make_optimizer(model, "rmsprop", 0.01),
    "momentum": lambda model: torch.optim.SGD(model.parameters(), 0.01, momentum=0.9),
    "lazy": lazy_adam,
}


def trained(model: TurnTaking, split: Split, **options: object) -> list[Epoch]:
    optimizer = make_optimizer(model, learning_rate=0.01)
    return list(train(model, batches_of(model, split), optimizer, **options))  # type: ignore[arg-type]


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


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        *((name, Turns(2, 1, triples_per_row=0.5)) for name in ("adam", "adagrad", "lazy", "momentum")),
        ("adam", Turns()),
        ("adam", Turns(2, 1, shares_moments=True)),
    ],
)
def test_resuming_equals_not_stopping(split: Split, tmp_path: Path, name: str, turns: Turns) -> None:
    def fitted(model: TurnTaking, stop: int = 4) -> list[Epoch]:
        epochs = []
        folder = None if model is whole else tmp_path
        for step in fit(
            model, split, batches_of(model, split), optimizer=OPTIMIZERS[name](model), epochs=4, accumulate=2,
            clip_norm=1.0, evaluate_every=4, folder=folder, resume=True,
        ):  # fmt: skip
            epochs.append(step.epoch)
            if step.epoch.number == stop:
                break
        return epochs

    whole, first, second = (made(split, turns) for _ in range(3))
    told = [(epoch.loss, epoch.parts) for epoch in fitted(whole)]
    fitted(first, stop=2)
    assert [(epoch.loss, epoch.parts) for epoch in fitted(second)] == told[2:]
    assert equal(whole, second)


def test_a_checkpoint_of_other_turns_is_refused(split: Split, tmp_path: Path) -> None:
    def fitted(turns: Turns | None, folder: Path) -> None:
        model = made(split, turns)
        next(fit(model, split, batches_of(model, split), epochs=9, evaluate_every=9, folder=folder, resume=True))

    for name in ("apart", "one"):
        (tmp_path / name).mkdir()
    fitted(Turns(), tmp_path / "apart")
    with pytest.raises(InputError, match=r"has the moments rows\.exp_avg, .*, Adam keeps exp_avg, exp_avg_sq, step;"):
        fitted(None, tmp_path / "apart")
    fitted(None, tmp_path / "one")
    with pytest.raises(InputError, match=r"Adam keeps exp_avg, exp_avg_sq, step of each of rows, triples;"):
        fitted(Turns(), tmp_path / "one")


def test_a_run_logs_each_stream_and_schedules_all_steps(split: Split, tmp_path: Path) -> None:
    keys = {"epochs": 2, "batch_size": 100, "batches": "pair", "schedule": "cosine", "learning_rate": 1.0}
    recipe = make_recipe({"model": {"name": "CKE"}, "training": keys | {"accumulate": 3, "optimizer": "sgd"}})
    model, folder = made(split, Turns(2, 1)), RunFolder(tmp_path)
    lines = [folder.log(step) for step in fit_recipe(recipe, model, split, tmp_path)]
    assert [json.loads(line)["parts"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [
        line["parts"] for line in lines
    ]
    assert list(lines[0]["parts"]) == ["ranking", "graph"]
    assert lines[0]["loss"] == pytest.approx(sum(lines[0]["parts"].values()))
    steps = num_steps(batches_of(model, split), 3)
    assert steps == 3 + 2
    rates = [line["learning_rate"] for line in lines]
    passed = [(steps * epoch - 1) / (2 * steps) for epoch in (1, 2)]
    assert rates == pytest.approx([(1 + np.cos(np.pi * share)) / 2 for share in passed])
    CsvLogger(tmp_path, lines)
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [float(row["loss graph"]) for row in csv.DictReader(file)] == [line["parts"]["graph"] for line in lines]
