"""Code: which class of the user's own a run is of, as its folder notes it in code.json, and when that code is run.

A folder may be a stranger's, so that opening one never runs the code it names: the class comes from who opens it, or
`trusted` is called because the user said so. Either way it must be the noted one, by the digest of its file. The digest
tells one version of a file from another; what that file imports is not looked into. Of a notebook it is the text of the
class alone, which may be written into a file later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from importlib.util import decode_source
from pathlib import Path
from typing import Any

from nextitem.errors import InputError
from nextitem.models.asking import asked
from nextitem.models.catalogue import is_ours
from nextitem.models.importing import read_code
from nextitem.models.notebooks import text_among
from nextitem.models.own import Given, OwnModel, absolute, own_model, text_digest
from nextitem.training.shapes import MEND, CodeShape, read_json
from nextitem.writing import write

CODE = "code.json"


def write_note(folder: Path, own: OwnModel) -> None:
    note = {
        "name": own.name,
        "class": own.model.__name__,
        "file": None if own.path is None else str(own.path),
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
    if is_ours(name):
        return ()
    note = read_note(folder, name)
    if not models and note["file"] is None:
        raise InputError(
            f"{folder} is of {note['class']}, a class of a notebook. Define it as it was, and give it: load(RUN, "
            f"models=[{note['class']}]); for a command write it into a file, and name that: --code FILE"
        )
    if not models:
        raise InputError(
            f"{folder} is of a model of somebody's own: opening it would run {note['class']} of {note['file']}. Look "
            "at that code, then add --trust-code to the command (--code FILE, if it moved); in Python give the class: "
            "load(RUN, models=[..])"
        )
    called = [one for one in models if _class_name(one) == note["class"]]
    if not called:
        others = ", ".join(map(_class_name, models))
        raise InputError(f"{folder} is of {note['class']} of {_place(note)}, found in models {others}; give that class")
    owns = [one if isinstance(one, OwnModel) else own_model(one) for one in called]
    if note["file"] is None:
        owns = [replace(own, path=None, sha256=text_digest(own.model)) for own in owns]
    same = [own for own in owns if own.sha256 == note["sha256"]]
    if not same:
        raise InputError(_other(folder, note, f"{owns[0].path or 'the class that is given'}", owns[0].sha256))
    return (replace(same[0], name=name),)


def trusted(folder: Path, name: str, moved: Path | None = None) -> tuple[OwnModel, ...]:
    """The same, imported from where the run noted it, or from the file to which the user says that it `moved`. This
    runs code that the folder names: for users who said so.

    A file is compared with its noted digest before it runs, a module after, since finding it imports its packages.

    Raises:
        InputError: the code is gone, or is another now.
    """
    if is_ours(name):
        if moved is not None:
            raise InputError(f"{folder} is of {name}, which is one of ours and no code of your own; leave --code out")
        return ()
    note = read_note(folder, name)
    place = name if moved is None else absolute(f"{moved}:{note['class']}")
    source = place.rpartition(":")[0]
    if moved is None and note["file"] is None:
        return chosen(folder, name, ())  # which says what to do
    if moved is not None and not source.endswith(".py"):
        raise InputError(f"--code {moved} is no Python file; name the one that holds {note['class']}, such as mine.py")
    if source.endswith(".py"):
        if not Path(source).is_file():
            raise InputError(
                f"{folder} is of {note['class']} of {_place(note)}, and {source} is gone; put that file back, or name "
                "the place where it is now: --code FILE (in Python its class: load(RUN, models=[..]))"
            )
        content = read_code(Path(source))
        if note["file"] is None:
            content = (text_among(decode_source(content), note["class"]) or "").encode()
        found = sha256(content).hexdigest()
        if found != note["sha256"]:
            raise InputError(_other(folder, note, source, found))
    try:
        own = asked(place)
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
    what = "the text of the model's class" if own.path is None else f"the file of the model, {own.path},"
    return f"{what} has changed: SHA-256 {own.sha256[:12]}.., not {note['sha256'][:12]}.."


def _other(folder: Path, note: dict[str, Any], path: str, digest: str) -> str:
    """The sentence on a file that is not the run's."""
    if note["file"] is None:
        return (
            f"{folder} was made with {note['class']} of a notebook (SHA-256 {note['sha256'][:12]}..), and its text in "
            f"{path} is another now ({digest[:12]}..); bring that text back, from class to its last line, or train "
            "again with it as it is"
        )
    return (
        f"{folder} was made with {note['class']} of {note['file']} (SHA-256 {note['sha256'][:12]}..), and {path} is "
        f"another file now ({digest[:12]}..); bring the file of the run back, or train again with it as it is "
        f"(nextitem run -m {note['name']} .. --again){_version(note)}"
    )


def _version(note: dict[str, Any]) -> str:
    return f" (it was of {note['distribution']} {note['version']})" if note["distribution"] else ""


def _place(note: dict[str, Any]) -> str:
    return note["file"] or "a notebook"


def _class_name(one: Given) -> str:
    return one.model.__name__ if isinstance(one, OwnModel) else one.__name__
