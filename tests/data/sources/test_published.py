"""Public logs as published: Gowalla, Foursquare, Last.fm-1K, HetRec, Steam, Yelp, Tmall; read by hand, and refused."""

from __future__ import annotations

import ast
import gzip
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats import steam
from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.formats.plays import COLUMNS
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.data.sources.opening import open_data
from nextitem.errors import InputError

MBID = "f1b1cf71-bd35-4e99-8624-24a6e15f133a"
# 2010-10-19 is day 14,901 since 1970: 14,901 * 86,400 = 1,287,446,400; and 23:55:27 is 86,127 s.
GOWALLA = "0\t2010-10-19T23:55:27Z\t30.2359091167\t-97.7951395833\t22847\n0\t2010-10-19T00:00:00Z\t30.2\t-97\t420315\n"
# 2012-04-03 is day 15,433: 1,333,411,200; and 18:00:09 is 64,809 s. 02:00 at +0200 is midnight.
FOURSQUARE = (
    "470\t49bbd6c0f964a520f4531fe3\t4bf58dd8d48988d127951735\tCafé\t40.7\t-74.0\t-240\tTue Apr 03 18:00:09 +0000 2012\n"
    "979\t4a43c0aef964a520c6a61fe3\t4bf58dd8d48988d1df941735\tBridge\t40.6\t-74\t-240\tTue Apr 03 02:00:00 +0200 2012\n"
)
# 2009-05-04 is day 14,368: 1,241,395,200; and 23:08:57 is 83,337 s.
PLAYS = (
    f'user_000001\t2009-05-04T23:08:57Z\t{MBID}\tDeep "D\t\tTo: A B\n'
    f"user_000001\t2009-05-04T00:00:01Z\t\tDeep\t{MBID}\tTo\n"
)
# Milliseconds of 2009-04-01, day 14,335: 1,238,544,000 s; the first row is dated 1956.
TAGS = "userID\tartistID\ttagID\ttimestamp\r\n2\t52\t13\t-428720400000\r\n2\t52\t15\t1238544000000\r\n"
# 2017-12-17 is day 17,517: 1,513,468,800 s; the other two are the days before.
STEAM = (
    "{u'username': u'Ann', u'hours': 9.1, u'product_id': u'725280', u'date': u'2017-12-17', u'text': u'{1}\\n'}\n"
    "{u'date': u'2017-12-16', u'user_id': u'7', u'text': u\"it's\", u'product_id': u'10', u'username': u'Bj\\xf6rn'}\n"
    '{"username": "Ann", "product_id": 10, "date": "2017-12-15"}\n'
)
# 2016-03-09 is day 16,869: 1,457,481,600 s.
YELP = (
    '{"review_id": "a", "user_id": "u", "business_id": "b", "stars": 5, "date": "2016-03-09 00:00:00", "text": "x"}\n'
    '{"review_id": "c", "user_id": "v", "business_id": "b", "stars": 2.0, "date": "2016-03-10 00:00:30", "text": ""}\n'
)
# 2014-05-11 is day 16,201: 1,399,766,400 s; 2014-11-12 is day 16,386: 1,415,750,400 s.
TMALL = (
    "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type\n"
    "328862,323294,833,2882,2661,1112,0\n328862,844400,1271,2882,,511,2\n1,844400,1271,2882,,0511,3\n"
)

CASES = [
    ("loc-gowalla_totalCheckins.txt", "gowalla", GOWALLA,
     {"user": ["0", "0"], "item": ["22847", "420315"], "timestamp": [1_287_532_527, 1_287_446_400]}),
    ("dataset_TSMC2014_NYC.txt", "foursquare", FOURSQUARE,
     {"user": ["470", "979"], "item": ["49bbd6c0f964a520f4531fe3", "4a43c0aef964a520c6a61fe3"],
      "timestamp": [1_333_476_009, 1_333_411_200]}),
    ("userid-timestamp-artid-artname-traid-traname.tsv", "lastfm-1k", PLAYS,
     {"user": ["user_000001"] * 2, "item": ['Deep "D\tTo: A B', "Deep\tTo"],
      "timestamp": [1_241_478_537, 1_241_395_201]}),
    ("user_taggedartists-timestamps.dat", "hetrec", TAGS,
     {"user": ["2"], "item": ["52"], "timestamp": [1_238_544_000]}),
    ("steam_reviews.json", "steam", STEAM,
     {"user": ["Ann", "Björn", "Ann"], "item": ["725280", "10", "10"],
      "timestamp": [1_513_468_800, 1_513_382_400, 1_513_296_000]}),
    ("yelp_academic_dataset_review.json", "jsonl", YELP,
     {"user": ["u", "v"], "item": ["b", "b"], "timestamp": [1_457_481_600, 1_457_568_030], "rating": [5, 2]}),
    ("user_log_format1.csv", "tmall", TMALL,
     {"user": ["328862", "328862", "1"], "item": ["323294", "844400", "844400"],
      "timestamp": [1_415_750_400, 1_399_766_400, 1_399_766_400]}),
]  # fmt: skip
TEXTS = {format: (name, text) for name, format, text, _ in CASES}


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def columns(log: Interactions) -> dict[str, list[object]]:
    frame = log.frame.drop("row")
    return {name: frame[name].to_list() for name in frame.columns}


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize(("name", "format", "text", "expected"), CASES, ids=[case[1] for case in CASES])
def test_layout_is_told_and_read(
    tmp_path: Path, name: str, format: str, text: str, expected: dict[str, list[object]], packed: str
) -> None:
    path = put(tmp_path, name + packed, text, "latin-1" if format == "foursquare" else "utf-8")
    assert sniff(path) == format
    assert columns(read(path)) == columns(read(path, format=format)) == expected


@pytest.mark.parametrize("format", ["gowalla", "foursquare", "lastfm-1k", "hetrec", "tmall"])
def test_layout_is_told_under_any_name_and_only_if_every_line_has_it(tmp_path: Path, format: str) -> None:
    text = TEXTS[format][1]
    assert sniff(put(tmp_path, "x", text)) == format
    assert sniff(put(tmp_path, "x.tsv", text)) == format
    if format != "hetrec":  # which is told by its header
        assert sniff(put(tmp_path, "x.tsv", text + "1" + "\t" * text.count("\t") + "\n")) != format or format == "tmall"


def test_another_contest_with_the_header_of_tmall_is_a_table(tmp_path: Path) -> None:
    assert sniff(put(tmp_path, "x.csv", TMALL.replace("0511", "173"))) == "table"


@pytest.mark.parametrize("text", ["{'a': 1}\n", "{'username': 'a', 'product_id': 'b'}\n", "{'username'\n", "{f()}\n"])
def test_other_literals_are_not_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="cannot be told"):
        sniff(put(tmp_path, "x.json", STEAM + text))


def test_plays_without_a_name_are_left_out_and_said(tmp_path: Path) -> None:
    name, text = TEXTS["lastfm-1k"]
    nameless = f"u\t2009-05-04T00:00:00Z\t{MBID}\tDeep\t\t\nu\t2009-05-04T00:00:00Z\t{MBID}\t \t\tTo\n"
    log = read(put(tmp_path, name, nameless + text))
    assert columns(log) == columns(read(put(tmp_path, "plain", text)))
    assert log.notes == (f"2 of 4 plays of {name} lack an artist or a song; they were left out",)
    assert check(tmp_path / name, 2e9).warnings[0] == log.notes[0]


def test_another_column_of_plays_may_be_the_item(tmp_path: Path) -> None:
    name, text = TEXTS["lastfm-1k"]
    path = put(tmp_path, name, text.replace("\tTo\n", "\t\n"))
    log = read(path, item="artname")
    assert (columns(log)["item"], log.notes) == (['Deep "D', "Deep"], ())
    with pytest.raises(InputError, match=r"line 2: the item is empty"):
        read(path, item="artid")
    for wrong, way_out in (("artnam", 'did you mean "artname"'), ("userid", "known: artid, artname, traid, traname")):
        with pytest.raises(InputError, match=f'no column "{wrong}" for the item; {way_out}'):
            read(path, item=wrong)
    with pytest.raises(InputError, match='"lastfm-1k", which has fixed columns, found user="userid"'):
        read(path, item="artname", user="userid")


def test_two_songs_whose_names_run_together_stay_apart(tmp_path: Path) -> None:
    text = "".join(f"u\t2009-05-04T00:00:00Z\t\t{song}\n" for song in ("A - B\t\tC", "A\t\tB - C", "A -\t\tB - C"))
    assert len(set(columns(read(put(tmp_path, "x.tsv", text)))["item"])) == 3


def test_tags_from_before_1970_are_left_out_and_said(tmp_path: Path) -> None:
    name, text = TEXTS["hetrec"]
    assert read(put(tmp_path, name, text)).notes == (
        f"1 of 2 rows of {name} are dated before 1970; they were left out",
        f"the times of {name} are milliseconds; they were turned to seconds",
    )


def test_blocks_of_steam_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextitem.data.sources.formats.steam.BLOCK", 2)
    assert columns(read(put(tmp_path, "x", STEAM))) == CASES[4][3]


WORD = st.text('abé" ', max_size=4)
VALUE = st.text("a'\"\\\n\r\0é\u2028\U0001f600{}:, ", max_size=5) | st.integers() | st.floats() | st.none()
REVIEW = st.fixed_dictionaries(dict.fromkeys(steam.KEYS, WORD), optional={"hours": VALUE, "text": VALUE})


def python_2(value: object) -> str:
    """As Python 2 writes it: u before texts, and escapes for all but ASCII."""
    return f"u{value!a}" if isinstance(value, str) else repr(value)


@settings(max_examples=300, deadline=None)
@given(
    REVIEW,
    st.randoms(use_true_random=False),
    st.integers(0, 90),
    st.text("'\"\\{}:, ux01\r\n\0", max_size=2),
    st.integers(0, 2),
)
def test_fields_at_once_are_those_of_the_literal(
    review: dict[str, object], random: Random, place: int, inserted: str, dropped: int
) -> None:
    write = random.choice([repr, python_2])
    pairs = [f"{write(key)}: {write(value)}" for key, value in random.sample(list(review.items()), len(review))]
    line = "{" + ", ".join(pairs) + "}"
    for text in (line, line[:place] + inserted + line[place + dropped :]):
        found = steam.fields_at_once(text)
        if found is not None:
            value = ast.literal_eval(text)
            assert found == tuple(value[key] for key in steam.KEYS)


@pytest.mark.parametrize("line", STEAM.splitlines())
def test_lines_as_published_are_read_at_once(line: str) -> None:
    assert (steam.fields_at_once(line) is None) == ("\\xf6" in line or line.startswith('{"'))


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    line = "{'username': u'\\ud83d', 'product_id': '1', 'date': '2017-12-17'}\n"
    with pytest.raises(InputError, match=r"line 4: steam needs a dict"):
        read(put(tmp_path, "x", STEAM + line), format="steam")


def test_nothing_of_steam_is_executed(tmp_path: Path) -> None:
    path = put(tmp_path, "x.json", STEAM + f"{{'username': open({str(tmp_path / 'made')!r}, 'w')}}\n")
    with pytest.raises(InputError, match=r"x\.json, line 4: a line must be a JSON object or a Python literal"):
        read(path, format="steam")
    assert not (tmp_path / "made").exists()


BAD = [
    ("gowalla", "0\t2010-10-19\t1\t2\n", ["line 4", "user, time, latitude", "found 4 fields", "mend the line"]),
    ("gowalla", "0\t2010-10-19T25:55:27Z\t1\t2\t3\n", ["line 4", "timestamp must be", "T25:55", "mend or drop"]),
    ("gowalla", "0\t2010-10-19T23:55:27Z\t1\t2\t\n", ["line 4", "item is empty", "drop the line"]),
    ("gowalla", "\t2010-10-19T23:55:27Z\t1\t2\t3\n", ["line 4", "user is empty"]),
    ("foursquare", "1\t2\t3\t4\t5\t6\t7\n", ["line 4", "user, venue, category", "found 7 fields"]),
    ("foursquare", "1\t2\t3\t4\t5\t6\t7\tTue Apr 04 18:00:09 +0000 2012\n",  # it was a Wednesday
     ["line 4", "a time such as Tue Apr 03", "'Tue Apr 04 18", "mend or drop"]),
    ("foursquare", "1\t \t3\t4\t5\t6\t7\tTue Apr 03 18:00:09 +0000 2012\n", ["line 4", "item is empty", "' '"]),
    ("lastfm-1k", "u\t2009-05-04T23:08:57Z\t\tA\t\tB\tC\n", ["line 4", "artist's id and name", "found 7 fields"]),
    ("lastfm-1k", "u\tyesterday\t\tA\t\tB\n", ["line 4", "timestamp must be", "'yesterday'", "mend or drop"]),
    ("lastfm-1k", "\t2009-05-04T23:08:57Z\t\tA\t\tB\n", ["line 4", "user is empty"]),
    ("hetrec", "2\t52\t13\n", ["line 5", "4 fields, as in its first line, split by tabs", "found 3"]),
    ("hetrec", "2\t52\t13\tsoon\n", ["line 5", "a number of milliseconds", "'soon'", "mend or drop"]),
    ("steam", "{'username': 'a', 'product_id': 'b'}\n", ["line 5", "username, product_id, date", "--data.format"]),
    ("steam", "{'username': ['a'], 'product_id': 'b', 'date': '2017-12-17'}\n", ["line 5", "as text", "['a']"]),
    ("steam", "['a']\n", ["line 5", "needs a dict", "['a']"]),
    ("steam", "{'username': \n", ["line 5", "a Python literal", "mend or drop the line"]),
    ("steam", "{'username': 'a', 'product_id': 'b', 'date': '2017-13-17'}\n", ["line 5", "'2017-13-17'", "mend or"]),
    ("steam", "{'username': '', 'product_id': 'b', 'date': '2017-12-17'}\n", ["line 5", "user is empty"]),
    ("jsonl", '{"user_id": "u", "business_id": "b", "date": "soon"}\n', ["line 4", "'soon'"]),
    ("tmall", "1,2,3,4,5,0229,0\n", ["line 6", "a month and a day of 2014", "'0229'", "mend or drop"]),
    ("tmall", "1,2,3,4,5,20141111,0\n", ["line 6", "MMDD", "'20141111'"]),
    ("tmall", "1,2,3,4,5,,0\n", ["line 6", "MMDD", "''"]),
    ("tmall", "1,2,3,4,5,1111\n", ["line 6", "7 fields, as in its first line, split by commas", "found 6"]),
    ("tmall", ",2,3,4,5,1111,0\n", ["line 6", "user is empty"]),
]  # fmt: skip


@pytest.mark.parametrize(("format", "line", "words"), BAD)
def test_bad_line_is_refused_by_number_rule_and_value(tmp_path: Path, format: str, line: str, words: list[str]) -> None:
    name, text = TEXTS[format]
    path = put(tmp_path, name, text + "\n" + line, "latin-1" if format == "foursquare" else "utf-8")
    with pytest.raises(InputError) as caught:
        read(path, format=format)
    assert [word for word in [name, *words] if word not in str(caught.value)] == []


@pytest.mark.parametrize("format", ["hetrec", "tmall"])
@pytest.mark.parametrize("mend", [lambda text: text.replace("user", "who"), lambda text: text.replace("tag", "user")])
def test_header_must_have_each_column_once(tmp_path: Path, format: str, mend: object) -> None:
    name, text = TEXTS[format]
    text = mend(text.replace("brand", "tag"))  # type: ignore[operator]
    with pytest.raises(InputError, match=rf"line 1: {format} needs the columns .*, each once, .*--data\.format table"):
        read(put(tmp_path, name, text), format=format)


@pytest.mark.parametrize("format", ["gowalla", "foursquare", "lastfm-1k", "steam", "tmall", "hetrec"])
@pytest.mark.parametrize("text", ["", "\n \n"])
def test_file_without_a_row_is_empty(tmp_path: Path, format: str, text: str) -> None:
    with pytest.raises(InputError, match="is empty"):
        read(put(tmp_path, "x", text), format=format)


def test_header_alone_is_empty(tmp_path: Path) -> None:
    for format in ("tmall", "hetrec"):
        name, text = TEXTS[format]
        with pytest.raises(InputError, match="is empty: it has no interaction"):
            read(put(tmp_path, name, text.split("\n")[0] + "\n"), format=format)


def test_literals_may_begin_with_a_mark_and_end_in_crlf(tmp_path: Path) -> None:
    path = put(tmp_path, "x.json", "\ufeff\n" + STEAM.replace("\n", "\r\n"))
    assert columns(read(path, format="steam")) == CASES[4][3]


def test_broken_gzip_and_wrong_bytes_of_literals_are_named(tmp_path: Path) -> None:
    path = put(tmp_path, "x.json.gz", STEAM * 50)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"broken gzip.*again"):
        read(path, format="steam")
    put(tmp_path, "x.json", STEAM + "é\n", "latin-1")
    with pytest.raises(InputError, match=r"x\.json, line 4: text must be UTF-8"):
        read(tmp_path / "x.json", format="steam")


@pytest.mark.parametrize(
    ("header", "role"),
    [("user,item,date,time", "time"), ("user,item,date,timestamp", "timestamp"), ("user,item,date", "date"),
     ("date,user,item,datetime", "datetime"), ("user,item,update,created", None)],
)  # fmt: skip
def test_a_date_is_the_time_only_where_nothing_else_is(tmp_path: Path, header: str, role: str | None) -> None:
    values = {"time": "1396866669", "timestamp": "7", "datetime": "7", "date": "1970-01-02"}
    row = ",".join(values.get(name, "1") for name in header.split(","))
    log = columns(read(put(tmp_path, "x.csv", f"{header}\n{row}\n")))
    assert log.get("timestamp") == (None if role is None else [{"date": 86_400, "time": 1396866669}.get(role, 7)])


def test_days_as_one_number_are_no_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "x.csv", "user,item,timestamp\n1,2,20140407\n1,3,20140408\n")
    pl.read_csv(path).write_parquet(tmp_path / "x.parquet")
    monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", 1)
    for one in (path, tmp_path / "x.parquet"):
        for look in (read, lambda path: open_data(str(path))):
            with pytest.raises(InputError, match=r"x\..*: every timestamp is a day .*20140407; .*2014-04-07"):
                look(one)
    with_another = put(tmp_path, "y.csv", "user,item,time\n1,2,20140407\n1,3,20991232\n")
    assert columns(read(with_another))["timestamp"] == [20_140_407, 20_991_232]


@pytest.mark.parametrize(
    ("format", "roles", "times"),
    [
        ("gowalla", ["user", "timestamp", "-", "-", "item"], "dates"),
        ("foursquare", ["user", "item", "-", "-", "-", "-", "-", "timestamp"], "dates"),
        ("lastfm-1k", ["user", "timestamp", "-", "item", "-", "item"], "dates"),
        ("hetrec", ["user", "item", "-", "timestamp"], "milliseconds"),
        ("steam", ["user", "item", "timestamp"], "dates"),
        ("tmall", ["user", "item", "-", "-", "-", "timestamp", "-"], "month and day, of 2014"),
    ],
)
def test_check_says_what_is_read(tmp_path: Path, format: str, roles: list[str], times: str) -> None:
    name, text = TEXTS[format]
    found = check(put(tmp_path, name, text, "latin-1" if format == "foursquare" else "utf-8"), 2e9)
    assert (found.format, [role for _, role in found.columns], found.times) == (format, roles, times)
    if format == "lastfm-1k":
        assert tuple(column for column, _ in found.columns) == COLUMNS
