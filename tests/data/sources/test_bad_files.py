"""Malformed files: each is refused by file, line, rule and value found; legal oddities beside them are read."""

from pathlib import Path

import pytest

from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.side_tables import read_side
from nextitem.errors import InputError

FOLDER = Path(__file__).parent / "bad"
SIDE = {".user": "users", ".item": "items", ".kg": "knowledge", ".link": "links", ".net": "trust"}
SECONDS, DATES = "timestamp must be a number of seconds", "dates such as 2014-04-07 10:31:09 are read too"
AGAIN = "download or compress it again"

# The name, how it is read, and what the error says besides the name.
BAD = [
    ("truncated.txt.gz", "auto", ["broken gzip", "ended before", AGAIN]),
    ("truncated-header.txt.gz", "auto", ["broken gzip", AGAIN]),
    ("wrong-checksum.csv.gz", "auto", ["broken gzip", "CRC check failed", AGAIN]),
    ("utf16.csv", "auto", ["line 1", "must be UTF-8", "0xff", "iconv -f utf-16"]),
    ("latin1.csv", "auto", ["line 3", "must be UTF-8", "0xe9", "iconv -f latin1"]),
    ("latin1.inter", "auto", ["line 2", "must be UTF-8", "0xe9"]),
    ("no-utf8.txt", "pairs", ["line 2", "must be UTF-8", "0xff"]),
    ("nul.csv", "auto", ["line 3", "NUL byte", r"'1\x00'"]),
    ("nul.inter", "auto", ["line 3", "NUL byte", r"'\x00'"]),
    ("nul.txt", "pairs", ["line 3", "NUL byte"]),
    ("no.parquet", "auto", ["no Parquet file", "write it again"]),
    ("cut.parquet", "auto", ["broken Parquet file", "write it again"]),
    ("empty.csv", "auto", ["is empty"]),
    ("empty.csv.gz", "auto", ["is empty", "no line with text"]),
    ("empty.link", "side", ["is empty"]),
    ("blank.txt", "auto", ["is empty", "no line with text"]),
    ("header-only.csv", "auto", ["is empty", "no interaction"]),
    ("header-only.inter", "auto", ["is empty", "no interaction"]),
    ("many-fields.csv", "auto", ["line 3", "2 fields", "found 3"]),
    ("few-fields.csv", "auto", ["line 4", "3 fields", "found 2"]),
    ("open-quote.csv", "auto", ["line 3", "never closed", "close or remove"]),
    ("twin-headers.csv", "auto", ["line 1", "the same name", '"item" twice']),
    ("twin-headers.inter", "auto", ["line 1", "the same name", "item_id:token, item_id:float"]),
    ("twin-headers.user", "side", ["line 1", "the same name", "user_id:token, user_id:float"]),
    ("negative-time.csv", "auto", ["line 3", "must not be negative", "found -1"]),
    ("negative-time.inter", "auto", ["line 2", "must not be negative", "found -5.5"]),
    ("negative-time.jsonl", "auto", ["line 2", "must not be negative", "found -5"]),
    ("word-time.csv", "auto", ["line 3", SECONDS, "'yesterday'", DATES]),
    ("word-time-after-blanks.csv", "auto", ["line 5", SECONDS, "'soon'", DATES]),
    ("word-time.jsonl", "auto", ["line 1", SECONDS, "'soon'", DATES]),
    ("no-such-day.csv", "auto", ["line 3", SECONDS, "'2014-02-30'"]),
    ("mixed-time.csv", "auto", ["line 3", SECONDS, "'2014-04-07'"]),
    ("empty-time.csv", "auto", ["line 3", SECONDS, "''"]),
    ("inf-time.csv", "auto", ["line 2", SECONDS, "'inf'"]),
    ("hex-time.csv", "auto", ["line 2", SECONDS, "'0x10'"]),
    ("empty-user.csv", "auto", ["line 3", "user is empty", "''"]),
    ("empty-user.dat", "movielens", ["line 2", "user is empty", "''"]),
    ("blank-user.inter", "auto", ["line 3", "user is empty", "'  '"]),
    ("blank-item.csv", "auto", ["line 3", "item is empty", "'   '"]),
    ("no-user-column.csv", "auto", ["person_name, item", "--data.user"]),
    ("no-item-column.inter", "auto", ["user_id, thing", "--data.item"]),
    ("one-column.csv", "auto", ["line 1", "two columns", '"user^item"', "--data.separator"]),
    ("unknown-type.inter", "auto", ["line 1", '"item_id:tokn" has no type', 'did you mean "token"?']),
    ("unknown-type.item", "side", ["line 1", '"year:int" has no type', "known: float"]),
    ("untyped.inter", "auto", ["line 1", "name:type", '"user_id"']),
    ("untyped.item", "side", ["line 1", "name:type", '"year"']),
    ("spaces.inter", "auto", ["line 1", "split by tabs", '"user_id:token item_id:token"']),
    ("word-float.item", "side", ["line 3", "a finite number", "'soon'", "year:token"]),
    ("nan-float.user", "side", ["line 2", "a finite number", "'nan'", "age:token"]),
    ("word-floats.item", "side", ["line 3", "finite numbers split by spaces", "'.5 x'"]),
    ("two-fields.kg", "side", ["line 3", "3 fields", "found 2"]),
    ("short-triple.txt", "knowledge", ["line 2", "3 fields", "found 2"]),
    ("long-row.csv", "users", ["line 3", "2 fields", "found 3"]),
    ("short-row.csv", "items", ["line 3", "2 fields", "found 1"]),
    ("no-tail.kg", "side", ["line 1", "head, relation, tail", "head_id, tail_id"]),
    ("no-entity.link", "side", ["line 1", "item, entity", "found item_id"]),
    ("many-fields.net", "side", ["line 2", "2 fields", "found 3"]),
    ("ratings.dat", "auto", ["line 2", "tabs or ::", "found 3 fields", "'2::20::4'"]),
    ("u.data", "auto", ["line 1", "no header", "user_id", "--data.format table"]),
    ("user-only.txt", "sequences", ["line 2", "one item or more", "found 1", "'4'"]),
    ("three-fields.txt", "pairs", ["line 3", "user and item", "found 3", "'1 4 5'"]),
    ("pairs-header.txt", "pairs", ["line 1", "no header", "'user item'"]),
    ("no-time.csv", "ratings", ["line 2", "split by commas", "found 3", "'A2,B2,4.0'"]),
    ("swapped.csv", "item-ratings", ["line 2", "item, user, rating", "found 3"]),
    ("prose.txt", "auto", ["cannot be told", "'Once upon a time", "--data.format"]),
    ("no-timeframe.csv", "diginetica", ["line 1", "needs the columns", "no timeframe"]),
    ("word-timeframe.csv", "auto", ["line 2", "milliseconds", "'soon'", "--data.format table"]),
    ("no-such-date.csv", "auto", ["line 2", "a date such as", "'2016-13-09'"]),
    ("yoochoose-time.dat", "yoochoose", ["line 2", SECONDS, "'later'"]),
    ("yoochoose-fields.dat", "yoochoose", ["line 2", "session, date, item", "found 3"]),
    ("cut.jsonl", "auto", ["line 2", "must be JSON", """'{"user": 1, "it'"""]),
    ("nan.jsonl", "auto", ["line 2", "JSON has no NaN", '"rating": NaN']),
    ("list.jsonl", "auto", ["line 1", "must be a JSON object", '["user", "item"]']),
    ("list-later.jsonl", "auto", ["line 2", "must be a JSON object", "'[1, 2]'"]),
    ("whole-array.jsonl", "auto", ["line 1", "must be JSON", "'['"]),
    ("two-a-line.jsonl", "auto", ["line 1", "must be JSON", "Extra data"]),
    ("twin-keys.jsonl", "auto", ["line 2", "a key must stand once", '"item" twice']),
    ("nested.jsonl", "auto", ["line 2", "text or a number", "{'id': 3}"]),
    ("no-item.jsonl", "auto", ["line 2", "item is empty", "''"]),
    ("null-user.jsonl", "auto", ["line 2", "user is empty", "''"]),
    ("single-quotes.json", "jsonl", ["line 1", "must be JSON", "{'reviewerID': 'u'"]),
    ("literal.jsonl", "auto", ["line 1", "must be JSON", "__import__('os')"]),
]
# Of a rating that nobody asked for, and how the file is read: it is left out; asked for, it is refused.
RATED = [
    ("nan-rating.csv", "auto", ["line 3", "rating must be a number", "'nan'"]),
    ("nan-rating.dat", "movielens", ["line 2", "rating must be a number", "'nan'"]),
    ("word-rating.csv", "auto", ["line 3", "rating must be a number", "'good'"]),
    ("comma-rating.csv", "auto", ["line 3", "rating must be a number", "'4,5'"]),
    ("two-point-rating.inter", "auto", ["line 2", "rating must be a number", "'4.5.1'"]),
]
TIMED = {"user": ["1", "2"], "item": ["a", "b"], "timestamp": [5, 4]}
UNTIMED = {"user": ["1", "2"], "item": ["a", "b"]}
LEGAL = [
    ("legal-bom.csv", TIMED),
    ("legal-crlf.csv", TIMED),
    ("legal-no-end.csv", TIMED),
    ("legal-blank-lines.csv", TIMED),
    ("legal-gzip-by-content.csv", TIMED),
    ("legal-two-gzip-members.csv.gz", TIMED),
    ("legal-bom.inter", TIMED),
    ("legal-bom.jsonl", TIMED),
    ("legal-crlf.dat", TIMED | {"rating": [3, 4]}),
    ("legal-crlf.txt", UNTIMED),
    ("legal-spaces.txt", UNTIMED),
    ("legal-quoted.csv", TIMED | {"item": ['a, "b"', "c\nd"]}),
    ("legal-quote-letters.inter", TIMED | {"item": ['"a', 'b"']}),
    ("legal-key-within.jsonl", TIMED),
    ("legal-code-as-id.jsonl", TIMED | {"user": ["__import__('os')", "2"]}),
]


@pytest.mark.parametrize(("name", "format", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_bad_file_is_refused_by_name_line_rule_and_value(name: str, format: str, words: list[str]) -> None:
    path = FOLDER / name
    with pytest.raises(InputError) as caught:
        _read(path, format)
    assert [word for word in [name, *words] if word not in str(caught.value)] == []


@pytest.mark.parametrize(("name", "format"), [(name, format) for name, format, _ in RATED])
def test_bad_rating_that_nothing_asks_for_is_left_out_and_said_with_the_way_to_its_line(name: str, format: str) -> None:
    log = read(FOLDER / name, format=format)
    assert not log.has_ratings
    assert "name their column with --data.rating to be told which" in log.notes[-1]


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, _, words in RATED if not name.endswith(".dat")])
def test_bad_rating_that_is_named_is_refused_by_line_and_value(name: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read(FOLDER / name, rating="rating")
    assert [word for word in [name, *words] if word not in str(caught.value)] == []


@pytest.mark.parametrize(("name", "format", "words"), RATED, ids=[name for name, _, _ in RATED])
def test_bad_rating_that_a_rule_needs_is_refused(name: str, format: str, words: list[str]) -> None:
    with pytest.raises(InputError, match=words[0] + ": rating must be a number"):
        prepare(read(FOLDER / name, format=format), Rules(min_rating=2))
    with pytest.raises(InputError, match=words[0] + ": rating must be a number"):
        prepare(read(FOLDER / name, format=format), Rules(weight="rating"))


@pytest.mark.parametrize(("name", "expected"), LEGAL, ids=[name for name, _ in LEGAL])
def test_legal_oddity_is_read(name: str, expected: dict[str, list[object]]) -> None:
    log = read(FOLDER / name).frame.drop("row")
    assert {column: log[column].to_list() for column in log.columns} == expected


@pytest.mark.parametrize(
    ("name", "format"), [("short-row.csv", "items"), ("two-fields.kg", "side"), ("r.inter", "auto")]
)
def test_separator_is_no_way_out_where_none_can_be_named(tmp_path: Path, name: str, format: str) -> None:
    (tmp_path / "r.inter").write_text("user_id:token\titem_id:token\n1\t2\n1\n")
    path = FOLDER / name if (FOLDER / name).exists() else tmp_path / name
    with pytest.raises(InputError, match=r"fields are needed, .*; mend the line") as caught:
        _read(path, format)
    assert "separator" not in str(caught.value)


def test_two_lines_that_make_one_object_are_no_lines_of_json(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"user": 1, "item": 2}\n{"user": 1, "i\ntem": 3, "item": 4}\n')
    with pytest.raises(InputError, match=r"log\.jsonl, line 2: a line must be JSON"):
        read(tmp_path / "log.jsonl")


def test_every_file_is_in_one_table() -> None:
    named = [str(case[0]) for case in (*BAD, *RATED, *LEGAL)]
    assert sorted(named) == sorted(path.name for path in FOLDER.iterdir())
    assert len(BAD) >= 40


def test_no_file_is_large() -> None:
    assert max(path.stat().st_size for path in FOLDER.iterdir()) < 2**11


def test_scanned_atomic_file_is_held_to_its_types_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", 1)
    with pytest.raises(InputError, match=r"line 1: .*item_id:tokn"):
        open_data(str(FOLDER / "unknown-type.inter"))


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """literal.jsonl would make a file, were it evaluated."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="must be JSON"):
        read(FOLDER / "literal.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_folder_of_many_files_asks_for_one() -> None:
    with pytest.raises(InputError, match=r"is a folder; name one file"):
        read(FOLDER)
    with pytest.raises(InputError, match=r"interaction files; name one"):
        open_data(str(FOLDER))


def _read(path: Path, format: str) -> None:
    if format in SIDE.values():
        read_side({format: path})
    elif format == "side":
        read_side({SIDE[path.suffix]: path})
    else:
        read(path, format=format)
