"""Link prediction from tables to measures: it learns, chooses by validation, repeats itself and says what is odd."""

from __future__ import annotations

import polars as pl
import pytest
import torch

import nextitem as ni
from nextitem.data.side.link_split import link_split
from nextitem.errors import NonFiniteLossError
from nextitem.training.link_losses import LinkLossName
from nextitem.training.links import LinkEpoch, Sides

COUNT = 24


def circle() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Everyone is next to who follows, and before whom they follow: what is held out of one is known from the other."""
    rows = [(f"n{one:02}", "next", f"n{(one + 1) % COUNT:02}") for one in range(COUNT)]
    back = [(tail, "before", head) for head, _, tail in rows]
    held_out, trained = rows[::4], [row for number, row in enumerate(rows) if number % 4]

    def table(some: list[tuple[str, str, str]]) -> pl.DataFrame:
        return pl.DataFrame(some, schema=["head", "relation", "tail"], orient="row")

    return table(trained + back), table(held_out[::2]), table(held_out[1::2])


def found(scorer: str, loss: LinkLossName, epochs: int, **more: int) -> ni.LinkResult:
    rate = 0.5 if loss == "full" else 0.02
    return ni.link_prediction(
        *circle(), scorer, dim=32, loss=loss, num_untrue=16, batch_size=16, epochs=epochs, evaluate_every=epochs,
        optimizer="adagrad" if loss == "full" else "adam", learning_rate=rate, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_rotations_learn_that_before_is_the_inverse_of_next() -> None:
    result = found("RotatE", "self_adversarial", 60)
    assert result.test["mrr"] > 0.9
    assert result.best_epoch == 60
    assert list(result.test) == ["mrr", "hits@1", "hits@3", "hits@10", "mean_rank"]


@pytest.mark.parametrize(
    ("scorer", "loss"),
    [
        ("TransE", "margin"), ("TransH", "margin"), ("TransR", "margin"), ("TransD", "margin"),
        ("TransE", "self_adversarial"), ("DistMult", "logistic"), ("ComplEx", "full"), ("DistMult", "full"),
    ],
)  # fmt: skip
def test_every_scorer_fits_what_it_is_taught(scorer: str, loss: LinkLossName) -> None:
    """Its own training triples, where a scorer that knows nothing has an MRR of .16."""
    train, _, test = circle()
    result = ni.link_prediction(
        train, train, test, scorer, dim=32, loss=loss, num_untrue=16, margin=2.0, batch_size=16, epochs=40,
        evaluate_every=40, optimizer="adagrad" if loss == "full" else "adam",
        learning_rate=0.3 if loss == "full" else 0.02,
    )  # fmt: skip
    assert result.epochs[-1].valid["mrr"] > 0.45


def test_the_same_seed_gives_the_same_numbers_and_another_one_others() -> None:
    one, again, other = (found("RotatE", "self_adversarial", 3, seed=seed) for seed in (0, 0, 1))
    assert (one.test, one.epochs[0].loss) == (again.test, again.epochs[0].loss)
    assert one.epochs[0].loss != other.epochs[0].loss


def test_randomness_of_the_caller_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found("TransE", "margin", 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_best_epoch_by_validation_is_what_is_tested() -> None:
    seen: list[LinkEpoch] = []
    train, valid, test = circle()
    result = ni.link_prediction(
        train, valid, test, "DistMult", dim=8, loss="logistic", epochs=6, evaluate_every=1, batch_size=16,
        learning_rate=0.3, watch=seen.append,
    )  # fmt: skip
    assert tuple(seen) == result.epochs
    assert result.best_epoch == max(seen, key=lambda epoch: epoch.valid["mrr"]).number
    again = ni.link_prediction(
        train, valid, valid, "DistMult", dim=8, loss="logistic", epochs=6, evaluate_every=1, batch_size=16,
        learning_rate=0.3,
    )  # fmt: skip
    assert again.test["mrr"] == max(epoch.valid["mrr"] for epoch in again.epochs)


@pytest.mark.parametrize("corrupt", ["alternate", "either", "bern", "tail"])
def test_ends_are_replaced_as_is_asked(corrupt: Sides) -> None:
    result = ni.link_prediction(*circle(), "TransE", dim=8, epochs=1, corrupt=corrupt, num_untrue=4)
    assert 0 < result.test["mrr"] < 1


def test_entities_are_numbered_over_all_parts_and_strangers_are_told() -> None:
    train, valid, _ = circle()
    test = pl.DataFrame({"head": ["n01", "zz"], "relation": ["next", "beside"], "tail": ["n02", "n01"]})
    split = link_split(train, valid, test)
    assert (len(split.entities), split.relations.ids([1, 2, 3])) == (COUNT + 1, ["before", "beside", "next"])
    assert split.train.num_nodes == COUNT + 1
    assert split.notes == (
        "1 of 2 test triples have an entity that train has not; they are ranked as they come",
        "1 of 2 test triples have a relation that train has not; they are ranked as they come",
        "1 of 2 test triples are in train too, each counted once",
    )
    assert len(split.known) == len(train) + len(valid) + 1


def test_a_whole_number_is_the_entity_that_its_text_is() -> None:
    table = pl.DataFrame({"tail": [2, 3], "relation": [0, 0], "head": [1, 2]})  # by name, not by place
    split = link_split(table, table, table.cast(pl.String))
    assert split.valid.tolist() == split.test.tolist() == [[1, 1, 2], [2, 1, 3]]


def test_tables_that_break_a_rule_are_named() -> None:
    train, valid, test = circle()
    with pytest.raises(
        ni.InputError, match="valid must have the columns head, relation, tail, found head, relation, t"
    ):
        link_split(train, valid.rename({"tail": "t"}), test)
    with pytest.raises(ni.InputError, match="test must have a triple or more"):
        link_split(train, valid, test.head(0))
    with pytest.raises(ni.InputError, match="train has 1 empty cells"):
        link_split(pl.concat([train, train.head(1).with_columns(head=pl.lit(None, pl.String))]), valid, test)


def test_names_and_numbers_that_are_wrong_are_named() -> None:
    with pytest.raises(ni.InputError, match='no scorer of triples "RotateE"; did you mean "RotatE"'):
        ni.link_prediction(*circle(), "RotateE")
    with pytest.raises(ni.InputError, match="epochs must be at least 1, found 0"):
        ni.link_prediction(*circle(), epochs=0)
    with pytest.raises(ni.InputError, match=r"the full loss is for scores that are inner products"):
        ni.link_prediction(*circle(), "TransE", loss="full", epochs=1)


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    with pytest.raises(NonFiniteLossError, match="the loss of epoch"):
        ni.link_prediction(*circle(), "DistMult", dim=8, loss="logistic", optimizer="sgd", learning_rate=1e38, epochs=5)
