"""Arrays and tables in files: read as they were, and no room for the last byte is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nextitem.data.saving import save_array

# No file may be larger than 1,000 bytes. 300 numbers take 2,528: numpy's own save ends well here, with a part of them.
SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np
import polars as pl
from nextitem.data.saving import save_array, save_table
from nextitem.data.sources.formats.output import replacing
from nextitem.errors import InputError
table, path = pl.DataFrame({"a": range(9000)}), Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    with replacing(path) as file:
        table.write_csv(file)
except InputError as error:
    print(error)
"""
TO_CSV = SCRIPT[SCRIPT.index("    with") : SCRIPT.index("except")]


@pytest.mark.parametrize("values", [np.arange(5, dtype=np.int32), np.zeros(0, dtype=np.int64), np.eye(3)])
def test_an_array_is_read_as_it_was(values: np.ndarray, tmp_path: Path) -> None:
    save_array(values, tmp_path / "a.npy")
    found = np.load(tmp_path / "a.npy", mmap_mode="r" if values.size else None)
    assert found.dtype == values.dtype
    assert np.array_equal(found, values)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("save", [TO_CSV, "    save_array(np.arange(300), path)\n", "    save_table(table, path)\n"])
def test_no_room_for_the_end_of_a_file_is_told(save: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT.replace(TO_CSV, save), str(tmp_path / "a")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "a could not be written (" in said
    assert "what stood there before is untouched" in said
    assert list(tmp_path.iterdir()) == []
