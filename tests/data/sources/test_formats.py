"""Readers: what each format holds, and what is said about a file that breaks its rule."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.errors import InputError

Write = Callable[[str, str], Path]

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t3\t5\n2\t20\t4.5\t4\n"
CSV = "user_id,item_id,rating,timestamp\n1,10,3,5\n2,20,4.5,4\n"
JSONL = (
    '{"reviewerID": "1", "asin": 10, "overall": 3.0, "unixReviewTime": 5, "helpful": [0, 1]}\n'
    '{"asin": "20", "reviewerID": 2, "overall": 4.5, "unixReviewTime": 4}\n'
)


def columns(log: Interactions) -> dict[str, list[object]]:
    return {name: log.frame[name].to_list() for name in log.frame.columns}


FULL = {"row": [0, 1], "user": ["1", "2"], "item": ["10", "20"], "timestamp": [5, 4], "rating": [3.0, 4.5]}
ORDERED = {"row": [0, 1, 2], "user": ["1", "1", "2"], "item": ["10", "11", "10"]}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "text", "format", "expected"),
    [
        ("x.inter", INTER, "atomic", FULL),
        ("log.txt", INTER, "atomic", FULL),
        ("u.data", "1\t10\t3\t5\n2\t20\t4.5\t4\n", "movielens", FULL),
        ("ratings.dat", "1::10::3::5\n2::20::4.5::4\n", "movielens", FULL),
        ("other.dat", "1::10::3::5\n2::20::4.5::4\n", "movielens", FULL),
        ("named.txt", "1\t10\t3\t5\n2\t20\t4.5\t4\n", "movielens", FULL),
        ("pairs.txt", "1 10\n1 11\n2 10\n", "pairs", ORDERED),
        ("pairs.txt", "1\t10\n1  11 \n2\t10", "pairs", ORDERED),
        ("rows.txt", "1 10 11\n2 10\n", "sequences", ORDERED),
        ("x.csv", CSV, "table", FULL),
        ("x.csv", CSV.replace(",", ";"), "table", FULL),
        ("x.tsv", CSV.replace(",", "\t"), "table", FULL),
        ("x.txt", CSV.replace(",", "|"), "table", FULL),
        ("x", CSV, "table", FULL),
        ("x.csv", CSV.replace("\n", "\r\n"), "table", FULL),
        ("x.csv", "\ufeff" + CSV, "table", FULL),
        ("x.csv", CSV.replace("1,10", "\n1,10") + "\n\n", "table", FULL),
        ("x.txt", "\ufeff1 10\n1 11\n2 10\n", "pairs", ORDERED),
        ("ratings_X.csv", "1,10,3.0,5\n2,20,4.5,4\n", "ratings", FULL),
        ("x.jsonl", JSONL, "jsonl", FULL),
        ("reviews.json", JSONL, "jsonl", FULL),
    ],
)
def test_format_is_told_and_read(
    write: Write, name: str, text: str, format: str, expected: dict[str, list[object]], ending: str
) -> None:
    path = write(name + ending, text)
    assert sniff(path) == format
    assert columns(read(path)) == expected
    assert columns(read(path, format=format)) == expected


def test_gzip_is_told_by_content(write: Write) -> None:
    path = write("rows.txt.gz", "1 10 11\n2 10\n")
    assert columns(read(path.rename(path.with_name("rows.txt")))) == ORDERED


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pl.DataFrame({"UserId": [7, 8], "ItemId": ["a", "b"], "Time": [1.5, 2.5], "other": [None, None]})
    frame.write_parquet(tmp_path / "x.parquet")
    expected = {"row": [0, 1], "user": [7, 8], "item": ["a", "b"], "timestamp": [1500, 2500]}
    assert columns(read(tmp_path / "x.parquet")) == expected


def test_parquet_datetimes_become_numbers(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user": [1, 1], "item": [1, 2]}).with_columns(
        timestamp=pl.Series([86400_000_000, 500_000]).cast(pl.Datetime("us"))
    )
    frame.write_parquet(tmp_path / "x.parquet")
    assert columns(read(tmp_path / "x.parquet"))["timestamp"] == [86_400_000, 500]


@pytest.mark.parametrize(
    "header",
    ["userId,movieId,rating,timestamp", "UserID,asin,Overall,unixReviewTime", "session_id,item_id,score,timeframe"],
)
def test_common_spellings_are_found(write: Write, header: str) -> None:
    log = read(write("x.csv", header + "\n1,10,3,5\n2,20,4.5,4\n"))
    assert columns(log) == FULL


def test_user_column_is_preferred_to_session(write: Write) -> None:
    log = read(write("x.csv", "session_id,user_id,item_id\ns,u,i\n"))
    assert log.frame["user"].to_list() == ["u"]


def test_named_columns_win(write: Write) -> None:
    path = write("x.csv", "session_id,user_id,item_id,bought\ns,u,i,9\n")
    log = read(path, user="session_id", timestamp="bought")
    assert columns(log) == {"row": [0], "user": ["s"], "item": ["i"], "timestamp": [9]}


@pytest.mark.parametrize("ending", ["", ":token"])
def test_atomic_columns_are_named_with_or_without_type(write: Write, ending: str) -> None:
    path = write("x.inter", "session_id:token\tuser_id:token\titem_id:token\ns\tu\ti\n")
    assert read(path, user="session_id" + ending).frame["user"].to_list() == ["s"]


def test_any_one_character_separates(write: Write) -> None:
    path = write("x.csv", "user item timestamp\n1 2 3\n")
    assert columns(read(path, separator="space"))["item"] == ["2"]
    path = write("x.txt", "user^item\n1^2\n")
    assert columns(read(path, separator="^"))["item"] == ["2"]


@pytest.mark.parametrize("separator", ["\t", "\\t", "tab"])
def test_tab_may_be_spelt_out(write: Write, separator: str) -> None:
    assert len(read(write("x.csv", "user\titem\n1\t2\n"), separator=separator)) == 1


def test_ids_may_have_spaces_and_any_letters(write: Write) -> None:
    log = read(write("x.tsv", "user\titem\nAnna Öz\t東京 タワー\n"))
    assert columns(log) == {"row": [0], "user": ["Anna Öz"], "item": ["東京 タワー"]}


def test_quoted_fields_may_hold_separators_quotes_and_line_ends(write: Write) -> None:
    log = read(write("x.csv", 'user,item,title\n1,"a, ""b""","x\ny"\n2,c,z\n'))
    assert log.frame["item"].to_list() == ['a, "b"', "c"]


def test_quotes_are_letters_in_atomic_files(write: Write) -> None:
    log = read(write("x.inter", 'user_id:token\titem_id:token\n"1\t2\n3\t4"\n'))
    assert log.frame["user"].to_list() == ['"1', "3"]


def test_names_with_pattern_characters_are_plain_names(write: Write) -> None:
    assert len(read(write("x[1]*.txt", "1 2\n"))) == 1


def test_leading_zeros_of_text_ids_stay(write: Write) -> None:
    assert read(write("x.txt", "007 01\n")).frame["user"].to_list() == ["007"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1396866669277", 1396866669.277),
        ("2014-04-07T10:31:09.277Z", 1396866669.277),
        ("2014-04-07 10:31:09.277", 1396866669.277),
        ("2014-04-07T12:31:09.277+02:00", 1396866669.277),
        ("2014-04-07", 1396828800.0),
        ("1396866669", 1396866669),
        ("0", 0),
    ],
)
def test_milliseconds_and_dates_keep_their_fraction(write: Write, text: str, seconds: float) -> None:
    log = read(write("x.csv", f"user,item,timestamp\n1,2,{text}\n"))
    is_whole = seconds == int(seconds)
    assert log.frame["timestamp"].to_list() == [seconds if is_whole else round(1000 * seconds)]
    assert log.time_unit == ("s" if is_whole else "ms")


def test_milliseconds_stay_so_in_parquet(tmp_path: Path) -> None:
    pl.DataFrame({"user": [1], "item": [2], "timestamp": [1396866669277]}).write_parquet(tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet").frame["timestamp"].to_list() == [1396866669277]


def test_seconds_beside_milliseconds_are_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"x\.csv: timestamps run from 5 to 1396866669277, .* to one unit"):
        read(write("x.csv", "user,item,timestamp\n1,2,1396866669277\n1,2,5\n"))


def test_diginetica_counts_milliseconds_within_a_day_and_takes_the_session(write: Write) -> None:
    text = "session_id;user_id;item_id;timeframe;eventdate\n7;NA;b;1500;1970-01-02\n7;NA;a;0;1970-01-02\n"
    expected = {"row": [0, 1], "user": ["7", "7"], "item": ["b", "a"], "timestamp": [86401500, 86400000]}
    assert columns(read(write("x.csv", text))) == expected


def test_yoochoose_has_dates_and_no_header(write: Write) -> None:
    path = write("yoochoose-clicks.dat", "1,1970-01-02T00:00:00.500Z,214536502,0\n")
    assert sniff(path) == "yoochoose"
    assert columns(read(path)) == {"row": [0], "user": ["1"], "item": ["214536502"], "timestamp": [86400500]}


def test_amazon_2018_has_the_item_first(write: Write) -> None:
    path = write("Music.csv", "0001393774,A1B2C3D4E5F6G7,5.0,1356912000\n")
    assert sniff(path) == "item-ratings"
    assert columns(read(path))["user"] == ["A1B2C3D4E5F6G7"]


def test_amazon_2023_counts_milliseconds_and_knows_the_parent(write: Write) -> None:
    text = '{"rating": 5.0, "asin": "B1", "parent_asin": "B0", "user_id": "u", "timestamp": 1588687728923}\n'
    expected = {"row": [0], "user": ["u"], "item": ["B0"], "timestamp": [1588687728923], "rating": [5]}
    assert columns(read(write("x.jsonl", text))) == expected


def test_large_whole_timestamps_stay_exact(write: Write) -> None:
    log = read(write("x.csv", "user,item,timestamp\n1,2,9007199254740993\n"))
    assert log.frame["timestamp"].to_list() == [9007199254740993]


def test_ties_keep_file_order(write: Write) -> None:
    text = "user,item,timestamp\n1,c,5\n1,a,5\n1,b,4\n"
    data = Dataset.from_interactions(read(write("x.csv", text)))
    assert data.items.ids(data.sequences.row(0)) == ["b", "c", "a"]


def test_quotes_within_a_field_are_letters(write: Write) -> None:
    assert read(write("x.csv", 'user,item,note\n1,5" x 3",\n3,4,x\n')).frame["item"].to_list() == ['5" x 3"', "4"]


def test_last_column_may_be_empty(write: Write) -> None:
    assert len(read(write("x.csv", "user,item,note\n1,2,\n3,4,x\n"))) == 2


DATA = Path(os.environ.get("NEXTITEM_DATA", "no data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="NEXTITEM_DATA names no folder with the public data")


@needs_data
@pytest.mark.parametrize(
    ("place", "format", "sizes"),
    [
        ("ml-100k/ml-100k.inter", "atomic", (943, 1_682, 100_000)),
        ("ml-1m/ml-1m.txt.gz", "pairs", (6_040, 3_416, 999_611)),
        ("ml-1m/ml-1m-all-items.txt.gz", "pairs", (6_040, 3_706, 1_000_209)),
        ("ml-1m/ratings-sample-100k.dat.gz", "movielens", (5_958, 3_312, 100_000)),
        ("amazon-beauty/Beauty.txt.gz", "sequences", (22_363, 12_101, 198_502)),
        ("amazon-sports/Sports_and_Outdoors.txt.gz", "sequences", (35_598, 18_357, 296_337)),
        ("yelp/Yelp.txt.gz", "sequences", (30_431, 20_033, 316_354)),
        ("lastfm/LastFM.txt.gz", "sequences", (1_090, 3_646, 52_551)),
        ("amazon-beauty-bert4rec/beauty.txt.gz", "pairs", (40_226, 54_542, 353_962)),
        ("amazon-video-games/Video.txt.gz", "pairs", (31_013, 23_715, 287_107)),
        ("amazon-grocery/train.csv.gz", "table", (14_681, 8_687, 121_892)),
        ("amazon-digital-music-2014-head/reviews_Digital_Music_5.head.json.gz", "jsonl", (2_490, 382, 6_908)),
        ("amazon-digital-music-2014-head/ratings_Digital_Music.head.csv", "ratings", (2_490, 382, 6_908)),
        ("rsc15-100k/yoochoose-clicks-100k_train_full.txt.gz", "table", (17_794, 2_933, 70_278)),
        ("rsc15-100k/yoochoose-clicks-100k_test.txt.gz", "table", (3_416, 1_771, 13_568)),
        ("diginetica/sample_train-item-views.csv.gz", "diginetica", (2_986, 7_139, 12_391)),
        ("retailrocket/sample_retailrocket.csv.gz", "table", (2_496, 5_566, 10_080)),
        ("lastfm-hetrec/user_artists.dat.gz", "table", (1_892, 17_632, 92_834)),
    ],
)
def test_real_file_has_its_published_sizes(place: str, format: str, sizes: tuple[int, int, int]) -> None:
    log = read(DATA / place)
    assert sniff(DATA / place) == format
    assert (log.frame["user"].n_unique(), log.frame["item"].n_unique(), len(log)) == sizes
