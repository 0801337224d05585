"""ni.fit and ni.run: to the end in one call, to the weights and figures of who iterates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import nextitem as ni
from nextitem.data.synthetic import markov_chain

DATA = markov_chain(num_users=60, num_items=15)
SPLIT = ni.split.leave_one_out(DATA)


def sasrec() -> ni.SASRec:
    torch.manual_seed(0)
    return ni.SASRec(SPLIT.num_items, dim=8, num_layers=1, max_length=5)


def test_fit_trains_to_the_end_what_epochs_trains() -> None:
    model, other = sasrec(), sasrec()
    history = ni.fit(model, SPLIT, epochs=2)
    assert [one.epoch.number for one in ni.epochs(other, SPLIT, epochs=2)] == [1, 2]
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    assert [one.epoch.number for one in history] == [1, 2]
    assert history.best in history.epochs
    assert repr(history).startswith("History(2 epochs, the best ")


def test_a_closed_form_has_no_epochs() -> None:
    model = ni.models.EASE(SPLIT.num_items)
    history = ni.fit(model, SPLIT)
    assert len(history) == 0
    assert history.best is None
    assert ni.evaluate(model, SPLIT.test).means()["hr@10"] > 0
    with pytest.raises(ni.InputError, match="takes no epochs"):
        ni.fit(model, SPLIT, epochs=3)


def test_its_signature_and_docstring_are_of_use() -> None:
    assert "ni.epochs" in (ni.fit.__doc__ or "")
    with pytest.raises(TypeError, match="epoch"):
        ni.fit(sasrec(), SPLIT, epoch=3)  # type: ignore[call-arg]


def test_run_leaves_a_folder_and_opens_it(tmp_path: Path) -> None:
    recipe = ni.make_recipe({"model": {"name": "MarkovChain"}, "data": {"source": "synthetic"}})
    run = ni.run(recipe, tmp_path / "run")
    assert run.report["test"]["hr@10"] > 0.5
    assert len(run.recommend([["5"]], k=3)[0].items) == 3
    told = [type(event).__name__ for event in run]
    assert (told[0], told[-1]) == ("Prepared", "Finished")
    again = [type(event).__name__ for event in ni.events(recipe, tmp_path / "run")]
    assert again[-1] == "Finished"
