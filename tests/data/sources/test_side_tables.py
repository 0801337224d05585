"""Side tables: they follow the ids through filters, and what is dropped is counted."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.side_tables import SideTables, attach, read_side
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe, SplitRecipe
from nextitem.recipe.preparing import build_dataset
from nextitem.runs.parts.build import build_split

ATOMIC = {
    "inter": "user_id:token\titem_id:token\trating:float\nu1\ta\t5\nu1\tb\t4\nu2\tb\t3\nu2\ta\t1\nu9\tc\t2\n",
    "user": "user_id:token\tage:float\nu2\t30\nu9\t9\n",
    "item": "item_id:token\tgenre:token_seq\nb\tx y\na\tz\nc\tq\n",
    "kg": "head_id:token\trelation_id:token\ttail_id:token\nm.a\tby\tm.p\nm.b\tby\tm.p\nm.c\tof\tm.a\n",
    "link": "item_id:token\tentity_id:token\nb\tm.b\na\tm.a\nc\tm.c\n",
    "net": "source:token\ttarget:token\nu1\tu2\nu2\tu9\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for ending, text in ATOMIC.items():
        (tmp_path / f"log.{ending}").write_text(text)
    return tmp_path


def test_an_atomic_folder_by_hand(folder: Path) -> None:
    """User u9 and item c go with a core of two; users u1, u2 are 1, 2 and items a, b are 1, 2."""
    data, _ = build_dataset(DataRecipe(source=str(folder), side="beside", user_core=2))
    assert data.user_attributes is not None
    assert data.item_attributes is not None
    assert data.user_attributes.to_dicts() == [{"age": None}, {"age": 30.0}]
    assert data.item_attributes["genre"].to_list() == [["z"], ["x", "y"]]
    graph, trust = data.knowledge, data.trust
    assert graph is not None
    assert trust is not None
    assert graph.others.values.tolist() == ["m.c", "m.p"]  # nodes 3 and 4, after the items
    assert (graph.heads.tolist(), graph.tails.tolist(), graph.num_nodes) == ([1, 2, 3], [4, 4, 1], 4)
    assert graph.relation_names.ids(graph.relations) == ["by", "by", "of"]
    assert (trust.heads.tolist(), trust.tails.tolist(), trust.others.ids([1])) == ([1, 2], [2, 3], ["u9"])
    assert (trust.among_own().heads.tolist(), trust.among_own().tails.tolist()) == ([1], [2])
    assert data.notes == (
        "log.inter has no timestamps: the order of the file is taken for the order of time",
        "1 of 2 rows of the user table dropped: no such user in the data",
        "1 of 2 users have no row in the user table",
        "1 of 3 rows of the item table dropped: no such item in the data",
        "1 of 3 linked items are not in the log; their entities stay",
        "1 of 2 edges of trust join a user to one of 1 who are not in the data; models take the edges between users of "
        "the data",
    )


def test_all_of_it_survives_a_folder(folder: Path, tmp_path: Path) -> None:
    data, _ = build_dataset(DataRecipe(source=str(folder), side="beside"))
    data.save(tmp_path / "ready")
    loaded = Dataset.load(tmp_path / "ready")
    for one, other in ((data.user_attributes, loaded.user_attributes), (data.item_attributes, loaded.item_attributes)):
        assert one is not None
        assert other is not None
        assert one.equals(other)
    for graph, same in ((data.knowledge, loaded.knowledge), (data.trust, loaded.trust)):
        assert graph is not None
        assert same is not None
        assert (graph.heads.tolist(), graph.relations.tolist(), graph.tails.tolist(), graph.num_nodes) == (
            same.heads.tolist(), same.relations.tolist(), same.tails.tolist(), same.num_nodes
        )  # fmt: skip
    assert data.sequences.ratings is not None
    assert loaded.sequences.ratings is not None
    assert data.sequences.ratings.tolist() == loaded.sequences.ratings.tolist() == [5, 4, 3, 1, 2]
    assert loaded.notes == data.notes


def test_nothing_beside_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.inter").write_text(ATOMIC["inter"])
    with pytest.raises(InputError, match=r"there is no \.user"):
        build_dataset(DataRecipe(source=str(tmp_path / "log.inter"), side="beside"))


def test_a_graph_needs_its_links(folder: Path) -> None:
    with pytest.raises(InputError, match=r"log\.link stands beside .*name it with --data\.links"):
        build_dataset(DataRecipe(source=str(folder / "log.inter"), knowledge=str(folder / "log.kg")))


def test_an_id_twice_is_refused() -> None:
    data = prepare(Interactions.from_frame(pl.DataFrame({"user": ["a"], "item": ["b"]}), timestamp=None), Rules())
    with pytest.raises(InputError, match="the user table has an id twice, such as a"):
        attach(data, SideTables(users=pl.DataFrame({"user": ["a", "a"], "age": [1, 2]})))


def test_last_fm_as_hetrec_and_kgcn_publish_it(real_data: Path) -> None:
    """1,892 users who all have a friend; 17,632 artists, 3,846 of them entities of 15,518 triples."""
    folder = real_data / "lastfm-hetrec"
    paths = {
        "trust": folder / "user_friends.dat.gz",
        "knowledge": folder / "kg.txt.gz",
        "links": folder / "item_index2entity_id.txt.gz",
    }
    log = pl.read_csv(folder / "user_artists.dat.gz", separator="\t")
    plays = Interactions.from_frame(log, user="userID", item="artistID", timestamp=None, rating="weight")
    data = attach(prepare(plays, Rules()), read_side(paths))
    assert (data.num_users, data.num_items, data.notes) == (1_892, 17_632, ())
    assert data.trust is not None
    assert (len(data.trust), len(set(data.trust.heads.tolist()))) == (25_434, 1_892)
    graph = data.knowledge
    assert graph is not None
    assert (len(graph), len(graph.relation_names)) == (15_518, 60)
    entities = set(graph.heads.tolist()) | set(graph.tails.tolist())
    assert len(entities) == 9_366
    assert sum(one <= data.num_items for one in entities) == 3_846


def test_ml_100k_beside_its_log(real_data: Path) -> None:
    data, _ = build_dataset(DataRecipe(source="ml-100k", folder=str(real_data), side="beside", item_core=5))
    assert data.knowledge is not None
    assert data.item_attributes is not None
    assert (len(data.knowledge), data.knowledge.num_own) == (91_631, data.num_items)
    assert data.item_attributes.height == data.num_items
    assert any("linked items are not in the log" in note for note in data.notes)


def test_files_of_a_split_become_that_split(tmp_path: Path) -> None:
    """As FreeRec's Processed folders; item 9 stands in the test alone, and still has a number."""
    header = "USER\tITEM\tTIMESTAMP\n"
    for name, rows in {
        "train": "1\t1\t1\n1\t2\t5\n2\t2\t1\n",
        "valid": "1\t3\t2\n",
        "test": "1\t9\t3\n2\t1\t7\n",
    }.items():
        (tmp_path / f"{name}.txt").write_text(header + rows)
    data, _ = build_dataset(DataRecipe(source=str(tmp_path)))
    data.save(tmp_path / "ready")
    for one in (data, Dataset.load(tmp_path / "ready")):
        split = build_split(SplitRecipe(kind="given"), one, 0)
        assert split.train.to_lists() == [[1, 2], [2]]
        assert (split.valid.history.to_lists(), split.valid.target.to_lists()) == ([[1, 2]], [[3]])
        assert split.test.users.tolist() == [1, 2]
        assert split.test.target.to_lists() == [[4], [1]]
        assert sorted(split.test.history.to_lists()[0]) == [1, 2, 3]
