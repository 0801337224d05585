"""Labels: the split, the objective and the figures by hand, and models that learn who says yes, or how much."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nextitem as ni
from nextitem.data.batches import history_batch
from nextitem.data.splits.labelled import Labelled, Pairs
from nextitem.errors import InputError
from nextitem.evaluation.labelled import accuracy, auc, best_threshold, f1, logloss, mae, pair_scores, rmse
from nextitem.nn.labels import Labels

quick = settings(deadline=None, max_examples=60, derandomize=True)
SCORED = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=25).filter(
    lambda pairs: len({label for _, label in pairs}) == 2
)


def tastes(num_users: int = 40, num_items: int = 24) -> ni.Dataset:
    """Users like every other item, odd or even ones as they are themselves."""
    rng = np.random.default_rng(0)
    rows = [
        (user, int(item), int(item % 2 == user % 2))
        for user in range(num_users)
        for item in rng.permutation(num_items)[:16]
    ]
    return ni.read_dataset(pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row"), timestamp="none")


def factors(split: Labelled) -> ni.Recommender:
    torch.manual_seed(0)
    return ni.models.BPR(len(split.met), split.num_items, dim=8)


def triples(pairs: Pairs) -> list[tuple[int, int, float]]:
    found: list[tuple[int, int, float]] = np.column_stack([pairs.users, pairs.items, pairs.labels]).tolist()
    return sorted(map(tuple, found))  # type: ignore[arg-type]


def test_parts_are_the_pairs_each_once_and_no_is_no_interaction() -> None:
    data = tastes()
    split = ni.split.labelled(data, 0.2, 0.3, seed=4)
    found = [pair for part in (split.train, split.valid, split.test) for pair in triples(part)]
    rows = data.sequences
    assert rows.ratings is not None
    assert sorted(found) == triples(Pairs(rows.flat_rows() + 1, rows.flat_items(), rows.ratings))
    assert (len(split.valid), len(split.test)) == (128, 192)
    yes = {(user, item) for user, item, label in found[: len(split.train)] if label}
    met = split.met
    assert set(zip((met.flat_rows() + 1).tolist(), met.flat_items().tolist(), strict=True)) == yes
    assert split.rows.num_interactions == len(split.train)
    assert split.is_binary
    assert "Labelled(0.5 / 0.2 / 0.3 of labelled pairs" in repr(split)


@quick
@given(SCORED)
def test_the_area_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([one for one, _ in pairs], dtype=float), np.array([label for _, label in pairs])
    wins = [float(yes > no) + (yes == no) / 2 for yes in scores[labels] for no in scores[~labels]]
    assert auc(scores, labels) == pytest.approx(np.mean(wins))


@quick
@given(SCORED)
def test_the_best_threshold_is_the_best_of_all(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([one for one, _ in pairs], dtype=float), np.array([label for _, label in pairs])
    every = [f1(scores, labels, one) for one in np.unique(scores)]
    assert f1(scores, labels, best_threshold(scores, labels)) == pytest.approx(max(every))


def test_figures_by_hand() -> None:
    """Yes is said of the first three, two of which are; one that is was missed."""
    scores, labels = np.array([2.0, 1.0, 0.5, -1.0, -2.0]), np.array([1, 0, 1, 1, 0])
    assert f1(scores, labels) == pytest.approx(2 * 2 / (3 + 3))
    assert accuracy(scores, labels) == pytest.approx(3 / 5)
    said = [np.log(1 + np.exp(-2)), np.log(1 + np.exp(1)), np.log(1 + np.exp(-0.5)), np.log(1 + np.exp(1))]
    assert logloss(scores, labels) == pytest.approx((sum(said) + np.log(1 + np.exp(-2))) / 5)
    assert np.isfinite(logloss(np.array([1e4, -1e4]), np.array([0, 1])))
    assert rmse(np.array([3.0, 5.0]), np.array([4.0, 2.0])) == pytest.approx(5**0.5)
    assert mae(np.array([3.0, 5.0]), np.array([4.0, 2.0])) == pytest.approx(2)


def test_the_objective_finds_the_label_of_each_pair() -> None:
    users, items, labels = torch.tensor([1, 1, 2]), torch.tensor([3, 5, 3]), torch.tensor([1.0, 0.0, 0.0])
    objective = Labels(users, items, labels, loss=lambda score, label, weight: torch.stack([score, label]))
    found = objective.over(lambda asked: asked.float(), torch.tensor([3, 3, 5]), torch.tensor([2, 1, 1]))
    assert found.tolist() == [[3.0, 3.0, 5.0], [0.0, 1.0, 0.0]]
    with pytest.raises(InputError, match="pairs without a label"):
        objective.over(lambda asked: asked.float(), torch.tensor([5]), torch.tensor([2]))


def test_a_model_learns_who_says_yes_and_popularity_cannot() -> None:
    split = ni.split.labelled(tastes())
    report = ni.fit_labelled(factors(split), split, epochs=40, batch_size=64, learning_rate=0.02)
    assert report.test["auc"] > 0.95
    assert report.test["f1"] > 0.85
    assert report.valid[report.best_epoch - 1]["auc"] == max(one["auc"] for one in report.valid)
    popularity = ni.fit_labelled(ni.Popularity(split.num_items), split)
    assert popularity.test["auc"] < 0.75
    assert (popularity.best_epoch, popularity.valid) == (0, ())
    assert "auc 0." in repr(report)


def test_the_same_seed_gives_the_same_report() -> None:
    split = ni.split.labelled(tastes())
    one, other = (ni.fit_labelled(factors(split), split, epochs=3, seed=2) for _ in range(2))
    assert one == other


def test_ratings_are_learned_by_their_error() -> None:
    """Ratings are 2 or 4 by taste: to know nothing is an error of 1."""
    log = tastes()
    rows = log.sequences
    assert rows.ratings is not None
    frame = pl.DataFrame({"user": rows.flat_rows(), "item": rows.flat_items(), "rating": 2 + 2 * rows.ratings})
    split = ni.split.labelled(ni.read_dataset(frame, timestamp="none"))
    report = ni.fit_labelled(factors(split), split, epochs=60, batch_size=64, learning_rate=0.05)
    assert set(report.test) == {"rmse", "mae"}
    assert report.test["rmse"] < 0.7


@pytest.mark.parametrize("kind", [ni.models.BPR, ni.models.NCF, ni.models.IALS])
def test_scores_of_pairs_are_those_among_all_items(kind: type[ni.Recommender]) -> None:
    split = ni.split.labelled(tastes())
    torch.manual_seed(0)
    model = kind(len(split.met), split.num_items)  # type: ignore[call-arg]
    if isinstance(model, ni.models.IALS):
        model.fit(split.training_data)
    found = pair_scores(model.eval(), split.test, split.met)
    with torch.no_grad():
        batch = history_batch(split.met, model.max_length, np.arange(1, len(split.met) + 1), model.wanted())
        scores = model.score(batch)
    np.testing.assert_allclose(found, scores[split.test.users - 1, split.test.items], rtol=1e-5, atol=1e-6)


def test_scores_of_pairs_do_not_depend_on_the_memory() -> None:
    split = ni.split.labelled(tastes())
    model = factors(split)
    whole, little = (pair_scores(model, split.test, split.met, memory) for memory in (2**29, 1000))
    np.testing.assert_allclose(whole, little, rtol=1e-6)
    with torch.no_grad():
        users, items = model.user_vectors()[split.test.users], model.item_vectors()[split.test.items]  # type: ignore[operator]
    np.testing.assert_allclose(whole, (users * items).sum(1).numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.drop("rating"), "needs ratings that are labels"),
        (lambda frame: frame.with_columns(rating=-pl.col("rating")), "labels are 0 or more, found -1"),
        (lambda frame: pl.concat([frame, frame.head(2)]), "2 labelled pairs stand there again"),
        (lambda frame: frame.with_columns(rating=pl.lit(1)), r"found \d+ with the labels \[1.0\]"),
    ],
)
def test_what_no_label_can_be_is_refused(change: object, said: str) -> None:
    rows = tastes().sequences
    frame = pl.DataFrame({"user": rows.flat_rows(), "item": rows.flat_items(), "rating": rows.ratings})
    with pytest.raises(InputError, match=said):
        ni.split.labelled(ni.read_dataset(change(frame), timestamp="none"))  # type: ignore[operator]


def test_models_that_cannot_are_refused() -> None:
    split = ni.split.labelled(tastes())
    with pytest.raises(InputError, match="does not learn from pairs"):
        ni.fit_labelled(ni.SASRec(split.num_items), split)
    frame = pl.DataFrame({"user": [1, 1, 2, 2, 3] * 4, "item": range(20), "rating": [3, 4] * 10})
    rated = ni.split.labelled(ni.read_dataset(frame, timestamp="none"))
    with pytest.raises(InputError, match="scores that are no ratings"):
        ni.fit_labelled(ni.Popularity(rated.num_items), rated)
