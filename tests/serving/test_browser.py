"""The page in a browser: a whole journey by keyboard and mouse, without an error in its console."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nextitem.serving.limits import Limits
from nextitem.serving.server import address_of, listen
from nextitem.serving.service import Opening, Service

CHROMIUM = shutil.which("chromium")
KEYS = {"Enter": 13, "ArrowDown": 40, "ArrowUp": 38, "Delete": 46}
ALT = 1


class Browser:
    """Chromium, told what to do over pipes as its DevTools protocol has it: a JSON text and a zero byte each way."""

    def __init__(self, place: Path, size: str) -> None:
        (theirs_in, self._out), (self._in, theirs_out) = os.pipe(), os.pipe()
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            f"--user-data-dir={place}", f"--window-size={size}", "about:blank",
        ]  # fmt: skip
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command], pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._left, self.problems = 0, b"", list[str]()
        self._session: str | None = None
        targets = self.tell("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.tell("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, found
                result: dict[str, Any] = found["result"]
                return result
            if found.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(json.dumps(found["params"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            self._left += os.read(self._in, 2**20)
        text, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def value(self, script: str) -> Any:
        return self.tell("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait for what becomes true."""
        end = time.monotonic() + 60
        while not (found := self.value(script)):
            assert time.monotonic() < end, (script, self.value("document.body.innerText"))
            time.sleep(0.05)
        return found

    def press(self, key: str, modifiers: int = 0) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            code = KEYS[key]
            self.tell(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, modifiers=modifiers, windowsVirtualKeyCode=code
            )

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.tell("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    import uvicorn

    from nextitem.serving.app import application

    with listen("127.0.0.1", 0) as listener:
        service = Service(Opening(folder, "served"), Limits())
        running = uvicorn.Server(uvicorn.Config(application(service), log_level="warning"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        yield address_of(listener)
        running.should_exit = True
        thread.join()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@pytest.mark.parametrize("size", ["400,900", "1400,900"])
def test_a_journey(size: str, url: str, tmp_path: Path) -> None:
    browser = Browser(tmp_path, size)
    try:
        _go(browser, url)
        assert browser.problems == []
    finally:
        browser.process.kill()
        browser.process.wait()


def _go(browser: Browser, url: str) -> None:
    names = "[...document.querySelectorAll('#history > li[tabindex] small')].map((one) => one.textContent).join()"
    following = "document.getElementById('next').innerText"
    browser.tell("Page.navigate", url=f"{url}/#lang=en")
    first = browser.until(following)
    for wanted in ("quiet house 22", "i7", "i15"):  # search as one types, by keyboard alone
        browser.value("document.getElementById('search').focus()")
        browser.tell("Input.insertText", text=wanted)
        browser.until("document.querySelector('#found [aria-selected=true]')?.textContent || ''")
        item = wanted.split()[-1].removeprefix("i")
        browser.until(f"document.querySelector('#found [aria-selected=true] small')?.textContent === 'i{item}'")
        browser.press("Enter")
        browser.until(f"{names}.endsWith('i{item}')")
    assert browser.value(names) == "i22,i7,i15"
    changed = browser.until(f"{following} !== {json.dumps(first)} && {following}")
    browser.value("document.querySelector('#history > li:last-child').focus()")
    browser.press("ArrowUp", ALT)
    browser.until(f"{names} === 'i22,i15,i7'")
    browser.until(f"{following} !== {json.dumps(changed)}")
    browser.press("Delete")
    browser.until(f"{names} === 'i22,i7'")
    place = "[...document.querySelectorAll('.handle')].map((one) => one.getBoundingClientRect()).flatMap((at) => "
    x, y, _, below = browser.value(place + "[at.x + at.width / 2, at.y + at.height / 2])")
    browser.drag((x, y), (x, below + 20))
    browser.until(f"{names} === 'i7,i22'")
    browser.value("document.querySelector('#next button').click()")
    browser.until(f"{names}.split(',').length === 3")
    browser.value("document.querySelectorAll('#next button')[1].click()")
    browser.until("document.querySelectorAll('#similar li').length === 10")
    browser.value("document.querySelectorAll('#next button')[2].click()")
    assert "by The" in browser.until("document.querySelector('#next .why div')?.textContent || ''")
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")  # nothing stands out on a phone
    browser.value("document.getElementById('language').click()")
    assert (
        browser.value("document.documentElement.lang + document.getElementById('next-title').innerText")
        == "zh接下来推荐"
    )
    kept = browser.value("location.hash")
    before = browser.until(names)
    browser.tell("Page.navigate", url="about:blank")
    browser.tell("Page.navigate", url=f"{url}/{kept}")
    browser.until(f"{names} === {json.dumps(before)}")  # a link shows the same
    assert "0.0" in browser.until("document.querySelector('#card table')?.innerText || ''")
