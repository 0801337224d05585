"""What stands in a folder that a command wrote: read whole, so that half of a file is a fault, and without times."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from nextitem.training.checkpoint import load_weights

# What no two runs share: times, digests of files that hold times, and where a run was made.
OF_ITS_TIME = {"seconds", "targets_per_second", "files", "directory"}


def content_of(folder: Path) -> dict[str, Any]:
    """By path below the folder; hidden files, pages and databases are left out.

    Raises:
        ValueError, OSError, ..: a file is damaged.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    shown = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return {str(path.relative_to(folder)): read for path in shown if (read := _read(path)) is not None}


def _read(path: Path) -> Any:
    match path.suffix:
        case ".safetensors":
            return sorted((name, tensor.tolist()) for name, tensor in load_weights(path)[0].items())
        case ".json":
            return _timeless(json.loads(path.read_text()))
        case ".jsonl":
            return [_timeless(json.loads(line)) for line in path.read_text().splitlines()]
        case ".parquet":
            return pl.read_parquet(path).rows()
        case ".npy":
            return np.load(path).tolist()
        case ".yaml":
            return yaml.safe_load(path.read_text())
        case ".csv":
            with path.open(newline="") as file:
                return [
                    {key: value for key, value in row.items() if key not in OF_ITS_TIME} for row in csv.DictReader(file)
                ]
        case ".zip":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
                return sorted(archive.namelist())
        case ".pt2" | ".onnx":
            return path.stat().st_size > 0
    return None


def _timeless(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _timeless(value) for key, value in found.items() if key not in OF_ITS_TIME}
    return [_timeless(one) for one in found] if isinstance(found, list) else found
