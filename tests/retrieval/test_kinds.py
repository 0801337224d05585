"""Names of kinds."""

from __future__ import annotations

import pytest

from nextitem.errors import InputError
from nextitem.retrieval.kinds import find_kind


@pytest.mark.parametrize(
    ("name", "num_items", "found"),
    [
        (None, 100_000, "Flat"), (None, 1_000_000, "IVF4000,Flat"), ("IVFx,Flat", 10_000, "IVF400,Flat"),
        ("IVF,Flat", 3, "IVF3,Flat"), ("HNSWx,Flat", 10, "HNSW32,Flat"), ("IVF7, SQ8", 10, "IVF7,SQ8"),
        ("HNSW16,PQ4", 300, "HNSW16,PQ4"), ("PQ8", 256, "PQ8"), ("SQ8", 1, "SQ8"),
    ],
)  # fmt: skip
def test_a_name_is_a_kind(name: str | None, num_items: int, found: str) -> None:
    kind = find_kind(name, num_items)
    assert str(kind) == found
    assert find_kind(str(kind), num_items) == kind


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flat", "no kind of index; known: Flat, IVFx,Flat"), ("LSH", "no kind"), ("OPQ8,IVF16,PQ8", "no kind"),
        ("IVF11,Flat", "11 clusters for 10 items"), ("IVF0,Flat", "no clusters"), ("HNSW1,Flat", "2 to 256 links"),
        ("PQ8", "256 items or more; found 10"),
    ],
)  # fmt: skip
def test_another_name_is_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_kind(name, 10)
