"""Whether what a service is made of is installed: FastAPI, uvicorn and prometheus-client, the extra `serve`."""

from __future__ import annotations

from importlib.util import find_spec

from nextitem.errors import InputError

WANTED = {"fastapi": "FastAPI", "uvicorn": "uvicorn", "prometheus_client": "prometheus-client"}


def refuse_missing() -> None:
    """Raises InputError where one is not installed."""
    missing = [name for module, name in WANTED.items() if find_spec(module) is None]
    if missing:
        raise InputError(
            f'a service is made of {", ".join(missing)}, not installed here: pip install "nextitem[serve]"'
        )
