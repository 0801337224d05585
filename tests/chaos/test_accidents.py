"""Accidents: kills, signals, full disks, closed folders, two at once; nothing is lost, nothing is half written.

`make chaos` does it, `make chaos KILLS=500 SEED=7` other moments. A failure names the seed and the accident.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from contents import content_of
from forked import Started, small_disk, start
from jobs import Job, jobs, make_shop

KILLS = int(os.environ.get("NEXTITEM_CHAOS_KILLS", "60"))
SEED = int(os.environ.get("NEXTITEM_CHAOS_SEED", "0"))
OUT = "out"
IN_A_ROW = 3  # kills that one folder bears before the command may end
JOBS = {job.name: job for job in jobs()}
SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
COUNTS: Counter[tuple[str, str]] = Counter()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]


class Shop:
    """Folders in which a job is done, and what it leaves where nobody disturbs it."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job, self.folder, self.number = job, folder, 0
        self.whole = self.new()
        began = time.perf_counter()
        self.finish(self.whole)  # kernels are compiled, once for all
        if job.before == ():
            began = time.perf_counter()
            self.finish(self.new())
        self.seconds = time.perf_counter() - began
        self.wanted = job.told(self.whole / OUT)

    def new(self) -> Path:
        self.number += 1
        place = self.folder / str(self.number)
        place.mkdir()
        make_shop(place)
        if self.job.before and self.number > 1:
            shutil.copytree(self.whole / "first", place / "first")
        elif self.job.before:
            for command in self.job.before:
                assert start([*command], place).end()[0] == 0
        if self.job.is_into:
            (place / "out").mkdir()
        return place

    def begin(self, place: Path, largest: int | None = None) -> Started:
        return start([*self.job.arguments], place, largest)

    def finish(self, place: Path) -> None:
        code, said = self.begin(place).end()
        assert code == 0, said

    def check(self, place: Path) -> None:
        """That what the command has left, once it could end, is what it leaves undisturbed, and nothing besides."""
        found = self.job.told(place / OUT)
        if self.job.name == "tune":
            both = found.keys() & self.wanted.keys()
            assert {key: found[key] for key in both} == {key: self.wanted[key] for key in both}
        else:
            assert found.keys() == self.wanted.keys()
            assert [name for name in found if found[name] != self.wanted[name]] == []
        assert [str(path) for path in place.rglob("*.part")] + [str(path) for path in place.rglob("*.old")] == []


@pytest.fixture(scope="module", params=JOBS)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(JOBS[request.param], tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    yield
    print(f"\nseed {SEED}")
    for (accident, what), count in sorted(COUNTS.items()):
        print(f"  {accident:<14} {what:<24} {count:6,}")


def draws(shop: Shop, accident: int) -> np.random.Generator:
    return np.random.default_rng([SEED, list(JOBS).index(shop.job.name), accident])


def test_kills_at_random_moments_lose_nothing(shop: Shop) -> None:
    draw, kills = draws(shop, 0), 0
    while kills < max(KILLS // len(JOBS), 1):
        place, in_a_row = shop.new(), 0
        while in_a_row < IN_A_ROW:
            process = shop.begin(place)
            time.sleep(draw.uniform(0, shop.seconds))
            process.kill(signal.SIGKILL, is_for_all=bool(draw.random() < 0.5))
            code, said = process.end()
            COUNTS["kill -9", "ended before" if code == 0 else "killed"] += 1
            assert code in (0, -signal.SIGKILL), said
            content_of(place)  # no file is half written
            if code == 0:
                break
            in_a_row += 1
            kills += 1
        finish_alone(shop, place)
        shop.check(place)
        COUNTS["kill -9", "gone on, nothing lost"] += 1


def finish_alone(shop: Shop, place: Path) -> None:
    """What a killed experiment had started may still be at work: the command waits for it, or says so."""
    end = time.monotonic() + 120
    while True:
        code, said = shop.begin(place).end()
        if code == 0 or "another process is writing" not in said or time.monotonic() > end:
            break
        time.sleep(0.2)
    assert code == 0, said


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_ends_in_order_with_a_word_and_its_code(shop: Shop, name: str) -> None:
    draw = draws(shop, SIGNALS[name])
    for _ in range(max(KILLS // len(JOBS) // 3, 1)):
        place = shop.new()
        process = shop.begin(place)
        time.sleep(draw.uniform(0, shop.seconds))
        process.kill(signal.Signals[name], is_for_all=name == "SIGINT")
        code, said = process.end()
        is_early = code == -signal.Signals[name]  # before the command could listen
        COUNTS[name, "ended before" if code == 0 else "came too early" if is_early else "told, with its code"] += 1
        assert code in (0, SIGNALS[name]) or is_early, said
        assert "Traceback" not in said or code < 0
        if code == SIGNALS[name]:
            assert ("interrupted" if name == "SIGINT" else f"ended by {name}") in said
        content_of(place)
        finish_alone(shop, place)
        shop.check(place)


def sizes_of(place: Path) -> list[int]:
    return [path.stat().st_size for path in place.rglob("*") if path.is_file()]


def test_files_that_find_no_room_are_told_and_the_command_goes_on_later(shop: Shop) -> None:
    draw, largest = draws(shop, 1), max(sizes_of(shop.whole / OUT))
    for _ in range(max(KILLS // len(JOBS) // 3, 1)):
        place = shop.new()
        code, said = shop.begin(place, int(draw.integers(largest))).end()
        check_full(code, said)
        content_of(place)
        finish_alone(shop, place)
        shop.check(place)


def check_full(code: int, said: str) -> None:
    COUNTS["no room", "ended before" if code == 0 else "told"] += 1
    assert "Traceback" not in said, said
    assert code in (0, 2), said


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a small disk is root's to make")
def test_a_full_disk_is_told_and_the_command_goes_on_with_more_room(shop: Shop) -> None:
    draw, taken = draws(shop, 2), sum(sizes_of(shop.whole))
    place = shop.folder / "disk"
    place.mkdir(exist_ok=True)
    try:
        with small_disk(place, taken * 8):
            pass
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no disk can be mounted here: {error.stderr.decode()}")
    fresh = shop.new()
    with small_disk(place, taken * 8 + 2**20):
        shutil.copytree(fresh, place, dirs_exist_ok=True)
        free = int(draw.integers(max(taken, 2**15)))
        usage = shutil.disk_usage(place)
        (place / ".ballast").write_bytes(bytes(max(usage.free - free, 0)))
        check_full(*shop.begin(place).end())
        (place / ".ballast").unlink()
        content_of(place)
        finish_alone(shop, place)
        shop.check(place)


def test_two_at_once_do_not_disturb_each_other(shop: Shop) -> None:
    place = shop.new()
    both = [shop.begin(place), shop.begin(place)]
    codes = []
    for process in both:
        code, said = process.end()
        codes.append(code)
        assert code in (0, 2), said
        COUNTS["two at once", "done" if code == 0 else "refused"] += 1
    assert 0 in codes
    finish_alone(shop, place)
    shop.check(place)


def test_a_closed_folder_is_told(shop: Shop) -> None:
    place = shop.new()
    out, inside = place / "closed", "closed" if shop.job.is_into else "closed/out"
    out.mkdir()
    out.chmod(0o555)
    arguments = [one.replace(OUT, inside) if one.startswith(OUT) else one for one in shop.job.arguments]
    command = [sys.executable, "-m", "nextitem", *arguments]
    if os.geteuid() == 0:  # to whom no folder is closed
        if shutil.which("setpriv") is None:
            pytest.skip("root, and no setpriv")
        command = ["setpriv", "--bounding-set=-dac_override", *command]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "closed" in done.stderr.splitlines()[-1]
    assert os.listdir(out) == []
    COUNTS["closed folder", "told"] += 1
