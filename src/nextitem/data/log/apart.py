"""Apart: a table read by a child of this process, which begins no thread by it.

Polars computes by threads of its own from the first file on. They do not follow a process into its children, where
whatever needs them would wait for ever. So a process that is to be forked (`keep_forkable`) reads by a child, which
sends what it found; to take that in needs no thread.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from multiprocessing import get_context
from multiprocessing.connection import Connection

import polars as pl

FAULTS = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def read_apart(read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """What `read` gives.

    Raises:
        PolarsError: what it raises, in these words.
        OSError: the child was ended.
    """
    forked = get_context("fork")
    here, there = forked.Pipe(duplex=False)
    child = forked.Process(target=_send, args=(read, there))
    child.start()
    there.close()
    try:
        fault = here.recv_bytes().decode()
        if fault:
            raise pl.exceptions.ComputeError(fault)
        return pl.read_ipc_stream(BytesIO(here.recv_bytes()))
    except EOFError as error:
        child.join()
        raise OSError(f"the process that read it ended with code {child.exitcode}") from error
    finally:
        here.close()
        child.join()


def _send(read: Callable[[], pl.DataFrame], there: Connection) -> None:
    """In the child: what went wrong, or an empty text and the table."""
    content = BytesIO()
    try:
        read().write_ipc_stream(content)
    except FAULTS as error:
        there.send_bytes((str(error) or type(error).__name__).encode())
        return
    there.send_bytes(b"")
    there.send_bytes(content.getvalue())
