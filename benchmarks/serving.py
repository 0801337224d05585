"""Requests a second and their latency: `nextitem serve` in batches, without, and a plain FastAPI handler beside it.

    nextitem run ml-1m -m SASRec --out served       # the run that answers
    python benchmarks/serving.py --run served       # on a machine that does nothing else
    python benchmarks/serving.py --run served --seconds 2 --rounds 1 --clients 1,8

Each server is a process of its own, started anew for each round, one after the other, so that a drift of the machine
falls on all; figures are medians over the rounds. Every client keeps one connection and sends the next question when
the one before is answered: a history of the run's own users, drawn with a seed, and the ten best items are wanted. The
clients are one process on the same machine, which takes its share of the cores from all servers alike. Before it is
measured a server answers 100 histories, whose items must be those of `Run.recommend`. Of a model that reads item by
item there are sessions too: --sessions of 50 items each, which come --step at a time, and the latency of their first
and of their last ten items.
With --reloads the first round ends with eight clients who ask while the run is loaded again, so many times: requests
that stay without a right answer end the benchmark, so that those it counts were all answered.
Prints a table and writes results/serving.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from contest import HERE, write_results
from rich.console import Console
from rich.table import Table

from nextitem.models.streaming import Streaming
from nextitem.runs.asking.recommend import Run, load

SERVERS = ("batched", "unbatched", "plain")
K, CHECKED, LENGTH = 10, 100, 50  # items of an answer, histories that are compared, items of a session
Work = Callable[[int], tuple[str, dict[str, Any]]]  # the number of a request -> where it goes, and its body


def main() -> None:
    arguments = parsed()
    run = load(arguments.run)
    histories = drawn(run, arguments.histories)
    rows = []
    for round in range(arguments.rounds):
        for name in arguments.servers:
            with started(name, arguments.run, arguments.ann) as (port, process):
                check(run, histories[:CHECKED], port, exact=not (arguments.ann and name != "plain"))
                for clients in arguments.clients:
                    found = measured(port, clients, arguments.seconds, histories)
                    rows.append({"server": name, "clients": clients, "round": round, **found})
                is_first = round == 0
                if arguments.reloads and is_first and name == "batched":
                    rows.append({"server": name, **under_reloads(port, arguments.reloads, histories, run)})
                if arguments.sessions and is_first and name == "batched" and isinstance(run.model, Streaming):
                    rows.append({"server": name, "round": round, **sessions_of(port, arguments, histories)})
                rows[-1]["peak_mb"] = peak(process.pid)
    about = {"model": run.recipe.model.label, "items": len(run.items), "ann": arguments.ann}
    write_results(arguments.out, rows, **about)
    show(rows, arguments)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a run folder that keeps histories")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS))
    parser.add_argument("--clients", type=lambda text: [int(one) for one in text.split(",")], default=[1, 8, 64])
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of each measurement, after a tenth of it unmeasured"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--histories", type=int, default=2000, help="that questions are drawn from")
    parser.add_argument("--sessions", type=int, default=0, help="in the first round")
    parser.add_argument("--step", type=int, default=1, choices=(1, 2, 5, 10), help="items of a session at a time")
    parser.add_argument("--reloads", type=int, default=0, help="under load, in the first round")
    parser.add_argument("--out", default="serving.json", help="the file in results/")
    parser.add_argument("--ann", action="store_true", help="search by the run's index")
    return parser.parse_args()


def drawn(run: Run, num_rows: int) -> list[list[str]]:
    """Histories of users, of at least one item, in external ids."""
    rows = np.flatnonzero(run.histories.lengths > 0)
    chosen = np.random.default_rng(0).permutation(rows)[:num_rows]
    return [[str(one) for one in run.items.ids(row)] for row in run.histories.take(chosen).to_lists()]


@contextmanager
def started(name: str, folder: Path, ann: bool) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server that answers, at its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "nextitem", "serve", str(folder), "--port", str(port), "--max-history", "100000"]
    command += ["--unbatched"] if name == "unbatched" else []
    command += ["--ann"] if ann else []
    if name == "plain":
        command = [sys.executable, str(HERE / "plain_handler.py"), str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            until_open(port, process)
            yield port, process
        finally:
            process.terminate()


def until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit(f"the server ended with {process.returncode}")


async def asked(port: int, work: Work, numbers: Iterator[int], end: float) -> list[tuple[float, float, Any]]:
    """Of one client: when each answer came, the seconds that it took, and the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    for number in numbers:
        path, body = work(number)
        content = json.dumps(body).encode()
        kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{kind}\r\n\r\n"
        start = time.perf_counter()
        writer.write(head.encode() + content)
        told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        answer = await reader.readexactly(int(told.partition("content-length:")[2].split()[0]))
        now = time.perf_counter()
        if not told.startswith("http/1.1 200"):
            sys.exit(f"{told.splitlines()[0]}: {answer.decode()[:300]}")
        found.append((now, now - start, answer))
        if now > end:
            break
    writer.close()
    return found


def check(run: Run, histories: list[list[str]], port: int, *, exact: bool) -> None:
    """Ends where answers are not those of the run, unless the index may miss some."""
    found = asyncio.run(asked(port, question(histories), iter(range(len(histories))), float("inf")))
    wanted = [list(map(str, one.items)) for one in run.recommend(histories, K)]
    items = [list(map(str, json.loads(answer)["answers"][0]["items"])) for _, _, answer in found]
    others = sum(one != other for one, other in zip(items, wanted, strict=True))
    if exact and others:
        sys.exit(f"{others} of {len(wanted)} answers have other items than Run.recommend")


def question(histories: list[list[str]]) -> Work:
    return lambda number: ("/recommend", {"histories": [histories[number % len(histories)]], "k": K})


def measured(port: int, clients: int, seconds: float, histories: list[list[str]]) -> dict[str, Any]:
    """Requests a second and milliseconds, without the first tenth of the time."""

    async def all_of_them(end: float) -> list[list[tuple[float, float, Any]]]:
        draws = [count(97 * client) for client in range(clients)]  # each begins with another history
        return await asyncio.gather(*(asked(port, question(histories), draw, end) for draw in draws))

    start = time.perf_counter()
    begun, end = start + seconds / 10, start + seconds * 1.1
    rows = asyncio.run(all_of_them(end))
    times = [took for row in rows for now, took, _ in row if begun < now <= end]
    if not times:
        sys.exit("nothing was answered in that time; take more --seconds")
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    return {"requests_per_second": len(times) / seconds, "p50_ms": float(p50), "p99_ms": float(p99)}


def sessions_of(port: int, arguments: argparse.Namespace, histories: list[list[str]]) -> dict[str, Any]:
    """Milliseconds of the requests with the first and with the last ten items of sessions, eight at a time."""
    items = [item for row in histories for item in row]
    step, num_sessions, requests = arguments.step, arguments.sessions, LENGTH // arguments.step

    def work(number: int) -> tuple[str, dict[str, Any]]:
        session, request = divmod(number, requests)
        places = range(session * 31 + request * step, session * 31 + (request + 1) * step)
        return f"/sessions/s{session}/items", {"items": [items[place % len(items)] for place in places], "k": K}

    async def all_of_them() -> list[list[tuple[float, float, Any]]]:
        shares = [
            iter([n for s in range(client, num_sessions, 8) for n in range(s * requests, (s + 1) * requests)])
            for client in range(8)
        ]
        return await asyncio.gather(*(asked(port, work, share, float("inf")) for share in shares))

    taken = [np.array([took for _, took, _ in row]).reshape(-1, requests) for row in asyncio.run(all_of_them())]
    times = np.concatenate(taken) * 1000
    first, last = np.median(times[:, : 10 // step]), np.median(times[:, -10 // step :])
    return {"sessions": num_sessions, "step": step, "first_ten_ms": float(first), "last_ten_ms": float(last)}


def under_reloads(port: int, num_reloads: int, histories: list[list[str]], run: Run) -> dict[str, Any]:
    """Requests that eight clients had answered rightly while the run was loaded again, one time after the other."""
    seconds: list[float] = []

    async def all_of_them() -> list[list[tuple[float, float, Any]]]:
        over = asyncio.Event()

        def until_over(client: int) -> Iterator[int]:
            for number in count(97 * client):
                if over.is_set():
                    return
                yield number

        async def reload() -> None:
            for _ in range(num_reloads):
                found = await asked(port, lambda number: ("/reload", {}), iter([0]), float("inf"))
                seconds.append(found[0][1])
            over.set()

        clients = (asked(port, question(histories), until_over(client), float("inf")) for client in range(8))
        return (await asyncio.gather(*clients, reload()))[:8]  # type: ignore[return-value]

    found = asyncio.run(all_of_them())
    wanted = [list(map(str, one.items)) for one in run.recommend(histories, K)]
    for client, rows in enumerate(found):
        for number, (_, _, answer) in enumerate(rows, start=97 * client):
            if list(map(str, json.loads(answer)["answers"][0]["items"])) != wanted[number % len(wanted)]:
                sys.exit("under reloads an answer has other items than Run.recommend")
    longest = max(took for rows in found for _, took, _ in rows)
    return {
        "reloads": num_reloads, "reload_seconds": median(seconds), "answered": sum(map(len, found)),
        "longest_ms": longest * 1000,
    }  # fmt: skip


def peak(process: int) -> int:
    """Megabytes that a process held at most."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def show(rows: list[dict[str, Any]], arguments: argparse.Namespace) -> None:
    table = Table("server", "clients", "requests/s", "p50 ms", "p99 ms")
    for name in arguments.servers:
        for clients in arguments.clients:
            own = [row for row in rows if (row["server"], row.get("clients")) == (name, clients)]
            told = [median(row[key] for row in own) for key in ("requests_per_second", "p50_ms", "p99_ms")]
            table.add_row(name, str(clients), *(f"{value:,.1f}" for value in told))
    Console().print(table)
    for row in rows:
        if "sessions" in row:
            print(
                f"{row['sessions']:,} sessions: {row['first_ten_ms']:.2f} ms at first, {row['last_ten_ms']:.2f} at last"
            )
        if "reloads" in row:
            print(
                f"{row['reloads']} reloads of {row['reload_seconds']:.2f} s each: {row['answered']:,} requests, all "
                f"answered rightly, the slowest in {row['longest_ms']:.0f} ms"
            )


if __name__ == "__main__":
    main()
