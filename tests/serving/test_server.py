"""`nextitem serve` as a process: what it prints, who may reach it, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.serving import installed, server
from nextitem.serving.service import Service


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process, and what it said when it was ready."""
    command = [sys.executable, "-m", "nextitem", "serve", str(folder), "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def connected(url: str) -> socket.socket:
    place = urlsplit(url)
    assert place.hostname is not None
    return socket.create_connection((place.hostname, place.port or 0), timeout=60)


def test_what_was_asked_is_answered_before_it_ends(counted: Path) -> None:  # a process starts: seconds
    body = b'{"histories": [["i1"]], "k": 2}'
    head = f"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with served(counted) as (process, said), connected(said["url"]) as half:
        assert said["model"] == "MarkovChain"
        half.sendall(f"{head}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert half.recv(1000).startswith(b"HTTP/1.1 100")  # the question is under way
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)  # it waits for the rest
        half.sendall(body)
        assert half.recv(10_000).startswith(b"HTTP/1.1 200")
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_clients_that_go_away_leave_nothing_behind(counted: Path) -> None:  # a process starts: seconds
    body = b'{"histories": [["i1"]], "k": 2}'
    head = f"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    whole = head.encode() + b"\r\n\r\n" + body
    with served(counted) as (process, said):
        open_files = Path(f"/proc/{process.pid}/fd")
        before = len(list(open_files.iterdir()))
        for sent in (b"", head[:40].encode(), head.encode() + b"\r\n\r\n{", whole, b"no HTTP\r\n\r\n", whole * 5) * 10:
            with connected(said["url"]) as client:
                client.sendall(sent)
        end, is_over = monotonic() + 20, False
        while not is_over or len(list(open_files.iterdir())) > before:
            assert monotonic() < end
            sleep(0.05)
            with urlopen(f"{said['url']}/metrics", timeout=60) as metrics:
                is_over = "nextitem_waiting 0.0" in metrics.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize("token", [None, "sesame"])
def test_it_warns_where_others_can_reach_it(token: str | None, counted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def ended(service: Service, listener: socket.socket, token: str | None, begun: object) -> None:
        asked.append(token)
        service.stop()

    monkeypatch.setattr(server, "serve", ended)
    more = [] if token is None else ["--token", token]
    result = CliRunner().invoke(app, ["serve", str(counted), "--port", "0", "--host", "0.0.0.0", *more])
    assert result.exit_code == 0
    told = "whoever can reach it may ask" if token is None else "over HTTPS alone"
    assert told in " ".join(result.stderr.split())
    result = CliRunner().invoke(app, ["serve", str(counted), "--port", "0"], env={"NEXTITEM_TOKEN": "of the house"})
    assert (result.stderr, asked) == ("", [token, "of the house"])


def test_this_machine_alone_is_told_from_others() -> None:
    assert [server.is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.5.5.5")] == [True] * 4
    assert [server.is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org")] == [False] * 4


def test_no_packet_waits_for_the_one_before() -> None:
    """asyncio sets TCP_NODELAY on sockets alone that say that they are TCP."""
    with server.listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        taken, _ = listener.accept()
        assert taken.proto == socket.IPPROTO_TCP
        taken.close()


def test_a_port_in_use_is_named(counted: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"--host 127.0.0.1 --port {port} cannot be listened at"):
            CliRunner().invoke(app, ["serve", str(counted), "--port", str(port)], catch_exceptions=False)


def test_what_is_no_run_is_refused_before_anything_is_answered(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run folder"):
        CliRunner().invoke(app, ["serve", str(tmp_path), "--port", "0"], catch_exceptions=False)


def test_an_index_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="has no index of these weights"):
        CliRunner().invoke(app, ["serve", str(folder), "--port", "0", "--ann"], catch_exceptions=False)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(InputError, match=r'made of uvicorn, not installed here: pip install "nextitem\[serve\]"'):
        installed.refuse_missing()
