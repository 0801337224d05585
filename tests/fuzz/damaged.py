"""Damaged logs: small files of every form that is read, made and damaged by a seed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

IDS = ("u1", "7", "007", "é", "名", "a b", "O'Neil", "-", "NULL", "nan", 'a"b', '12" disk', "x,y", "p|q", "#1", "[b]")
TIMES: tuple[Callable[[int], object], ...] = (
    lambda place: 1_400_000_000 + place,
    lambda place: 1_400_000_000 + place / 4,
    lambda place: 1_400_000_000_000 + 500 * place,
    lambda place: f"2014-04-07 10:51:{place % 60:02}",
    lambda place: f"2014-04-{1 + place % 28:02}T10:51:09.277Z",
)
SEPARATORS = {"log.csv": ",", "semicolons.csv": ";", "log.jsonl": ","}  # else tabs
BLANK = ("", " ", "\t", "\u00a0", "\u3000", "\u2028", "\r", "\x1c", "\ufeff")
QUOTED = ('"', '""', 'a"b', '"ab', 'ab"', "a\nb", '"a\nb"', '"a,b"')
NUMBERS = ("-1", "nan", "inf", "1e3", "2014-04-07", "20140407", "9" * 17, "1_000", "+5", "0x10", "1.5.2", " 5 ", "1,5")
BROKEN = ("\0", "a\0b", "\udce9", "\udcff\udcfe")  # NUL, and bytes that are no UTF-8
FIELDS = (*BLANK, *QUOTED, *NUMBERS, *BROKEN, "x" * 3000, "null", "soon", "#")
# A line of formats without a header of their own, `split` between fields; {u}, {i}, {t}: user, item, seconds.
FIXED = {
    "pairs.txt": (" ", "{u} {i}"),
    "sequences.txt": (" ", "{u} {i} {i} {i}"),
    "u.data": ("\t", "{u}\t{i}\t3\t{t}"),
    "ratings.dat": ("::", "{u}::{i}::3::{t}"),
    "ratings.csv": (",", "{u},{i},3.0,{t}"),
    "item-ratings.csv": (",", "B{t:.9},A1{t},5.0,{t}"),
    "clicks.csv": (",", "{u},2014-04-07T10:51:09.277Z,{i},0"),
    "gowalla.txt": ("\t", "{u}\t2010-10-19T23:55:27Z\t30.2\t-97.7\t{i}"),
    "foursquare.txt": ("\t", "{u}\t{i}\tc\tCaf\u00e9\t40.7\t-74.0\t-240\tTue Apr 03 18:00:09 +0000 2012"),
    "plays.tsv": ("\t", "{u}\t2009-05-04T23:08:57Z\t\t{i}\t\t{u}"),
    "steam.json": (",", "{{u'username': u'{u}', u'product_id': u'{i}', u'date': u'2017-12-17', u'hours': 5.1}}"),
    "tags.dat": ("\t", "{u}\t{i}\t7\t{t}000"),
    "tmall.csv": (",", "{u},{i},1,1,1,829,0"),
    "views.csv": (";", "{u};NA;{i};500;2016-05-09"),
}
HEADERS = {
    "tags.dat": "userID\tartistID\ttagID\ttimestamp",
    "tmall.csv": "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type",
    "views.csv": "sessionId;userId;itemId;timeframe;eventdate",
}
FORMS = ("log.csv", "log.tsv", "semicolons.csv", "log.inter", "log.parquet", "log.jsonl")


def rows(draw: np.random.Generator) -> tuple[list[str], list[list[Any]]]:
    """A header and a log: user and item, perhaps timestamp, rating and a column that is not read, in some order."""
    count = int(draw.integers(1, 12))
    moment = TIMES[draw.integers(len(TIMES))]
    columns: dict[str, list[Any]] = {
        "user_id": [str(draw.choice(IDS)) for _ in range(count)],
        "item_id": [str(draw.choice(IDS)) for _ in range(count)],
        "timestamp": [moment(int(draw.integers(1000))) for _ in range(count)],
        "rating": [float(one) / 2 for one in draw.integers(1, 11, count)],
        "comment": [str(draw.choice(("", "so so", "5", "é"))) for _ in range(count)],
    }
    optional = [name for name in ("timestamp", "rating", "comment") if draw.random() < 0.6]
    header = [str(name) for name in draw.permutation(["user_id", "item_id", *optional])]
    return header, [list(row) for row in zip(*(columns[name] for name in header), strict=True)]


def fixed(form: str, draw: np.random.Generator) -> bytes:
    """A log of a published format."""
    lines = [HEADERS[form]] if form in HEADERS else []
    for _ in range(draw.integers(1, 12)):
        user, item = (str(draw.choice(IDS)).replace(" ", "_") for _ in range(2))
        lines.append(FIXED[form][1].format(u=user, i=item, t=str(1_400_000_000 + draw.integers(1000))))
    return "".join(line + "\n" for line in lines).encode("latin-1" if form == "foursquare.txt" else "utf-8", "replace")


def written(form: str, header: list[str], log: list[list[Any]], draw: np.random.Generator) -> bytes:
    if form.endswith("parquet"):
        return parquet(header, log, draw)
    if form.endswith("jsonl"):
        return "".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in log).encode()
    if form.endswith("inter"):
        kinds = {"timestamp": "float", "rating": "float"}
        lines = [[f"{name}:{kinds.get(name, 'token')}" for name in header], *log]
        return "".join("\t".join(map(str, line)) + "\n" for line in lines).encode()
    text = io.StringIO()
    separator = SEPARATORS.get(form, "\t")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if draw.random() < 0.2 else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=separator, quoting=quoting, lineterminator="\n").writerows([header, *log])
    return text.getvalue().encode()


def parquet(header: list[str], log: list[list[Any]], draw: np.random.Generator) -> bytes:
    """With types of its own; a field that was damaged makes its column text."""
    columns = dict(zip(header, zip(*log, strict=True), strict=True))
    for name in ("user_id", "item_id"):
        kind = draw.integers(4)
        if kind == 0:
            columns[name] = tuple(int(one) for one in draw.integers(-2, 9, len(log)))
    frame = pl.DataFrame({name: pl.Series(name, values, strict=False) for name, values in columns.items()})
    damage = draw.integers(7)
    name = str(draw.choice(header))
    if damage == 0:
        frame = frame.with_columns(pl.when(pl.int_range(pl.len()) == 0).then(None).otherwise(pl.col(name)).alias(name))
    elif damage == 1:
        frame = frame.with_columns(pl.Series(name, [draw.choice([*BLANK, *BROKEN[:2], "007"])] * len(frame)))
    elif damage == 2:
        frame = frame.with_columns(pl.lit(float(draw.choice([-1.0, np.nan, np.inf, 20140407.0]))).alias(name))
    elif damage == 3:
        frame = frame.with_columns(pl.col(name).cast(pl.String).cast(pl.Categorical))
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


def damaged_lines(content: bytes, separator: bytes, draw: np.random.Generator) -> bytes:
    """A field, a line or the header changed, as a spreadsheet or a script that went wrong would."""
    lines = content.split(b"\n")
    place = int(draw.integers(len(lines)))
    fields = lines[place].split(separator)
    where, odd = int(draw.integers(len(fields))), str(draw.choice(FIELDS)).encode(errors="surrogateescape")
    kind = draw.integers(12)
    if kind < 5:
        fields[where] = odd
    elif kind == 5:
        fields.pop(where)
    elif kind == 6:
        fields.insert(where, odd)
    elif kind == 7:
        fields[where] = fields[int(draw.integers(len(fields)))]
    lines[place] = separator.join(fields)
    if kind == 8:
        lines.insert(place, [b"", b" ", separator * (len(fields) - 1), odd][int(draw.integers(4))])
    elif kind == 9:
        lines.pop(place)
    elif kind == 10:
        lines[place] += b"\r"
    elif kind == 11:
        lines = [line + b"\r" for line in lines]
    return b"\n".join(lines)


def damaged_bytes(content: bytes, draw: np.random.Generator) -> bytes:
    place = int(draw.integers(len(content) + 1))
    byte = bytes([int(draw.choice([0, 9, 10, 13, 32, 34, 44, 59, 0xE9, 0xFF, int(draw.integers(256))]))])
    kind = draw.integers(6)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + byte + content[place:]
    if kind == 2:
        return content[:place] + byte + content[place + 1 :]
    if kind == 3:
        return b"\xef\xbb\xbf" + content
    if kind == 4:
        return content[:place] + content[place + int(draw.integers(1, 4)) :]
    return content.decode(errors="replace").encode("utf-16") if draw.random() < 0.2 else content.rstrip(b"\n")


def damaged(content: bytes, separator: bytes, draw: np.random.Generator, times: int) -> bytes:
    """Lines or bytes changed, as often as told."""
    for _ in range(times):
        is_line = draw.random() < 0.7
        content = damaged_lines(content, separator, draw) if is_line else damaged_bytes(content, draw)
    return content


def make_file(seed: tuple[int, int], folder: Path) -> Path:
    """A log of some form with up to three things wrong, perhaps gzipped, perhaps a broken one."""
    draw = np.random.default_rng(seed)
    form = str(draw.choice(FORMS if draw.random() < 0.7 else list(FIXED)))
    content = fixed(form, draw) if form in FIXED else written(form, *rows(draw), draw)
    separator = (SEPARATORS | {name: one for name, (one, _) in FIXED.items()}).get(form, "\t").encode()
    for _ in range(draw.integers(4)):
        if form != "log.parquet" and draw.random() < 0.7:
            content = damaged_lines(content, separator, draw)
        elif form != "log.parquet" or draw.random() < 0.2:
            content = damaged_bytes(content, draw)
    if form != "log.parquet" and draw.random() < 0.1:
        content = gzip.compress(content, mtime=0)
        content = damaged_bytes(content, draw) if draw.random() < 0.3 else content
    path = folder / str(seed[1]) / form
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def real_files() -> list[Path]:
    """Logs of public data sets in the folder NEXTITEM_DATA; none without it."""
    root = os.environ.get("NEXTITEM_DATA")
    found = sorted(Path(root).glob("*/*")) if root else []
    return [path for path in found if path.is_file() and path.suffix != ".md"]


def make_real_file(seed: tuple[int, int], folder: Path, real: Sequence[Path]) -> Path:
    """The first lines of a real file, with up to three things wrong, under its own name."""
    draw = np.random.default_rng(seed)
    source = real[int(draw.integers(len(real)))]
    with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as file:
        content = b"".join(file.readline(10_000) for _ in range(draw.integers(2, 40)))
    separator = next((mark for mark in (b"\t", b"::", b",") if mark in content), b" ")
    content = damaged(content, separator, draw, int(draw.integers(4)))
    path = folder / str(seed[1]) / source.name.removesuffix(".gz")
    path.parent.mkdir()
    path.write_bytes(content)
    return path
