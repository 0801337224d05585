"""Indexes of item vectors: what they find, and what they may not."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import Tensor

from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.models.general.item_knn import ItemKNN
from nextitem.models.general.ncf import NCF
from nextitem.models.products import has_products
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.trans_rec import BiasedEuclidean
from nextitem.models.towers import ItemTower
from nextitem.nn.scorers import Cosine, Euclidean, InnerProduct, VectorScorer
from nextitem.retrieval import approximate, exact, library
from nextitem.retrieval.approximate import Index, build
from nextitem.retrieval.kinds import Kind, find_kind
from nextitem.retrieval.products import of_products
from nextitem.retrieval.tuning import Queries, measure, recalls, tune

needs_faiss = pytest.mark.skipif(find_spec("faiss") is None, reason="faiss is not installed: the extra ann")
SCORERS = [InnerProduct(), Cosine(), Euclidean(), BiasedEuclidean()]
ITEMS = 600


@pytest.fixture(params=SCORERS, ids=lambda scorer: type(scorer).__name__)
def scorer(request: pytest.FixtureRequest) -> VectorScorer:
    chosen: VectorScorer = request.param
    return chosen


@pytest.fixture
def model() -> SASRec:
    """Vectors of unlike lengths, as trained ones are."""
    made = SASRec(ITEMS, dim=8).eval()
    with torch.no_grad():
        made.item_embedding.weight.normal_().mul_(torch.rand(ITEMS + 1, 1) * 3)
    return made


def asked(count: int = 40) -> Queries:
    rng = np.random.default_rng(1)
    met = [rng.integers(1, ITEMS + 1, rng.integers(0, 30)).tolist() for _ in range(count)]
    vectors = torch.randn(count, 8, generator=torch.Generator().manual_seed(2))
    vectors[:, -1] = 1.0  # of BiasedEuclidean, beside whose bias stands a 1
    return Queries(vectors, Sequences.from_lists(met))


def of_index(kind: str, model: ItemTower, scorer: VectorScorer | None = None) -> Index:
    model.scorer = scorer or model.scorer
    return build(model, find_kind(kind, ITEMS))


def score_of_pairs(index: Index, queries: Tensor, items: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        vectors = index.model.item_vectors()[torch.from_numpy(items)]
        return index.model.scorer.pairs(queries, vectors).numpy()


def test_places_are_nearest_where_scores_are_highest(scorer: VectorScorer) -> None:
    queries, vectors = torch.randn(9, 5).double(), torch.randn(50, 5).double()
    queries[:, -1] = 1.0  # of BiasedEuclidean, beside whose bias stands a 1
    places, of_items = scorer.place_queries(queries), scorer.place_vectors(vectors)
    assert torch.equal(
        torch.cdist(places, of_items).argsort(1), scorer.all(queries, vectors).argsort(1, descending=True)
    )


@needs_faiss
def test_flat_is_exact(model: SASRec, scorer: VectorScorer) -> None:
    index, queries = of_index("Flat", model, scorer), asked()
    items, scores = index.search(queries.vectors, 12, seen=queries.seen)
    hidden = np.arange(ITEMS + 1) == 0
    best = exact.search(scorer.map_queries(queries.vectors), index.vectors, 12, hidden, queries.seen)
    assert np.array_equal(items, best[0])
    np.testing.assert_allclose(scores, best[1], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(scores, score_of_pairs(index, queries.vectors, items), rtol=1e-4, atol=1e-4)


@needs_faiss
@pytest.mark.parametrize(
    "kind", ["IVF20,Flat", "HNSW8,Flat", "SQ8", "PQ3", "IVF20,SQ8", "IVF20,PQ3", "HNSW8,SQ8", "HNSW8,PQ3"]
)
def test_every_kind_leaves_out_what_was_met_and_what_is_hidden(
    model: SASRec, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximate, "FETCHED_AT_MOST", 1.0)  # of few items too
    index, queries = of_index(kind, model), asked()
    hidden = np.append(True, np.random.default_rng(0).random(ITEMS) < 0.3)
    items, scores = index.search(queries.vectors, 10, hidden, queries.seen)
    assert not hidden[items].any()
    assert not any({*row} & {*met} for row, met in zip(items.tolist(), queries.seen.to_lists(), strict=True))
    assert all(len({*row}) == 10 for row in items.tolist())
    np.testing.assert_allclose(scores, score_of_pairs(index, queries.vectors, items), rtol=1e-4, atol=1e-4)
    found = index.search(queries.vectors[3:4], 10, hidden, queries.seen.take(np.array([3])))
    assert set(found[0][0]) == set(items[3])  # whoever else is asked


@needs_faiss
@pytest.mark.parametrize("kind", ["IVF60,Flat", "HNSW4,Flat"])
def test_a_short_answer_is_searched_again_until_it_is_whole(model: SASRec, kind: str) -> None:
    """Of 600 items 10 are left to a user who met the others, far from what is asked for."""
    index = of_index(kind, model)
    index.effort = 1
    met = Sequences.from_lists([list(range(1, ITEMS - 9)), []])
    items, scores = index.search(torch.randn(2, 8), 12, seen=met)
    assert sorted(items[0].tolist()) == [0, 0, *range(ITEMS - 9, ITEMS + 1)]
    assert np.isneginf(scores[0, 10:]).all()
    assert (items[1] != 0).all()


@needs_faiss
@pytest.mark.parametrize("kind", ["IVFx,Flat", "HNSW16,Flat", "IVF30,SQ8"])
def test_the_recall_that_is_asked_for_holds_on_other_queries(model: SASRec, scorer: VectorScorer, kind: str) -> None:
    tuning, others = asked(400).halves()
    index = of_index(kind, model, scorer)
    tune(index, tuning, 10, 0.9)
    efforts = index.effort
    assert measure(index, others, 10).value >= 0.88
    tune(index, tuning, 10, 1.0)
    assert index.effort >= efforts
    assert recalls(index, tuning, 10).mean() == 1.0


@needs_faiss
def test_a_recall_that_cannot_be_reached_is_refused(model: SASRec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kind, "longer", 1)
    index = of_index("PQ1", model)
    with pytest.raises(InputError, match=r"PQ1 reaches recall@10 0\.\d+ at the most, 1.0 was asked for"):
        tune(index, asked(), 10, 1.0)


@needs_faiss
def test_vectors_and_queries_that_are_no_numbers_are_refused(model: SASRec) -> None:
    index = of_index("Flat", model)
    with pytest.raises(InputError, match="queries of the model are not numbers"):
        index.search(torch.full((1, 8), torch.nan), 3)
    with torch.no_grad():
        model.item_embedding.weight[4] = torch.nan
    with pytest.raises(InputError, match="item vectors are not numbers"):
        of_index("Flat", model)


@needs_faiss
def test_an_index_of_others_is_refused(model: SASRec) -> None:
    found = of_index("IVF20,Flat", model).found
    for kind, other, said in (
        ("IVF10,Flat", model, "no IVF10,Flat"), ("Flat", model, "no Flat, found faiss's IndexIVFFlat"),
        ("IVF20,Flat", SASRec(ITEMS, dim=6), "600 items of 9 numbers, the model has 600 of 7"),
        ("IVF20,Flat", SASRec(ITEMS + 1, dim=8), "the model has 601 of 9"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            Index(other, find_kind(kind, ITEMS), found)


@needs_faiss
def test_bytes_are_read_by_faiss_and_damage_is_an_error(model: SASRec) -> None:
    index, queries = of_index("IVF20,SQ8", model), asked().vectors
    content = library.to_bytes(index.found)
    again = Index(model, index.kind, library.from_bytes(content))
    assert np.array_equal(again.search(queries, 5)[0], index.search(queries, 5)[0])
    for damaged in (content[:-100], b"", b"no index at all"):
        with pytest.raises(InputError, match="faiss cannot read it"):
            library.from_bytes(damaged)


def test_models_without_products_are_refused_with_those_that_have_them() -> None:
    for model in (NCF(3, 4), ItemKNN(4)):
        with pytest.raises(InputError, match=r"scores of it are no products.*leave ann out.*BPR.*SASRec"):
            of_products(model, "it")
    assert has_products(SASRec)


def test_without_faiss_the_way_out_is_said(model: SASRec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(
        InputError, match=r"faiss, which is not installed; `pip install \"nextitem\[ann\]\"`, or leave ann"
    ):
        library.faiss()


@needs_faiss
@pytest.mark.parametrize("first", ["faiss", "torch"])
def test_faiss_and_torch_compute_with_threads_in_one_process(first: str) -> None:
    """Whichever was imported first: training and searches take turns, on two threads each."""
    code = f"""
import {first}
import torch, numpy as np
torch.set_num_threads(2)
from nextitem.models.sequential.sasrec import SASRec
from nextitem.retrieval.approximate import build
from nextitem.retrieval.kinds import find_kind
model = SASRec(3000, dim=16)
for _ in range(3):
    torch.randn(600, 600, requires_grad=True).matmul(torch.randn(600, 600)).sum().backward()
    items, _ = build(model, find_kind("IVF30,Flat", 3000)).search(torch.randn(300, 16), 5)
print(items.shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "(300, 5)"), done.stderr
