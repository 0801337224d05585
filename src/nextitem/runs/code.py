"""Code: which class of the user's own a run is of, as its folder notes it in code.json, and when that code is run.

A folder may be a stranger's, so that opening one never runs the code it names: the class comes from who opens it, or
`trusted` is called because the user said so. Either way it must be the noted one, by the digest of its file. The digest
tells one version of a file from another; what that file imports is not looked into.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from nextitem.errors import InputError
from nextitem.models.asking import asked
from nextitem.models.catalogue import MODELS
from nextitem.models.importing import read_code
from nextitem.models.own import Given, OwnModel, own_model
from nextitem.training.shapes import MEND, CodeShape, read_json
from nextitem.writing import write

CODE = "code.json"


def write_note(folder: Path, own: OwnModel) -> None:
    note = {
        "name": own.name,
        "class": own.model.__name__,
        "file": str(own.path),
        "sha256": own.sha256,
        "distribution": own.distribution,
        "version": own.version,
    }
    write(folder / CODE, (json.dumps(note, indent=1, ensure_ascii=False) + "\n").encode())


def read_note(folder: Path, name: str) -> dict[str, Any]:
    """What the run noted of the class under this name in its recipe.

    Raises:
        InputError: it is missing, damaged, or of another name.
    """
    note = read_json(folder / CODE, CodeShape)
    if note["name"] != name:
        raise InputError(f"{folder / CODE} is of the model {note['name']}, and the recipe of {name}; {MEND}")
    return note


def chosen(folder: Path, name: str, models: Sequence[Given]) -> tuple[OwnModel, ...]:
    """That of `models` which the run is of, under the `name` of its recipe; none where that is one of ours.

    Raises:
        InputError: none of `models` is of the noted name, or that one is of another file.
    """
    if name in MODELS:
        return ()
    note = read_note(folder, name)
    if not models:
        raise InputError(
            f"{folder} is of a model of somebody's own: opening it would run {note['class']} of {note['file']}. Look "
            "at that code, then add --trust-code to the command; in Python give the class: load(RUN, models=[..])"
        )
    called = [one for one in models if _class_name(one) == note["class"]]
    if not called:
        others = ", ".join(map(_class_name, models))
        raise InputError(f"{folder} is of {note['class']} of {note['file']}, found in models {others}; give that class")
    owns = [one if isinstance(one, OwnModel) else own_model(one) for one in called]
    same = [own for own in owns if own.sha256 == note["sha256"]]
    if not same:
        raise InputError(_other(folder, note, str(owns[0].path), owns[0].sha256))
    return (replace(same[0], name=name),)


def trusted(folder: Path, name: str) -> tuple[OwnModel, ...]:
    """The same, imported from where the run noted it. This runs code that the folder names: for users who said so.

    A file is compared with its noted digest before it runs, a module after, since finding it imports its packages.

    Raises:
        InputError: the code is gone, or is another now.
    """
    if name in MODELS:
        return ()
    note = read_note(folder, name)
    source = name.rpartition(":")[0]
    if source.endswith(".py"):
        if not Path(source).is_file():
            raise InputError(
                f"{folder} is of {note['class']} of {source}, which is gone; put that file back, or if it is elsewhere "
                "now, open the run in Python with its class: load(RUN, models=[..])"
            )
        found = sha256(read_code(Path(source))).hexdigest()
        if found != note["sha256"]:
            raise InputError(_other(folder, note, source, found))
    try:
        own = asked(name)
    except InputError as error:
        raise InputError(f"{folder}: {error}{_version(note)}") from error
    if own is None:
        raise InputError(
            f"{folder} is of {name}, which {note['distribution'] or 'a distribution'} brought and which is gone; "
            f"install it again{_version(note)}"
        )
    return chosen(folder, name, (own,))


def difference(folder: Path, own: OwnModel) -> str:
    """What of the code is no longer as the run noted it; empty where it is the same."""
    note = read_note(folder, own.name)
    if own.sha256 == note["sha256"]:
        return ""
    return f"the file of the model, {own.path}, has changed: SHA-256 {own.sha256[:12]}.., not {note['sha256'][:12]}.."


def _other(folder: Path, note: dict[str, Any], path: str, digest: str) -> str:
    """The sentence on a file that is not the run's."""
    return (
        f"{folder} was made with {note['class']} of {note['file']} (SHA-256 {note['sha256'][:12]}..), and {path} is "
        f"another file now ({digest[:12]}..); bring the file of the run back, or train again with it as it is "
        f"(nextitem run -m {note['name']} .. --again){_version(note)}"
    )


def _version(note: dict[str, Any]) -> str:
    return f" (it was of {note['distribution']} {note['version']})" if note["distribution"] else ""


def _class_name(one: Given) -> str:
    return one.model.__name__ if isinstance(one, OwnModel) else one.__name__
