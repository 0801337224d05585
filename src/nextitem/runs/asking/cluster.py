"""Cluster: recommendations for the users of a Spark frame, made where its rows are.

The run goes to the executors as a bundle, with the histories that it keeps: Spark copies the file once to each, and the
first Python worker there unpacks it for all, so that they map the same files. Each user has what `Run.recommend`
answers for that user alone, bit for bit, wherever that is worked out.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from os.path import lexists
from pathlib import Path
from secrets import token_hex
from typing import Any

import narwhals as nw
import polars as pl
from filelock import FileLock

from nextitem.errors import InputError
from nextitem.runs.asking.answers import Rules
from nextitem.runs.asking.everyone import Asked, chunks
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.asking.rows import Fallback
from nextitem.runs.export.bundle import unpack, write_bundle
from nextitem.runs.folder.code import CODE
from nextitem.writing import remove_folder, temporary_folder

IDS = {pl.Int64: "bigint", pl.String: "string"}  # what Spark calls the kinds of ids
WHOLE = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True)
class Work:
    """What an executor is told."""

    bundle: str  # the file's name among those that Spark sends
    rules: Rules
    fallback: Fallback


def recommend(
    run: Run,
    frame: object,
    k: int = 10,
    *,
    exclude_seen: bool = True,
    exclude: Iterable[object] = (),
    only: Iterable[object] | None = None,
    fallback: Fallback = "popularity",
    at_most: int | None = None,
    by: str | None = None,
) -> Any:
    """A Spark frame of the k best next items for each user of a Spark frame, by what the run keeps of them.

    `frame` has a column `user`; the result has `user`, `rank` (1 is best), `item`, `score` and `from`, in the order of
    the rows, as `nextitem recommend --for FILE` writes them, and the arguments are those of `Run.recommend`. A user who
    stands in two rows is answered twice, and rows without one are passed over. Nothing is worked out before the result
    is asked for; the file that the executors are sent stays until this process ends.

    Raises:
        InputError: it is no Spark frame, or of Spark Connect; its users are not of the kind that the run's ids are; the
            run keeps no histories or is of code of your own; or what `Run.recommend` refuses of all.
    """
    native, kind = _users_of(frame, run)
    if lexists(run.folder / CODE):
        raise InputError(
            f"{run.folder} is of a class of your own, which a bundle does not carry to the executors; "
            "take `nextitem recommend --for FILE`"
        )
    rules = Rules(k, run.hidden(exclude, only), exclude_seen, run.limit(at_most, by))
    next(chunks(run, Asked.of(run, run.users.column.head(1)), rules, fallback=fallback))  # refuses here, not out there
    item = IDS[type(run.items.column.dtype)]
    work = Work(_sent(run, native.sparkSession), rules, fallback)
    schema = f"user {kind}, rank int, item {item}, score float, `from` string"
    return native.mapInArrow(lambda batches: _answered(work, batches), schema)


def _users_of(frame: object, run: Run) -> tuple[Any, str]:
    """The column `user` of a Spark frame, as the run has ids, and what Spark calls their kind."""
    if find_spec("pyspark") is None:
        raise InputError(
            'recommending on a cluster is done by Spark, not installed here: pip install "nextitem[spark]"'
        )
    found = nw.from_native(frame, pass_through=True)
    if not isinstance(found, nw.LazyFrame) or not found.implementation.is_pyspark():
        raise InputError(
            f"frame must be a Spark frame of a session of this process, found {type(frame).__module__}."
            f"{type(frame).__name__}; of other users ask run.recommend(users=..), or nextitem recommend --for FILE"
        )
    native: Any = found.to_native()
    kinds = dict(native.dtypes)
    if "user" not in kinds:
        raise InputError(f"frame must have a column user, found {', '.join(kinds)}; rename the one that has the ids")
    kind = IDS[type(run.users.column.dtype)]
    if kinds["user"] != kind and not (kind == "bigint" and kinds["user"] in WHOLE):
        raise InputError(
            f"the run knows users by {kind}, and the column user is {kinds['user']}; "
            f'cast it: frame.withColumn("user", frame.user.cast("{kind}"))'
        )
    users = native.select(native["user"].cast(kind).alias("user"))
    return users.where("user is not null"), kind


def _sent(run: Run, session: Any) -> str:
    """The name of a new bundle, which Spark sends to each executor that asks for it."""
    folder = temporary_folder()
    atexit.register(remove_folder, folder)
    path = folder / f"nextitem-{token_hex(16)}.zip"  # Spark sends one file of a name alone
    write_bundle(run.folder, path, histories=True)
    session.sparkContext.addFile(str(path))
    return path.name


def _answered(work: Work, batches: Iterator[Any]) -> Iterator[Any]:
    """In a worker: Arrow batches of users in, of a row an item out."""
    import pyarrow as pa

    run = _opened(work.bundle)
    for batch in batches:
        asked = Asked.of(run, pl.Series("user", batch.column(0)))
        for table in chunks(run, asked, work.rules, fallback=work.fallback):
            found = table.to_arrow()
            plain = [pa.string() if pa.types.is_large_string(one) else one for one in found.schema.types]
            yield from found.cast(pa.schema(zip(found.column_names, plain, strict=True))).to_batches()


@lru_cache(2)
def _opened(bundle: str) -> Run:
    """The run, opened once a worker from files that all workers of the executor share; Spark removes them."""
    from pyspark import SparkFiles

    path = Path(SparkFiles.get(bundle))
    folder = path.with_suffix("")
    with FileLock(path.with_suffix(".lock")):
        if not folder.exists():
            unpack(path, folder)
    return load(folder)
