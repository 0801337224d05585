"""Logs of shops, songs and places. Most are published behind a form, or in a shape that no reader takes."""

from __future__ import annotations

from nextitem.data.catalogue.kinds import FIVE_CORE, PublicData, Size
from nextitem.data.catalogue.sources import Archive, File
from nextitem.data.catalogue.terms import HETREC, RSC15, YELP

HETREC_TAGS = File("lastfm-hetrec/user_taggedartists-timestamps.dat", None, "table")
NOT_KNOWN = Size()
SESSIONS = {"data.item_core": 5, "split.kind": "leave_one_out"}


def _by_hand(
    name: str,
    description: str,
    terms: str,
    file: str,
    by_hand: str,
    format: str | None = None,
    size: Size = NOT_KNOWN,
    citation: str = "",
    page: str = "",
    recipe: dict[str, object] = FIVE_CORE,
) -> PublicData:
    files = (File(f"{name}/{file}", None, format or "auto"),)
    return PublicData(
        name,
        description,
        terms,
        files,
        citation=citation,
        page=page,
        by_hand=by_hand,
        size=size,
        is_readable=format is not None,
        recipe=dict(recipe),
    )


LOGS = (
    PublicData(
        "lastfm-hetrec",
        "Last.fm, HetRec 2011: who tagged which artist when (dates to the month)",
        HETREC.text,
        (HETREC_TAGS,),
        (
            Archive(
                "https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",
                "user_taggedartists-timestamps.dat",
                HETREC_TAGS,
            ),
        ),
        HETREC.citation,
        HETREC.page,
        size=Size(1_892, None, 186_479),
        recipe={"data.duplicates": "first", **FIVE_CORE},
    ),
    _by_hand(
        "retailrocket",
        "Retailrocket: views, carts and purchases of a shop, milliseconds",
        "CC BY-NC-SA 4.0",
        "events.csv",
        "needs a Kaggle account: take events.csv of the Retailrocket recommender system dataset",
        "table",
        Size(1_407_580, None, 2_756_101),
        page="https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
    ),
    _by_hand(
        "yoochoose",
        "YooChoose clicks, RecSys Challenge 2015, whole (rsc15-100k is a sample)",
        RSC15.text,
        "yoochoose-clicks.dat",
        "the archive is https://s3-eu-west-1.amazonaws.com/yc-rdata/yoochoose-data.7z; unpack it with 7z",
        citation=RSC15.citation,
        page="https://2015.recsyschallenge.com/challenge.html",
        recipe=SESSIONS,
    ),
    _by_hand(
        "diginetica",
        "Diginetica, CIKM Cup 2016: views of a shop in sessions",
        "CIKM Cup 2016: research",
        "train-item-views.csv",
        "needs a CodaLab account: the competition's page has the data",
        page="https://competitions.codalab.org/competitions/11161",
        recipe=SESSIONS,
    ),
    _by_hand(
        "tmall",
        "Tmall, IJCAI-15 repeat buyers: clicks, carts, favourites and purchases",
        "Alibaba Tianchi: its form states the terms; research",
        "user_log_format1.csv",
        "needs a Tianchi account",
        page="https://tianchi.aliyun.com/",
    ),
    _by_hand(
        "yelp-reviews",
        "Yelp reviews as published, JSON (yelp is S3-Rec's preparation of an older one)",
        YELP.text,
        "yelp_academic_dataset_review.json",
        "needs the form on Yelp's page",
        citation=YELP.citation,
        page=YELP.page,
    ),
    _by_hand(
        "steam",
        "Steam reviews, as crawled for SASRec; lines are Python literals, not JSON",
        "McAuley lab: published for research, no explicit licence",
        "steam_reviews.json.gz",
        "the file is https://mcauleylab.ucsd.edu/public_datasets/data/steam/steam_reviews.json.gz",
        citation="Kang and McAuley 2018, Self-Attentive Sequential Recommendation, ICDM",
        page="https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data",
    ),
    _by_hand(
        "gowalla",
        "Gowalla check-ins: user, time, latitude, longitude, place",
        "Stanford SNAP: no explicit licence; cite",
        "loc-gowalla_totalCheckins.txt.gz",
        "the file is https://snap.stanford.edu/data/loc-gowalla_totalCheckins.txt.gz",
        citation="Cho, Myers and Leskovec 2011, Friendship and Mobility, KDD",
        page="https://snap.stanford.edu/data/loc-gowalla.html",
    ),
    _by_hand(
        "foursquare-nyc",
        "Foursquare check-ins in New York, 2012-2013",
        "Yang et al.: research; cite",
        "dataset_TSMC2014_NYC.txt",
        "the archive is http://www-public.imtbs-tsp.eu/~zhang_da/pub/dataset_tsmc2014.zip",
        size=Size(None, None, 227_428),
        citation="Yang et al. 2015, IEEE Transactions on Systems, Man, and Cybernetics 45(1)",
    ),
    _by_hand(
        "foursquare-tokyo",
        "Foursquare check-ins in Tokyo, 2012-2013",
        "Yang et al.: research; cite",
        "dataset_TSMC2014_TKY.txt",
        "the archive is http://www-public.imtbs-tsp.eu/~zhang_da/pub/dataset_tsmc2014.zip",
        size=Size(None, None, 573_703),
        citation="Yang et al. 2015, IEEE Transactions on Systems, Man, and Cybernetics 45(1)",
    ),
    _by_hand(
        "lastfm-1k",
        "Last.fm-1K: every song that a thousand people played",
        "Last.fm: non-commercial use; cite Celma",
        "userid-timestamp-artid-artname-traid-traname.tsv",
        "the archive is http://mtg.upf.edu/static/datasets/last.fm/lastfm-dataset-1K.tar.gz",
        citation="Celma 2010, Music Recommendation and Discovery, Springer",
        page="http://ocelma.net/MusicRecommendationDataset/lastfm-1K.html",
    ),
)
