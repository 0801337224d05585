"""Door: what a request must pass before anything of it is read: the token, the rate, the size of its body."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from secrets import compare_digest

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nextitem.serving.limits import Limits
from nextitem.serving.meters import Meters

OPEN = ("/", "/healthz", "/readyz", "/openapi.json")  # without a token: they tell nothing of the data
UNCOUNTED = ("/healthz", "/readyz", "/metrics")  # by the rate: an overseer must not be turned away
MOST_CLIENTS = 10_000  # addresses that are remembered


class Pace:
    """A bucket a client: it holds a second's requests, and fills as time goes by; `clock` tells seconds."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, and when that was

    def takes(self, client: str) -> bool:
        """Whether one more request is within the rate."""
        now, most = self._clock(), max(1.0, self._rate)
        left, before = self._left.pop(client, (most, now))
        left = min(most, left + (now - before) * self._rate)
        is_within = left >= 1.0
        self._left[client] = (left - is_within, now)
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return is_within


class Door:
    """Around the application; it also counts what came and how long it took."""

    def __init__(self, app: ASGIApp, limits: Limits, token: str | None, meters: Meters) -> None:
        self._app, self._limits, self._token, self._meters = app, limits, token, meters
        self._pace = Pace(limits.rate) if limits.rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            app: ASGIApp = self._refusal(scope) or self._app
            await app(scope, self._bounded(receive), sending)
        finally:
            route = scope.get("route")
            endpoint = "other" if route is None else route.path
            self._meters.saw_request(endpoint, status, time.perf_counter() - start)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        path = scope["path"]
        headers = dict(scope["headers"])
        if self._token is not None and path not in OPEN:
            found = headers.get(b"authorization", b"")
            if not compare_digest(found, b"Bearer " + self._token.encode()):
                what = "the token is another one" if found else "there is none"
                told = f"this service wants its token, and {what}; send the header Authorization: Bearer TOKEN"
                return refused(401, told, {"WWW-Authenticate": "Bearer"})
        client = scope.get("client")
        if self._pace is not None and path not in UNCOUNTED and not self._pace.takes(client[0] if client else ""):
            told = f"more than {self._limits.rate:g} requests a second from one address; ask again in a second"
            return refused(429, told, {"Retry-After": "1"})
        size = headers.get(b"content-length", b"0")
        if size.isdigit() and int(size[:20]) > self._limits.body:
            return refused(413, self._too_large(), {"Connection": "close"})
        return None

    def _bounded(self, receive: Receive) -> Receive:
        """A body whose size nobody said is counted as it comes."""
        size = 0

        async def receiving() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limits.body:
                raise HTTPException(413, self._too_large(), {"Connection": "close"})
            return message

        return receiving

    def _too_large(self) -> str:
        return f"a body may have {self._limits.body:,} bytes here; ask for fewer rows in one request"


def refused(status: int, told: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that says why there is none."""
    return JSONResponse({"error": told}, status, headers)
