"""Folders with a graph, as KGAT, RippleNet and KGCN publish them, and public data sets: from files to a data set."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.side.triples import Triples
from nextitem.data.sources.opening import open_data
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe, SplitRecipe, make_recipe
from nextitem.recipe.preparing import build_dataset
from nextitem.runs.folder.places import directory_of
from nextitem.runs.parts.build import build_split

KGAT = {
    "train.txt": "0 0 1\n1 1 2\n",
    "test.txt": "0 2\n1 0\n",
    "kg_final.txt": "0 0 3\n1 0 3\n3 1 4\n4 1 2\n0 0 3\n",
}
LISTS = {
    "entity_list.txt": "org_id remap_id\nm.a 0\nm.b 1\nm.c 2\nm.p 3\nm.q 4\n",
    "item_list.txt": "org_id remap_id freebase_id\nB0 0 m.a\nB1 1 m.b\nB2 2 m.c\n",
    "relation_list.txt": "org_id remap_id\nby 0\nof 1\n",
}
RIPPLE = {
    "ratings.dat": "1::10::5::100\n1::20::3::101\n2::10::4::102\n",
    "kg.txt": "0\tby\t7\n1\tby\t7\n",
    "item_index2entity_id.txt": "10\t0\n20\t1\n30\t2\n",
}


def written(folder: Path, *files: dict[str, str]) -> str:
    for name, text in (pair for one in files for pair in one.items()):
        (folder / name).write_text(text)
    return str(folder)


def graph_of(dataset: Dataset) -> Triples:
    assert dataset.knowledge is not None
    return dataset.knowledge


def test_a_folder_of_kgat_is_its_split_and_its_graph(tmp_path: Path) -> None:
    """Lines of one length, which may be ratings elsewhere, are rows of items beside the graph."""
    recipe = make_recipe({"data": {"source": written(tmp_path, KGAT), "side": "beside"}})
    assert recipe.split.kind == "given"
    data, _ = build_dataset(recipe.data)
    split = build_split(recipe.split, data, 0)
    assert (split.train.to_lists(), split.test.target.to_lists()) == ([[1], [2]], [[3], [1]])
    assert split.valid.target.to_lists() == [[2], [3]]
    graph = graph_of(data)
    assert (graph.heads.tolist(), graph.tails.tolist()) == ([1, 2, 4, 5], [4, 4, 5, 3])
    assert (graph.others.values.tolist(), graph.relation_names.values.tolist()) == (["3", "4"], ["0", "1"])
    assert "1 of 5 triples repeat another exactly and are dropped" in data.notes
    assert "there are no links: 3 of 3 items are the entities that have their ids" in data.notes


def test_names_come_from_the_lists_of_kgat(tmp_path: Path) -> None:
    data, _ = build_dataset(DataRecipe(source=written(tmp_path, KGAT, LISTS), side="beside"))
    graph = graph_of(data)
    assert (graph.heads.tolist(), graph.tails.tolist()) == ([1, 2, 4, 5], [4, 4, 5, 3])
    assert (graph.others.values.tolist(), graph.relation_names.values.tolist()) == (["m.p", "m.q"], ["by", "of"])
    assert data.items.values.tolist() == ["0", "1", "2"]  # as in train.txt


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("relation_list.txt", "by 0\n", "line 1: a list of KGAT's begins with org_id remap_id, found 'by 0'"),
        ("relation_list.txt", "org_id remap_id\nby 0\n", "has no line for relation 1"),
        (
            "entity_list.txt",
            LISTS["entity_list.txt"].replace("m.q", "m.p"),
            "line 6: every org_id stands in a list once",
        ),
        ("entity_list.txt", "org_id remap_id\nm.a 0 x\n", "line 2: entity_list.txt needs 2 fields"),
    ],
)
def test_lists_that_do_not_fit_are_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    source = written(tmp_path, KGAT, LISTS, {name: text})
    with pytest.raises(InputError, match=words):
        build_dataset(DataRecipe(source=source, side="beside"))


def test_the_graph_of_ripple_net_has_links(tmp_path: Path) -> None:
    data, _ = build_dataset(DataRecipe(source=written(tmp_path, RIPPLE), side="beside"))
    graph = graph_of(data)
    assert (graph.heads.tolist(), graph.tails.tolist()) == ([1, 2], [3, 3])
    assert data.notes == ("1 of 3 linked items are not in the log; their entities stay",)


def test_links_that_stand_beside_a_named_graph_are_asked_for(tmp_path: Path) -> None:
    """Else entity 10 would be taken for the item 10."""
    source = written(tmp_path, RIPPLE)
    with pytest.raises(InputError, match=r"item_index2entity_id\.txt stands beside .*--data\.links"):
        build_dataset(DataRecipe(source=source, knowledge=str(tmp_path / "kg.txt")))


def test_another_graph_is_not_joined_by_the_links_that_stand_there(tmp_path: Path) -> None:
    source = written(tmp_path, RIPPLE, {"own.csv": "head,relation,tail\n10,by,x\n"})
    data, _ = build_dataset(DataRecipe(source=source, side="beside", knowledge=str(tmp_path / "own.csv")))
    assert graph_of(data).heads.tolist() == [1]
    assert graph_of(data).others.values.tolist() == ["x"]


LABELS = {"ratings_final.txt": "0\t0\t1\n0\t1\t0\n1\t1\t1\n1\t0\t0\n", "kg_final.txt": "0\t0\t2\n1\t0\t2\n"}


@pytest.mark.parametrize("packed", [False, True])
def test_labels_are_ratings_and_negatives_are_told(tmp_path: Path, packed: bool) -> None:
    source = written(tmp_path, LABELS)
    if packed:
        for name, text in LABELS.items():
            (tmp_path / name).unlink()
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    data, _ = build_dataset(DataRecipe(source=source, side="beside"))
    assert data.num_interactions == 4
    assert any("2 of 4 rows of ratings_final.txt" in note and "no interactions" in note for note in data.notes)
    data, _ = build_dataset(DataRecipe(source=source, side="beside", min_rating=1))
    assert data.sequences.to_lists() == [[1], [2]]
    assert graph_of(data).heads.tolist() == [1, 2]


def test_a_label_is_one_or_zero(tmp_path: Path) -> None:
    (tmp_path / "ratings_final.txt").write_text("0 0 1\n0 1 5\n")
    with pytest.raises(InputError, match=r"ratings_final\.txt, line 2: a label is 1 or 0, found '5'"):
        open_data(str(tmp_path / "ratings_final.txt"))


ITEMS = "item,brand,price\na,x,1\nb,x,2\nc,y,3\n"


def test_a_graph_of_attributes_by_its_key(tmp_path: Path) -> None:
    """Item c is in no log: no entity is made of it alone."""
    written(tmp_path, {"log.csv": "user,item\nu,a\nu,b\nv,a\n", "items.csv": ITEMS})
    recipe = DataRecipe(
        source=str(tmp_path / "log.csv"), item_table=str(tmp_path / "items.csv"), knowledge="attributes"
    )
    data, _ = build_dataset(recipe)
    graph = graph_of(data)
    assert (graph.heads.tolist(), graph.tails.tolist()) == ([1, 2], [3, 3])
    assert graph.others.values.tolist() == ["brand=x"]
    data.save(tmp_path / "ready")
    assert graph_of(Dataset.load(tmp_path / "ready")).tails.tolist() == [3, 3]
    with pytest.raises(InputError, match=r"there are none; name their table with --data\.item_table"):
        build_dataset(recipe.model_copy(update={"item_table": None}))


def test_attributes_are_no_file() -> None:
    assert directory_of(DataRecipe(source="ml-100k", knowledge="attributes")) is None


def test_rules_need_a_graph(tmp_path: Path) -> None:
    written(tmp_path, {"log.csv": "user,item\nu,a\n"})
    with pytest.raises(InputError, match=r"data\.knowledge_relations and its kin are of a knowledge graph"):
        build_dataset(DataRecipe(source=str(tmp_path / "log.csv"), knowledge_min_degree=2))


@pytest.mark.parametrize(
    ("name", "triples", "entities", "relations", "linked"),
    [
        ("lastfm-hetrec", 15_518, 9_366, 60, 3_846),
        ("lastfm-ctr", 15_518, 9_366, 60, 3_846),
        ("book-crossing-kg", 151_500, 77_903, 25, 14_967),
        ("ml-1m-kg", 20_782, 7_008, 7, 2_347),
        ("ml-100k", 91_631, 34_628, 24, 1_598),
    ],
)
def test_public_graphs_have_their_published_sizes(
    real_data: Path, name: str, triples: int, entities: int, relations: int, linked: int
) -> None:
    data, _ = build_dataset(DataRecipe(source=name, folder=str(real_data), side="beside"))
    graph = graph_of(data)
    nodes = {*graph.heads.tolist(), *graph.tails.tolist()}
    assert (len(graph), len(nodes), len(graph.relation_names)) == (triples, entities, relations)
    assert sum(node <= graph.num_own for node in nodes) == linked


def test_a_model_of_graphs_takes_what_stands_beside_a_public_data_set(real_data: Path) -> None:
    for name in ("lastfm-hetrec", "ml-100k"):
        recipe = make_recipe({"model": {"name": "CKE"}, "data": {"source": name, "folder": str(real_data)}})
        split = build_split(SplitRecipe(), build_dataset(recipe.data)[0], 0)
        split.training_data.refuse_missing(recipe.model.kind.needs, "CKE")


def test_a_public_graph_that_is_not_there_is_told_with_its_places(tmp_path: Path, real_data: Path) -> None:
    (tmp_path / "lastfm-hetrec").mkdir()
    content = (real_data / "lastfm-hetrec" / "user_artists.dat.gz").read_bytes()
    (tmp_path / "lastfm-hetrec" / "user_artists.dat.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"put lastfm-hetrec/kg\.txt\.gz, .* into the data folder"):
        build_dataset(DataRecipe(source="lastfm-hetrec", folder=str(tmp_path), side="beside"))
    (tmp_path / "lastfm-hetrec" / "kg.txt.gz").write_bytes(gzip.compress(b"0\t0\t1\n"))
    with pytest.raises(InputError, match=r"kg\.txt\.gz is not lastfm-hetrec"):
        build_dataset(DataRecipe(source="lastfm-hetrec", folder=str(tmp_path), side="beside"))
