"""Triples from files: by name, by place, OpenKE's order, and what is refused, by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nextitem.data.sources.formats.graph_text import read_triples
from nextitem.errors import InputError

ROWS = [("a", "by", "p"), ("b", "of", "q")]


@pytest.mark.parametrize(
    "text",
    [
        "a\tby\tp\nb\tof\tq\n",
        "a by p\nb of q\n",
        "head,relation,tail\na,by,p\nb,of,q\n",
        "tail\thead\trelation\np\ta\tby\nq\tb\tof\n",
        "Subject,Predicate,Object\na,by,p\nb,of,q\n",
        "a,by,p\n\nb,of,q\n",
    ],
)
def test_triples_by_their_columns(tmp_path: Path, text: str) -> None:
    (tmp_path / "kg.txt").write_text(text)
    assert read_triples(tmp_path / "kg.txt").rows() == ROWS


def test_atomic_columns_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.kg").write_text("tail_id:token\thead_id:token\trelation_id:token\np\ta\tby\nq\tb\tof\n")
    assert read_triples(tmp_path / "x.kg").rows() == ROWS


def test_an_entity_may_be_called_head(tmp_path: Path) -> None:
    (tmp_path / "kg.txt").write_text("head\tpart_of\tbody\n")
    assert read_triples(tmp_path / "kg.txt").rows() == [("head", "part_of", "body")]


def test_openke_has_the_relation_last(tmp_path: Path) -> None:
    (tmp_path / "train2id.txt").write_text("2\n10 20 3\n11 21 4\n")
    for layout in ("auto", "openke"):
        assert read_triples(tmp_path / "train2id.txt", layout).rows() == [("10", "3", "20"), ("11", "4", "21")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3\n1 2 0\n", "line 1: openke's first line is the count of the triples, 3, and 1 follow"),
        ("1\n1 2 x\n", "line 2: openke's ids are whole numbers, found '1 2 x'"),
        ("2\n1 2 0\n\n1 2\n", "line 4: openke needs head, tail and relation, split by white space, found 2 fields"),
        ("a\tby\tp\n\nb\t\tq\n", "line 3: a triple needs a head, a relation and a tail, found 'b None q'; drop it"),
        ("a,by\nb,of\n", "line 1: knowledge needs the columns head, relation, tail"),
    ],
)
def test_what_is_refused_is_named_by_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "kg.txt").write_text(text)
    with pytest.raises(InputError, match=rf"kg\.txt, {words}"):
        read_triples(tmp_path / "kg.txt")


def test_layouts_are_named(tmp_path: Path) -> None:
    (tmp_path / "kg.txt").write_text("a by p\n")
    with pytest.raises(InputError, match="openke's first line is the count"):
        read_triples(tmp_path / "kg.txt", "openke")
    with pytest.raises(InputError, match='layout "rdf" is not known'):
        read_triples(tmp_path / "kg.txt", "rdf")  # type: ignore[arg-type]


def test_public_triples_have_their_published_counts(real_data: Path) -> None:
    found = read_triples(real_data / "wn18rr" / "train2id.txt.gz")
    assert (len(found), found["relation"].n_unique()) == (86_835, 11)
    assert len(read_triples(real_data / "countries" / "S1_test.txt")) == 24
