"""Preparing: from the data section of a recipe to the prepared data set."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.side.graph_rules import GraphRules
from nextitem.data.side.shuffled import shuffled
from nextitem.data.sources.beside import beside_source, links_beside
from nextitem.data.sources.network_users import with_network_users
from nextitem.data.sources.opening import locate, open_data
from nextitem.data.sources.public import PUBLIC_DATA, find_held_out
from nextitem.data.sources.side_tables import ATTRIBUTES, attach, read_side
from nextitem.data.splits.given import given_files, joined, overlaps, with_validation
from nextitem.diagnosis.tastes import check_network
from nextitem.errors import InputError
from nextitem.recipe.data import DataRecipe

MOST = 0.1  # of the rows of a part may stand in an earlier one; above it the files are surely the wrong ones
SIDE = {"users": "user_table", "items": "item_table"} | {
    role: role for role in ("knowledge", "links", "trust", "trust_users")
}


def build_dataset(recipe: DataRecipe) -> tuple[Dataset, str]:
    """The prepared data set, and a sentence on where it came from.

    Raises:
        InputError: the data is not to be had, breaks a rule, or is prepared already and is to be filtered.
    """
    recipe = _with_given_files(recipe)
    read, origin = _open(recipe, recipe.source)
    if isinstance(read, Dataset):
        _refuse_filters(recipe)
        return (read if recipe.shuffle is None else _shuffled(read, recipe.shuffle)), origin
    log = read
    if recipe.parts == "join" and recipe.test_file is None:
        raise InputError(f"data.parts join: {recipe.source} is no folder of train, valid and test files; leave it out")
    notes: tuple[str, ...] = ()
    if recipe.test_file is not None:
        valid = None if recipe.valid_file is None else _log(recipe, recipe.valid_file)
        log = joined(read, valid, _log(recipe, recipe.test_file))
        origin += ", with " + " and ".join(file for file in (recipe.valid_file, recipe.test_file) if file)
        notes = _overlap_notes(log) if recipe.parts == "keep" else ()
    dataset = prepare(log, build_rules(recipe), Path(recipe.source).name)
    dataset = replace(dataset, notes=(*dataset.notes, *notes))
    if recipe.parts == "join":
        dataset = replace(dataset, parts=None)
    elif recipe.test_file is not None and recipe.valid_file is None:
        dataset = with_validation(dataset)
    rules = GraphRules(recipe.knowledge_relations, recipe.knowledge_except, recipe.knowledge_min_degree)
    of_attributes = recipe.knowledge == ATTRIBUTES
    side = read_side(_side_paths(recipe))
    dataset = attach(dataset, side, rules, of_attributes=of_attributes)
    if dataset.trust is not None and (agreement := check_network(dataset.trust, dataset)).is_doubtful:
        dataset = replace(dataset, notes=(*dataset.notes, str(agreement)))
    if recipe.trust_strangers == "users":
        dataset = with_network_users(dataset, side.users)
    return (dataset if recipe.shuffle is None else _shuffled(dataset, recipe.shuffle)), origin


def _shuffled(dataset: Dataset, which: Literal["knowledge", "trust"]) -> Dataset:
    """The data set with one of its graphs shuffled, which a note says.

    Raises:
        InputError: it has no such graph.
    """
    graph = dataset.knowledge if which == "knowledge" else dataset.trust
    if graph is None:
        raise InputError(f"data.shuffle: {dataset.name} has no graph of {which} to permute; leave it out")
    note = f"a control: the ends of the {len(graph):,} edges of {which} are permuted within each relation"
    dataset = replace(dataset, notes=(*dataset.notes, note))
    mixed = shuffled(graph if which == "knowledge" else graph.among_own())
    return replace(dataset, knowledge=mixed) if which == "knowledge" else replace(dataset, trust=mixed)


def build_rules(recipe: DataRecipe) -> Rules:
    keys = recipe.model_dump(include={one.name for one in fields(Rules)} - {"user_ids", "item_ids"})
    users, items = (None if path is None else IdMap.read(Path(path)) for path in (recipe.user_ids, recipe.item_ids))
    return Rules(**keys, user_ids=users, item_ids=items)


def _open(recipe: DataRecipe, source: str) -> tuple[Interactions | Dataset, str]:
    folder = None if recipe.folder is None else Path(recipe.folder)
    return open_data(
        source, folder, format=recipe.format, separator=recipe.separator, quote=recipe.quote,
        user=recipe.user, item=recipe.item, timestamp=recipe.timestamp, rating=recipe.rating,
        time_format=recipe.time_format, engine=recipe.engine, bad_lines=recipe.bad_lines, where=recipe.where,
        kind=recipe.kind, kinds=recipe.kinds,
    )  # fmt: skip


def _log(recipe: DataRecipe, file: str) -> Interactions:
    opened, _ = _open(recipe, file)
    if isinstance(opened, Dataset):
        raise InputError(f"data.valid_file, data.test_file: {file} is prepared already; name a file with a log")
    return opened


def _with_given_files(recipe: DataRecipe) -> DataRecipe:
    """A folder with the files train, valid and test stands for the three, and so does a public data set that is a
    split; of KGAT's and GBSR's there are two."""
    if recipe.valid_file is not None and recipe.test_file is None:
        raise InputError("data.valid_file is named and data.test_file is not; name the test too")
    if recipe.test_file is None and recipe.source in PUBLIC_DATA:
        return _with_held_out(recipe)
    folder = Path(os.path.expanduser(recipe.source))
    if recipe.test_file is not None or not folder.is_dir() or (folder / "dataset.json").is_file():
        return recipe
    if (found := given_files(folder)) is None:
        return recipe
    train, valid, test = (None if one is None else str(one) for one in found)
    return recipe.model_copy(update={"source": train, "valid_file": valid, "test_file": test})


def _with_held_out(recipe: DataRecipe) -> DataRecipe:
    found = find_held_out(recipe.source, None if recipe.folder is None else Path(recipe.folder))
    if found is None:
        return recipe
    valid, test = (None if one is None else str(one) for one in found)
    format = PUBLIC_DATA[recipe.source].held_out["test"].format if recipe.format == "auto" else recipe.format
    return recipe.model_copy(update={"valid_file": valid, "test_file": test, "format": format})


def _overlap_notes(log: Interactions) -> tuple[str, ...]:
    """Raises InputError where most of a part was shown in training."""
    found = overlaps(log)
    for one in found:
        if one.share > MOST:
            raise InputError(
                f"{one}: a model would be asked for what it was shown (at most {MOST:.0%} may overlap); name other "
                "files, or split all rows anew with --data.parts join --data.duplicates first"
            )
    return tuple(f"{one}: these are no honest test" for one in found)


def _side_paths(recipe: DataRecipe) -> dict[str, Path]:
    named = recipe.model_dump(include=set(SIDE.values()))
    paths = {role: Path(named[key]) for role, key in SIDE.items() if named[key] is not None}
    if recipe.knowledge == ATTRIBUTES:
        del paths["knowledge"]
    elif "knowledge" in paths and "links" not in paths and (links := links_beside(paths["knowledge"])):
        raise InputError(f"data.knowledge: {links.name} stands beside {paths['knowledge']}; name it with --data.links")
    if recipe.side == "none":
        return paths
    folder = None if recipe.folder is None else Path(recipe.folder)
    log, _, _ = locate(recipe.source, folder)
    found = beside_source(recipe.source, log, folder)
    if not found and not paths and recipe.knowledge != ATTRIBUTES:
        raise InputError(
            f"data.side: beside {log} there is no .user, .item, .kg, .link, .net, kg.txt, kg_final.txt, "
            f"trust.txt, social.txt or _item2attributes.json file{_what_may_be_beside(recipe.source)}; leave it out"
        )
    if recipe.knowledge is not None:  # another graph, of which the links are not those that stand there
        found = {role: path for role, path in found.items() if role not in ("knowledge", "links")}
    if recipe.trust is not None:
        found.pop("trust_users", None)
    return found | paths


def _what_may_be_beside(source: str) -> str:
    """Of a public data set, in words."""
    files = PUBLIC_DATA[source].beside if source in PUBLIC_DATA else {}
    return f" (put {', '.join(file.place for file in files.values())} into the data folder)" if files else ""


def _refuse_filters(recipe: DataRecipe) -> None:
    untouched = DataRecipe(source=recipe.source, folder=recipe.folder, core=recipe.core, shuffle=recipe.shuffle)
    if recipe != untouched:
        raise InputError(f"data: {recipe.source} is prepared already; set filters and columns where its log is read")
