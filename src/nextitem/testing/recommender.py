"""RecommenderTests: what every model must pass. Inherit it, say how to make the model, and pytest does the rest.

class TestGRU4Rec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return GRU4Rec(num_items, dim=16, dropout=0.0)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal
from unittest import SkipTest

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch, Batches, history_batch, make_batches
from nextitem.data.dataset import Dataset
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.training_data import Sizes
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.attentive import Attentive
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.models.field_towers import FieldTowers
from nextitem.models.negatives import unseen_sampler
from nextitem.models.strangers import forget_strangers, is_known
from nextitem.models.towers import ItemTower, SequenceModel, TowerFree
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.testing.logs import ALL, NUM_ITEMS, batch_of, noise, ordered, tastes, timed
from nextitem.testing.other_device import other_device
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

_LAST: dict[str, Any] = {}  # the class that was tested last, and its trained model
ROUNDING = 1e-5  # of float32: 16 products of about 1 are 16 * 2^-24, each of numbers that were rounded 10 times before


def assert_near(found: Tensor, wanted: Tensor) -> None:
    """The same sums in batches of another shape, which a processor may add in another order."""
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=ROUNDING)


class RecommenderTests:
    """What every model must pass: inherit it, override `make`, and pytest does the rest.

    `learns` says what the model can know: the order of items, the taste of a user, or neither (popularity)."""

    learns: Literal["order", "taste", "nothing"] = "order"
    epochs = 30
    learning_rate = 1e-2

    def make(self, num_users: int, num_items: int) -> Recommender:
        """A small model without dropout."""
        raise NotImplementedError("say how the model is made: override make(self, num_users, num_items)")

    def made(self, sizes: Sizes) -> Recommender:
        """A small model of these sizes; override it where users and items are not all that it has vectors of."""
        return self.make(sizes.num_users, sizes.num_items)

    def batches(self, model: Trained, split: Split) -> Batches:
        """The batches that the tests train on: the first kind that the model takes, 64 rows each."""
        return make_batches(
            model.trains_on[0],
            split.train,
            64,
            max_length=model.max_length,
            num_items=split.num_items,
            seed=1,
            wanted=model.wanted(),
        )

    def data(self) -> Dataset:
        """The synthetic data from which the model can know what `learns` says."""
        return tastes() if self.learns == "taste" else ordered()

    def built(self, split: Split) -> Recommender:
        """A model that has seen the training rows; one that learns by gradients has taken no step."""
        torch.manual_seed(0)
        model = self.made(split.training_data.sizes_for(ALL))
        if isinstance(model, Fitted):
            model.fit(split.training_data)
        if isinstance(model, Trained):
            model.prepare(split.training_data)
            forget_strangers(model, split.training_data)
        if isinstance(model, TowerFree) and model.takes_objective:
            model.objective = Sampled(binary_cross_entropy, unseen_sampler(split.train, split.num_items))
        return model

    def trained(self) -> tuple[Recommender, Split]:
        """A model of one epoch, the same for all tests of a class: they only ask it, and leave it as it is."""
        if _LAST.get("class") is not type(self):
            _LAST.update({"class": type(self), "found": self.fitted(self.data(), epochs=1)})
        found: tuple[Recommender, Split] = _LAST["found"]
        return found

    def fitted(
        self, dataset: Dataset, epochs: int | None = None, *, is_learning: bool = False
    ) -> tuple[Recommender, Split]:
        """A trained model, and the leave-one-out split of the data set that it learned from.

        Where it `is_learning`, it is trained until it knows what can be known, and for all epochs at most.
        """
        split = leave_one_out(dataset)
        model = self.built(split)
        if isinstance(model, Trained):
            optimizer = make_optimizer(model, learning_rate=self.learning_rate)
            for _ in train(model, self.batches(model, split), optimizer, last=epochs or self.epochs):
                if is_learning and self.knows(model.eval(), split):
                    break
        return model.eval(), split

    def knows(self, model: Recommender, split: Split) -> bool:
        """Whether it finds more than half of what can be known; where nothing can, it never does."""
        if self.learns == "nothing":
            return False
        metric, level = ("hr@1", 0.5) if self.learns == "order" else ("hr@5", 0.8)
        return evaluate(model, split.test, [metric]).means()[metric] > level

    def untrained(self) -> tuple[Trained, list[Batch]]:
        """A new model that learns by gradients and its first batch of each stream; one that is fitted is skipped."""
        split = leave_one_out(self.data())
        model = self.built(split)
        if not isinstance(model, Trained):
            raise SkipTest("the model is fitted and has no loss")
        first: dict[str, Batch] = {}
        for batch in self.batches(model, split).epoch(1):
            first.setdefault(batch.stream, batch)
            if model.wanted().turns is None or len(first) > 1:
                break
        return model, list(first.values())

    def score(self, model: Recommender, rows: list[list[int]], width: int | None = None) -> Tensor:
        """The scores (R, V) of histories of users 1, 2, ..; `width` pads them further."""
        with torch.no_grad():
            return model.score(batch_of(model, rows, width)).clone()

    def test_scores_have_a_column_for_every_item_and_the_padding(self) -> None:
        model, _ = self.trained()
        assert self.score(model, [[1, 2, 3], [4]]).shape == (2, NUM_ITEMS + 1)

    def test_scores_are_finite_for_an_empty_a_short_and_a_long_history(self) -> None:
        model, _ = self.trained()
        assert self.score(model, [[], [1], list(range(1, NUM_ITEMS + 1)) * 6]).isfinite().all()

    def test_a_batch_of_no_user_has_no_row_of_scores(self) -> None:
        model, _ = self.trained()
        assert self.score(model, []).shape == (0, NUM_ITEMS + 1)
        assert self.score(model, [], width=9).shape == (0, NUM_ITEMS + 1)

    def test_score_ignores_extra_padding(self) -> None:
        model, _ = self.trained()
        rows = [[1, 2, 3], [4, 5]]
        assert_near(self.score(model, rows), self.score(model, rows, width=9))

    def test_score_of_a_row_ignores_the_other_rows(self) -> None:
        model, _ = self.trained()
        together = self.score(model, [[1, 2, 3], [4, 5, 6, 7, 8]])
        assert_near(together[:1], self.score(model, [[1, 2, 3]]))

    def test_scores_may_be_written_into(self) -> None:
        model, _ = self.trained()
        batch = batch_of(model, [[1, 2, 3]])
        with torch.no_grad():
            before = model.score(batch).clone()
            model.score(batch).fill_(0)
            assert torch.equal(model.score(batch), before)

    def test_a_tower_scores_by_its_scorer(self) -> None:
        model, _ = self.trained()
        if not isinstance(model, ItemTower):
            raise SkipTest("the model has no vector an item")
        rows = [[1, 2, 3], [4]]
        with torch.no_grad():
            wanted = model.scorer.match(model.query(batch_of(model, rows))[:, None], model.item_vectors())
        assert_near(self.score(model, rows), wanted)

    def test_scores_are_the_same_where_item_vectors_are_made_once(self) -> None:
        model, _ = self.trained()
        batch = batch_of(model, [[1, 2, 3], [4]])
        with torch.no_grad():
            plain = model.score(batch).clone()
            with model.ready():
                assert torch.equal(model.score(batch), plain)
                assert torch.equal(model.score(batch), plain)

    def test_loss_is_a_finite_scalar(self) -> None:
        model, batches = self.untrained()
        for batch in batches:
            loss = model.loss(batch)
            assert loss.shape == ()
            assert loss.isfinite()

    def test_the_loss_of_a_batch_is_the_weighted_mean_of_its_parts(self) -> None:
        model, batches = self.untrained()
        if model.compares_rows:
            raise SkipTest("the loss compares rows with each other")
        model.eval()
        if isinstance(model.objective, Sampled):
            model.objective.is_static = True
        for batch in batches:
            parts = [batch.take(slice(start, None, 3)) for start in range(3)]
            with torch.no_grad():
                whole, losses = model.loss(batch), [model.loss(part) for part in parts]
            mean = sum(model.num_terms(part) * loss for part, loss in zip(parts, losses, strict=True))
            assert_near(torch.as_tensor(mean / model.num_terms(batch)), whole)

    def test_every_parameter_learns(self) -> None:
        model, batches = self.untrained()
        for batch in batches:
            model.loss(batch).backward()  # type: ignore[no-untyped-call]
        idle = [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()]
        assert not [name for name in idle if not name.endswith("key.bias")]  # softmax cancels the bias of keys

    def test_users_of_whom_there_is_nothing_to_learn_are_answered_alike(self) -> None:
        """What was drawn for them by chance is no answer."""
        split = leave_one_out(self.data())
        rows = split.train.to_lists()
        split = replace(split, train=timed(Sequences.from_lists([[], [], *rows[2:]])))
        model = self.built(split)
        if "trust" in model.needs or isinstance(model, FieldTowers):
            raise SkipTest("what the model says of such users may hang on their friends or attributes")
        if isinstance(model, Trained):
            optimizer = make_optimizer(model, learning_rate=self.learning_rate)
            model.loss(next(iter(self.batches(model, split).epoch(1)))).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        one, other = self.score(model.eval(), [[1, 2], [1, 2]])
        assert_near(one, other)
        assert is_known(model, np.array([1, 3])).tolist() == [not model.knows_users or model.takes_strangers, True]

    def test_scores_are_made_where_the_model_lies(self) -> None:
        """On a device that is no CPU they are the same, up to rounding."""
        model = self.built(leave_one_out(self.data())).eval()
        batch = batch_of(model, [[1, 2, 3], [4], []])
        with torch.no_grad(), other_device() as device:
            wanted = model.score(batch).clone()
            model.to(device)
            scores = model.score(batch.to(device))
            with model.ready():
                ready = model.score(batch.to(device))
        for found in (scores, ready):
            assert found.device == device, f"the model lies on {device}, its scores on {found.device}"
            assert_near(found.cpu()[:, 1:], wanted[:, 1:])

    def test_the_loss_and_its_gradients_are_made_where_the_model_lies(self) -> None:
        model, batches = self.untrained()
        with other_device() as device:
            model.to(device)
            for batch in batches:
                loss = model.loss(batch.to(device))
                loss.backward()  # type: ignore[no-untyped-call]
                assert loss.device == device, f"the model lies on {device}, its loss on {loss.device}"
        assert {one.grad.device for one in model.parameters() if one.grad is not None} == {device}

    def test_learns_what_it_can_know(self) -> None:
        """The next item of a chain, or which items belong to a user's taste."""
        model, split = self.fitted(self.data(), is_learning=True)
        found = evaluate(model, split.test, ["hr@1", "hr@5"]).means()
        if self.learns == "order":
            assert found["hr@1"] > 0.5, f"the chain can be known; hr@1 is {found['hr@1']:.3f}"
        elif self.learns == "taste":
            assert found["hr@5"] > 0.8, f"five items of the user's taste are left; hr@5 is {found['hr@5']:.3f}"
        else:
            assert found["hr@1"] < 0.2

    def test_stays_at_chance_on_noise(self) -> None:
        """A third of the epochs: the target, where a model can see it, is learned faster than anything else."""
        model, split = self.fitted(noise(), epochs=-(-self.epochs // 3))
        assert evaluate(model, split.test, ["hr@1"]).means()["hr@1"] < 4 / NUM_ITEMS

    def test_encode_ignores_later_items(self) -> None:
        model, _ = self.trained()
        if not isinstance(model, SequenceModel) or not model.is_causal:
            raise SkipTest("the model has no causal encoder")
        with torch.no_grad():
            rows = (timed(Sequences.from_lists([[1, 2, 3, last]])) for last in (4, 5))
            one, other = (model.encode(history_batch(row, None, wanted=model.wanted())) for row in rows)
        torch.testing.assert_close(one[:, :3], other[:, :3])

    def test_attention_takes_shares_of_the_items_and_none_of_padding(self) -> None:
        model, _ = self.trained()
        if not isinstance(model, Attentive):
            raise SkipTest("the model has no attention that takes shares")
        one, both = (model.attention_shares(batch_of(model, rows, 6)) for rows in ([[4]], [[4], [1, 2, 3]]))
        assert ((both >= 0) & (both.sum(1, keepdim=True) < 1 + 1e-5)).all()
        assert (both > 0).sum(1).tolist() == [1, 3]
        assert_near(both[:1], one)

    def test_same_seed_gives_the_same_weights(self) -> None:
        one, other = (model.state_dict() for model, _ in (self.trained(), self.fitted(self.data(), epochs=1)))
        assert all(torch.equal(one[name], other[name]) for name in one)

    def test_loaded_weights_give_equal_scores(self) -> None:
        model, split = self.trained()
        copy = self.made(split.training_data.sizes_for(ALL))
        copy.load_weights({name: tensor.clone() for name, tensor in model.state_dict().items()})
        rows = [[1, 2, 3], [4]]
        assert torch.equal(self.score(model, rows), self.score(copy.eval(), rows))
