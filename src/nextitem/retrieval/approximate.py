"""Approximate search: an index of a model's item vectors, which looks at a part of them; faiss finds, the model scores.

What the index finds is scored by the vectors themselves, so that the scores are the model's own, and only whether an
item is found at all is approximate. Items that a user has met are left out exactly: for k items k + |history| are
fetched and those of the history dropped; an answer that is short is searched again, deeper, at last among all items.

Sizes: R queries, D dim, E width of what the scorer maps to, F of its places, d items fetched a query, V = num_items
+ 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.models.towers import ItemTower
from nextitem.nn.candidates import candidate_scores
from nextitem.retrieval import exact
from nextitem.retrieval.kinds import Kind
from nextitem.retrieval.library import faiss

CANDIDATES = 2**21  # in work at once
DEEPER = 4  # times as deep is a second search
# Who would fetch a larger share of the catalogue is quicker with every item.
FETCHED_AT_MOST = 0.25
POINTS = 64  # that a cluster is learned from, at the most: faiss's guide names 30 to 256
BUILD_EFFORT = 200  # of HNSW (efConstruction)


class Index:
    """A faiss index over the items 1 .. V - 1 of a model, whose weights must stay as they are."""

    def __init__(self, model: ItemTower, kind: Kind, found: Any, effort: int | None = None, measured: str = "") -> None:
        """`found` is faiss's; `effort` is how many clusters it looks into, or items of a graph [the kind's usual];
        `measured` is what is known of its recall, for whoever tells of the index.

        Raises:
            InputError: `found` is of another kind, or of other items or numbers than the model's.
        """
        self.model, self.kind, self.found, self.measured = model, kind, found, measured
        self.effort = kind.usual_effort() if effort is None else effort
        with torch.inference_mode():
            self.vectors = model.scorer.map_vectors(model.item_vectors()).detach()  # (V, E)
            width = len(_places_of_queries(model, kind, model.item_vectors()[:1])[0])
        _refuse_other(kind, found, len(self.vectors) - 1, width)

    def __str__(self) -> str:
        if self.kind.lists:
            return f"{self.kind}, {self.effort} of {self.kind.lists} clusters"
        return f"{self.kind}, {self.effort} items of the graph" if self.kind.links else str(self.kind)

    @torch.inference_mode()
    def search(
        self, queries: Tensor, k: int, hidden: np.ndarray | None = None, seen: Sequences | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best items that are found for queries (R, D), as the model makes them: (R, k) int64, best first, of
        equal scores the lower number first; and their scores (R, k) float32.

        Left out are the `hidden` (V,) bool, the padding, and of each row its `seen` items; where fewer than k are left,
        PAD follows, with -inf.

        Raises:
            InputError: a query is not a number.
        """
        if not bool(queries.isfinite().all()):
            raise InputError(
                "the queries of the model are not numbers (NaN), so nothing is found; its training diverged"
            )
        hidden = np.arange(len(self.vectors)) == PAD if hidden is None else hidden
        items = np.full((len(queries), k), PAD, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        mapped = self.model.scorer.map_queries(queries)
        places = _places_of_queries(self.model, self.kind, queries)
        rows, depths, effort = np.arange(len(queries)), self._depths(len(queries), k, hidden, seen), self.effort
        while len(rows):
            is_all = depths > FETCHED_AT_MOST * len(self.vectors)
            of_all = rows[is_all]
            met = None if seen is None else seen.take(of_all)
            items[of_all], scores[of_all] = exact.search(mapped[of_all], self.vectors, k, hidden, met)
            rows, depths = rows[~is_all], depths[~is_all]
            for some, depth in _alike(rows, depths):
                ids = self._fetched(places[some], depth, effort)
                met = None if seen is None else seen.take(some)
                items[some], scores[some] = self._best(mapped[some], ids, k, hidden, met)
            is_short = items[rows, -1] == PAD
            rows, depths, effort = rows[is_short], depths[is_short] * DEEPER, effort * DEEPER
        return items, scores

    def _depths(self, count: int, k: int, hidden: np.ndarray, seen: Sequences | None) -> np.ndarray:
        """(R,) how many items to fetch for each row: powers of two, so that rows alike are asked together."""
        met = np.zeros(count, dtype=np.int64) if seen is None else seen.distinct().lengths
        share_shown = max(1, int((~hidden).sum())) / (len(hidden) - 1)
        depths: np.ndarray = 2 ** np.ceil(np.log2((k * self.kind.longer + met) / share_shown)).astype(np.int64)
        return depths

    def _fetched(self, places: np.ndarray, depth: int, effort: int) -> np.ndarray:
        """(R, d) items, PAD where fewer are found."""
        library = faiss()
        settings = None
        if self.kind.lists:
            settings = library.SearchParametersIVF(nprobe=min(effort, self.kind.lists))
        elif self.kind.links:
            settings = library.SearchParametersHNSW(efSearch=max(effort, depth))
        _, found = self.found.search(places, depth, params=settings)
        ids: np.ndarray = found + 1  # the padding is not in the index
        return np.where((ids > PAD) & (ids < len(self.vectors)), ids, PAD)

    def _best(
        self, mapped: Tensor, ids: np.ndarray, k: int, hidden: np.ndarray, seen: Sequences | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(R, k) items and scores of those fetched, by the model's own scores."""
        is_out = hidden[ids]
        if seen is not None:
            width = len(hidden)
            of_row = np.arange(len(ids))[:, None] * width
            is_out |= np.isin(of_row + ids, seen.flat_rows() * width + seen.flat_items())
        items = torch.from_numpy(np.sort(ids, axis=1))
        is_out = np.take_along_axis(is_out, np.argsort(ids, axis=1, kind="stable"), axis=1)
        scores = candidate_scores(mapped, self.vectors, items).float()
        scores[torch.from_numpy(is_out)] = -torch.inf
        best, order = scores.sort(dim=1, descending=True, stable=True)  # of equal scores the lower number first
        found = items.gather(1, order)[:, :k].masked_fill(best[:, :k] == -torch.inf, PAD).numpy()
        short = ((0, 0), (0, k - found.shape[1]))
        return np.pad(found, short, constant_values=PAD), np.pad(best[:, :k].numpy(), short, constant_values=-np.inf)


def build(model: ItemTower, kind: Kind) -> Index:
    """Index the vectors of all items of a model.

    Raises:
        InputError: a vector is not a number, or faiss is not installed.
    """
    library = faiss()
    with torch.inference_mode():
        vectors = model.item_vectors()[PAD + 1 :]
        if not bool(vectors.isfinite().all()):
            raise InputError("the model's item vectors are not numbers (NaN), so there is nothing to index")
        placed = model.scorer.map_vectors(vectors) if kind.is_exact else model.scorer.place_vectors(vectors)
        places = _padded(placed, kind)
    metric = library.METRIC_INNER_PRODUCT if kind.is_exact else library.METRIC_L2
    found = library.index_factory(places.shape[1], str(kind), metric)
    for quantiser in _quantisers(found, kind):
        quantiser.min_points_per_centroid = 1  # else it warns of catalogues that are small
        quantiser.max_points_per_centroid = POINTS
    if kind.links:
        found.hnsw.efConstruction = BUILD_EFFORT
    found.train(places)
    found.add(places)
    return Index(model, kind, found)


def _quantisers(found: Any, kind: Kind) -> list[Any]:
    """The settings of what is learned by k-means."""
    stored = faiss().downcast_index(found.storage) if kind.links else found
    return ([found.cp] if kind.lists else []) + ([stored.pq.cp] if kind.parts else [])


def _places_of_queries(model: ItemTower, kind: Kind, queries: Tensor) -> np.ndarray:
    """(R, F) as the index has them."""
    return _padded(model.scorer.map_queries(queries) if kind.is_exact else model.scorer.place_queries(queries), kind)


def _padded(places: Tensor, kind: Kind) -> np.ndarray:
    """float32 in one piece; with zeros behind, where a product quantiser wants parts of equal width."""
    more = -places.shape[1] % kind.parts if kind.parts else 0
    return np.ascontiguousarray(torch.nn.functional.pad(places, (0, more)).float().cpu().numpy())


def _alike(rows: np.ndarray, depths: np.ndarray) -> list[tuple[np.ndarray, int]]:
    """Rows of one depth, so many that their candidates keep to the memory."""
    return [
        (some, int(depth))
        for depth in np.unique(depths)
        for some in np.array_split(rows[depths == depth], -(-int((depths == depth).sum() * depth) // CANDIDATES))
    ]


def _refuse_other(kind: Kind, found: Any, num_items: int, width: int) -> None:
    library = faiss()
    code = "PQ" if kind.parts else "SQ" if kind.is_rounded else "Flat"
    classes = {"PQ": "IndexPQ", "SQ": "IndexScalarQuantizer", "Flat": "IndexFlat"}
    in_lists = {"PQ": "IndexIVFPQ", "SQ": "IndexIVFScalarQuantizer", "Flat": "IndexIVFFlat"}
    wanted = in_lists[code] if kind.lists else f"IndexHNSW{code}" if kind.links else classes[code]
    metric = library.METRIC_INNER_PRODUCT if kind.is_exact else library.METRIC_L2
    is_kind = type(found).__name__.startswith(wanted) and found.metric_type == metric
    if not is_kind or (kind.lists and found.nlist != kind.lists):
        raise InputError(f"the index is no {kind}, found faiss's {type(found).__name__}")
    if (found.ntotal, found.d) != (num_items, width):
        raise InputError(
            f"the index is of {found.ntotal:,} items of {found.d} numbers, the model has {num_items:,} of {width}"
        )
