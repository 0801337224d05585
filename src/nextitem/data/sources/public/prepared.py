"""Prepared data sets: the files that well-known repositories train on. They are not offered for download here."""

from __future__ import annotations

from nextitem.data.sources.public.kinds import LEAVE_ONE_OUT, PublicData, Size
from nextitem.data.sources.public.sources import File
from nextitem.data.sources.public.terms import AMAZON_2014, HETREC, MOVIELENS, RSC15, YELP, Terms

S3_REC = "https://github.com/RUCAIBox/CIKM2020-S3Rec"
SASREC = "https://github.com/kang205/SASRec"


def _prepared(
    name: str,
    place: str,
    sha256: str,
    format: str,
    description: str,
    terms: Terms,
    size: tuple[int, int, int],
    repository: str,
    its_file: str,
) -> PublicData:
    return PublicData(
        name,
        description,
        terms.text,
        (File(f"{name}/{place}", sha256, format),),
        citation=terms.citation,
        page=repository,
        by_hand=f"take {its_file} from {repository} and gzip it (the checksum is that of one such gzip: a copy that "
        "another gzip made is opened by its path)",
        size=Size(*size),
        recipe=dict(LEAVE_ONE_OUT),
    )


PREPARED = (
    _prepared(
        "ml-1m",
        "ml-1m.txt.gz",
        "c991e13def69fe68d7b8dbb8331b91f1de947c8e5f8f91f8c13b29e561fd9aab",
        "pairs",
        "MovieLens-1M as SASRec prepared it: items with 5 ratings or more, order of time",
        MOVIELENS,
        (6_040, 3_416, 999_611),
        SASREC,
        "data/ml-1m.txt",
    ),
    _prepared(
        "amazon-beauty",
        "Beauty.txt.gz",
        "d90327e98288647f5bae59c0dba82e153af2d940eafb7540f4b05185e108d0fe",
        "sequences",
        "Amazon 2014 Beauty, 5-core, as S3-Rec prepared it",
        AMAZON_2014,
        (22_363, 12_101, 198_502),
        S3_REC,
        "data/Beauty.txt",
    ),
    _prepared(
        "amazon-sports",
        "Sports_and_Outdoors.txt.gz",
        "e7c618d95a4d2975ac546950a87a5906efc9956df722be01a2af724638faf527",
        "sequences",
        "Amazon 2014 Sports and Outdoors, 5-core, as S3-Rec prepared it",
        AMAZON_2014,
        (35_598, 18_357, 296_337),
        S3_REC,
        "data/Sports_and_Outdoors.txt",
    ),
    _prepared(
        "yelp",
        "Yelp.txt.gz",
        "a81963e5a94fd772d64b1d240154674fc64ebbc4c46cfd2d85cd80b90d44cf10",
        "sequences",
        "Yelp 2019, 5-core, as S3-Rec prepared it; visits repeat",
        YELP,
        (30_431, 20_033, 316_354),
        S3_REC,
        "data/Yelp.txt",
    ),
    _prepared(
        "lastfm",
        "LastFM.txt.gz",
        "feee892bd0c0def1c7ad403a7b44c78ac1268c0f2f0787e01efabb42854c339e",
        "sequences",
        "Last.fm tagging (HetRec), 5-core, as S3-Rec prepared it",
        HETREC,
        (1_090, 3_646, 52_551),
        S3_REC,
        "data/LastFM.txt",
    ),
    _prepared(
        "amazon-beauty-bert4rec",
        "beauty.txt.gz",
        "a39be59ab2a64e24c259f372fc74d5bec69d549b62e67608d8e4712a6141b572",
        "pairs",
        "Amazon Beauty as BERT4Rec uses it",
        AMAZON_2014,
        (40_226, 54_542, 353_962),
        "https://github.com/FeiSun/BERT4Rec",
        "data/beauty.txt",
    ),
    _prepared(
        "amazon-video-games",
        "Video.txt.gz",
        "d1d700c3a1d5cf3f5c3b0a108c61179c5f24114f15d665e49b8ed6a53e463712",
        "pairs",
        "Amazon 2014 Video Games as SASRec uses it; some users have one item",
        AMAZON_2014,
        (31_013, 23_715, 287_107),
        SASREC,
        "data/Video.txt",
    ),
    _prepared(
        "rsc15-100k",
        "yoochoose-clicks-100k_train_full.txt.gz",
        "38dbb080a94314de3273b6ce8ab4476c1281a1d8243efe0cab3f1753000f953c",
        "table",
        "YooChoose clicks, session-rec's sample, its training part",
        RSC15,
        (17_794, 2_933, 70_278),
        "https://github.com/rn5l/session-rec",
        "data/rsc15/prepared/yoochoose-clicks-100k_train_full.txt",
    ),
)
