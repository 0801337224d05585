"""What the public functions say of a wrong argument, and how their objects show themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

import nextitem as ni
from nextitem.data.synthetic import markov_chain

DATA = markov_chain(num_users=30, num_items=12)
SPLIT = ni.split.leave_one_out(DATA)
FRAME = pl.DataFrame({"user": [1], "item": [2]})
call: Any = ni  # what follows is wrong by its types
WRONG: list[tuple[str, Callable[[], object]]] = [
    ("model must be a Recommender, found the class MarkovChain itself", lambda: call.fit(ni.MarkovChain, SPLIT)),
    ("split must be a Split, found a Dataset", lambda: call.fit(ni.MarkovChain(12), DATA)),
    ("split must be a Split, found a Dataset", lambda: call.sampled("bpr", DATA)),
    ("holdout must be a Holdout, found a Split", lambda: call.evaluate(ni.SASRec(12), SPLIT)),
    ("metrics must be a list of names", lambda: call.evaluate(ni.SASRec(12), SPLIT.test, "hr@10")),
    ("MarkovChain has not been fitted", lambda: ni.evaluate(ni.MarkovChain(12), SPLIT.test)),
    ("EASE has not been fitted", lambda: ni.evaluate(ni.models.EASE(12), SPLIT.test)),
    ("SASRec was made for 7 items", lambda: ni.evaluate(ni.SASRec(7), SPLIT.test)),
    ("SASRec was made for 7 items", lambda: ni.fit(ni.SASRec(7), SPLIT)),
    ("dataset must be a Dataset, found a str: 'ml-100k'", lambda: call.split.leave_one_out("ml-100k")),
    ("dataset must be a Dataset", lambda: call.split.leave_k_out(FRAME, 2)),
    ("dataset must be a Dataset", lambda: call.split.ratio(FRAME)),
    ("dataset must be a Dataset", lambda: call.split.at_time(FRAME, 1.0, 2.0)),
    ("dataset must be a Dataset", lambda: call.split.given(FRAME)),
    ("log must be an Interactions, found a DataFrame", lambda: call.Dataset.from_interactions(FRAME)),
    ("a layer of a recipe must be a dict, found a str: 'SASRec'", lambda: call.make_recipe("SASRec")),
    ("folder must be a str or Path, found an int: 3", lambda: call.load(3)),
    ("recipe must be a Recipe, found a dict", lambda: call.run({}, "x")),
]


@pytest.mark.parametrize(("said", "wrong"), WRONG)
def test_a_wrong_argument_is_one_clear_sentence(said: str, wrong: Callable[[], object]) -> None:
    with pytest.raises(ni.InputError) as caught:
        wrong()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)  # and the way out


def test_a_model_is_fitted_once_it_was_or_its_weights_were_loaded() -> None:
    model, other = ni.MarkovChain(12), ni.MarkovChain(12)
    ni.fit(model, SPLIT)
    other.load_weights(model.state_dict())
    assert ni.evaluate(model, SPLIT.test).means() == ni.evaluate(other, SPLIT.test).means()


def test_objects_show_themselves_on_a_line() -> None:
    model = ni.Popularity(12)
    ni.fit(model, SPLIT)
    report = ni.evaluate(model, SPLIT.test, ["hr@10"])
    for shown in map(repr, (DATA, SPLIT, SPLIT.test, SPLIT.train, DATA.users, report)):
        assert "\n" not in shown
        assert len(shown) < 200
    assert repr(DATA).startswith("Dataset(synthetic: 30 users, 12 items, ")
    assert repr(SPLIT).endswith("30 validation cases, 30 test cases)")
    assert "<th>hr@10</th>" in report._repr_html_()


def test_a_recommendation_shows_itself_on_a_line_however_long_it_is() -> None:
    items = [f"i{number}" for number in range(1000)]
    shown = repr(ni.Recommendation(items, [float(-number) for number in range(1000)], []))
    assert shown == "Recommendation('i0' 0.0000, 'i1' -1.0000, 'i2' -2.0000, 997 more)"
    assert repr(ni.Recommendation([], [], ["x"], "no item is known")) == (
        "Recommendation(no items; 1 unknown ids skipped; no item is known)"
    )


def test_tables_of_notebooks_take_nothing_for_markup() -> None:
    data = ni.Dataset.from_interactions(ni.Interactions.from_frame(FRAME, timestamp=None), "<b>log</b>")
    found = ni.Recommendation(["<i>", "a&b"], [2.0, 1.0], [], "row <0>", "popularity")
    for shown in (data._repr_html_(), found._repr_html_()):
        page = ElementTree.fromstring(shown)
        assert not {"b", "i"} & {one.tag for one in page.iter()}
    assert [cell.text for cell in ElementTree.fromstring(found._repr_html_()).iter("td")] == [
        "1", "<i>", "2.0000", "2", "a&b", "1.0000"
    ]  # fmt: skip
    assert "<caption>2 items; row &lt;0&gt;; by popularity</caption>" in found._repr_html_()
    assert "<td>interactions</td><td>1</td>" in data._repr_html_()
    assert "<td>times</td><td>none: file order</td>" in data._repr_html_()
    assert ni.Recommendation(["x"] * 50, [0.0] * 50, [])._repr_html_().count("<tr>") == 21
