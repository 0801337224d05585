"""Arrays: `.npy` files that are whole, or an error.

Into an open file numpy writes through the C library, and does not hear when the end, which that holds back, finds no
room: a full disk would leave a part of a small array without a word (numpy 2.4).
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from nextitem.writing import replacing


class _Written:
    """A file that numpy can but write into."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        return self._file.write(content)


def save_array(values: np.ndarray, path: Path) -> None:
    """What `np.load` reads.

    Raises:
        InputError: it cannot be written.
    """
    with replacing(path) as file:
        np.lib.format.write_array(_Written(file), values, allow_pickle=False)
