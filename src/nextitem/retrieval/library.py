"""The one door to faiss, which does approximate search: an extra, imported when it is first needed."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import torch

from nextitem.errors import InputError
from nextitem.forking import is_forked, mark_computed


def faiss() -> Any:
    """The module, with as many threads as torch has.

    Both bring an OpenMP of their own. On Linux these stand each other; on a Mac two that work at once can end the
    process, so that faiss has one thread there, as in a child whose threads stayed in its parent.

    Raises:
        InputError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the types that its wrapper makes
            import faiss
    except ImportError as error:
        raise InputError(
            'approximate search is done by faiss, which is not installed; `pip install "nextitem[ann]"`, or leave ann '
            "out: every item is looked at then, and the answers are exact"
        ) from error
    faiss.omp_set_num_threads(1 if sys.platform == "darwin" or is_forked() else torch.get_num_threads())
    mark_computed()
    return faiss


def to_bytes(index: Any) -> bytes:
    """An index as faiss itself writes it."""
    return faiss().serialize_index(index).tobytes()


def from_bytes(content: bytes) -> Any:
    """What `to_bytes` wrote. No vector in it may be larger than the whole.

    Raises:
        InputError: faiss cannot read it.
    """
    library = faiss()
    before = library.get_deserialization_vector_byte_limit()
    library.set_deserialization_vector_byte_limit(max(len(content), 2**10))
    try:
        return library.deserialize_index(np.frombuffer(content, dtype=np.uint8))
    except RuntimeError as error:
        raise InputError(f"faiss cannot read it ({str(error)[:120]})") from error
    finally:
        library.set_deserialization_vector_byte_limit(before)
