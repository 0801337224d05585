"""Output: a file that is written whole or not at all, gzipped by its ending."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from nextitem.data.saving import disk_faults
from nextitem.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which stands at `path` once the block has ended well; before that, what stood there.

    Gzipped where `path` ends in .gz, without a time or a name, so that equal content gives equal bytes.

    Raises:
        InputError: the folder does not exist or cannot be written, or a folder stands at `path`.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    try:
        part = tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}; name another folder") from error
    try:
        with part as folder, disk_faults():
            whole = Path(folder) / "whole"
            with whole.open("wb") as file:
                if path.name.endswith(".gz"):
                    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                        yield cast(BinaryIO, packed)
                else:
                    yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(whole, path)
    except OSError as error:
        raise InputError(f"{path} could not be written ({error}); what stood there before is untouched") from error
