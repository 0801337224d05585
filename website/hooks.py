"""What mkdocs calls before it builds the site: its pages are docs/, those made from the code, and what they link to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from markdown.extensions.toc import slugify, unique
from mkdocs.plugins import event_priority
from reference import PAGES

ROOT = Path(__file__).parent.parent
OUTSIDE = re.compile(
    r"\]\(\.\./((?:benchmarks|src|tests)/[^)#\s]+|[A-Z]+\.md)(?:#[^)\s]*)?\)"
)  # ](../benchmarks/README.md#x)

BROKEN = re.compile(
    r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])"
)  # a line's end would show as a space

HEADING = re.compile(
    r"^(?:```.*?^```$|(#+ [^\n]+)$)", flags=re.DOTALL | re.MULTILINE
)  # or a block of code, passed over


@event_priority(100)  # the plugin for languages reads the folder in the same event, and knows files on a disk only
def on_config(config: Any) -> Any:
    """Builds from build/pages, made anew."""
    pages = ROOT / "build" / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(ROOT / "docs", pages)
    (pages / "reference").mkdir()
    for name, page in PAGES.items():
        (pages / "reference" / f"{name}.md").write_text(page(), encoding="utf-8")
    for path in sorted(pages.glob("*.md")):
        text = BROKEN.sub("", path.read_text(encoding="utf-8"))
        if path.name.endswith(".zh.md"):
            text = _anchored(text, path.with_name(path.name.replace(".zh.md", ".md")).read_text(encoding="utf-8"))
        for found in OUTSIDE.finditer(text):
            copy = pages / _place(found[1])
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / found[1], copy)
        path.write_text(OUTSIDE.sub(lambda found: f"]({_place(found[1])})", text), encoding="utf-8")
    config["docs_dir"] = str(pages)
    return config


def _anchored(twin: str, page: str) -> str:
    """The twin with the anchors of the page, so that a link leads to the same heading in both languages."""
    used: set[str] = set()
    anchors = iter([unique(slugify(_words(found[1]), "-"), used) for found in HEADING.finditer(page) if found[1]])
    return HEADING.sub(lambda found: f"{found[1]} {{#{next(anchors)}}}" if found[1] else found[0], twin)


def _words(heading: str) -> str:
    """A heading without its marks: those of its level, and of links."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.lstrip("# "))


def _place(path: str) -> str:
    """Where a file of the repository stands in the site: as text, which every browser shows.

    Without dots before the ending: `x.md.txt` would be a page in the language `md`.
    """
    return f"source/{path.replace('.', '_')}.txt"
