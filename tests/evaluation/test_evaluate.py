"""evaluate: from a model and a holdout to a Report."""

import pytest

from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import DEFAULT_METRICS, evaluate
from nextitem.evaluation.protocol import Protocol
from nextitem.models.general.popularity import Popularity

SPLIT = leave_one_out(dataset_of([[1, 2, 4, 3], [1, 4, 5], [1, 2, 5, 4]], num_items=20))


def popularity() -> Popularity:
    model = Popularity(20)
    model.fit(SPLIT.training_data)  # 1 three times, 2 twice
    return model


def test_report_has_a_value_a_case_for_every_metric() -> None:
    report = evaluate(popularity(), SPLIT.test, ["hr@1", "ndcg@5"])
    assert {name: len(values) for name, values in report.values.items()} == {"hr@1": 3, "ndcg@5": 3}


def test_means_are_over_the_cases() -> None:
    report = evaluate(popularity(), SPLIT.valid, ["mrr@20"], Protocol(ties="pessimistic"))
    # Targets 4, 4, 5 were never trained on: behind what is left of 1 and 2, tied with the 18 others.
    assert report.ranking.ranks[:, 0].tolist() == [18, 19, 18]
    assert report.means() == pytest.approx({"mrr@20": (1 / 18 + 1 / 19 + 1 / 18) / 3})


def test_report_carries_its_protocol_in_words() -> None:
    report = evaluate(popularity(), SPLIT.test, ["hr@1"], Protocol(candidates=4, seen="keep"))
    assert report.protocol == "target + 4 uniform negatives (sampled), seen items kept, ties: expected metric, 3 users"


def test_without_a_protocol_the_whole_catalogue_is_ranked_and_seen_items_masked() -> None:
    report = evaluate(popularity(), SPLIT.test)
    assert report.protocol == "full ranking, seen items masked, ties: expected metric, 3 users"


def test_default_metrics_are_measured() -> None:
    assert tuple(evaluate(popularity(), SPLIT.test).values) == DEFAULT_METRICS


def test_a_list_longer_than_the_catalogue_is_an_error() -> None:
    with pytest.raises(InputError, match="hr@21"):
        evaluate(popularity(), SPLIT.test, ["hr@21"])


def test_default_metrics_are_narrowed_to_the_catalogue_and_that_is_said() -> None:
    split = leave_one_out(dataset_of([[1, 2, 4, 3], [1, 4, 5]], num_items=10))
    model = Popularity(10)
    model.fit(split.training_data)
    report = evaluate(model, split.test)
    assert tuple(report.values) == ("hr@1", "hr@5", "hr@10", "ndcg@5", "ndcg@10", "mrr@10")
    assert report.notes == ("only 10 items are ranked, so these metrics are left out: hr@20, ndcg@20",)


def test_default_metrics_are_narrowed_to_a_sampled_ranking() -> None:
    assert "hr@10" not in evaluate(popularity(), SPLIT.test, protocol=Protocol(candidates=8)).values
