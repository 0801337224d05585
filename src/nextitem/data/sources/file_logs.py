"""File logs: the log of one file, read at once or scanned, whichever suits its size and the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nextitem.data.log.bad_lines import LineError
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.clean_copies import kept_copy, past_bad_lines, told
from nextitem.data.sources.formats.files import is_parquet
from nextitem.data.sources.formats.format import Format, Options
from nextitem.data.sources.formats.reading import FORMATS, read_file
from nextitem.data.sources.scanning import Engine, is_scanned, scan
from nextitem.errors import InputError


def file_log(path: Path, format: Format, engine: Engine, options: Options, session: Any = None) -> Interactions:
    """The log of a file in a format. `session`: of `scanning.open_engine`, where tables are to be put together.

    Raises:
        InputError: the file breaks a rule, or the engine cannot read it.
    """
    if is_scanned(path, format.name, engine):
        return _scanned(path, format.name, engine, options, session)
    return read_file(path, format, options).log


def _scanned(path: Path, format: str, engine: Engine, options: Options, session: Any) -> Interactions:
    def scanned(file: Path) -> Interactions:
        return scan(file, format, options.roles, options.separator, engine, options.quote, options.bad_lines, session)

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
