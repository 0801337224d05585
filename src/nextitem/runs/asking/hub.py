"""Hub: a run as a repository of the Hugging Face Hub: the files of a bundle in a folder, and a card that the Hub reads.

README.md has the licence and the library as the Hub wants them at its head, and says the data, the protocol and the
figures as the card of a bundle does; it may be edited there. Every other file must be what manifest.json says. Nothing
but the names of a bundle's files is ever fetched, and no code.
"""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from os.path import lexists
from pathlib import Path
from zipfile import ZipFile

from nextitem.errors import InputError
from nextitem.replacing import new_folder
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.export.bundle import CARD, CHUNK, FORMAT, MANIFEST, NAMES, ManifestShape, fill, write_bundle
from nextitem.runs.export.card import card
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.training.shapes import read_json
from nextitem.writing import remove_folder, temporary_folder, write

LICENCE = re.compile(r"[a-z0-9][a-z0-9.\-]{0,40}")  # what the Hub calls them: mit, apache-2.0, cc-by-4.0, other
USE = """
## How to use it

```python
import nextitem as ni  # pip install "nextitem[hub]=={version}"

run = ni.hub.from_pretrained("{name}")
run.recommend([["ID", "ID"]], k=10)
```

The files are checked against `manifest.json` when they are opened.
"""


def save_pretrained(
    run: Run, folder: str | Path, *, licence: str, name: str = "OWNER/NAME", histories: bool = False
) -> None:
    """Write a run as the folder of a repository, whole or not at all; `from_pretrained` and `ni.load` open it.

    `licence` is that of the weights, as the Hub calls it; `name` is what the card calls the repository. `histories`
    takes those of the users along: personal data.

    Raises:
        InputError: something stands there; the run is not finished, damaged, or keeps no histories; or the licence is
            none that the Hub could name.
    """
    folder = Path(folder)
    if LICENCE.fullmatch(licence) is None:
        raise InputError(f"licence must be as the Hub names it, such as mit, apache-2.0 or other; found {licence!r}")
    if lexists(folder):
        raise InputError(f"{folder} is there already; name a new folder")
    if histories:
        _ = run.histories  # refused where there are none, or damaged ones
    head = f"---\nlicense: {licence}\nlibrary_name: nextitem\ntags:\n- recommendation\n---\n\n"
    text = card(RunFolder(run.folder), name, has_histories=histories, use=USE)
    place = temporary_folder()
    try:
        write_bundle(run.folder, place / "run.zip", histories=histories)
        with new_folder(folder) as part:
            fill(place / "run.zip", part)
            with ZipFile(place / "run.zip") as archive:
                write(part / MANIFEST, archive.read(MANIFEST))
            write(part / CARD, (head + text).encode())
    finally:
        remove_folder(place)


def push(
    run: Run, repository: str, *, licence: str, histories: bool = False, private: bool = True, token: str | None = None
) -> str:
    """Upload a run into a repository of the Hub, which is made if it is not there; its address.

    Without a `token` it is the one that `hf auth login` or HF_TOKEN left. The licence and the histories are those of
    `save_pretrained`; a new repository is private unless `private` is false. What an older run left there goes, its
    histories too; earlier commits of the repository keep them.

    Raises:
        InputError: huggingface-hub is not installed, the Hub cannot be reached or refuses it, or what
            `save_pretrained` refuses.
    """
    _refuse_missing()
    from huggingface_hub import HfApi

    place = temporary_folder()
    try:
        save_pretrained(run, place / "run", licence=licence, name=repository, histories=histories)
        with _asked(repository, "pushed"):
            hub = HfApi(token=token)
            address = str(hub.create_repo(repository, private=private, exist_ok=True))
            hub.upload_folder(
                repo_id=repository, folder_path=place / "run", commit_message=f"{run.recipe.model.label}",
                delete_patterns=sorted(NAMES),
            )  # fmt: skip
    finally:
        remove_folder(place)
    return address


def from_pretrained(repository: str | Path, *, revision: str | None = None, token: str | None = None) -> Run:
    """Open a run of the Hub, or of a folder that `save_pretrained` wrote; `revision` is a branch, a tag or a commit.

    What is fetched is there as long as the run is, or until the process ends.

    Raises:
        InputError: huggingface-hub is not installed, the Hub cannot be reached or has no such run, or a file is not
            what the manifest says.
    """
    if Path(repository).is_dir():
        _refuse_damage(Path(repository))
        return load(repository)
    _refuse_missing()
    from huggingface_hub import snapshot_download

    place = temporary_folder()
    try:
        folder = place / "run"  # a copy of its own: the cache of the Hub is made of links
        with _asked(str(repository), "fetched"):
            snapshot_download(
                str(repository), revision=revision, token=token, local_dir=folder, allow_patterns=sorted(NAMES)
            )
        _refuse_damage(folder)
        run = load(folder)
    except BaseException:
        remove_folder(place)
        raise
    weakref.finalize(run, _remove, place, os.getpid())
    return run


@contextmanager
def _asked(repository: str, done: str) -> Iterator[None]:
    """What goes wrong between here and the Hub, as an InputError; `done` is what was to happen to the repository."""
    from huggingface_hub import errors

    way_out = "try again, or see https://status.huggingface.co"
    try:
        yield
    except errors.HFValidationError as error:
        raise InputError(f"{_said(error)}; name a folder that is there, or a repository as OWNER/NAME") from error
    except errors.LocalTokenNotFoundError as error:
        raise InputError(f"{repository} wants a token: {_said(error)}; run `hf auth login`, or pass token=") from error
    except errors.OfflineModeIsEnabled as error:
        raise InputError(f"{repository} cannot be {done} offline: {_said(error)}; unset HF_HUB_OFFLINE") from error
    except errors.RevisionNotFoundError as error:
        raise InputError(f"{repository} has no such revision; name a branch, a tag or a commit") from error
    except errors.RepositoryNotFoundError as error:  # a private one is not told from none
        raise InputError(
            f"{repository} is not on the Hub, or the token may not see it; look at the name, run `hf auth login`, or "
            "pass token="
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            way_out = "pass a token= that may, with the right to write for a push (https://hf.co/settings/tokens)"
        raise InputError(
            f"{repository} cannot be {done}, the Hub answers {status}: {_said(error)}; {way_out}"
        ) from error
    except errors.LocalEntryNotFoundError as error:  # what it says where the Hub cannot be reached
        raise InputError(
            f"{repository} cannot be {done}: {_said(error)}; look at the network, and {way_out}"
        ) from error
    except Exception as error:
        if not _is_of_network(error):
            raise
        raise InputError(
            f"{repository} cannot be {done} ({_said(error)}); look at the network and the disk, and {way_out}"
        ) from error


def _is_of_network(error: BaseException) -> bool:
    """Of the network, the disk, or the library that asks the Hub; which one that is, is of its version."""
    names = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(names & {"requests", "httpx", "httpx2", "huggingface_hub"})


def _said(error: BaseException) -> str:
    """The first line, not endless."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child ends before its parent does
        remove_folder(folder)


def _refuse_damage(folder: Path) -> None:
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} has no {MANIFEST}; name a repository, or a folder, that nextitem wrote")
    manifest = read_json(folder / MANIFEST, ManifestShape)
    if manifest["format"] > FORMAT:
        raise InputError(f"{folder} was written by nextitem {manifest['nextitem'][:20]}; install that version")
    for name, said in manifest["files"].items():
        if name not in NAMES:
            raise InputError(f"{folder / MANIFEST} names {name[:80]!r}, which is no file of a run")
        if name != CARD and _of_file(folder / name) != (said["bytes"], said["sha256"]):
            raise InputError(f"{folder / name} is not what {MANIFEST} says; fetch it anew")
    unnamed = [name for name in sorted(NAMES - {MANIFEST, CARD}) if name not in manifest["files"]]
    for name in unnamed:
        if lexists(folder / name):
            raise InputError(f"{folder / name} is not named by {MANIFEST}, so it is of another run; remove it")


def _of_file(path: Path) -> tuple[int, str] | None:
    """Its bytes and their SHA-256."""
    if not path.is_file():
        return None
    digest, count = sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            count += len(chunk)
    return count, digest.hexdigest()


def _refuse_missing() -> None:
    if find_spec("huggingface_hub") is None:
        raise InputError('the Hub is asked by huggingface-hub, not installed here: pip install "nextitem[hub]"')
