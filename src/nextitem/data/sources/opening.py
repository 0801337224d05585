"""Loading: from what a user names (a public or synthetic data set, a file, a folder) to its interactions."""

from __future__ import annotations

import re
from pathlib import Path

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.files import is_parquet
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.reading import format_of, read
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.public import PUBLIC_DATA, find
from nextitem.data.sources.scanning import Engine, is_scanned, scan
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
) -> tuple[Interactions | Dataset, str]:
    """A log, or a prepared Dataset, and one sentence that says where it came from and how it was read.

    `source` is a name of PUBLIC_DATA or SYNTHETIC (write ./name for a folder that is called so), a file, a
    folder that `Dataset.save` wrote, or a folder with one interaction file. The options are those of
    `formats.read`; `engine` is what reads a table. Parquet, and text of 64 MB or more, is scanned: the log is lazy.

    Raises:
        InputError: nothing of that name, the file breaks a rule, or what is prepared already gets options.
    """
    path = Path(source).expanduser()
    is_saved = (path / "dataset.json").is_file()
    if source in SYNTHETIC or (is_saved and source not in PUBLIC_DATA):
        told = (user, item, timestamp, rating, separator, time_format)
        if (format, quote, engine) != ("auto", "auto", "polars") or told != (None,) * len(told):
            raise InputError(
                f"{source} is prepared already; leave out its format, columns, separator, quote and engine"
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
    columns = {"user": user, "item": item, "timestamp": timestamp, "rating": rating, "time_format": time_format}
    if is_scanned(path, format, engine):
        return _scanned(path, format, separator, quote, engine, columns), f"{said}, on {engine}"
    return read(path, format=format, separator=separator, quote=quote, **columns), said


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


def _scanned(
    path: Path, format: str, separator: str | None, quote: Quote, engine: Engine, columns: dict[str, str | None]
) -> Interactions:
    try:
        return scan(path, format, Roles(**columns), separator, engine, quote)
    except InputError:
        if not is_parquet(path):
            read(path, format=format, separator=separator, quote=quote, **columns)  # names the line, if it finds one
        raise
    except Exception as error:  # of any engine
        if not is_parquet(path):
            read(path, format=format, separator=separator, quote=quote, **columns)
        raise InputError(f"{engine} cannot read {path}: {str(error).splitlines()[0]}") from error


def read_dataset(
    source: str | Path,
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
) -> Dataset:
    """A data set of a file, a folder, or a public data set by its name, without filters.

    `user`, `item`, `timestamp` and `rating` name columns that are not found by themselves; `data_dir` is where public
    data lies already. The other options are of `open_data`, which with the functions of `nextitem.data.log.filters`
    and `Dataset.from_interactions` is the road of who filters.

    Raises:
        InputError: nothing of that name, the file breaks a rule, or what is prepared already gets options.
    """
    opened, _ = open_data(
        str(source), data_dir, format=format, user=user, item=item, timestamp=timestamp, rating=rating,
        separator=separator, quote=quote, time_format=time_format, engine=engine,
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
        matching = [name for name in names if name.lower().removesuffix(".gz").endswith(endings)]
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
