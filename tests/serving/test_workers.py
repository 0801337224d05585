"""Several workers: what they refuse, and that a death, a reload or an end among them costs no answer its rightness."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import kill
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import Request, urlopen

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.learning.run import run
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service, Workers

CLIENTS = 4


@contextmanager
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The overseer of two workers, and their port."""
    command = [sys.executable, "-m", "nextitem", "serve", str(folder), "--port", "0", "--json", "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(json.loads(process.stdout.readline())["url"].rpartition(":")[2])
        finally:
            process.kill()


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(one) for one in text.split()]


def asked(port: int, histories: list[list[str]], wanted: list[list[int] | list[str]], over: Event) -> dict[str, int]:
    """Of a client that asks until it is over, on a new connection where one was cut: answers and cuts, counted."""
    counts, connection, number = {"right": 0, "wrong": 0, "cut": 0}, http.client.HTTPConnection("127.0.0.1", port), 0
    while not over.is_set():
        place = number % len(histories)
        body = json.dumps({"histories": [histories[place]], "k": 5})
        try:
            connection.request("POST", "/recommend", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = json.loads(answer.read())
        except (ConnectionError, http.client.HTTPException):
            counts["cut"] += 1
            connection.close()
            continue
        number += 1
        is_right = answer.status == 200 and told["answers"][0]["items"] == wanted[place]
        counts["right" if is_right else "wrong"] += 1
    connection.close()
    return counts


def until_two_others(process: subprocess.Popen[str], before: list[int], most_kept: int = 1) -> None:
    end = time.monotonic() + 120
    while len(workers_of(process)) != 2 or len(set(workers_of(process)) & set(before)) > most_kept:
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow  # processes start, and start again
def test_a_killed_worker_costs_no_answer_its_rightness(folder: Path, loaded: Run, histories: list[list[str]]) -> None:
    wanted, over = [one.items for one in loaded.recommend(histories, 5)], Event()
    with served(folder) as (process, port), ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(asked, port, histories, wanted, over) for _ in range(CLIENTS)]
        try:
            time.sleep(1)
            before = workers_of(process)
            kill(before[0], signal.SIGKILL)
            until_two_others(process, before)
            time.sleep(3)
            assert before[1] in workers_of(process)
        finally:
            over.set()
        counts = [one.result() for one in clients]
        assert sum(one["wrong"] for one in counts) == 0
        assert sum(one["cut"] for one in counts) <= CLIENTS  # those that it was answering, each once
        assert min(one["right"] for one in counts) > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr is not None
        told = process.stderr.read()
        assert f"worker {before[0]} ended with code -9; another begins" in told
        assert told.count("\n") == 1


@pytest.mark.slow  # processes start
def test_each_worker_answers_whatever_is_asked(folder: Path) -> None:
    """Polars' threads stay behind at a fork: what needs them must have its own, or it waits for ever."""
    paths = [
        "/items?q=house&k=3", "/similar?item=i1&k=3", "/similar?item=i1&k=3&by=counts", "/similar?user=u1&by=counts",
        "/titles?item=i3", "/card", "/openapi.json", "/",
    ]  # fmt: skip
    with served(folder) as (process, port):
        for path in paths * 4:  # each on a connection of its own, so that every worker is asked
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                assert answer.status == 200
        threads = [one.read_text().strip() for one in Path(f"/proc/{process.pid}/task").glob("*/comm")]
        assert not [one for one in threads if re.fullmatch(r"polars-\d+|tokio.*", one)]


@pytest.mark.slow  # processes start
def test_a_model_that_goes_by_times_is_served_by_several(folder: Path, tmp_path: Path) -> None:
    """Whose first question has times, which are read by polars."""
    layer = {
        "data": {"source": str(folder.parent / "log.csv")},
        "model": {"name": "TiSASRec", "dim": 8, "max_length": 10},
        "training": {"epochs": 1},
        "evaluation": {"baselines": []},
    }
    list(run(make_recipe(layer), tmp_path / "TiSASRec"))
    question = {"histories": [["i1", "i2"]], "times": [["2014-04-07", "2014-04-08"]], "k": 3}
    with served(tmp_path / "TiSASRec") as (_, port):
        asked = Request(f"http://127.0.0.1:{port}/recommend", json.dumps(question).encode())
        asked.add_header("Content-Type", "application/json")
        with urlopen(asked, timeout=60) as answer:
            assert len(json.load(answer)["answers"][0]["items"]) == 3


@pytest.mark.slow  # processes start, and start again
def test_workers_are_replaced_at_sighup(folder: Path, counted: Path, tmp_path: Path) -> None:
    place = tmp_path / "current"
    place.symlink_to(folder)
    histories = [["i1", "i2"], ["i7"]]
    right = [[one.items for one in load(one_run).recommend(histories, 5)] for one_run in (folder, counted)]
    with served(place) as (process, port):
        before = workers_of(process)
        place.unlink()
        place.symlink_to(counted)
        process.send_signal(signal.SIGHUP)
        until_two_others(process, before, most_kept=0)
        over = Event()
        with ThreadPoolExecutor(1) as pool:
            client = pool.submit(asked, port, histories, right[1], over)
            time.sleep(1)
            over.set()
            assert client.result()["wrong"] == client.result()["cut"] == 0
        place.unlink()
        process.send_signal(signal.SIGHUP)  # there is nothing now: those that answer go on
        time.sleep(1)
        process.kill()
        assert process.stderr is not None
        assert "the run from before goes on" in process.stderr.readline()


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "/sessions/a/items", {"items": ["i1"]}, "a session is in the memory of one; send the whole history"),
        ("GET", "/sessions/a/items", None, "a session is in the memory of one"),
        ("DELETE", "/sessions/a/items", None, "a session is in the memory of one"),
        ("POST", "/reload", None, "send SIGHUP to process 123"),
        ("GET", "/metrics", None, "each counts what it answers"),
    ],
)
def test_what_one_of_several_cannot_know_is_refused(
    method: str, path: str, body: Any, told: str, folder: Path, loaded: Run
) -> None:
    service = Service(Opening(folder, folder.name), Limits(), workers=Workers(2, 123, loaded))
    with TestClient(application(service)) as client:
        refused = client.request(method, path, json=body)
        assert (refused.status_code, told in refused.json()["error"]) == (409, True)
        assert client.get("/card").json()["has"]["sessions"] is False


def test_a_rate_is_not_of_several(counted: Path) -> None:
    with pytest.raises(InputError, match="--rate counts in one process"):
        CliRunner().invoke(app, ["serve", str(counted), "--workers", "2", "--rate", "5"], catch_exceptions=False)
