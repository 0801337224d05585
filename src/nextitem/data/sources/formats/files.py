"""Files: a text file as numbered lines, gzipped or not, and why one cannot be read."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import polars as pl

from nextitem.data.log.bad_lines import LineError
from nextitem.data.log.exact import scan_csv
from nextitem.errors import InputError

GZIP_MAGIC, PARQUET_MAGIC = b"\x1f\x8b", b"PAR1"
HEAD_BYTES = 2**16  # enough of a file to tell its format
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
OTHER_COUNT = "line with another number of fields"  # a kind of bad lines
NO_TEXT = "{path} is empty: it has no line with text"
NO_SEPARATOR = "\0"  # stands in no text, so that a whole line is one field


def check_file(path: Path) -> None:
    """Raises:
    InputError: nothing, a folder, or a file that is empty or may not be read stands at `path`.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name one file in it")
    if not path.exists():
        raise InputError(f"{path} does not exist; {_neighbours(path)}")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read; change its permissions")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: it has no interaction")


def is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == PARQUET_MAGIC


def first_lines(path: Path, count: int = 20) -> list[str]:
    """At least one and up to `count` lines that are not blank, from the first 64 KB.

    Raises:
        InputError: there is none.
    """
    head = _head(path)
    found = [line for line in head if line.strip()][:count]
    if found:
        return found
    if len("\n".join(head)) < HEAD_BYTES - 1:  # the whole file
        raise InputError(NO_TEXT.format(path=path))
    raise InputError(f"{path}: the first 64 KB have no line with text; drop the empty lines, or name the right file")


def num_lines_before_text(path: Path) -> int:
    """Empty lines at the beginning, which are no header."""
    return next((place for place, line in enumerate(_head(path)) if line), 0)


def _head(path: Path) -> list[str]:
    """The whole lines of the first 64 KB."""
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(_why(path, error)) from error
    found = [line.rstrip("\r") for line in head.decode("utf-8-sig", errors="replace").split("\n")]
    if len(head) == HEAD_BYTES and len(found) > 1:
        found.pop()  # cut off in its middle
    return found


def lines(path: Path, encoding: str = "utf-8") -> pl.DataFrame:
    """`line` (its number, from 1) and `text` of every line that is not blank.

    Raises:
        InputError: the file is missing, empty, not in its encoding or a broken gzip.
    """
    check_file(path)
    with explained(path):
        table = scan_lines(path, encoding).collect()
    if len(table) == 0:
        raise InputError(NO_TEXT.format(path=path))
    return table


def each_line(path: Path) -> Iterator[tuple[int, str]]:
    """The number and the text of every line that is not blank, as they are asked for: for what only Python can parse.

    Raises:
        InputError: as `lines`.
    """
    check_file(path)
    has_text = False
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip():
                    has_text = True
                    yield number, text
    except UnicodeDecodeError as error:
        raise InputError(_where_not_utf8(path)) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(_why(path, error)) from error
    if not has_text:
        raise InputError(NO_TEXT.format(path=path))


def scan_lines(path: Path, encoding: str = "utf-8") -> pl.LazyFrame:
    """`lines`, not read yet."""
    source = path if encoding == "utf-8" else whole(path).decode(encoding).encode()
    table = scan_csv(
        source,
        has_header=False,
        separator=NO_SEPARATOR,
        quote_char=None,
        schema={"text": pl.String},
        row_index_name="line",
        row_index_offset=1,
    )
    return table.filter(pl.col("text").str.strip_chars().str.len_bytes() > 0)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what polars and the system say about a file into an InputError that says what to do."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError) as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: Exception) -> InputError:
    is_text = isinstance(error, pl.exceptions.PolarsError) and not is_parquet(path)
    if not is_text or isinstance(error, pl.exceptions.NoDataError) or _is_other_text(path, error):
        return InputError(_why(path, error))
    lines = _lines_of_nul(path)
    if not len(lines):
        return InputError(_why(path, error))
    return LineError(
        f"{path.name}, line {lines[0]}: a NUL byte stands in no text; the file is no text or broken, make it again",
        pl.DataFrame({"place": lines}).with_columns(kind=pl.lit("line with a NUL byte")),
    )


def _is_other_text(path: Path, error: Exception) -> bool:
    """Whether a file is not in UTF-8."""
    return "utf-8" in str(error) or whole(path)[:2] in UTF16_MARKS


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, pl.exceptions.NoDataError):
        return f"{path} is empty: it has no interaction"
    if isinstance(error, pl.exceptions.DuplicateError) and is_parquet(path):
        return f"{path}: two columns have the same name ({str(error).splitlines()[0]}); rename one"
    if is_parquet(path):
        return f"{path} is a broken Parquet file ({str(error).splitlines()[0]}); download or write it again"
    is_text = isinstance(error, pl.exceptions.PolarsError)
    if is_text and _is_other_text(path, error):
        return _where_not_utf8(path)
    if not is_text and is_gzip(path):
        return f"{path} is a broken gzip file ({error}); download or compress it again"
    return f"{path} cannot be read: {str(error).splitlines()[0]}"


def _lines_of_nul(path: Path) -> np.ndarray:
    """The numbers of the lines with a NUL byte."""
    content = np.frombuffer(whole(path), np.uint8)
    return np.unique(np.searchsorted(np.flatnonzero(content == ord("\n")), np.flatnonzero(content == 0))) + 1


def whole(path: Path) -> bytes:
    """All bytes, unpacked."""
    with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
        return file.read()


def _where_not_utf8(path: Path) -> str:
    content = whole(path)
    encoding = "utf-16" if content[:2] in UTF16_MARKS else "latin1"
    place, byte = 0, content[0]
    try:
        content.decode()
    except UnicodeDecodeError as wrong:
        place, byte = wrong.start, content[wrong.start]
    line = content.count(b"\n", 0, place) + 1
    return (
        f"{path.name}, line {line}: text must be UTF-8, found the byte 0x{byte:02x}; "
        f"convert the file, for example with: iconv -f {encoding} -t utf-8"
    )


def is_gzip(path: Path) -> bool:
    """By content, whatever the name says."""
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def _neighbours(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    near = get_close_matches(path.name, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(str(folder / name) for name in near)}?"
    listed = ", ".join(names[:8] + ["..."] * (len(names) > 8)) or "nothing"
    return f"in {folder.resolve()} there is: {listed}"
