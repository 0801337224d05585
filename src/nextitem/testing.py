"""RecommenderTests: what every model must pass. Inherit it, say how to make the model, and pytest does the rest.

class TestGRU4Rec(RecommenderTests):
    def make(self, num_items: int) -> Recommender:
        return GRU4Rec(num_items, dim=16, dropout=0.0)
"""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor

from nextitem.data.batches import Batch, NextItemBatches, history_batch
from nextitem.data.dataset import Dataset
from nextitem.data.sequences import Sequences
from nextitem.data.split import Split, leave_one_out
from nextitem.data.synthetic import markov_chain, shuffled
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.base import Counted, Recommender, SequenceModel, Trained
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

NUM_ITEMS = 20


class RecommenderTests:
    """A model of order sets `learns_order`; one that ignores it (popularity) does not."""

    learns_order = True
    epochs = 30
    learning_rate = 1e-2

    def make(self, num_items: int) -> Recommender:
        """A small model without dropout."""
        raise NotImplementedError("say how the model is made: override make(self, num_items)")

    def batches(self, model: Trained, split: Split) -> Any:
        return NextItemBatches(split.train, 64, model.max_length, seed=1)

    def fitted(self, dataset: Dataset, epochs: int | None = None) -> tuple[Recommender, Split]:
        split = leave_one_out(dataset)
        torch.manual_seed(0)
        model = self.make(dataset.num_items)
        if isinstance(model, Counted):
            model.fit(split.train)
        if isinstance(model, Trained):
            optimizer = make_optimizer(model, learning_rate=self.learning_rate)
            for _ in train(model, self.batches(model, split), optimizer, last=epochs or self.epochs):
                pass
        return model.eval(), split

    def trained(self) -> Trained:
        """A new model that learns by gradients; the test is skipped for one that counts."""
        model = self.make(NUM_ITEMS)
        if not isinstance(model, Trained):
            raise SkipTest("the model counts and has no loss")
        return model

    def score(self, model: Recommender, rows: list[list[int]], width: int | None = None) -> Tensor:
        """(R, V) scores of histories; `width` pads them further."""
        batch = history_batch(Sequences.from_lists(rows), model.max_length)
        if width is not None:
            inputs = torch.nn.functional.pad(batch.inputs, (0, width - batch.inputs.shape[1]))
            batch = Batch(batch.users, inputs, torch.zeros_like(inputs))
        with torch.no_grad():
            return model.score(batch).clone()

    def test_scores_have_a_column_for_every_item_and_the_padding(self) -> None:
        model, _ = self.fitted(ordered(), epochs=1)
        assert self.score(model, [[1, 2, 3], [4]]).shape == (2, NUM_ITEMS + 1)

    def test_scores_are_finite_for_an_empty_a_short_and_a_long_history(self) -> None:
        model, _ = self.fitted(ordered(), epochs=1)
        assert self.score(model, [[], [1], list(range(1, NUM_ITEMS + 1)) * 6]).isfinite().all()

    def test_score_ignores_extra_padding(self) -> None:
        model, _ = self.fitted(ordered(), epochs=1)
        rows = [[1, 2, 3], [4, 5]]
        torch.testing.assert_close(self.score(model, rows), self.score(model, rows, width=9), rtol=1e-5, atol=1e-6)

    def test_score_of_a_row_ignores_the_other_rows(self) -> None:
        model, _ = self.fitted(ordered(), epochs=1)
        together = self.score(model, [[1, 2, 3], [4, 5, 6, 7, 8]])
        torch.testing.assert_close(together[:1], self.score(model, [[1, 2, 3]]), rtol=1e-5, atol=1e-6)

    def test_scores_may_be_written_into(self) -> None:
        model, _ = self.fitted(ordered(), epochs=1)
        batch = history_batch(Sequences.from_lists([[1, 2, 3]]), model.max_length)
        with torch.no_grad():
            before = model.score(batch).clone()
            model.score(batch).fill_(0)
            assert torch.equal(model.score(batch), before)

    def test_loss_is_a_finite_scalar(self) -> None:
        split = leave_one_out(ordered())
        model = self.trained()
        loss = model.loss(next(self.batches(model, split).epoch(1)))
        assert loss.shape == ()
        assert loss.isfinite()

    def test_every_parameter_learns(self) -> None:
        split = leave_one_out(ordered())
        model = self.trained()
        model.loss(next(self.batches(model, split).epoch(1))).backward()  # type: ignore[no-untyped-call]
        idle = [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()]
        assert not [name for name in idle if not name.endswith("key.bias")]  # softmax cancels the bias of keys

    def test_learns_ordered_data(self) -> None:
        model, split = self.fitted(ordered())
        found = evaluate(model, split.test, ["hr@1"]).means()["hr@1"]
        if self.learns_order:
            assert found > 0.5, f"the chain can be known; hr@1 is {found:.3f}"
        else:
            assert found < 0.2

    def test_stays_at_chance_on_shuffled_data(self) -> None:
        model, split = self.fitted(shuffled(ordered(), seed=0))
        assert evaluate(model, split.test, ["hr@1"]).means()["hr@1"] < 4 / NUM_ITEMS

    def test_encode_ignores_later_items(self) -> None:
        model, _ = self.fitted(ordered(), epochs=1)
        if not isinstance(model, SequenceModel):
            raise SkipTest("the model encodes no sequence")
        with torch.no_grad():
            one, other = (model.encode(torch.tensor([[1, 2, 3, last]])) for last in (4, 5))
        torch.testing.assert_close(one[:, :3], other[:, :3])

    def test_same_seed_gives_the_same_weights(self) -> None:
        one, other = (self.fitted(ordered(), epochs=2)[0].state_dict() for _ in range(2))
        assert all(torch.equal(one[name], other[name]) for name in one)

    def test_loaded_weights_give_equal_scores(self) -> None:
        model, _ = self.fitted(ordered(), epochs=1)
        copy = self.make(NUM_ITEMS)
        copy.load_weights({name: tensor.clone() for name, tensor in model.state_dict().items()})
        rows = [[1, 2, 3], [4]]
        assert torch.equal(self.score(model, rows), self.score(copy.eval(), rows))


def ordered() -> Dataset:
    """A first-order chain: after item i comes mostly one other item."""
    return markov_chain(order=1, num_users=200, num_items=NUM_ITEMS, mean_length=15, noise=0.1, seed=0)
