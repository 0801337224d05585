"""BERT4Rec: the conformance suite, its size, and what it sees where."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch, ClozeBatches
from nextitem.data.ids import PAD
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.models.base import Recommender, Trained
from nextitem.models.sequential.bert4rec import BERT4Rec
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.nn.samplers.uniform import UniformSampler
from nextitem.testing import NUM_ITEMS, RecommenderTests, batch_of, ordered

MASK = NUM_ITEMS + 1


class TestBERT4Rec(RecommenderTests):
    epochs = 80  # two items in five are targets: hr@1 was .84 to .90 over three seeds
    learning_rate = 5e-3

    def make(self, num_users: int, num_items: int) -> Recommender:
        return BERT4Rec(num_items, dim=32, num_layers=1, num_heads=2, dropout=0.0, max_length=20)

    def batches(self, model: Trained, split: Split) -> ClozeBatches:
        return ClozeBatches(split.train, 32, model.max_length, MASK, mask_share=0.4, seed=1)


class TestShorterThanTheRows(TestBERT4Rec):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return BERT4Rec(num_items, dim=32, num_layers=1, num_heads=2, dropout=0.0, max_length=4)


def model_of(max_length: int = 6, num_layers: int = 2) -> BERT4Rec:
    """A small one whose weights are large enough for differences to show."""
    torch.manual_seed(0)
    model = BERT4Rec(NUM_ITEMS, dim=8, num_layers=num_layers, num_heads=2, max_length=max_length)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


def test_number_of_parameters_by_hand() -> None:
    model = BERT4Rec(10, dim=4, num_layers=3, num_heads=2, max_length=5)
    embedded = 12 * 4 + 5 * 4 + 8  # padding, items and mask; positions; the norm
    block = 4 * (16 + 4) + (16 * 4 + 16) + (4 * 16 + 4) + 2 * 8  # attention, feed-forward, two norms
    head = 16 + 4 + 8 + 11  # a linear map and its norm; a bias an item
    assert sum(one.numel() for one in model.parameters()) == embedded + 3 * block + head


def test_mask_is_appended_after_the_newest_item() -> None:
    found = model_of(max_length=6).with_mask(Batch.of(torch.tensor([[1, 2, 3], [4, 0, 0], [0, 0, 0]]))).inputs
    assert found.tolist() == [[1, 2, 3, MASK], [4, MASK, 0, 0], [MASK, 0, 0, 0]]


def test_mask_takes_the_place_of_the_oldest_item_of_a_full_row() -> None:
    found = model_of(max_length=3).with_mask(Batch.of(torch.tensor([[1, 2, 3], [4, 5, 0], [6, 0, 0]]))).inputs
    assert found.tolist() == [[2, 3, MASK], [4, 5, MASK], [6, MASK, 0]]


def test_score_looks_at_one_item_less_than_max_length() -> None:
    one, other, third = RecommenderTests().score(model_of(max_length=3), [[1, 2, 3], [9, 2, 3], [1, 4, 3]])
    torch.testing.assert_close(one, other)
    assert not torch.isclose(one, third).all()


def test_recommending_sees_what_training_shows_when_the_newest_item_alone_is_masked() -> None:
    model, target = model_of(max_length=4), 7
    trained_on = torch.tensor([[2, 3, 4, MASK]])  # the four newest of [1, 2, 3, 4, 7]
    batch = Batch(torch.ones(1, dtype=torch.int64), trained_on, torch.tensor([[0, 0, 0, target]]))
    scores = RecommenderTests().score(model, [[1, 2, 3, 4]])[:, 1:]
    torch.testing.assert_close(model.loss(batch), F.cross_entropy(scores, torch.tensor([target - 1])))


def test_score_ignores_padding_however_much_there_is() -> None:
    model, rows = model_of(max_length=30), [[1, 2, 3], [4]]
    torch.testing.assert_close(
        RecommenderTests().score(model, rows), RecommenderTests().score(model, rows, width=25), rtol=1e-5, atol=1e-5
    )


def test_state_at_a_masked_place_depends_on_both_sides() -> None:
    inputs = torch.tensor([[1, MASK, 3], [2, MASK, 3], [1, MASK, 2]])
    here, older_changed, newer_changed = model_of().encode(Batch.of(inputs))[:, 1]
    assert not torch.isclose(here, older_changed).all()
    assert not torch.isclose(here, newer_changed).all()


def test_position_is_counted_from_the_newest() -> None:
    model = model_of(num_layers=0)
    states = model.encode(Batch.of(torch.tensor([[1, 2, MASK], [MASK, 0, 0]])))
    torch.testing.assert_close(states[0, 2], states[1, 0])


def test_loss_is_of_masked_places_alone() -> None:
    model = model_of()
    inputs, targets = torch.tensor([[1, MASK, 3, MASK], [MASK, 5, 0, 0]]), torch.tensor([[0, 2, 0, 4], [6, 0, 0, 0]])
    states = model.encode(Batch.of(inputs))
    logits = torch.stack([states[0, 1], states[0, 3], states[1, 0]]) @ model.item_vectors()[1:].T
    by_hand = F.cross_entropy(logits, torch.tensor([2, 4, 6]) - 1)
    torch.testing.assert_close(model.loss(Batch(torch.tensor([1, 2]), inputs, targets)), by_hand)


def test_the_models_mask_is_that_of_its_batches() -> None:
    model, split = BERT4Rec(NUM_ITEMS, max_length=20), leave_one_out(ordered())
    batch = next(ClozeBatches(split.train, 32, model.max_length, mask=model.mask).epoch(1))
    assert torch.equal(batch.inputs == model.mask, batch.targets != PAD)


def test_an_item_is_scored_by_its_input_vector_and_its_bias() -> None:
    model, batch = model_of(), batch_of(model_of(), [[1, 2], [3]])
    state = model.query(batch)[:, :-1]
    by_hand = state @ model.item_embedding.weight[:MASK].T + model.item_bias
    torch.testing.assert_close(model.score(batch), by_hand)


def gradient_of_the_item_table(model: BERT4Rec) -> Tensor:
    inputs, targets = torch.tensor([[1, MASK, 3, 0]]), torch.tensor([[0, 2, 0, 0]])
    model.loss(Batch(torch.tensor([1]), inputs, targets)).backward()
    assert model.item_embedding.weight.grad is not None
    return model.item_embedding.weight.grad


def test_padding_is_neither_learned_nor_scored() -> None:
    model = model_of()
    assert not gradient_of_the_item_table(model)[PAD].any()
    assert model.item_bias.grad is not None
    assert model.item_bias.grad[PAD] == 0


def test_mask_is_learned_but_not_scored() -> None:
    model = model_of()
    assert model.item_vectors().shape == (NUM_ITEMS + 1, 9)
    assert gradient_of_the_item_table(model)[model.mask].any()


def test_learns_from_sampled_negatives_too() -> None:
    model = model_of()
    nobody = UniformSampler(NUM_ITEMS, torch.zeros(0, dtype=torch.int64), torch.zeros(3, dtype=torch.int64))
    model.objective = Sampled(bpr, nobody)
    assert gradient_of_the_item_table(model).isfinite().all()
