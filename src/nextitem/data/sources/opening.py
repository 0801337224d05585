"""Loading: from what a user names (a public or synthetic data set, a file, a folder) to its interactions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from narwhals.typing import IntoFrame

from nextitem.data.dataset import Dataset
from nextitem.data.log.bad_lines import BadLinesRule, LineError
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.where import Where
from nextitem.data.sources.beside import NO_LOGS
from nextitem.data.sources.formats.clean_copies import kept_copy, past_bad_lines, told
from nextitem.data.sources.formats.files import is_parquet
from nextitem.data.sources.formats.format import Options
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.reading import FORMATS, format_of, read_file
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.public import PUBLIC_DATA, find
from nextitem.data.sources.scanning import Engine, is_scanned, scan
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
    source: str,
    data_dir: Path | None = None,
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
) -> tuple[Interactions | Dataset, str]:
    """A log, or a prepared Dataset, and one sentence that says where it came from and how it was read.

    `source` is a name of PUBLIC_DATA or SYNTHETIC (write ./name for a folder that is called so), a file, a
    folder that `Dataset.save` wrote, or a folder with one interaction file. The options are those of
    `formats.read`; `engine` is what reads a table. Parquet, and text of 64 MB or more, is scanned: the log is lazy.
    `bad_lines="skip"` leaves out what breaks a rule of lines; the log's notes and `bad_lines` tell of it. `where` is a
    condition on the columns of the file (docs/preparation.md): only rows that it holds for count.

    Raises:
        InputError: nothing of that name, the file breaks a rule, or what is prepared already gets options.
    """
    path = Path(source).expanduser()
    is_saved = (path / "dataset.json").is_file()
    if source in SYNTHETIC or (is_saved and source not in PUBLIC_DATA):
        told = (user, item, timestamp, rating, separator, time_format, where)
        given = (format, quote, engine, bad_lines)
        if given != ("auto", "auto", "polars", "error") or told != (None,) * len(told):
            raise InputError(
                f"{source} is prepared already; leave out its format, columns, where, separator, quote, engine and "
                "bad_lines"
            )
        if source in SYNTHETIC:
            return SYNTHETIC[source](), f"{source}, made here"
        return Dataset.load(path), f"the saved data set {path}"
    path, known_format, said = locate(source, data_dir)
    if known_format is not None:
        format = known_format if format == "auto" else format
    else:
        if format == "auto":
            format = format_of(path, separator=separator)[0].name
        said = f"{path}, read as {format}"
    condition = None if where is None else Where(where)
    roles = Roles(user, item, timestamp, rating, time_format, condition)
    options = Options(roles, separator, quote, bad_lines)
    if is_scanned(path, format, engine):
        return _scanned(path, format, engine, options), f"{said}, on {engine}"
    return read_file(path, format_of(path, format, separator)[0], options).log, said


def locate(source: str, data_dir: Path | None = None) -> tuple[Path, str | None, str]:
    """The file of a log; and of a public one its format, and a sentence on where it came from.

    Raises:
        InputError: nothing of that name.
    """
    if source in PUBLIC_DATA:
        found = find(source, data_dir)
        return found.path, found.file.format, found.said
    path = _interaction_file(source, Path(source).expanduser())
    return path, None, str(path)


def _scanned(path: Path, format: str, engine: Engine, options: Options) -> Interactions:
    def scanned(file: Path) -> Interactions:
        return scan(file, format, options.roles, options.separator, engine, options.quote, options.bad_lines)

    try:
        return scanned(path)
    except InputError:
        if is_parquet(path):
            raise
        if (log := _read_again(path, format, options, scanned)) is None:
            raise
        return log
    except Exception as error:  # of any engine
        if not is_parquet(path) and (log := _read_again(path, format, options, scanned)) is not None:
            return log
        raise InputError(f"{engine} cannot read {path}: {str(error).splitlines()[0]}") from error


def _read_again(
    path: Path, format: str, options: Options, scanned: Callable[[Path], Interactions]
) -> Interactions | None:
    """What a text file that a scan refused is without its bad lines; None: a read finds nothing wrong with it.

    Raises:
        InputError: it names the line, if it finds one.
    """
    try:
        FORMATS[format].read(path, options)
    except LineError as error:
        past = past_bad_lines(path, FORMATS[format], options, error)
        return told(scanned(kept_copy(path, past.content)), past.bad)
    return None


def read_dataset(
    source: str | Path | IntoFrame | SparseMatrix,
    data_dir: Path | None = None,
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
) -> Dataset:
    """A data set of a file, a folder, a public data set by its name, or a table in memory; without filters.

    A table in memory is a polars, pandas, pyarrow, DuckDB or Spark frame, or a sparse matrix of scipy (a user a row, an
    item a column; ids are their numbers from 0). `user`, `item`, `timestamp` and `rating` name columns that are not
    found by themselves; only rows count that `where` holds for, such as "event_type == 'buy'"; `data_dir` is where
    public data lies already. The other options are of `open_data`, which with the functions of
    `nextitem.data.log.filters` and `Dataset.from_interactions` is the road of who filters.

    Raises:
        InputError: nothing of that name, the file breaks a rule, or what is prepared already gets options.
    """
    if not isinstance(source, str | Path):
        told = (data_dir, separator, None if format == "auto" else format)
        if told != (None,) * len(told) or (quote, engine) != ("auto", "polars"):
            raise InputError("a table in memory has no format, separator, quote, engine or folder; leave them out")
        if isinstance(source, SparseMatrix):
            if bad_lines != "error" or where is not None:
                raise InputError(f"a matrix has no lines and columns, found {bad_lines=}, {where=}; leave them out")
            return Dataset.from_interactions(read_matrix(source), "matrix")
        asked = Roles(user, item, timestamp, rating, time_format, None if where is None else Where(where))
        return Dataset.from_interactions(read_frame(source, asked, bad_lines), "frame")
    opened, _ = open_data(
        str(source), data_dir, format=format, user=user, item=item, timestamp=timestamp, rating=rating,
        separator=separator, quote=quote, time_format=time_format, engine=engine, bad_lines=bad_lines, where=where,
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
    for endings in GROUPS:
        plain = {name: name.lower().removesuffix(".gz") for name in names}
        matching = [name for name in names if plain[name].endswith(endings) and plain[name] not in NO_LOGS]
        if len(matching) == 1:
            return folder / matching[0]
        if matching:
            parts = [name for name in matching if re.search(r"(?<![A-Za-z])(train|test)(?![A-Za-z])", name)]
            hint = " (the files of a split: as source, --data.valid_file and --data.test_file)" if parts[1:] else ""
            raise InputError(f"{folder} has {len(matching)} interaction files; name one{hint}: {', '.join(matching)}")
    raise InputError(
        f"{folder} is no saved data set (it has no dataset.json) and has no interaction file; "
        f"it has: {', '.join(names[:20]) or 'nothing'}"
    )
