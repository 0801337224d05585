"""Arrays in files: read as they were, and no room for the last byte is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nextitem.data.arrays import save_array

# 300 numbers take 2,528 bytes; numpy's own save ends well here, with a file of 1,000.
SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np
from nextitem.data.arrays import save_array
from nextitem.errors import InputError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    save_array(np.arange(300), Path(sys.argv[1]))
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("values", [np.arange(5, dtype=np.int32), np.zeros(0, dtype=np.int64), np.eye(3)])
def test_an_array_is_read_as_it_was(values: np.ndarray, tmp_path: Path) -> None:
    save_array(values, tmp_path / "a.npy")
    found = np.load(tmp_path / "a.npy", mmap_mode="r" if values.size else None)
    assert found.dtype == values.dtype
    assert np.array_equal(found, values)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_no_room_for_the_end_of_an_array_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "a.npy")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "a.npy could not be written ([Errno 27]" in said
    assert list(tmp_path.iterdir()) == []
