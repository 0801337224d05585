"""Any table: what other libraries call a table in memory, as a frame that narwhals knows.

Most are frames already. Others come by a door that many share: a stream of Arrow data (`__arrow_c_stream__`,
https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html), or a method `to_polars`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

import narwhals as nw
import polars as pl
from narwhals.typing import IntoFrame

from nextitem.data.log.exact import scan_arrow
from nextitem.data.log.frames import Frame, to_polars
from nextitem.errors import InputError

NULLABLE = {
    **{f"{sign}int{bits}": f"{sign.upper()}Int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{"float16": "Float32", "float32": "Float32", "float64": "Float64"},
}  # pandas' own types of numpy's
KINDS = "a name, a file or folder, a data frame or a sparse matrix"


@runtime_checkable
class ArrowStream(Protocol):
    """pyarrow's batches and readers, and tables of any library that hands over Arrow data."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The capsule of the stream."""


@runtime_checkable
class ArrowScanner(Protocol):
    """pyarrow's scanners."""

    def to_reader(self) -> ArrowStream:
        """The batches, one after the other."""


@runtime_checkable
class ArrowDataset(Protocol):
    """pyarrow's data sets, of files or in memory."""

    def get_fragments(self) -> Iterable[object]:
        """The files."""


@runtime_checkable
class GivesPolars(Protocol):
    """Hugging Face's data sets, among others."""

    def to_polars(self) -> pl.DataFrame:
        """All rows, in their order."""


AnyTable = IntoFrame | ArrowStream | ArrowScanner | ArrowDataset | GivesPolars


def any_table(data: object) -> Frame:
    """A frame of any kind as it is; of pandas with the named levels of its index as columns, since ids or times often
    stand there. Data sets of pyarrow stay on the disk until columns are asked for; a reader can be read once.

    Raises:
        InputError: it is no table, or several.
    """
    try:
        return _known(data)
    except nw.exceptions.DuplicateError as error:
        raise InputError(f"two columns of the data frame have the same name; rename one ({error})") from error
    except TypeError:
        pass
    if isinstance(data, Mapping):
        names = ", ".join(str(name) for name in data)
        raise InputError(
            f"data is {KINDS}, found a {type(data).__name__} of {names}; name one of them, or make a frame of its "
            "columns, as polars.DataFrame(data)"
        )
    if isinstance(data, ArrowDataset):
        return nw.from_native(scan_arrow(data))
    if isinstance(data, ArrowScanner):
        return nw.from_native(pl.DataFrame(data.to_reader()))
    if isinstance(data, GivesPolars):
        return nw.from_native(data.to_polars())
    if isinstance(data, ArrowStream) and not isinstance(data, pl.Series):
        with suppress(pl.exceptions.SchemaError, pl.exceptions.InvalidOperationError):  # of one column without a name
            return nw.from_native(pl.DataFrame(data))
    raise InputError(f"data is {KINDS}, found {type(data).__name__}")


def plain_columns(table: Frame, columns: Iterable[str]) -> Frame:
    """These columns of a pandas frame in types that can be reckoned with: of Arrow, categories and objects that are
    whole numbers become such numbers. Other frames as they are.

    pandas has no remainder of Arrow's numbers, and categories of numbers would be read as text.
    """
    if not (isinstance(table, nw.DataFrame) and table.implementation.is_pandas_like()):
        return table
    native: Any = table.to_native()
    found = {name: plain for name in dict.fromkeys(columns) if (plain := _plain(native[name])) is not None}
    return nw.from_native(native.assign(**found), eager_only=True) if found else table


def _plain(values: Any) -> Any:
    """None: the column is plain already."""
    name, kind = str(values.dtype), values.dtype.kind
    if name.endswith("[pyarrow]") and kind in "iuf":
        return values.astype(NULLABLE[values.dtype.numpy_dtype.name])
    if name.endswith("[pyarrow]") and kind == "M":
        return pl.Series(values).to_pandas().set_axis(values.index)
    if name == "category" and values.cat.categories.dtype.kind in "iu":
        return values.astype("Int64")
    if name.startswith("Sparse["):
        return values.sparse.to_dense()
    if name == "object" and (whole := values.convert_dtypes()).dtype.kind in "iu":
        return whole
    return None


def first_rows(table: Frame, count: int) -> pl.DataFrame:
    """For a look at what columns hold; without those of a pandas frame that hold values of several types."""
    head = table.head(count)
    if not (isinstance(head, nw.DataFrame) and head.implementation.is_pandas_like()):
        return to_polars(head).collect()
    found = []
    for name in head.columns:
        with suppress(ValueError, TypeError):  # of Arrow, which has no type for them
            found.append(head.select(name).to_polars())
    return pl.concat(found, how="horizontal") if found else pl.DataFrame()


def _known(data: object) -> Frame:
    """What narwhals knows; of pandas with columns that are called by text, and the named levels of the index.

    Raises:
        TypeError: narwhals does not know it.
        InputError: columns have several levels.
    """
    frame: Frame = nw.from_native(data)
    if not (isinstance(frame, nw.DataFrame) and frame.implementation.is_pandas_like()):
        return frame
    native: Any = frame.to_native()
    if native.columns.nlevels > 1:
        raise InputError(
            f"the columns of the data frame have {native.columns.nlevels} levels, found {native.columns[0]}; give each "
            "one name: frame.columns = ['_'.join(name) for name in frame.columns]"
        )
    native = native.rename(columns=str)
    named = [name for name in native.index.names if name is not None and name not in native.columns]
    return nw.from_native(native.reset_index(level=named), eager_only=True) if named else nw.from_native(native)
