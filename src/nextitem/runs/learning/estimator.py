"""make: one object from a file or a frame to recommendations, with the habits of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import narwhals as nw
import numpy as np
import torch
from torch.nn.functional import normalize

from nextitem.data.dataset import Dataset
from nextitem.data.ids import PAD
from nextitem.data.prepare import prepare
from nextitem.data.sources.any_table import AnyTable
from nextitem.data.sources.formats.roles import asked_roles
from nextitem.data.sources.tables_in_memory import SparseMatrix, read_frame, read_matrix
from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import Report, evaluate
from nextitem.evaluation.protocol import Protocol
from nextitem.models.base import Recommender
from nextitem.models.towers import ItemTower
from nextitem.processes import ALONE
from nextitem.recipe import Recipe, make_recipe
from nextitem.recipe.preparing import build_dataset, build_rules
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.rows import Fallback
from nextitem.runs.asking.saving import save
from nextitem.runs.learning.fit import History, fit
from nextitem.runs.parts import build
from nextitem.runs.parts.metrics import choose_metrics

Data = str | Path | AnyTable | SparseMatrix | Dataset


def make(name: str, *, seed: int = 0, recipe: Mapping[str, object] | None = None, **arguments: object) -> Estimator:
    """A model by its name, to be fitted to data: `ni.make("SASRec", dim=32).fit("log.csv").recommend(k=5)`.

    `arguments` are those of the model's constructor (`nextitem models NAME` shows them). `recipe` are keys of the other
    sections, such as {"training": {"epochs": 20}, "split": {"kind": "entry"}}; what is not given is as in the model's
    own recipe, so that this trains what `nextitem run -m NAME` does.

    Raises:
        InputError: no model has this name, or a key is wrong; the nearest right one is named.
    """
    return Estimator(recipe or {}, {"seed": seed, "model": {"name": name, **arguments}})


class Estimator:
    """A model, the data that it was fitted to, and what can be asked of it. `ni.make` makes one."""

    def __init__(self, *layers: Mapping[str, object]) -> None:
        """`layers` are those of a recipe, as `ni.make_recipe` takes them.

        Raises:
            InputError: a key is wrong, or no model has this name.
        """
        self.recipe = make_recipe(*layers)  # fit makes it anew, since some data sets have recipes of their own
        self._layers = layers
        self._fitted: _Fitted | None = None

    def __repr__(self) -> str:
        on = "not fitted" if self._fitted is None else f"fitted to {self._fitted.dataset!r}"
        return f"Estimator({self.recipe.model.label}, {on})"

    def fit(
        self,
        data: Data,
        *,
        user: str | None = None,
        item: str | None = None,
        timestamp: str | None = None,
        rating: str | None = None,
    ) -> Self:
        """Read the data, hold validation and test out as the recipe says, train, and keep the best weights.

        `data` is a file, a folder, a public data set's name, a frame of any kind, a sparse matrix or a `Dataset`;
        columns are found by name, or named.

        Raises:
            InputError: the data breaks a rule, or lacks what the model learns from.
            NonFiniteLossError: training diverged.
        """
        columns = {"user": user, "item": item, "timestamp": timestamp, "rating": rating}
        named = {name: column for name, column in columns.items() if column is not None}
        if isinstance(data, Dataset) and named:
            raise InputError(f"a Dataset has its columns already; leave {next(iter(named))} out")
        source = {"source": str(data)} if isinstance(data, str | Path) else {"source": "frame"}
        self.recipe = make_recipe(*self._layers, {"data": source | named})
        dataset = _prepared(self.recipe, data)
        self.recipe, _ = build.suited_to(self.recipe, dataset)
        split = build.build_split(self.recipe.split, dataset, self.recipe.seed)
        model = build.build_model(self.recipe, split, ALONE)
        history = fit(model, split, recipe=self.recipe) if self.recipe.training else History(())
        self._fitted = _Fitted(self.recipe, dataset, split, model, history, _backend(data))
        return self

    @property
    def model(self) -> Recommender:
        """The fitted model, as `ni.models` has it."""
        return self._now.model

    @property
    def dataset(self) -> Dataset:
        """The data set that it was fitted to, with its notes."""
        return self._now.dataset

    @property
    def history(self) -> History:
        """What training had to tell, an epoch after the other."""
        return self._now.history

    def evaluate(self, metrics: Sequence[str] | None = None, protocol: Protocol | None = None) -> Report:
        """The test cases, ranked by the protocol of the recipe unless another is given; look at them once."""
        now = self._now
        protocol = protocol or build.build_protocol(self.recipe.evaluation, self.recipe.seed)
        names = choose_metrics(self.recipe, protocol.num_ranked(now.split.num_items))[0] if metrics is None else metrics
        memory = build.build_memory(self.recipe.evaluation, now.split.num_items)
        return evaluate(now.model, now.split.test, names, protocol, memory, data=now.split.training_data)

    def recommend(
        self,
        users: Sequence[object] | None = None,
        histories: Sequence[Sequence[object]] | None = None,
        k: int = 10,
        *,
        times: Sequence[Sequence[object]] | None = None,
        at: Sequence[object] | None = None,
        exclude: Iterable[object] = (),
        only: Iterable[object] | None = None,
        exclude_seen: bool = True,
        fallback: Fallback = "none",
    ) -> Any:
        """A frame of (user, rank, item, score, source), of the kind that was fitted to (polars of files).

        For `users` of the data by what is known of them, all of them where neither they nor `histories` are given; or
        for `histories` of item ids, oldest first, of users that nobody has seen. `times` of their items are for a model
        that goes by them, as a log has them, and `at` for one that goes by when it is asked. `exclude` are items that
        nobody is shown, `only` the ones that may be. With fallback="popularity" whom the model does not know gets what
        is popular.

        Raises:
            InputError: an id that is not known, or fewer than `k` items left for somebody.
        """
        now = self._now
        if users is None and histories is None:
            users = now.dataset.users.ids(np.arange(1, now.dataset.num_users + 1))
        found = now.run.recommend(
            histories, k, users=users, times=times, at=at, unknown="error" if fallback == "none" else "skip",
            exclude=exclude, only=only, exclude_seen=exclude_seen, fallback=fallback,
        )  # fmt: skip
        names = list(users) if users is not None else list(range(len(found)))
        rows = [
            (name, rank, item, score, one.source)
            for name, one in zip(names, found, strict=True)
            for rank, (item, score) in enumerate(zip(one.items, one.scores, strict=True), start=1)
        ]
        return now.frame(("user", "rank", "item", "score", "source"), rows)

    def similar(self, item: object, k: int = 10) -> Any:
        """A frame of (rank, item, score): the items whose vectors point most nearly where this one's does (cosine).

        Raises:
            InputError: the item is not known, or the model has no vector an item.
        """
        now = self._now
        if not isinstance(now.model, ItemTower):
            raise InputError(
                f"{self.recipe.model.label} has no vector an item; take a model that has, such as BPR or SASRec"
            )
        index = int(now.dataset.items.indices([item])[0])
        if index == PAD:
            raise InputError(f"the item {item!r} is not known; it must be one of the data")
        if not 1 <= k < now.dataset.num_items:
            raise InputError(f"k must lie between 1 and {now.dataset.num_items - 1} (the other items), found {k}")
        with torch.inference_mode():
            vectors = normalize(now.model.item_vectors(), dim=1)
            scores = vectors @ vectors[index]
            scores[[PAD, index]] = -torch.inf
            best = scores.topk(k)
        items = now.dataset.items.ids(best.indices.numpy())
        rows = [(rank, *one) for rank, one in enumerate(zip(items, best.values.tolist(), strict=True), start=1)]
        return now.frame(("rank", "item", "score"), rows)

    def save(self, folder: str | Path) -> None:
        """Keep the model in a folder, for `ni.load` and `nextitem recommend`, which need no data."""
        now, loss = self._now, self.recipe.loss
        save(now.model, now.dataset, folder, self.recipe.model.arguments, loss=None if loss is None else loss.name)

    @property
    def _now(self) -> _Fitted:
        if self._fitted is None:
            raise InputError(f"{self.recipe.model.label} has not been fitted; call fit(data) first")
        return self._fitted


def _prepared(recipe: Recipe, data: Data) -> Dataset:
    """By the filters of the recipe, as a file is prepared."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | Path):
        return build_dataset(recipe.data)[0]
    keys = recipe.data
    asked = asked_roles(
        user=keys.user, item=keys.item, timestamp=keys.timestamp, rating=keys.rating, time_format=keys.time_format,
        where=keys.where, kind=keys.kind, kinds=keys.kinds,
    )  # fmt: skip
    log = read_matrix(data) if isinstance(data, SparseMatrix) else read_frame(data, asked)
    return prepare(log, build_rules(keys), "frame")


class _Fitted:
    def __init__(
        self, recipe: Recipe, dataset: Dataset, split: Split, model: Recommender, history: History, backend: Any
    ) -> None:
        self.dataset, self.split, self.model, self.history, self.backend = (
            dataset,
            split,
            model.eval(),
            history,
            backend,
        )
        self.run = Run(Path(), recipe, dataset.items, dataset.users, self.model, dataset.time_unit)
        vars(self.run)["histories"] = dataset.sequences.packed()  # what a run of a folder would read from it

    def frame(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
        values = {name: [row[place] for row in rows] for place, name in enumerate(columns)}
        return nw.from_dict(values, backend=self.backend).to_native()


def _backend(data: Data) -> Any:
    """The kind of frame that answers have: that of the data, if eager; else polars."""
    frame = nw.from_native(data, pass_through=True, eager_only=True)
    return frame.implementation if isinstance(frame, nw.DataFrame) else "polars"
