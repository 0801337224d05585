"""Finding: the file of a public data set, from a local folder, the cache or the web, whichever has it first."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from nextitem.data.log.shards import is_there
from nextitem.data.sources.public.cache import cache_folder, is_intact, keep, note_terms, noted, terms_are_new
from nextitem.data.sources.public.download import SourceError
from nextitem.data.sources.public.entries import PUBLIC_DATA
from nextitem.data.sources.public.kinds import PublicData
from nextitem.data.sources.public.sources import File, Source
from nextitem.data.sources.public.watching import Watcher
from nextitem.errors import InputError, suggest


@dataclass(frozen=True)
class Found:
    path: Path
    file: File
    said: str  # one sentence: which source served it


def find(name: str, data_dir: str | Path | None = None, watcher: Watcher | None = None) -> Found:
    """The verified file of a public data set: from `data_dir` (else NEXTITEM_DATA), the cache, the web.

    Terms of use and progress are shown by `watcher`, on stderr if none is given.

    Raises:
        InputError: no such name, no source has the file, or a local file has another checksum.
    """
    data = PUBLIC_DATA.get(name)
    if data is None:
        raise InputError(f'there is no public data set "{name}"; {suggest(name, PUBLIC_DATA)}')
    return _anywhere(data, data_dir, watcher)


def _anywhere(data: PublicData, data_dir: str | Path | None, watcher: Watcher | None = None, part: str = "") -> Found:
    tried: list[str] = []
    found = in_local_folder(data, data_dir, tried) or in_cache(data, tried) or _from_the_web(data, tried, watcher)
    if found is None:
        raise InputError(
            f"{part}{data.name} is not to be had:\n"
            + "".join(f"  - {reason}\n" for reason in tried)
            + _by_hand(data)
            + f"Put {_places(data)} into a folder and name the folder in NEXTITEM_DATA, "
            "or use -d synthetic, which needs no network"
        )
    return found


def _by_hand(data: PublicData) -> str:
    if not data.by_hand:
        return ""
    where = f"by hand, from {data.page}" if data.downloads else f"{data.name} is not offered for download here"
    page = f" ({data.page})" if data.page and not data.downloads else ""
    return f"{where}{page}: {data.by_hand}\n"


def _places(data: PublicData) -> str:
    training = " or ".join(file.place for file in data.files)
    return ", and ".join((training, *(file.place for file in data.held_out.values())))


def in_local_folder(data: PublicData, data_dir: str | Path | None, tried: list[str]) -> Found | None:
    """A file that is there but wrong is an error: whoever put it there should know."""
    named = data_dir if data_dir is not None else os.environ.get("NEXTITEM_DATA")
    if not named:
        tried.append("local folder: none is named (data_dir, or the environment variable NEXTITEM_DATA)")
        return None
    for file in data.files:
        if path := _intact(data, file, Path(named)):
            return _found(path, file, f"{data.name} from the local folder {named}, {_held_to(file)}")
    tried.append(f"local folder {named}: it has no {' and no '.join(file.place for file in data.files)}")
    return None


def find_beside(name: str, data_dir: str | Path | None = None) -> dict[str, Path]:
    """What stands beside a public data set in `data_dir` (else NEXTITEM_DATA): field of SideTables -> path. Nothing of
    it is downloaded, and a name that is no public data set's has nothing.

    Raises:
        InputError: a file has another checksum.
    """
    data, named = PUBLIC_DATA.get(name), data_dir if data_dir is not None else os.environ.get("NEXTITEM_DATA")
    if data is None or not named:
        return {}
    places = {role: _intact(data, file, Path(named)) for role, file in data.beside.items()}
    return {role: path for role, path in places.items() if path is not None}


def find_held_out(name: str, data_dir: str | Path | None = None) -> tuple[Path | None, Path] | None:
    """Validation, if there is one, and test of a public data set that comes as a split; None: it does not.

    Raises:
        InputError: a file is missing, or has another checksum.
    """
    data = PUBLIC_DATA.get(name)
    if data is None or not data.held_out:
        return None
    find(name, data_dir)  # whose absence tells of all files
    found = {part: _part(data, part, data_dir) for part in data.held_out}
    return found.get("valid"), found["test"]


def _part(data: PublicData, part: str, data_dir: str | Path | None) -> Path:
    """A part of a split, had as its training is."""
    file, source = data.held_out[part], data.held_out_downloads.get(part)
    alone = replace(data, files=(file,), downloads=() if source is None else (source,), held_out={})
    return _anywhere(alone, data_dir, part=f"the {part} of ").path


def _intact(data: PublicData, file: File, folder: Path) -> Path | None:
    """Where the file is; None: it is not there."""
    path = folder / file.place
    if not is_there(path):
        return None
    if path.is_file() and not is_intact(path, file, cache_folder()):
        right = file.sha256 or noted(file, cache_folder())
        raise InputError(
            f"{path} is not {data.name}: its sha256 is not {right}; "
            "remove it, or read it as a file of your own by its path"
        )
    return path


def in_cache(data: PublicData, tried: list[str]) -> Found | None:
    if not data.downloads:
        return None
    cache = cache_folder()
    kept = [file for file in data.files if (cache / file.place).is_file()]
    for file in kept:
        path = cache / file.place
        if is_intact(path, file, cache):
            return _found(path, file, f"{data.name} from the cache {cache}, {_held_to(file)}")
    tried.append(f"cache {cache}: {'damaged, to be replaced' if kept else 'not downloaded before'}")
    return None


def _from_the_web(data: PublicData, tried: list[str], watcher: Watcher | None) -> Found | None:
    if not data.downloads:
        return None
    cache, watcher = cache_folder(), watcher or Watcher()
    parts = cache / "parts"
    try:
        parts.mkdir(parents=True, exist_ok=True)
        if terms_are_new(data.name, data.terms, cache):
            watcher.show_terms(data.name, data.terms)
            note_terms(data.name, data.terms, cache)
    except OSError as error:
        raise InputError(f"the cache {cache} cannot be written: {error}; name another in NEXTITEM_CACHE") from error
    failed: list[str] = []
    with FileLock(parts / f"{data.name}.lock"), watcher:  # another process may be at it: its file is then taken
        if found := in_cache(data, []):
            return found
        for download in data.downloads:
            is_first = noted(download.file, cache) is None
            try:
                path = _fetch(download, cache, parts, watcher)
            except SourceError as reason:
                failed.append(f"{download}: {reason}")
                continue
            instead = f", instead of {'; '.join(failed)}" if failed else ""
            said = f"{data.name} from {download}, {_held_to(download.file, is_first)}, kept in {path.parent}{instead}"
            return _found(path, download.file, said)
    tried += failed
    return None


def _found(path: Path, file: File, said: str) -> Found:
    return Found(path, file, f"{said}; {file.said}" if file.said else said)


def _fetch(source: Source, cache: Path, parts: Path, watcher: Watcher) -> Path:
    return keep(source.file, cache, lambda out: source.fetch(out, parts, watcher))


def _held_to(file: File, is_first: bool = False) -> str:
    """What `is_intact` held the file to; `is_first`: it was just downloaded, for the first time."""
    if file.sha256:
        return "checksum verified"
    if is_first:
        return "no checksum is published; it is noted for later downloads"
    is_noted = noted(file, cache_folder()) is not None
    return "no checksum is published; " + ("the same as at its first download" if is_noted else "it is taken as it is")
