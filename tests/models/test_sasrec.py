"""SASRec: the conformance suite in every layout, its size, and what it learns."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nextitem.data.batches import Batch, NextItemBatches, PrefixBatches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.models.negatives import unseen_sampler
from nextitem.models.sequential.markov_chain import MarkovChain
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.zero_block import ZeroBlock
from nextitem.models.towers import SequenceModel
from nextitem.nn.blocks import Norm
from nextitem.nn.losses import binary_cross_entropy, bpr
from nextitem.nn.objectives import FullSoftmax, Objective, Sampled
from nextitem.testing import NUM_ITEMS, RecommenderTests
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

PAIR_LOSSES = [binary_cross_entropy, bpr]


class TestOriginal(RecommenderTests):
    norm: Norm = "original"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SASRec(num_items, dim=16, num_layers=2, num_heads=2, dropout=0.0, max_length=20, norm=self.norm)


class TestPaper(TestOriginal):
    norm = "paper"


class TestFreeRec(TestOriginal):
    norm = "freerec"


class TestPre(TestOriginal):
    norm = "pre"


class TestPost(TestOriginal):
    norm = "post"


class TestBert(TestOriginal):
    norm = "bert"


class TestUntied(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return SASRec(num_items, dim=16, num_layers=1, dropout=0.0, max_length=20, tied=False)


class TestUnscaled(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return SASRec(num_items, dim=16, num_layers=1, dropout=0.0, max_length=20, scale_embeddings=False)


class TestShorterThanTheRows(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return SASRec(num_items, dim=16, num_layers=1, dropout=0.0, max_length=4)


def trained(model: Trained, split: Split, epochs: int, weight_decay: float = 0.0) -> Trained:
    # A model of the last item alone would be shown one target a row by NextItemBatches.
    kind = PrefixBatches if model.max_length == 1 else NextItemBatches
    batches = kind(split.train, 64, model.max_length, seed=1)
    optimizer = make_optimizer(model, learning_rate=1e-2, weight_decay=weight_decay)
    for _ in train(model, batches, optimizer, last=epochs):
        pass
    return model.eval()


def hit_rate(model: Recommender, split: Split, k: int) -> float:
    return evaluate(model, split.test, [f"hr@{k}"]).means()[f"hr@{k}"]


@pytest.mark.parametrize(
    ("norm", "tied", "by_hand"),
    [
        # items 11 x 4, positions 5 x 4; a block: attention 4 (16 + 4), feed-forward 2 (16 + 4), two norms of 8
        ("original", True, 44 + 20 + 2 * (80 + 40 + 16) + 8),
        ("paper", True, 44 + 20 + 2 * (80 + 40 + 16)),
        ("post", False, 2 * 44 + 20 + 2 * (80 + 40 + 16) + 8),
        # bert: a norm of the input, and a feed-forward four times as wide inside
        ("bert", True, 44 + 20 + 8 + 2 * (80 + (64 + 16 + 64 + 4) + 16)),
    ],
)
def test_number_of_parameters_by_hand(norm: Norm, tied: bool, by_hand: int) -> None:
    model = SASRec(10, dim=4, num_layers=2, num_heads=2, max_length=5, norm=norm, tied=tied)
    assert sum(one.numel() for one in model.parameters()) == by_hand


def test_score_ignores_what_is_older_than_max_length() -> None:
    model = SASRec(NUM_ITEMS, dim=8, max_length=3).eval()
    one, other = RecommenderTests().score(model, [[1, 2, 3, 4], [9, 8, 2, 3, 4]])
    torch.testing.assert_close(one, other)


def test_score_depends_on_the_order_of_older_items() -> None:
    model = SASRec(NUM_ITEMS, dim=8, max_length=3).eval()
    one, other = RecommenderTests().score(model, [[1, 2, 3], [2, 1, 3]])
    assert not torch.allclose(one, other)


def test_position_of_an_item_is_counted_from_the_newest() -> None:
    model = SASRec(NUM_ITEMS, dim=8, num_layers=0, max_length=5, norm="paper").eval()
    inputs = torch.tensor([[7, 3, 3], [3, 7, 0]])
    items, positions = model.item_embedding.weight, model.position_embedding.weight
    states = model.encode(Batch.of(inputs))
    torch.testing.assert_close(states[0], items[inputs[0]] * 8**0.5 + positions[[2, 1, 0]])
    torch.testing.assert_close(states[1, :2], items[inputs[1, :2]] * 8**0.5 + positions[[1, 0]])


@pytest.mark.parametrize("loss", PAIR_LOSSES)
def test_learns_the_chain_from_sampled_negatives(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    split = leave_one_out(markov_chain(num_users=200, num_items=40, mean_length=15))
    model = SASRec(40, dim=16, num_layers=1, dropout=0.0, max_length=20)
    model.objective = Sampled(loss, unseen_sampler(split.train, 40))
    assert hit_rate(trained(model, split, epochs=30), split, k=3) > 0.7  # chance is 0.075


class TestSecondOrderChain:
    """Eight items, 64 pairs; the last item alone says nothing, so chance is 1/8."""

    split = leave_one_out(markov_chain(order=2, num_users=300, num_items=8, mean_length=20, noise=0.05))

    def test_sasrec_learns_it(self) -> None:
        model = SASRec(8, dim=32, num_layers=2, num_heads=2, dropout=0.0, max_length=20, first_weights="xavier")
        assert hit_rate(trained(model, self.split, epochs=40), self.split, k=1) > 0.6

    @pytest.mark.parametrize("kind", [MarkovChain, ZeroBlock])
    def test_a_model_of_the_last_item_does_not(self, kind: type[Recommender]) -> None:
        model = kind(8)
        if isinstance(model, Fitted):
            model.fit(self.split.training_data)
        if isinstance(model, Trained):
            trained(model, self.split, epochs=5)
        assert hit_rate(model, self.split, k=1) < 0.25


def objectives(split: Split) -> dict[str, Objective]:
    sampler = unseen_sampler(split.train, split.num_items)
    return {"softmax": FullSoftmax(), **{one.__name__: Sampled(one, sampler) for one in PAIR_LOSSES}}


@pytest.mark.parametrize("objective", ["softmax", "binary_cross_entropy", "bpr"])
@pytest.mark.parametrize(
    "make", [lambda n: SASRec(n, dim=8), lambda n: SASRec(n, dim=8, tied=False), lambda n: ZeroBlock(n, dim=8)],
    ids=["SASRec", "untied", "ZeroBlock"],
)  # fmt: skip
def test_vector_of_the_padding_stays_zero(make: Callable[[int], SequenceModel], objective: str) -> None:
    split = leave_one_out(markov_chain(num_users=30, num_items=40))
    model = make(40)
    model.objective = objectives(split)[objective]
    before = model.item_vectors().detach().clone()
    trained(model, split, epochs=2, weight_decay=0.01)
    assert not model.item_embedding.weight[0].any()
    assert not model.item_vectors()[0].any()
    assert not torch.equal(model.item_vectors(), before)


def test_state_dict_holds_nothing_of_the_objective() -> None:
    split = leave_one_out(markov_chain(num_users=30, num_items=40))
    model = SASRec(40, dim=8)
    names = set(model.state_dict())
    model.objective = Sampled(bpr, unseen_sampler(split.train, 40))
    assert set(model.state_dict()) == names
    assert not [name for name in names if "objective" in name]


def test_the_loss_of_rows_with_one_target_is_that_of_all_states() -> None:
    """Prefix rows take the short way, which works out the last block at the newest item alone."""
    model = SASRec(9, dim=8, dropout=0.0)
    rows = Sequences.from_lists([[1, 2, 3, 4], [5, 6], [7, 8, 9]])
    (batch,) = PrefixBatches(rows, 100, 50).epoch(1)
    states = model.encode(batch)[batch.targets != 0]
    plain = torch.nn.functional.cross_entropy(
        states @ model.item_vectors()[1:].T, batch.targets[batch.targets != 0] - 1
    )
    torch.testing.assert_close(model.loss(batch), plain)
