"""Large logs of services: music, short videos, shops and news, in the files and columns that their publishers describe.

None of these files was at hand when this was written: layouts, names and columns are those of the pages named in
`terms`, of the README files there, and of the code published beside them. No checksum is known. A log in many files is
one place with a pattern.
"""

from __future__ import annotations

from nextitem.data.sources.public.kinds import FIVE_CORE, LEAVE_ONE_OUT, PublicData, Size
from nextitem.data.sources.public.sources import File, Source, Web
from nextitem.data.sources.public.terms import (
    HM,
    KUAIRAND,
    MERREC,
    MICROLENS,
    MIND,
    NINEREC,
    OTTO,
    TENREC,
    VK_LSVD,
    YAMBDA,
    Terms,
)

YAMBDA_FILES = "https://huggingface.co/datasets/yandex/yambda/resolve/main"
TENREC_FORM = "https://static.qblv.qq.com/qblv/h5/algo-frontend/tenrec_dataset.html"
MICROLENS_FILES = "https://recsys.westlake.edu.cn"
SHOWN = "a row is a video that was shown, watched or not"
UNKNOWN = Size()
NEXT_DAY: dict[str, object] = {"split.kind": "at_time", "split.days": 1}


def _large(
    name: str,
    description: str,
    terms: Terms,
    places: str | tuple[str, ...],  # any one of them is the log
    by_hand: str = "",
    *,
    recipe: dict[str, object],
    format: str = "table",
    rows: str = "",  # what the rows are
    url: str = "",
    size: Size = UNKNOWN,
    held_out: dict[str, str] | None = None,
) -> PublicData:
    files = tuple(File(one, None, format, rows) for one in ((places,) if isinstance(places, str) else places))
    downloads: tuple[Source, ...] = (Web(url, files[0]),) if url else ()
    parts = {part: File(place, None, format) for part, place in (held_out or {}).items()}
    return PublicData(
        name, description, terms.text, files, downloads, terms.citation, terms.page, by_hand, size, recipe,
        held_out=parts,
    )  # fmt: skip


def _yambda(size: str, users: int) -> tuple[PublicData, PublicData]:
    """`uid, item_id, timestamp, is_organic`; of all events also `event_type`, and of listens `played_ratio_pct`.

    In `sequential/` a row is a user with lists. Times are seconds from a start of their own, five by five. The cut is
    that of its paper: a day, and half an hour before it that is left out.
    """
    events, likes = (f"flat/{size}/{name}.parquet" for name in ("multi_event", "likes"))
    what = f"Yambda, music of Yandex, of about {size.upper()} events"
    cut = NEXT_DAY | {"split.gap": "30m"}
    listens = {"data.where": "event_type == 'listen' and played_ratio_pct >= 50", **cut}
    return (
        _large(
            f"yambda-{size}",
            f"{what}: listens, likes and dislikes",
            YAMBDA,
            (f"yambda/{events}", f"yambda/{events.replace('flat', 'sequential')}"),
            url=f"{YAMBDA_FILES}/{events}",
            rows="a row is an event of any kind: listen, like, dislike, unlike, undislike",
            size=Size(users),
            recipe=listens,
        ),
        _large(
            f"yambda-{size}-likes",
            f"{what}: likes alone",
            YAMBDA,
            (f"yambda/{likes}", f"yambda/{likes.replace('flat', 'sequential')}"),
            url=f"{YAMBDA_FILES}/{likes}",
            recipe=cut,
        ),
    )


def _vk(name: str, what: str, folder: str, size: Size = UNKNOWN) -> PublicData:
    """`user_id, item_id, place, platform, agent, timespent, like, dislike, share, bookmark, click_on_author,
    open_comments`, a file a week, rows in the order of their times, which are not told."""
    return _large(
        name,
        f"VK-LSVD, short videos of VK, half a year, {what}: 25 weeks, then one and one held out",
        VK_LSVD,
        f"VK-LSVD/{folder}/train/week_*.parquet",
        f"hf download deepvk/VK-LSVD --repo-type dataset --include '{folder}/*' --local-dir VK-LSVD",
        rows=SHOWN,
        size=size,
        recipe={"data.where": "like == true", "split.kind": "given"},
        held_out={
            "valid": f"VK-LSVD/{folder}/validation/week_25.parquet",
            "test": f"VK-LSVD/{folder}/test/week_26.parquet",
        },
    )


def _kuairand(version: str, what: str, size: Size) -> PublicData:
    """`user_id, video_id, date, hourmin, time_ms, is_click, ..`; `date` is 20220421, `time_ms` the time."""
    return _large(
        f"kuairand-{version.lower()}",
        f"KuaiRand-{version}, short videos of Kuaishou, April and May 2022: {what}, shown by its usual policies",
        KUAIRAND,
        f"KuaiRand-{version}/data/log_standard_*_{version.lower()}*.csv",
        f"unpack KuaiRand-{version}.tar.gz of https://zenodo.org/records/10439422",
        rows=SHOWN,
        size=size,
        recipe={"data.where": "is_click == 1", **FIVE_CORE},
    )


def _tenrec(file: str, what: str) -> PublicData:
    """`user_id, item_id, click, like, share, follow, ..`, in the order of time, which is not told."""
    return _large(
        f"tenrec-{file.lower()}",
        f"Tenrec, {file}: {what} of Tencent, without times",
        TENREC,
        f"Tenrec/{file}.csv",
        f"accept the agreement on {TENREC_FORM} and unpack Tenrec.zip",
        rows="a row is an item that was shown, clicked or not",
        recipe={"data.where": "click == 1", **FIVE_CORE},
    )


def _ninerec(name: str, what: str) -> PublicData:
    """X_pair.csv: item, user and time, without a header."""
    return _large(
        f"ninerec-{name.lower().replace('_', '-')}",
        f"NineRec, {name.replace('_', ' ')}: {what}, one of nine small logs whose items have texts and covers",
        NINEREC,
        f"NineRec/{name}/{name}_pair.csv",
        f"its page has the link; unpack {name} into NineRec/",
        format="item-times",
        rows="a row is an interaction: its item, its user and its time",
        recipe=dict(LEAVE_ONE_OUT),
    )


def _microlens(users: str, size: Size) -> PublicData:
    """`user,item,timestamp`, milliseconds."""
    file = f"MicroLens-{users}_pairs.csv"
    return _large(
        f"microlens-{users}",
        f"MicroLens-{users.upper()}: comments on short videos, which are published with their content",
        MICROLENS,
        f"microlens/{file}",
        url=f"{MICROLENS_FILES}/MicroLens-{users}-Dataset/{file}",
        size=size,
        recipe=dict(LEAVE_ONE_OUT),
    )


def _mind(size: str, users: int | None = None) -> PublicData:
    return _large(
        f"mind-{size}",
        f"MIND-{size}, news of Microsoft, November 2019: clicks of a week, its last day held out",
        MIND,
        f"MIND/MIND{size}_train/behaviors.tsv",
        f"accept the licence and unpack MIND{size}_train.zip and MIND{size}_dev.zip into folders of these names",
        format="mind",
        size=Size(users),
        recipe={"split.kind": "given"},
        held_out={"test": f"MIND/MIND{size}_dev/behaviors.tsv"},
    )


LARGE = (
    *_yambda("50m", 10_000),
    *_yambda("500m", 100_000),
    *_yambda("5b", 1_000_000),
    _vk("vk-lsvd", "whole", "interactions", Size(10_000_000, 19_627_601, 40_774_024_903)),
    _vk("vk-lsvd-ur0.1", "a tenth of the users", "subsamples/ur0.1"),
    _vk("vk-lsvd-ur0.01", "a hundredth of the users", "subsamples/ur0.01"),
    _vk("vk-lsvd-ur0.01_ir0.01", "a hundredth of the users and of the items", "subsamples/ur0.01_ir0.01"),
    _vk(
        "vk-lsvd-up0.001_ip0.001",
        "a thousandth of the users and of the items, the most popular",
        "subsamples/up0.001_ip0.001",
    ),
    _kuairand("Pure", "7,551 videos", Size(27_285, 7_551, 1_436_609)),
    _kuairand("1K", "a thousand users", Size(1_000, 4_369_953, 11_713_045)),
    _kuairand("27K", "all", Size(27_285, 32_038_725, 322_278_385)),
    _large(
        "otto",
        "OTTO, sessions of a shop, four weeks: clicks, carts and orders",
        OTTO,
        ("otto/otto-recsys-train.jsonl", "otto/train.jsonl"),
        "needs a Kaggle account: kaggle datasets download -d otto/recsys-dataset",
        format="nested",
        rows="an event is a click, a cart or an order",
        size=Size(12_899_779, 1_855_603, 216_716_096),
        recipe={"data.where": "type == 'clicks'", "data.item_core": 5, **LEAVE_ONE_OUT},
    ),
    _large(
        "hm",
        "H&M, purchases of two years, dates to the day; the last week is held out, as in the competition",
        HM,
        "hm/transactions_train.csv",
        "needs a Kaggle account: kaggle competitions download -c h-and-m-personalized-fashion-recommendations "
        "-f transactions_train.csv",
        size=Size(None, None, 31_788_324),
        recipe={"split.kind": "at_time", "split.valid_from": "2020-09-09", "split.test_from": "2020-09-16"},
    ),
    _large(
        "merrec",
        "MerRec, a market of second-hand goods, half of 2023: 5.56 million users, 1.27 billion events",
        MERREC,
        "merrec/2023*/*.parquet",
        "hf download mercari-us/merrec --repo-type dataset --local-dir merrec (one of its folders, 20230501, will do)",
        rows="a row is an event of any kind; an item is sold once, its product_id is that of all like it; a user has "
        "several sequences, each of which stands for itself",
        recipe={
            "data.user": "user_id,sequence_id",
            "data.item": "product_id",
            "data.where": "event_id == 'item_view'",
            **FIVE_CORE,
        },
    ),
    _tenrec("QB-video", "videos in QQ Browser"),
    _tenrec("QK-video", "videos in QQ Kandian"),
    _tenrec("QB-article", "articles in QQ Browser"),
    _tenrec("QK-article", "articles in QQ Kandian"),
    *(
        _ninerec(f"Bili_{one}", f"{one.lower()} videos of Bilibili")
        for one in ("Food", "Movie", "Cartoon", "Dance", "Music")
    ),
    _ninerec("KU", "Kuaishou"),
    _ninerec("QB", "QQ Browser"),
    _ninerec("TN", "Tencent News"),
    _ninerec("DY", "Douyin"),
    _microlens("50k", Size(50_000, 19_220, 359_708)),
    _microlens("100k", Size(100_000, 19_738, 719_405)),
    _mind("small", 50_000),
    _mind("large"),
)
