"""The page in a browser: a whole journey by keyboard and mouse, without an error in its console."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import ALT, CHROMIUM, Browser

from nextitem.serving.limits import Limits
from nextitem.serving.server import address_of, listen
from nextitem.serving.service import Opening, Service


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    with served(folder) as url:
        yield url


@contextmanager
def served(folder: Path) -> Iterator[str]:
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
        browser.end()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_reasons_are_by_removal_or_by_attention(attentive: Path, tmp_path: Path) -> None:
    browser = Browser(tmp_path, "400,900")
    told = "[...document.querySelectorAll('#next .why div')].map((one) => one.textContent).join('; ')"
    choose = "document.getElementById('by').value = '{by}'; document.getElementById('by').onchange()"
    try:
        with served(attentive) as url:
            browser.tell("Page.navigate", url=f"{url}/#lang=en&item=i7&item=i22&item=i7")
            assert browser.until("!document.getElementById('how').hidden")
            browser.until("document.querySelectorAll('#next li').length === 10")
            browser.value("document.querySelectorAll('#next button')[2].click()")
            assert " by The" in browser.until(told)
            browser.value(choose.format(by="attention"))
            assert "% on The" in browser.until(f"{told}.includes('%') && {told}")
            assert browser.value(told).endswith("which need not be what made the score.")
            shares = [float(one.partition("%")[0]) for one in browser.value(told).split("; ")[:2]]  # of i7 and i22
            assert 99.8 <= sum(shares) <= 100.2
            assert browser.value("document.documentElement.scrollWidth <= innerWidth")
            assert "by=attention" in browser.value("location.hash")
            browser.value("document.getElementById('language').click()")
            browser.until("document.querySelectorAll('#next .why').length === 0")
            browser.value("document.querySelectorAll('#next button')[2].click()")  # it goes on by attention
            assert "注意力" in browser.until(told)
            browser.value(choose.format(by="removal"))
            browser.until(f"{told}.includes('来自')")
            assert "by=" not in browser.value("location.hash")
            assert browser.problems == []
    finally:
        browser.end()


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
