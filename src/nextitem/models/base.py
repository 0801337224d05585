"""What every recommender offers, and the kinds that there are.

| kind            | how it learns, or how it scores                        | examples                     |
|-----------------|--------------------------------------------------------|------------------------------|
| `Fitted`        | in one go, without gradients                           | Popularity, ItemKNN, EASE    |
| `Trained`       | by gradient steps                                      |                              |
| `ItemTower`     | query of the row, vector an item, a scorer of the two  | IALS, MultiVAE               |
| `SequenceModel` | a trained item tower; the query is a state of the history | SASRec, GRU4Rec, BERT4Rec |
| `TwoTower`      | a trained item tower; the query is the user's vector   | BPR                          |
| `GraphModel`    | a two-tower whose vectors are propagated over a graph  | LightGCN                     |
| `TowerFree`     | trained; any function of a user and an item            | NCF                          |

The towers stand in towers.py, GraphModel in graph.py.

Sizes: B batch, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nextitem.data.batches import NOTHING, Batch, Wanted
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.checks import check_weights
from nextitem.nn.objectives import FullSoftmax, Objective


class Recommender(nn.Module):
    """A model that scores every item for a batch of rows; all models inherit it.

    `max_length` is how many of the newest items it looks at (None: all of them); `knows_users` says that scores
    depend on which user a row belongs to, so that nothing can be said of a user who was not trained on, unless it
    `takes_strangers`, whom it scores by their history alone, as user 0; `answers_by_network` says that a user who was
    trained on and met nothing is known by whom they trust; `takes_objective` says that its loss is an
    `objective`, which a recipe's `loss` section chooses; `takes_weights` that what it learns from an interaction counts
    as much as the interaction weighs.
    """

    max_length: int | None = None
    knows_users: bool = False
    takes_strangers: bool = False
    answers_by_network: bool = False
    takes_objective: ClassVar[bool] = False
    takes_weights: ClassVar[bool] = False
    needs: tuple[str, ...] = ()  # of the data: knowledge, trust, item_attributes, user_attributes
    # What a key of the constructor stood for in runs that were kept before there was one: theirs, not the default.
    keys_before: ClassVar[dict[str, str]] = {}
    compares_rows: bool = False  # its loss is no mean over rows, so that a batch cannot be cut into parts

    def __init__(self, num_items: int) -> None:
        super().__init__()
        if num_items < 1:
            raise InputError(f"a recommender needs at least one item, found num_items {num_items}")
        self.num_items = num_items

    @classmethod
    def needs_for(cls, arguments: dict[str, Any]) -> tuple[str, ...]:
        """What a model of these arguments needs of the data; whose `needs` hang on an argument says so here."""
        return cls.needs

    def wanted(self) -> Wanted:
        """What the model sees of a row beside users and items: times, ratings, views, triples; most models nothing."""
        return NOTHING

    def score(self, batch: Batch) -> Tensor:
        """Scores of all items for the rows of a batch: (B, V), higher is better; comparable within a row only.

        Column 0, the padding's, means nothing. It is a new tensor at every call: who ranks writes into it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no score")

    @contextmanager
    def ready(self) -> Iterator[None]:
        """A context for scoring many batches, in which what all rows share is worked out once, not once a batch.

        The weights must stay as they are inside.
        """
        yield

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Take the weights that `state_dict` gave, of the same model.

        Raises:
            InputError: the weights are of another model, or are no finite numbers.
        """
        check_weights(self.state_dict(), weights)
        self.load_state_dict(weights)


class Fitted(Recommender):
    """A recommender that is fitted to the training rows in one go: by counting, in closed form, by alternating."""

    is_fitted = False  # whether there is something to score by: `fit` has run, or weights were loaded

    def __init_subclass__(cls, **options: Any) -> None:
        """Whatever a model's `fit` is, that it ran is noted."""
        super().__init_subclass__(**options)
        if "fit" in vars(cls):
            cls.fit = _noting(cls.fit)  # type: ignore[method-assign, assignment]

    def fit(self, train: TrainingData) -> None:
        """Learn all there is to learn; row r of `train.rows` belongs to user r + 1."""
        raise NotImplementedError(f"{type(self).__name__} has no fit")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Take the weights that `state_dict` gave; tables take as many entries as were fitted.

        Raises:
            InputError: the weights are of another model, or are no finite numbers.
        """
        check_weights(self.state_dict(), weights)
        for name, tensor in weights.items():
            self.register_buffer(name, tensor)
        self.is_fitted = True


def _noting(fit: Callable[[Fitted, TrainingData], None]) -> Callable[[Fitted, TrainingData], None]:
    @wraps(fit)
    def noted(self: Fitted, train: TrainingData) -> None:
        fit(self, train)
        self.is_fitted = True

    return noted


class Trained(Recommender):
    """A recommender that learns by gradient steps, on batches of a kind in `trains_on` (by default the first)."""

    trains_on: tuple[str, ...] = ("next_item", "prefix")
    learns_in_part: ClassVar[bool] = False  # a step may leave parameters without a gradient, the same in all processes
    needs_all_rows: ClassVar[bool] = False  # its loss is of all that a user met, so that no target can be left out
    has_learned = False  # whether it has taken a step, or weights were loaded: its first ones are gone
    pretrain_epochs: int = 0  # the first ones, in which it learns no next item, so that nothing is validated

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.objective: Objective = FullSoftmax()  # of a model that takes_objective
        self.objective.is_default = True

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        super().load_weights(weights)
        self.has_learned = True

    def prepare(self, train: TrainingData) -> None:
        """See the training data once, before the first step; most models need nothing of it."""

    def begin_epoch(self, number: int) -> None:
        """Make what stays the same for an epoch, such as views of a graph; `number` counts from 1.

        Training calls it before an epoch's first step, in training mode. It follows from the weights, and from torch's
        global random state, which is then that of the seed and the number; so a resumed run makes the same. What it
        makes belongs into buffers or modules that the model has by then, which a sharded copy of it shares.
        """

    def loss(self, batch: Batch) -> Tensor:
        """The mean loss over the batch's targets, a scalar: the sum of its `parts`, where a model has more than one."""
        parts = self.parts(batch)
        if not parts:
            raise NotImplementedError(f"{type(self).__name__} has neither a loss nor parts of one")
        return torch.stack(list(parts.values())).sum()

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        """The scalars that add up to the loss, by the names under which the log shows them; none of a loss of one.

        Where `wanted` takes turns, the parts are those of `batch.stream`, of which the batch is.
        """
        return {}

    def num_terms(self, batch: Batch) -> float:
        """How many terms `loss` is the mean of, or what they weigh: its share beside other batches in one step."""
        if batch.stream == "triples":
            return 0 if batch.triples is None else len(batch.triples)
        is_target = batch.targets != PAD
        return int(is_target.sum()) if batch.weights is None else float(batch.weights[is_target].sum())
