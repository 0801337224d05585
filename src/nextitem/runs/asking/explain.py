"""explain: why a run recommends an item, as paths of its knowledge graph from what the user has met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from nextitem.data.batches import history_batch
from nextitem.data.ids import PAD, IdMap
from nextitem.data.side.paths import Paths, find_paths
from nextitem.data.side.triples import Triples
from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.models.base import Recommender, Trained
from nextitem.models.knowledge.reasons import WeighsEdges
from nextitem.models.own import Given
from nextitem.runs.asking.data_again import column_of
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.reevaluate import load_with_split


@dataclass(frozen=True)
class Step:
    """An edge of a path: from one item or entity to another, along the relation or against it."""

    source: object
    relation: object
    target: object
    is_forward: bool  # whether the graph has it from source to target, and not the other way

    def __str__(self) -> str:
        arrow = f"-{self.relation}->" if self.is_forward else f"<-{self.relation}-"
        return f"{self.source} {arrow} {self.target}"


@dataclass(frozen=True)
class Reason:
    """A path from an item that the user has met to the item that is explained."""

    share: float  # of the weight of all paths to the item
    steps: tuple[Step, ...]  # one or two

    def __str__(self) -> str:
        first, *rest = map(str, self.steps)
        return first + "".join(one[len(str(step.source)) :] for one, step in zip(rest, self.steps[1:], strict=True))


@dataclass(frozen=True)
class Explanation:
    """Why an item is recommended to a user, as far as the graph can tell."""

    user: object
    item: object  # its id
    name: object  # what it is called in the steps, the id unless `names` was given
    rank: int | None  # of the item among those that may be recommended, 1 is best; None: the user has met it
    num_ranked: int  # items that may be recommended
    num_paths: int  # to the item from what was met, of one edge or two
    reasons: tuple[Reason, ...]  # those that carry most, best first

    def __repr__(self) -> str:
        best = f", {self.reasons[0]}" if self.reasons else ""
        return f"Explanation({self.item!r} for {self.user!r}: {self.num_paths:,} paths{best})"


def explain(
    folder: str | Path,
    user: object,
    items: Sequence[object] | None = None,
    *,
    top: int = 3,
    paths: int = 5,
    names: str | None = None,
    data: str | None = None,
    models: Sequence[Given] = (),
) -> list[Explanation]:
    """Which paths of the knowledge graph lead from what a user has met to items, and how much each carries.

    `items` are ids, by default the `top` that the run recommends to the user. Of each item there are at most `paths`
    paths, those that carry most. A path has one edge or two, as from a film over its actor to another film. It weighs
    the product of its edges, each as the model holds it when it scores the item for the user (by attention where the
    model has that, else by how true it holds the triple), over the number of edges of the entity that it passes: what
    two items share with a thousand others tells little. `share` is its part of the weight of all. Reasons are what the
    graph says and the model weighs: what it learned from interactions alone is not among them.

    `names` is an attribute of items to call them by, such as a title; by default they go by their ids.

    The run's data is read again, from `data` if it moved there, and what the user met in training is what paths start
    from; the weights are those that were evaluated. `models` are classes of your own, as for `ni.load`.

    Raises:
        InputError: the run's model does not learn from a knowledge graph, or cannot tell what its edges weigh; a user
            or an item that it does not know; data that is no longer what it was trained on.
    """
    return Explainer.open(folder, data, models).explain(user, items, top=top, paths=paths, names=names)


@dataclass(frozen=True)
class Explainer:
    """A run and its graph, opened once for many questions."""

    run: Run
    split: Split
    graph: Triples

    @classmethod
    def open(cls, folder: str | Path, data: str | None = None, models: Sequence[Given] = ()) -> Explainer:
        """Raises InputError as `explain` does."""
        run, split = load_with_split(Path(folder), data, models)
        graph = split.side.knowledge
        if graph is None or not has_paths(run.model):
            raise InputError(
                f"{run.recipe.model.label} has no knowledge graph whose edges it weighs, so there are no paths to "
                "explain by; take a run of a knowledge model, such as CKE, or run.explain(history) (nextitem explain "
                "--history), which takes the items of a history out one by one"
            )
        if isinstance(run.model, Trained):
            run.model.prepare(split.training_data)
        run.model.eval()
        return cls(run, split, graph)

    def explain(
        self, user: object, items: Sequence[object] | None = None, *, top: int, paths: int, names: str | None = None
    ) -> list[Explanation]:
        """See `explain`."""
        run, model = self.run, self.run.model
        assert isinstance(model, WeighsEdges)
        number = _known(run.users, user, "user")
        row = self.split.train.take(np.array([number - 1]))
        met = np.unique(row.flat_items()).astype(np.int64)
        with torch.inference_mode():
            found = model.score(history_batch(row, model.max_length, np.array([number]), model.wanted()))
        scores = found[0].clone()
        scores[PAD] = float("-inf")
        if not self.split.test.has_repeats:
            scores[torch.from_numpy(met)] = float("-inf")
        chosen = scores.topk(min(top, model.num_items)).indices.tolist()
        if items is not None:
            chosen = [_known(run.items, item, "item") for item in items]
        ids = run.items.ids(np.arange(1, len(run.items) + 1))
        speaking = _Speaking(model, self.graph, ids, _named(ids, self.split.side.item_table, names), number, met)
        return [_explained(speaking, user, item, scores, paths) for item in chosen]


def has_paths(model: Recommender) -> bool:
    """Whether a model learns from a knowledge graph, and can tell what its edges weigh."""
    return "knowledge" in model.needs and isinstance(model, WeighsEdges)


@dataclass(frozen=True)
class _Speaking:
    """A user of a model, and the words for what it weighs."""

    model: WeighsEdges
    graph: Triples
    ids: Sequence[object]  # place p is that of item p + 1
    items: Sequence[object]  # what they are called
    user: int
    met: np.ndarray

    @cached_property
    def degrees(self) -> np.ndarray:
        """(N,) how many edges each node has."""
        ends = np.concatenate([self.graph.heads, self.graph.tails])
        return np.bincount(ends, minlength=self.graph.num_nodes + 1)

    def weights(self, paths: Paths, item: int) -> np.ndarray:
        """(P,) what each path weighs."""
        edges = np.unique(np.concatenate([paths.firsts, paths.seconds[paths.seconds >= 0]]))
        if not len(edges):
            return np.zeros(0)
        ends = (self.graph.heads, self.graph.relations, self.graph.tails)
        taken = (torch.from_numpy(one[edges].astype(np.int64)) for one in ends)
        with torch.inference_mode():
            found = self.model.edge_weights(self.user, item, *taken).numpy().astype(np.float64)
        first = found[np.searchsorted(edges, paths.firsts)]
        second = found[np.minimum(np.searchsorted(edges, paths.seconds), len(edges) - 1)]
        return np.where(paths.seconds < 0, first, first * second / self.degrees[self._middles(paths)])

    def _middles(self, paths: Paths) -> np.ndarray:
        """(P,) the node that each path passes, or ends at where it is direct."""
        heads, tails = self.graph.heads[paths.firsts], self.graph.tails[paths.firsts]
        middles: np.ndarray = np.where(heads == paths.starts, tails, heads)
        return middles

    def steps(self, paths: Paths, place: int) -> tuple[Step, ...]:
        """A path in external ids."""
        steps, at = [], int(paths.starts[place])
        for edge in (int(paths.firsts[place]), int(paths.seconds[place])):
            if edge >= 0:
                head, tail = int(self.graph.heads[edge]), int(self.graph.tails[edge])
                is_forward = head == at
                at, source = (tail if is_forward else head), at
                relation = self.graph.relation_names.ids([int(self.graph.relations[edge])])[0]
                steps.append(Step(self.name(source), relation, self.name(at), is_forward))
        return tuple(steps)

    def name(self, node: int) -> object:
        """The id of an item or an entity."""
        own = self.graph.num_own
        return self.items[node - 1] if node <= own else self.graph.others.ids([node - own])[0]


def _explained(speaking: _Speaking, user: object, item: int, scores: Tensor, count: int) -> Explanation:
    paths = find_paths(speaking.graph, speaking.met, item)
    weights = speaking.weights(paths, item)
    total = weights.sum() or 1.0
    reasons = tuple(
        Reason(float(weights[place] / total), speaking.steps(paths, place))
        for place in np.argsort(-weights, kind="stable")[:count].tolist()
    )
    rank = None if scores[item] == float("-inf") else 1 + int((scores > scores[item]).sum())
    ranked = int((scores > float("-inf")).sum())
    return Explanation(user, speaking.ids[item - 1], speaking.name(item), rank, ranked, len(paths), reasons)


def _named(ids: Sequence[object], table: pl.DataFrame | None, column: str | None) -> Sequence[object]:
    """What each item is called."""
    if column is None:
        return ids
    if table is None or column not in table.columns:
        there = "none" if table is None else ", ".join(table.columns)
        raise InputError(f"names: items have no attribute {column!r}, found {there}; name one of them")
    return [_text(value, found) for found, value in zip(ids, table[column].to_list(), strict=True)]


def names_of(items: IdMap, table: pl.DataFrame, column: str) -> dict[object, str]:
    """What items are called by an attribute of theirs, by their ids; those of which it is not known stay out.

    Raises:
        InputError: there is no such attribute.
    """
    pairs = zip(items.column.to_list(), column_of(table, column).to_list(), strict=True)
    return {item: str(_text(value, item)) for item, value in pairs if value is not None}


def _text(value: object, item: object) -> object:
    if value is None:
        return item
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _known(ids: IdMap, wanted: object, role: str) -> int:
    number = int(ids.indices([wanted])[0])
    if number == PAD:
        raise InputError(f"the run does not know the {role} {wanted!r}; its data has {len(ids):,} {role}s")
    return number
