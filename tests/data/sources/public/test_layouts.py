"""Every data set without a checksum, by its name: a tiny file of its published layout, from a local folder."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND
from nextitem.data.sources.formats.reading import sniff
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.public import PUBLIC_DATA
from nextitem.data.sources.public.large import LARGE

# Of the place of a file: the first lines as they are published, and the first user, item and second of it.
LAYOUTS = {
    r"amazon-2014-.*/ratings_\w+\.csv": (
        "A39HTATAQ9V7YF,0205616461,5.0,1369699200\n", "A39HTATAQ9V7YF", "0205616461", 1_369_699_200),
    r"amazon-2014-.*/reviews_\w+_5\.json\.gz": (
        '{"reviewerID": "A1YJEY40YUW4SE", "asin": "7806397051", "reviewerName": "A", "helpful": [3, 4], '
        '"reviewText": "..", "overall": 1.0, "summary": "..", "unixReviewTime": 1391040000, '
        '"reviewTime": "01 30, 2014"}\n', "A1YJEY40YUW4SE", "7806397051", 1_391_040_000),
    r"amazon-2018-.*/\w+_5\.json\.gz": (
        '{"overall": 5.0, "verified": true, "reviewTime": "09 1, 2016", "reviewerID": "A3CIUOJXQ5VDQ2", "asin": '
        '"B0000530HU", "style": {"Size:": " 7.0 oz"}, "reviewText": "..", "unixReviewTime": 1472688000}\n',
        "A3CIUOJXQ5VDQ2", "B0000530HU", 1_472_688_000),
    r"amazon-2018-.*/\w+\.csv": (
        "0143026860,A1V6B6TNIC10QE,1.0,1424304000\n", "A1V6B6TNIC10QE", "0143026860", 1_424_304_000),
    r"amazon-2023-.*/\w+(\.train)?\.csv\.gz": (
        "user_id,parent_asin,rating,timestamp\nAGKHLEW2SOWHNMFQIJGBECAF7INQ,B081TJ8YS3,4.0,1588615855070\n",
        "AGKHLEW2SOWHNMFQIJGBECAF7INQ", "B081TJ8YS3", 1_588_615_855.07),
    r"ml-\d+m/ratings\.csv": ("userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n", "1", "296", 1_147_880_044),
    r"ml-\d+m/ratings\.dat": ("1::1193::5::978300760\n", "1", "1193", 978_300_760),
    r"lastfm-hetrec/.*": ("userID\tartistID\ttagID\ttimestamp\n2\t52\t13\t1238536800000\n", "2", "52", 1_238_536_800),
    r"retailrocket/.*": (
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n",
        "257597", "355908", 1_433_221_332.117),
    r"yoochoose/.*": ("1,2014-04-07T10:51:09.277Z,214536502,0\n", "1", "214536502", 1_396_867_869.277),
    r"diginetica/.*": (
        "sessionId;userId;itemId;timeframe;eventdate\n1;NA;81766;526309;2016-05-09\n", "1", "81766", 1_462_752_526.309),
    r"tmall/.*": (
        "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type\n328862,323294,833,2882,2661,0829,0\n",
        "328862", "323294", 1_409_270_400),
    r"yelp-reviews/.*": (
        '{"review_id":"xQ","user_id":"OwjR","business_id":"ujmE","stars":2.0,"useful":1,"funny":0,"cool":0,'
        '"text":"..","date":"2016-03-09 00:00:00"}\n', "OwjR", "ujmE", 1_457_481_600),
    r"steam/.*": (
        "{u'username': u'Su', u'hours': 1.2, u'products': 6, u'product_id': u'725280', u'page_order': 0, "
        "u'date': u'2017-12-17', u'text': u\"it's\", u'early_access': False, u'page': 1}\n",
        "Su", "725280", 1_513_468_800),
    r"gowalla/.*": (
        "0\t2010-10-19T23:55:27Z\t30.2359091167\t-97.7951395833\t22847\n", "0", "22847", 1_287_532_527),
    r"foursquare-\w+/.*": (
        "470\t49bbd6c0f964a520f4531fe3\t4bf58dd8d48988d127951735\tCaf\xe9\t40.719810375488535\t-74.00258103213994\t-240"
        "\tTue Apr 03 18:00:09 +0000 2012\n", "470", "49bbd6c0f964a520f4531fe3", 1_333_476_009),
    r"lastfm-1k/.*": (
        "user_000001\t2009-05-04T23:08:57Z\tf1b1cf71-bd35-4e99-8624-24a6e15f133a\tDeep Dish\t\tLondon Calling\n",
        "user_000001", "Deep Dish\tLondon Calling", 1_241_478_537),
}  # fmt: skip
HERE = {name: data for name, data in PUBLIC_DATA.items() if data not in LARGE}  # those have a test of their own
FILES = [(name, file) for name, data in HERE.items() for file in data.files if file.sha256 is None]
ONE_OF_EACH = {next(key for key in LAYOUTS if re.fullmatch(key, file.place)): (name, file) for name, file in FILES}


def put(folder: Path, place: str) -> tuple[Path, str, str, float]:
    text, user, item, second = next(row for key, row in LAYOUTS.items() if re.fullmatch(key, place))
    path = folder / place
    path.parent.mkdir(parents=True)
    content = text.encode("latin-1")
    path.write_bytes(gzip.compress(content) if place.endswith(".gz") else content)
    return path, user, item, second


@pytest.mark.parametrize(("name", "file"), FILES, ids=[file.place for _, file in FILES])
def test_the_reader_that_is_named_is_the_one_that_the_file_tells(tmp_path: Path, name: str, file: object) -> None:
    place, format = file.place, file.format  # type: ignore[attr-defined]
    assert sniff(put(tmp_path, place)[0]) == format


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_of_each_layout_is_read_by_its_name(tmp_path: Path, layout: str) -> None:
    name, file = ONE_OF_EACH[layout]
    _, user, item, second = put(tmp_path, file.place)
    log, said = open_data(name, tmp_path)
    assert isinstance(log, Interactions)
    frame = log.frame.lazy().collect()
    assert (frame["user"].to_list(), frame["item"].to_list()) == ([user], [item])
    assert frame["timestamp"].to_list() == [round(second * PER_SECOND[log.time_unit])]
    assert (log.time_unit == "s") == (second == int(second))
    assert f"{name} from the local folder" in said


def test_a_file_that_was_unpacked_is_taken_too(tmp_path: Path) -> None:
    for name in ("gowalla", "steam"):
        packed, *others = (file.place for file in PUBLIC_DATA[name].files)
        assert others == [packed.removesuffix(".gz")]
        put(tmp_path, others[0])
        assert open_data(name, tmp_path)[1].startswith(name)


def test_every_command_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gowalla/loc-gowalla_totalCheckins.txt"
    path.parent.mkdir()
    rows = [
        f"{user}\t2010-10-{day:02}T23:55:27Z\t30.2\t-97.7\t{user * day % 7}" for user in range(9) for day in range(1, 9)
    ]
    path.write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("NEXTITEM_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    for command in (
        ["check", "gowalla"],
        ["describe", "gowalla"],
        ["describe", str(path)],
        ["prepare", "gowalla", "--out", str(tmp_path / "ready")],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, (command, result.output, result.exception)
    said = " ".join(CliRunner().invoke(app, ["check", "gowalla"]).output.split())
    assert "gowalla from the local folder" in said
    assert "format gowalla" in said
    assert "field 5 -> item" in said
