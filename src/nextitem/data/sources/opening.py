"""Loading: from what a user names (a public or synthetic data set, a file, a folder) to its interactions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nextitem.data.dataset import Dataset
from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.composite import as_key
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.shards import PATTERN, are_alike, naturally, shards
from nextitem.data.sources.any_table import AnyTable
from nextitem.data.sources.beside import NO_LOGS
from nextitem.data.sources.file_logs import file_log
from nextitem.data.sources.formats.format import Options
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.reading import format_of
from nextitem.data.sources.formats.roles import asked_roles
from nextitem.data.sources.many import many_logs
from nextitem.data.sources.public import PUBLIC_DATA, find
from nextitem.data.sources.scanning import Engine, is_scanned
from nextitem.data.sources.tables_in_memory import SparseMatrix, read_frame, read_matrix
from nextitem.data.synthetic import SYNTHETIC
from nextitem.errors import InputError, suggest

# What counts as an interaction file in a folder; an earlier group hides the later ones.
GROUPS: tuple[tuple[str, ...], ...] = (
    (".inter",),
    ("u.data", "ratings.dat"),
    (".csv", ".tsv", ".parquet", ".txt"),
    (".jsonl", ".ndjson"),
    (".json",),
)


def open_data(
    source: str | Path,
    data_dir: str | Path | None = None,
    *,
    format: str = "auto",
    user: str | None = None,
    item: str | None = None,
    timestamp: str | None = None,
    rating: str | None = None,
    separator: str | None = None,
    quote: Quote = "auto",
    time_format: str | None = None,
    engine: Engine = "polars",
    bad_lines: BadLinesRule = "error",
    where: str | None = None,
    kind: str | None = None,
    kinds: Mapping[str, float] | str | None = None,
) -> tuple[Interactions | Dataset, str]:
    """A log, or a prepared Dataset, and one sentence that says where it came from and how it was read.

    `source` is a name of PUBLIC_DATA or SYNTHETIC (write ./name for a folder that is called so), a file, a pattern, a
    folder that `Dataset.save` wrote, or one with a log in one file or many. The options are those of
    `formats.read`; `engine` is what reads a table. Parquet, and text of 64 MB or more, is scanned: the log is lazy.
    `bad_lines="skip"` leaves out what breaks a rule of lines; the log's notes and `bad_lines` tell of it. `where` is a
    condition on the columns of the file (docs/preparation.md): only rows that it holds for count. `kind` is a column of
    kinds of events, read as the rating by the numbers that `kinds` has for them.

    Raises:
        InputError: nothing of that name, the file breaks a rule, or what is prepared already gets options.
    """
    source = str(source)
    path = Path(os.path.expanduser(source))
    is_saved = (path / "dataset.json").is_file()
    if source in SYNTHETIC or (is_saved and source not in PUBLIC_DATA):
        told = (user, item, timestamp, rating, separator, time_format, where, kind, kinds)
        given = (format, quote, engine, bad_lines)
        if given != ("auto", "auto", "polars", "error") or told != (None,) * len(told):
            raise InputError(
                f"{source} is prepared already; leave out its format, columns, where, separator, quote, engine and "
                "bad_lines"
            )
        if source in SYNTHETIC:
            return SYNTHETIC[source](), f"{source}, made here"
        return Dataset.load(path), f"the saved data set {path}"
    roles = asked_roles(
        user=user, item=item, timestamp=timestamp, rating=rating, time_format=time_format, where=where, kind=kind,
        kinds=kinds,
    )  # fmt: skip
    options = Options(roles, separator, quote, bad_lines)
    if (files := files_of(source, data_dir)) is not None:
        log, read_as = many_logs(files, format, engine, options)
        found = find(source, data_dir).said if source in PUBLIC_DATA else source
        return log, f"{found}, {len(files):,} {'file' if len(files) == 1 else 'files'}, {read_as}"
    path, known_format, said = locate(source, data_dir)
    if known_format is not None:
        format = known_format if format == "auto" else format
    else:
        if format == "auto":
            format = format_of(path, separator=separator)[0].name
        said = f"{path}, read as {format}"
    known = format_of(path, format, separator)[0]
    said += f", on {engine}" if is_scanned(path, known.name, engine) else ""
    return file_log(path, known, engine, options), said


def locate(source: str, data_dir: str | Path | None = None) -> tuple[Path, str | None, str]:
    """The file of a log, of many the first; and of a public one its format, and a sentence on where it came from.

    Raises:
        InputError: nothing of that name.
    """
    if source in PUBLIC_DATA:
        found = find(source, data_dir)
        return found.path, found.file.format, found.said
    files = files_of(source, data_dir)
    path = _interaction_file(source, Path(os.path.expanduser(source))) if files is None else files[0]
    return path, None, str(path)


def files_of(source: str, data_dir: str | Path | None = None) -> tuple[Path, ...] | None:
    """The files of a log that has many, in their order: those of a pattern, or of a folder where they are called alike
    but for numbers. None: it has one.

    Raises:
        InputError: no file has the name that a pattern asks for, or a public data set of many is not to be had.
    """
    if source in PUBLIC_DATA:
        is_many = any(PATTERN.search(file.place) for file in PUBLIC_DATA[source].files)
        return shards(str(find(source, data_dir).path)) if is_many else None
    if source in SYNTHETIC:
        return None
    folder = Path(os.path.expanduser(source))
    if not folder.is_dir():
        return shards(source)
    names = _interaction_files(folder)
    return tuple(naturally(folder / name for name in names)) if len(names) > 1 and are_alike(names) else None


def read_dataset(
    source: str | Path | AnyTable | SparseMatrix,
    data_dir: str | Path | None = None,
    *,
    format: str = "auto",
    user: str | Sequence[str] | None = None,
    item: str | None = None,
    timestamp: str | None = None,
    rating: str | None = None,
    separator: str | None = None,
    quote: Quote = "auto",
    time_format: str | None = None,
    engine: Engine = "polars",
    bad_lines: BadLinesRule = "error",
    where: str | None = None,
    kind: str | None = None,
    kinds: Mapping[str, float] | str | None = None,
) -> Dataset:
    """A data set of a file, a folder, a public data set by its name, or a table in memory; without filters.

    A table in memory is a polars, pandas, DuckDB or Spark frame, a table, reader or data set of pyarrow, a data set of
    Hugging Face, whatever hands over a stream of Arrow data, or a sparse matrix of scipy (a user a row, an item a
    column; ids are their numbers from 0). `user`, `item`, `timestamp` and `rating` name columns that are not found by
    themselves (`user` several that make one together); only rows count that `where` holds for, such as
    "event_type == 'buy'"; `kind` is a column of kinds of events, and `kinds` the number of each, which is its rating:
    {"view": 1, "buy": 5}; `data_dir` is where public data lies already. The other options are of `open_data`, which
    with the functions of `nextitem.data.log.filters` and `Dataset.from_interactions` is the road of who filters.

    Raises:
        InputError: nothing of that name, the file breaks a rule, or what is prepared already gets options.
    """
    user = as_key(user)
    if not isinstance(source, str | Path):
        told = (data_dir, separator, None if format == "auto" else format)
        if told != (None,) * len(told) or (quote, engine) != ("auto", "polars"):
            raise InputError("a table in memory has no format, separator, quote, engine or folder; leave them out")
        if isinstance(source, SparseMatrix):
            if bad_lines != "error" or (where, kind, kinds) != (None,) * 3:
                found = f"{bad_lines=}, {where=}, {kind=}, {kinds=}"
                raise InputError(f"a matrix has no lines and columns, found {found}; leave them out")
            return Dataset.from_interactions(read_matrix(source), "matrix")
        asked = asked_roles(
            user=user, item=item, timestamp=timestamp, rating=rating, time_format=time_format, where=where, kind=kind,
            kinds=kinds,
        )  # fmt: skip
        return Dataset.from_interactions(read_frame(source, asked, bad_lines), "frame")
    opened, _ = open_data(
        str(source), data_dir, format=format, user=user, item=item, timestamp=timestamp, rating=rating,
        separator=separator, quote=quote, time_format=time_format, engine=engine, bad_lines=bad_lines, where=where,
        kind=kind, kinds=kinds,
    )  # fmt: skip
    return opened if isinstance(opened, Dataset) else Dataset.from_interactions(opened, Path(source).name)


def _interaction_file(source: str, path: Path) -> Path:
    if path.is_dir():
        return _only_file(path)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path  # the reader says what is wrong with it
    near = suggest(source, [*PUBLIC_DATA, *SYNTHETIC])
    raise InputError(f'"{source}" is neither a known data set nor a file or folder; {near}')


def _only_file(folder: Path) -> Path:
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    if "recipe.yaml" in names:
        raise InputError(f"{folder} is a run folder (it has a recipe.yaml), no data; name the data that it was made of")
    if len(matching := _interaction_files(folder)) == 1:
        return folder / matching[0]
    if matching:
        parts = [name for name in matching if re.search(r"(?<![A-Za-z])(train|test)(?![A-Za-z])", name)]
        ending = Path(matching[0]).suffix
        hint = f" (or all as one log: '{folder}/*{ending}')"
        if parts[1:]:
            hint = " (the files of a split: as source, --data.valid_file and --data.test_file)"
        raise InputError(f"{folder} has {len(matching)} interaction files; name one{hint}: {', '.join(matching)}")
    raise InputError(
        f"{folder} is no saved data set (it has no dataset.json) and has no interaction file; "
        f"it has: {', '.join(names[:20]) or 'nothing'}"
    )


def _interaction_files(folder: Path) -> list[str]:
    """The names of what counts as interaction files, of the first group that has any."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    plain = {name: name.lower().removesuffix(".gz") for name in names}
    for endings in GROUPS:
        if matching := [name for name in names if plain[name].endswith(endings) and plain[name] not in NO_LOGS]:
            return matching
    return []
