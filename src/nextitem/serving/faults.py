"""Faults: every request that is refused is told why, in one sentence of JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from nextitem.errors import InputError
from nextitem.serving.door import refused
from nextitem.serving.engine import BusyError
from nextitem.serving.service import CannotError
from nextitem.serving.sessions import FullError
from nextitem.serving.telling import one_line

SHOULD = "Input should be "  # how sentences of pydantic begin
KINDS = ("int", "str", "float")  # of a value that may be of several
_LOG = logging.getLogger(__name__)


def answer_faults(app: FastAPI) -> None:
    """Give each kind of error its status."""
    app.exception_handler(InputError)(_input)
    app.exception_handler(CannotError)(_cannot)
    app.exception_handler(BusyError)(_busy)
    app.exception_handler(FullError)(_full)
    app.exception_handler(RequestValidationError)(_shape)
    app.exception_handler(HTTPException)(_plain)
    app.exception_handler(Exception)(_ours)


async def _input(request: Request, error: Exception) -> JSONResponse:
    return refused(422, one_line(str(error)))


async def _cannot(request: Request, error: Exception) -> JSONResponse:
    return refused(409, one_line(str(error)))


async def _busy(request: Request, error: Exception) -> JSONResponse:
    return refused(503, str(error), {"Retry-After": "1"})


async def _full(request: Request, error: Exception) -> JSONResponse:
    return refused(429, str(error), {"Retry-After": "60"})


async def _shape(request: Request, error: Exception) -> JSONResponse:
    """A body that is no JSON, or has a key or a value that is none of ours."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    fault = faults[0]
    if fault["type"] == "json_invalid":
        return refused(400, f"the body is no JSON: {fault.get('ctx', {}).get('error', fault['msg'])}")
    if fault["loc"] == ("body",) and isinstance(fault.get("input"), bytes):
        return refused(422, "the body is not said to be JSON; send the header Content-Type: application/json")
    place = _place(fault)
    told = " or ".join(dict.fromkeys(str(one["msg"]).removeprefix(SHOULD) for one in faults if _place(one) == place))
    found = "nothing" if fault["type"] == "missing" else _shown(fault.get("input"))
    begins = f"{place} must be " if str(fault["msg"]).startswith(SHOULD) else f"{place}: "
    return refused(422, one_line(f"{begins}{told}; found {found}. /openapi.json says what may be asked"))


def _place(fault: Mapping[str, Any]) -> str:
    """Where in the body or the query, without the kinds that were tried there."""
    parts = [str(one) for one in fault["loc"] if one not in ("body", "query", "path", *KINDS)]
    return ".".join(one for one in parts if not one.startswith(("constrained", "function"))) or "the body"


async def _plain(request: Request, error: Exception) -> JSONResponse:
    """Of the server itself: no such place, another method, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    told = str(error.detail)
    if told == HTTPStatus(error.status_code).phrase:
        told = f"{request.method} {request.url.path}: {told.lower()}; /openapi.json lists what there is"
    return refused(error.status_code, one_line(told), dict(error.headers or {}))


async def _ours(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refused(500, "a fault of the service, not of the request; its log says more")


def _shown(found: object) -> str:
    """As JSON, cut; a text is shown with its escapes, whatever letters it has."""
    try:
        text = json.dumps(found)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(found).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}.."
