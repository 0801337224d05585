"""Models of the user's own on the command line: which code a command may run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nextitem.models.own import OwnModel

TrustCode = Annotated[
    bool,
    typer.Option("--trust-code", help="Run the code of the model, which the run folder names; look at it first."),
]
MovedCode = Annotated[
    Path | None,
    typer.Option("--code", metavar="FILE", help="The file of a model of your own, if it is no longer where it was."),
]


def code_of_run(folder: Path, is_trusted: bool, moved: Path | None = None) -> Sequence[OwnModel]:
    """The class of a run folder: of the file that the user names, or of the one that the folder does, if that is
    trusted."""
    if not is_trusted and moved is None:
        return ()
    from nextitem.runs.folder.code import trusted
    from nextitem.runs.folder.run_folder import RunFolder

    return trusted(folder, RunFolder(folder).model_name, moved)


def code_asked_for(name: object) -> Sequence[OwnModel]:
    """The class that a name on the command line leads to; none where that is one of ours."""
    from nextitem.models.asking import asked

    own = asked(name) if isinstance(name, str) else None
    return () if own is None else (own,)


def model_name(*layers: dict[str, Any]) -> object:
    """`model.name` of the last layer that has one, or None."""
    sections = [layer.get("model") for layer in layers]
    return next((one["name"] for one in reversed(sections) if isinstance(one, dict) and "name" in one), None)
