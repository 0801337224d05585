"""The server: a socket, uvicorn on it, and an end in which nothing that was asked stays without an answer."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from nextitem.errors import InputError
from nextitem.serving.app import application
from nextitem.serving.collecting import set_aside, take_back
from nextitem.serving.service import Service

BACKLOG = 2048  # connections that wait to be taken
GRACE = 30  # seconds that questions under way have when the service is told to end


def listen(host: str, port: int) -> socket.socket:
    """A socket at the address; port 0 is any free one.

    Raises:
        InputError: the port is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP, so that asyncio lets no packet wait for the answer to the one before: 40 ms a request.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InputError(
            f"--host {host} --port {port} cannot be listened at ({error.strerror}); name another port, or 0 for any"
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """As a browser takes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether this machine alone can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(service: Service, listener: socket.socket, token: str | None, begun: Callable[[], None]) -> None:
    """Answer until SIGTERM or Ctrl-C, then what is under way; `begun` is called once questions are taken."""

    class Telling(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                set_aside()
                begun()

    config = uvicorn.Config(
        application(service, token), log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE,
        server_header=False,
        loop="asyncio",  # with uvloop, which uvicorn takes where it is, nobody was answered after clients had gone away
    )  # fmt: skip
    signal.signal(signal.SIGTERM, _end)  # uvicorn hands the signal on when all is answered
    try:
        Telling(config).run(sockets=[listener])
    finally:
        take_back()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
