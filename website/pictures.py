"""Pictures of the terminal: `make pictures` gives commands of docs/start.md to its shop and draws what they print.

They are SVG, of text in the reader's own font: a page asks nothing of another place. What is drawn has no seconds in
it, so that a slower machine draws the same.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
WIDTH = 96  # characters
TERMINAL = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(WIDTH)}  # styles, and no bars that move
FROM = {"-m SASRec": "Test: ", "compare": ""}  # what is in a command that is drawn: from where on, of what it prints


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


def main() -> None:
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    log = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    commands = re.findall(r"^    (nextitem (?:run|compare) .*)$", page, flags=re.MULTILINE)
    with tempfile.TemporaryDirectory() as shop:
        subprocess.run([sys.executable, "-c", log], cwd=shop, check=True)
        for command in commands:
            done = [sys.executable, "-m", *shlex.split(command)]
            ran = subprocess.run(done, cwd=shop, env={**os.environ, **TERMINAL}, stdout=subprocess.PIPE, check=True)
            printed = ran.stdout.decode().replace("\x1b[?25l\x1b[?25h\n", "").rstrip()
            for part, start in FROM.items():
                if part in command:
                    name = shlex.split(command)[1]
                    seen = printed[printed.index(start) :]
                    (PICTURES / f"{name}.svg").write_text(drawn(command, seen, name), encoding="utf-8")


if __name__ == "__main__":
    main()
