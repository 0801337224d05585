"""One rank of several, for test_processes.py: `python ranks.py STORE RANK SIZE JOB FOLDER`, connected by a file."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn

from nextitem.data.batches import Batch, Turns, Wanted, make_batches
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.errors import InputError, LostProcessError, NonFiniteLossError, ToldError
from nextitem.models.base import Trained
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import TwoTower
from nextitem.processes import Processes, joined, leave
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.runs.learning.run import run
from nextitem.runs.parts.build import build_fabric
from nextitem.training.fit import Progress
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer
from nextitem.training.refit import RefitEpoch
from nextitem.training.sharding import shard

SMALL: Layer = {
    "data": {"source": "synthetic"},
    "model": {"name": "SASRec", "dim": 8, "num_layers": 1, "max_length": 10, "dropout": 0.0},
    "training": {"epochs": 2, "batch_size": 64, "batches": "next_item", "learning_rate": 0.01},
    "evaluation": {"memory_mb": 1},
}


def main(store: str, rank: int, size: int, job: str, folder: str) -> None:
    if size > 1:
        os.environ |= {"TORCHELASTIC_RUN_ID": "test", "RANK": str(rank), "WORLD_SIZE": str(size)}
        os.environ |= {"LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(size), "GROUP_RANK": "0"}
        wait_for_all(Path(store), rank, size)
        timeout = timedelta(seconds=5 if job == "be_silent" else 300)
        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size, timeout=timeout)
    JOBS[job](folder)
    if size > 1:
        dist.destroy_process_group()
    leave(0)


def wait_for_all(store: Path, rank: int, size: int) -> None:
    """However long the others took to start, from here on a short timeout is enough."""
    store.with_name(f"{store.name}-{rank}").touch()
    while len(list(store.parent.glob(f"{store.name}-*"))) < size:
        time.sleep(0.01)


def run_all(base: str) -> None:
    """Every recipe BASE/NAME.json into BASE/SIZE/NAME, and refitted; and for the group of the other size to finish, one
    that is interrupted after an epoch, in BASE/SIZE/begun, and one in its refit, in BASE/SIZE/begun refit."""
    size = int(sys.argv[3])
    own, others = Path(base) / str(size), Path(base) / str(3 - size)
    recipes = {file.stem: recipe_of(file, size) for file in sorted(Path(base).glob("*.json"))}
    run_until(Progress, recipes["softmax"], own / "begun")
    run_until(RefitEpoch, recipes["softmax"], own / "begun refit")
    run_until(Progress, recipes["sharded"], own / "sharded")
    if sys.argv[2] == "0":
        (own / "begun-done").touch()
    for name, recipe in recipes.items():
        list(run(recipe, own / name, refit=True))
    while not (others / "begun-done").exists():
        time.sleep(0.01)
    for name in ("begun", "begun refit"):
        list(run(recipes["softmax"], others / name))


def recipe_of(file: Path, size: int) -> Recipe:
    """The recipe of a file; two processes take it sharded where its name says so."""
    is_sharded = size == 2 and file.stem.startswith("sharded")
    return make_recipe(json.loads(file.read_text()), {"training": {"strategy": "fsdp"}} if is_sharded else {})


def run_until(kind: type, recipe: Recipe, out: Path) -> None:
    for event in run(recipe, out, refit=kind is RefitEpoch):
        if isinstance(event, kind):
            break


def tell_refuse_diverge_and_die(folder: str) -> None:
    with joined() as processes:
        tell(processes)
        hold_a_part()
        take_turns(processes)
    refuse_data(folder)
    diverge(folder)
    die(folder)


def tell(processes: Processes) -> None:
    """What Processes promises."""
    rank, size = processes.rank, processes.size
    found = processes.sum(np.array([rank, np.inf if rank == 0 else 0.0, 1.0]))
    assert found.tolist() == [sum(range(size)), np.inf, size]
    assert processes.gather("é" * rank) == ["é" * other for other in range(size)]
    assert processes.from_first(lambda: b"abc%d" % rank) == b"abc0"
    assert processes.from_first(lambda: b"") == b""

    def refuse() -> bytes:
        raise InputError("refused")

    own = InputError if rank == 0 else ToldError
    with pytest.raises(own, match="refused"):
        processes.from_first(refuse)
    with pytest.raises(own, match="refused"):
        processes.demand(rank != 0, "refused")
    processes.demand(True, "not raised")


def hold_a_part() -> None:
    """Half of the weights, and after a step half of the moments."""
    model = SASRec(7, dim=8, num_layers=1)
    optimizer = torch.optim.Adam(model.parameters())
    wrapped, _ = shard(model, optimizer, Fabric(accelerator="cpu", devices=1), 2)
    items = torch.tensor([[1, 2], [3, 4]])
    loss, _ = wrapped({"users": torch.tensor([1, 2]), "inputs": items, "targets": items}, 1.0)
    loss.backward()
    optimizer.step()
    num_weights = sum(weight.numel() for weight in model.parameters())
    parts = [optimizer.state[part]["exp_avg"].to_local().numel() for part in wrapped.parameters()]
    assert sum(parts) == sum(part.to_local().numel() for part in wrapped.parameters()) == num_weights / 2


class TurnTaking(TwoTower):
    """Users and items meet in steps over rows, items and entities in steps over triples."""

    loss = Trained.loss

    def __init__(self, turns: Turns, graph: Triples) -> None:
        super().__init__(7)
        self.turns, self.triples = turns, TripleSampler(graph)
        self.users, self.nodes = nn.Embedding(6, 3, padding_idx=0), nn.Embedding(10, 3, padding_idx=0)

    def wanted(self) -> Wanted:
        return Wanted(triples=self.triples, turns=self.turns)

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if batch.triples is None:
            scores = self.users(batch.users) * self.nodes(batch.targets[:, 0])
            return {"ranking": (scores.sum(1) - 1).square().mean()}
        heads, _, tails, _ = batch.triples.unbind(1)
        return {"graph": (self.nodes(heads) - self.nodes(tails)).square().sum(1).mean()}


def take_turns(processes: Processes) -> None:
    """Two processes take the steps of one, of either stream; of a batch of one triple the second has weight 0."""
    heads, relations, tails = (np.array(one, dtype=np.int32) for one in ([1, 2, 5], [1, 1, 1], [8, 9, 8]))
    graph = Triples(heads, relations, tails, 7, IdMap.of(["a", "b"]), IdMap.of(["r"]))
    keys = make_recipe({"training": {"precision": "64-true", "device": "cpu"}}).training
    assert keys is not None
    alone, several = build_fabric(keys), build_fabric(keys, processes, takes_turns=True)
    for turns in (Turns(), Turns(2, 1, triples_per_row=0.1)):
        found = [
            learned(TurnTaking(turns, graph), alone, Processes()),
            learned(TurnTaking(turns, graph), several, processes),
            learned(TurnTaking(turns, graph), alone, processes, is_sharded=True),
        ]
        for weights in found[1:]:
            torch.testing.assert_close(weights, found[0])


def learned(model: TurnTaking, fabric: Fabric, processes: Processes, is_sharded: bool = False) -> dict[str, Tensor]:
    """The weights, and the means of the last epoch, of a model that starts as all do."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.sin(torch.arange(parameter.numel())).view_as(parameter))
    rows = Sequences.from_lists([[1, 2, 3], [4, 5], [6, 7, 1], [2], [3, 4]])
    batches = make_batches("pair", rows, 3, num_items=7, wanted=model.wanted())
    options = {"fabric": fabric, "processes": processes, "is_sharded": is_sharded, "clip_norm": 0.5}
    *_, last = train(model, batches, make_optimizer(model, learning_rate=0.1), last=2, accumulate=2, **options)  # type: ignore[arg-type]
    means = {name: torch.tensor(value) for name, value in last.parts.items()}
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()} | means


def refuse_data(folder: str) -> None:
    """The first process of the machine misses the file; all end alike."""
    source = str(Path(folder) / "nothing.csv")
    with pytest.raises(InputError, match=r"nothing\.csv"):
        list(run(make_recipe(SMALL, {"data": {"source": source}}), Path(folder) / "run"))


def diverge(folder: str) -> None:
    """The loss of one process alone is NaN, at its third step."""
    plain, steps = SASRec.loss, iter(range(1000))

    def loss(model: SASRec, batch: Batch) -> torch.Tensor:
        is_bad = dist.get_rank() == 1 and next(steps) == 2
        return plain(model, batch) * (float("nan") if is_bad else 1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SASRec, "loss", loss)
        with pytest.raises(NonFiniteLossError, match="step 3 of epoch 1"):
            list(run(make_recipe(SMALL), Path(folder) / "diverged"))


def die(folder: str) -> None:
    """Process 1 is killed inside the second epoch; the other one says so."""
    plain, steps = SASRec.loss, iter(range(1000))

    def loss(model: SASRec, batch: Batch) -> torch.Tensor:
        if dist.get_rank() == 1 and next(steps) == 10:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(model, batch)

    pytest.MonkeyPatch().setattr(SASRec, "loss", loss)
    expect_loss_of_a_process(lambda: list(run(make_recipe(SMALL), Path(folder) / "run")))


def be_silent(folder: str) -> None:
    """Process 1 stays, and says nothing for longer than the timeout."""
    if dist.get_rank() == 1:
        time.sleep(600)

    def ask() -> None:
        with joined() as processes:
            processes.total(1.0)

    expect_loss_of_a_process(ask)


def expect_loss_of_a_process(act: Callable[[], object]) -> None:
    try:
        act()
    except LostProcessError as error:
        print(error)
        leave(4)
    raise AssertionError("no error")


JOBS: dict[str, Callable[[str], None]] = {
    one.__name__: one for one in (run_all, tell_refuse_diverge_and_die, be_silent)
}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6])
