"""MATLAB: the one matrix of numbers in a .mat file, in which Ciao and Epinions are published. Nothing of it is run.

https://www.cse.msu.edu/~tangjili/trust.html: `rating_with_timestamp.mat`, `rating.mat`, and `trust.mat` beside them.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
from scipy.io import loadmat, whosmat

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.files import check_file, whole
from nextitem.data.sources.formats.format import Format, Reading, columns_read, fixed
from nextitem.errors import InputError

ENDING = ".mat"
NUMBERS = frozenset({*(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), "single", "double"})
PLACES = ("user", "item", "category", "rating", "helpfulness", "timestamp")
READ = ("user", "item", "rating", "timestamp")


def read_matrix(path: Path) -> np.ndarray:
    """The matrix of a .mat file, gzipped or not: whole numbers as int64, others as float64.

    The file's list of what it holds is read first, and the matrix alone is read after it. A file of objects, cells or
    functions is refused by that list.

    Raises:
        InputError: the file is missing, damaged or in MATLAB's format 7.3; it holds anything but one matrix of numbers;
            a number is not finite.
    """
    check_file(path)
    content = whole(path)
    try:
        held = whosmat(BytesIO(content), appendmat=False)  # type: ignore[arg-type]
    except NotImplementedError as error:
        raise InputError(f"{path.name} is in MATLAB's format 7.3, which is HDF5; save it with -v7") from error
    except Exception as error:  # of a file that is none, or is damaged
        raise InputError(f"{path.name} is no MATLAB file, or a damaged one ({error}); get it again") from error
    if len(held) != 1 or held[0][2] not in NUMBERS or len(held[0][1]) != 2:
        found = ", ".join(f"{name} ({kind}, {' x '.join(map(str, shape))})" for name, shape, kind in held) or "nothing"
        raise InputError(f"{path.name} must hold one matrix of numbers, found {found}; save that one alone, with -v7")
    name = held[0][0]
    try:
        matrix = np.asarray(loadmat(BytesIO(content), appendmat=False, variable_names=[name])[name])  # type: ignore[arg-type]
    except Exception as error:  # likewise
        raise InputError(f"{path.name} is a damaged MATLAB file ({error}); get it again") from error
    is_odd = ~np.isfinite(matrix).all(axis=1)
    if is_odd.any():
        row = int(is_odd.argmax())
        raise InputError(f"{path.name}, row {row + 1}: a number must be finite, found {matrix[row]}; drop the row")
    if matrix.dtype == np.uint64 and matrix.max(initial=0) > np.iinfo(np.int64).max:
        raise InputError(f"{path.name}: a number must fit 64 bits with a sign, found {matrix.max()}; number anew")
    return matrix.astype(np.int64) if np.array_equal(matrix, np.trunc(matrix)) else matrix.astype(np.float64)


def read_matlab(path: Path) -> Reading:
    """`user item category rating helpfulness` a row, and mostly `timestamp`: a log of Ciao or Epinions."""
    matrix = read_matrix(path)
    if matrix.shape[1] not in (len(PLACES) - 1, len(PLACES)):
        raise InputError(
            f"{path.name} must have the columns {', '.join(PLACES[:-1])}, and perhaps {PLACES[-1]}, found "
            f"{matrix.shape[1]}; write another matrix as a table"
        )
    places = PLACES[: matrix.shape[1]]
    table = pl.DataFrame({role: matrix[:, place] for place, role in enumerate(places) if role in READ})
    for role in ("user", "item"):
        if table[role].dtype == pl.Float64:
            table = table.with_columns(_numbered(table[role], path))
    log = Interactions.from_frame(
        table, timestamp="timestamp" if "timestamp" in places else None, rating="rating", name=path.name
    )
    names = [f"column {place}" for place in range(1, len(places) + 1)]
    return Reading(log, columns_read(names, [(role, places.index(role)) for role in READ if role in places]))


def _numbered(ids: pl.Series, path: Path) -> pl.Series:
    """Ids of a matrix with fractions, which only other columns may have."""
    wrong = ids.filter(ids != ids.floor())
    if len(wrong):
        raise InputError(f"{path.name}: the id of {ids.name} is a whole number, found {wrong[0]}; write a table")
    return ids.cast(pl.Int64)


MATLAB = Format(
    "matlab",
    "Ciao's and Epinions' .mat, user item category rating helpfulness timestamp",
    fixed(read_matlab),
    lambda _: False,  # by its ending alone
    endings=(ENDING,),
)
