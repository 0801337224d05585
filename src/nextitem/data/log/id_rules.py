"""Id rules: what text is no id, as expressions that mean the same on every engine.

The readers of files name the line of such an id, `Interactions.from_frame` its row.
"""

from __future__ import annotations

import narwhals as nw

# Unicode's White_Space, spelled out: what an engine strips where nothing is named differs.
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def is_blank(column: str) -> nw.Expr:
    """Whether a text is empty or white space alone; null where the text is."""
    return nw.col(column).str.strip_chars(WHITE) == ""


def has_nul(column: str) -> nw.Expr:
    """Whether a NUL byte stands in a text; null where the text is."""
    return nw.col(column).str.contains("\0", literal=True)
