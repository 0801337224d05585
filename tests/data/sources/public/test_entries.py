"""Entries: what a name stands for, and that nothing of it is made up."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.reading import FORMATS
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.public import FAMILIES, PUBLIC_DATA
from nextitem.data.sources.public.large import LARGE
from nextitem.data.sources.public.sources import Archive, Web
from nextitem.recipe import make_recipe
from nextitem.recipe.options import layer_of

OLD_NAMES = ("ml-100k", "ml-1m", "amazon-beauty", "amazon-sports", "yelp", "lastfm", "rsc15-100k")


def test_every_entry_is_called_by_its_name_and_has_terms_and_a_way_to_it() -> None:
    for name, data in PUBLIC_DATA.items():
        assert name == data.name
        assert data.terms
        assert data.files
        assert data.downloads or data.by_hand, name


def test_every_place_is_inside_the_folder_and_belongs_to_one_data_set() -> None:
    places = [file.place for data in PUBLIC_DATA.values() for file in (*data.files, *data.held_out.values())]
    assert len(set(places)) == len(places)
    assert all(re.fullmatch(r"[\w.-]+(/[\w.*-]+)+", place) and ".." not in place for place in places)


def test_every_format_has_a_reader() -> None:
    formats = {file.format for data in PUBLIC_DATA.values() for file in (*data.files, *data.held_out.values())}
    assert formats <= {*FORMATS}


def test_every_checksum_has_the_length_of_its_kind() -> None:
    for data in PUBLIC_DATA.values():
        assert all(file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in data.files)
        assert all(source.file == data.held_out[part] for part, source in data.held_out_downloads.items())
        for source in (*data.downloads, *data.held_out_downloads.values()):
            assert source.file in (*data.files, *data.held_out.values())
            if isinstance(source, (Archive, Web)):
                assert source.url.startswith(("https://", "http://"))
                assert source.checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}", source.checksum)


@pytest.mark.parametrize("name", [name for name in PUBLIC_DATA if not name.startswith("amazon-20")])
def test_the_usual_preparation_is_a_recipe(name: str) -> None:
    data = PUBLIC_DATA[name]
    recipe = make_recipe(layer_of(data.recipe))
    without_times = "data.min_rating" in data.recipe or name == "flickr"
    at_time = data.recipe["split.kind"] == "at_time" and data in LARGE
    usual = "user_entry" if without_times else "at_time" if at_time else "leave_one_out"
    assert recipe.split.kind == ("given" if data.held_out else usual)


def test_families_hold_all_amazon_categories() -> None:
    members = [name for names in FAMILIES.values() for name in names if name.startswith("amazon")]
    assert sorted(members) == sorted(name for name in PUBLIC_DATA if name.startswith("amazon-20"))
    assert len(FAMILIES["amazon-2023-CATEGORY-5core"]) == 27  # 28 on its page, with Unknown, which is no category
    assert len(FAMILIES["amazon-2023-CATEGORY-5core-last-out"]) == 27
    assert len(FAMILIES["amazon-2023-CATEGORY-timestamp"]) == 33
    assert "amazon-2023-video-games-5core-timestamp" in FAMILIES["amazon-2023-CATEGORY-5core-timestamp"]
    assert len(FAMILIES["ninerec-PLATFORM"]) == 9
    assert "amazon-2014-beauty-5core" in FAMILIES["amazon-2014-CATEGORY-5core"]
    assert all(name in PUBLIC_DATA for name in OLD_NAMES)


DATA = Path(os.environ.get("NEXTITEM_DATA", "no data"))


@pytest.mark.skipif(not DATA.is_dir(), reason="NEXTITEM_DATA names no folder with the public data")
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ml-100k", (943, 1_682, 100_000)),
        ("ml-1m", (6_040, 3_416, 999_611)),
        ("amazon-beauty", (22_363, 12_101, 198_502)),
        ("amazon-sports", (35_598, 18_357, 296_337)),
        ("yelp", (30_431, 20_033, 316_354)),
        ("lastfm", (1_090, 3_646, 52_551)),
        ("amazon-beauty-bert4rec", (40_226, 54_542, 353_962)),
        ("amazon-video-games", (31_013, 23_715, 287_107)),
        ("rsc15-100k", (17_794, 2_933, 70_278)),
        ("lastfm-ctr", (1_872, 3_846, 42_346)),
        ("book-crossing-kg", (17_860, 14_967, 139_746)),
        ("ml-1m-kg", (6_040, 3_706, 1_000_209)),
    ],
)
def test_public_data_has_its_published_sizes(name: str, sizes: tuple[int, int, int]) -> None:
    log, said = open_data(name, DATA)
    assert isinstance(log, Interactions)
    assert (log.frame["user"].n_unique(), log.frame["item"].n_unique(), len(log)) == sizes
    assert "local folder" in said
