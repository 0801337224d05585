"""The page: one HTML file to try a run with, which asks nobody but its own service."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from nextitem.report.page import STYLE


def _part(name: str) -> str:
    return files("nextitem.serving").joinpath("parts", name).read_text(encoding="utf-8")


@cache
def html() -> str:
    """The whole file, with its style, words and script in it."""
    script = _part("words.js") + _part("page.js")
    return (
        _part("page.html")
        .replace("<style></style>", f"<style>{STYLE}{_part('page.css')}</style>")
        .replace("<script></script>", f"<script>{script}</script>")
    )


@cache
def policy() -> str:
    """What the page may do: run its own script, and ask its own service."""
    script = html().partition("<script>")[2].partition("</script>")[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
