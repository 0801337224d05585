"""Titles of a run: what its items are called, kept beside their ids."""

from __future__ import annotations

from os.path import lexists

import polars as pl

from nextitem.data.side.titles import read_titles
from nextitem.errors import InputError
from nextitem.runs.folder.run_folder import TITLES, RunFolder
from nextitem.training.shapes import MEND, own


def titles_of_run(run: RunFolder, num_items: int) -> pl.Series | None:
    """(num_items,) what each item is called, null where that is not known; None where the run knows no titles.

    Raises:
        InputError: the file is damaged, changed, or of another run.
    """
    path = run.path / TITLES
    if not lexists(path):
        return None
    if run.is_finished:
        files = run.read_report(reads=(TITLES,)).get("files", {})
        if files and TITLES not in files:
            raise InputError(f"{path} is not of this run, whose report.json does not name it; {MEND}")
    return read_titles(own(path), num_items)
