"""A model that learns from rows and triples in turn, and what trains it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch, Batches, Turns, Wanted, make_batches
from nextitem.data.batches.triples import TripleSampler
from nextitem.data.splits.split import Split
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Trained
from nextitem.models.towers import TwoTower
from nextitem.nn.dropout import Dropout
from nextitem.training.lazy_adam import LazyAdam
from nextitem.training.loop import Epoch, train
from nextitem.training.optimizers import make_optimizer

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
