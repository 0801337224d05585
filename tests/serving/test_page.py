"""The page: one file, which asks nobody but its own service, in two languages that say the same."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from fastapi.testclient import TestClient

from nextitem.report.page import STYLE
from nextitem.serving.page import html, policy


def words(language: str) -> dict[str, set[str]]:
    """What a word is filled with, by the word."""
    part = html().partition(f"  {language}: {{")[2].partition("\n  },")[0]
    found = re.findall(r'(\w+): "((?:[^"\\]|\\.)*)"', part)
    return {name: set(re.findall(r"\{(\w+)\}", text)) for name, text in found}


def test_nothing_is_asked_of_others() -> None:
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+|@import|url\(|\bsrc=", html()) == []
    assert html().count("<script") == html().count("<style") == 1
    assert STYLE in html()  # as the other pages look


def test_the_policy_lets_the_script_of_the_page_run_and_no_other(client: TestClient) -> None:
    found = client.get("/")
    (script,) = re.findall(r"<script>(.*)</script>", found.text, flags=re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in found.headers["content-security-policy"] == policy()
    assert found.headers["content-type"] == "text/html; charset=utf-8"


def test_both_languages_have_the_same_words() -> None:
    english, chinese = words("en"), words("zh")
    assert len(english) > 25
    assert english == chinese


def test_every_word_that_is_said_is_there() -> None:
    said = set(re.findall(r'say\("(\w+)"', html())) | set(re.findall(r'data-word="(\w+)"', html()))
    assert said <= words("en").keys()
    assert not re.search(r"innerHTML|eval\(|document\.write", html())  # titles are text
