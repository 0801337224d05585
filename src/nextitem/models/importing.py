"""A Python file as a module of its own, known by its path and its content.

It is compiled from the very bytes whose digest is noted, so that no cached bytecode, nor a change in between, runs in
their place. Nothing here asks whether it should: who calls this has been told to by the user.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from importlib.abc import ExecutionLoader
from importlib.util import decode_source, module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from nextitem.errors import InputError

PREFIX = "_nextitem_own_"  # of names in sys.modules, which no other module has


class ContentLoader(ExecutionLoader):
    """Runs `content` as the file at `path`."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self.content = path, content
        self.sha256 = sha256(content).hexdigest()

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_source(self, fullname: str) -> str:
        return decode_source(self.content)

    def is_package(self, fullname: str) -> bool:
        return False


def read_code(path: Path) -> bytes:
    """Raises InputError where there is no such file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"the file of the model, {path}, cannot be read: {error.strerror}") from error


def import_file(path: Path) -> ModuleType:
    """Run a file and return its module: the same one for the same absolute path, until its content changes.

    Raises:
        InputError: the file cannot be read, or what it does raises an error; its line is named.
    """
    loader = ContentLoader(path, read_code(path))
    name = f"{PREFIX}{sha256(str(path).encode()).hexdigest()[:16]}_{loader.sha256[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # a loader was given
    module = module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and type hints look for it
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # of the user's code: any there is
        del sys.modules[name]
        raise InputError(f"{path} cannot be imported: {told(error, path)}") from error
    except BaseException:
        del sys.modules[name]
        raise
    return module


def told(error: BaseException, path: Path | None = None) -> str:
    """An error of an import in a line, with the last line of the file at `path` that it came through."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [one.lineno for one in extract_tb(error.__traceback__) if path is not None and one.filename == str(path)]
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError):
        what += " (install it, or put its folder into PYTHONPATH)"
    return f"line {lines[-1]}: {what}" if lines else what
