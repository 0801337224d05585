"""Pictures: `make pictures` gives commands to the shop of docs/start.md; what they print and their pages are drawn.

Terminals are SVG, of text in the reader's own font: a page asks nothing of another place. What is drawn of them has no
seconds in it, so that a slower machine draws the same. Pages are WebP, as Chromium shows them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import CHROMIUM, Browser
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
WIDTH = 96  # characters
TERMINAL = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(WIDTH)}  # styles, and no bars that move
NAMED = "--data.user customer --data.item sku --data.timestamp bought_at"
AUDIT = f"nextitem audit shop.csv {NAMED} --dim 32 --fast --out audit"
RUN = "runs/SASRec-shop.csv"
FROM = {"-m SASRec": "Test: ", "compare": "", "audit": "shop.csv: "}  # of what is drawn: from where on
SIZE = (1100, 800)  # of a page
BOUGHT = "&".join(f"item=sku-{number}" for number in (3, 10, 31))


def drawn(command: str, printed: str, name: str) -> str:
    """An SVG of a terminal in which a command was typed; what it printed may have codes for style.

    >>> "@font-face" in drawn("nextitem compare a b", "p \\x1b[1m0.03\\x1b[0m", "compare")
    False
    """
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        screen = Console(record=True, width=WIDTH, file=nowhere, markup=False, emoji=False)
        screen.print(Text(f"$ {command}", style="bold green"))
        screen.print(Text.from_ansi(printed))
        svg = screen.export_svg(title="nextitem", unique_id=name)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # of a font that would be fetched


def printed_by(command: str, shop: Path) -> str:
    done = [sys.executable, "-m", *shlex.split(command)]
    ran = subprocess.run(done, cwd=shop, env={**os.environ, **TERMINAL}, stdout=subprocess.PIPE, check=True)
    return ran.stdout.decode().replace("\x1b[?25l\x1b[?25h\n", "").rstrip()


@contextmanager
def served(shop: Path) -> Iterator[str]:
    """The address of a service of the run."""
    command = [sys.executable, "-m", "nextitem", "serve", RUN, "--port", "0"]
    with subprocess.Popen(command, cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        try:
            yield next(found[0] for line in running.stdout if (found := re.search(r"http://[\d.:]+", line)))
        finally:
            running.terminate()


def draw_pages(shop: Path) -> None:
    """The page of the run, and the service's, in two languages."""
    browser = Browser(shop / "browser", ",".join(map(str, SIZE)))
    try:
        browser.resize(*SIZE)
        browser.tell("Page.navigate", url=(shop / "run.html").as_uri())
        browser.until("document.querySelector('figure')?.textContent")
        browser.value("document.querySelector('figure').parentElement.previousElementSibling.scrollIntoView()")
        (PICTURES / "report.webp").write_bytes(browser.picture())
        with served(shop) as address:
            for language, name in (("en", "service"), ("zh", "service.zh")):
                browser.tell("Page.navigate", url="about:blank")
                browser.tell("Page.navigate", url=f"{address}/#lang={language}&{BOUGHT}")
                browser.until("document.querySelectorAll('#next button').length > 20")
                browser.value("document.querySelectorAll('#next button')[2].click()")  # why it is there
                browser.until("document.querySelector('#next .why div')?.textContent || ''")
                (PICTURES / f"{name}.webp").write_bytes(browser.picture(dark=language == "zh"))
    finally:
        browser.end()


def main() -> None:
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    log = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    commands = re.findall(r"^    (nextitem (?:run|compare) .*)$", page, flags=re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder)
        subprocess.run([sys.executable, "-c", log], cwd=shop, check=True)
        for command in [*commands, AUDIT, f"nextitem show {RUN} --out run.html"]:
            printed = printed_by(command, shop)
            for part, start in FROM.items():
                if part in command:
                    name = shlex.split(command)[1]
                    seen = printed[printed.index(start) :]
                    (PICTURES / f"{name}.svg").write_text(drawn(command, seen, name), encoding="utf-8")
        if CHROMIUM is None:
            print("no chromium: the pages are not drawn anew", file=sys.stderr)
        else:
            draw_pages(shop)


if __name__ == "__main__":
    main()
