"""Logs of shops, songs and places, each as published; some stand behind a form."""

from __future__ import annotations

from nextitem.data.sources.public.kinds import FIVE_CORE, PublicData, Size
from nextitem.data.sources.public.sources import Archive, File, Web
from nextitem.data.sources.public.terms import FOURSQUARE, HETREC, LASTFM_1K, RSC15, YELP

NOT_KNOWN = Size()
SESSIONS = {"data.item_core": 5, "split.kind": "leave_one_out"}

HETREC_TAGS = File("lastfm-hetrec/user_taggedartists-timestamps.dat", None, "hetrec")
HETREC_PLAYS = File(
    "lastfm-hetrec/user_artists.dat.gz",
    "7ac060068ac242ff1bfb3b402c6b4375665947cbcf9b8c6ecad8b2ee3e59b1bc",
    "table",
    "these are the artists that users played, not their tags, without times and by the artists' ids: split them at "
    "random (--split.kind user_entry)",
)
HETREC_BESIDE = {
    "knowledge": File(
        "lastfm-hetrec/kg.txt.gz", "b07557c5186bf07b6af78f3c0c9cec64bf0b7112439a59101290007ad3ba19f4", "side"
    ),
    "links": File(
        "lastfm-hetrec/item_index2entity_id.txt.gz",
        "535568a18d3e79adf147fb3f5bc8ce74dcd1231c1ed31d7256f7f1899d782756",
        "side",
    ),
    "trust": File(
        "lastfm-hetrec/user_friends.dat.gz", "eee152f8b8766ff280fe7492382cd8130f4eb578f20b7aebe6474431b06aedaa", "side"
    ),
}
GOWALLA = File("gowalla/loc-gowalla_totalCheckins.txt.gz", None, "gowalla")
STEAM = File("steam/steam_reviews.json.gz", None, "steam")
PLAYS = "userid-timestamp-artid-artname-traid-traname.tsv"
LASTFM_PLAYS = File(f"lastfm-1k/{PLAYS}", None, "lastfm-1k")


def _by_hand(
    name: str,
    description: str,
    terms: str,
    file: str,
    by_hand: str,
    format: str,
    size: Size = NOT_KNOWN,
    citation: str = "",
    page: str = "",
    recipe: dict[str, object] = FIVE_CORE,
) -> PublicData:
    files = (File(f"{name}/{file}", None, format),)
    return PublicData(name, description, terms, files, (), citation, page, by_hand, size, dict(recipe))


def _foursquare(name: str, city: str, code: str, checkins: int) -> PublicData:
    file = File(f"{name}/dataset_TSMC2014_{code}.txt", None, "foursquare")
    hosts = ("www-public.imtbs-tsp.eu", "www-public.tem-tsp.eu")  # one publisher's; neither always answers
    member = f"dataset_tsmc2014/dataset_TSMC2014_{code}.txt"
    return PublicData(
        name,
        f"Foursquare check-ins in {city}, 2012-2013",
        FOURSQUARE.text,
        (file,),
        tuple(Archive(f"http://{host}/~zhang_da/pub/dataset_tsmc2014.zip", member, file) for host in hosts),
        FOURSQUARE.citation,
        FOURSQUARE.page,
        f"take dataset_TSMC2014_{code}.txt out of dataset_tsmc2014.zip",
        Size(None, None, checkins),
        dict(FIVE_CORE),
    )


LOGS = (
    PublicData(
        "lastfm-hetrec",
        "Last.fm, HetRec 2011: who tagged which artist when (dates to the month)",
        HETREC.text,
        (HETREC_TAGS, HETREC_PLAYS),
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
        beside=HETREC_BESIDE,
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
        "yoochoose",
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
        "diginetica",
        page="https://competitions.codalab.org/competitions/11161",
        recipe=SESSIONS,
    ),
    _by_hand(
        "tmall",
        "Tmall, IJCAI-15 repeat buyers: clicks, carts, favourites and purchases, days of 2014",
        "Alibaba Tianchi: its form states the terms; research",
        "user_log_format1.csv",
        "needs a Tianchi account",
        "tmall",
        page="https://tianchi.aliyun.com/dataset/42",
    ),
    _by_hand(
        "yelp-reviews",
        "Yelp reviews as published, JSON (yelp is S3-Rec's preparation of an older one)",
        YELP.text,
        "yelp_academic_dataset_review.json",
        "needs the form on Yelp's page",
        "jsonl",
        citation=YELP.citation,
        page=YELP.page,
    ),
    PublicData(
        "steam",
        "Steam reviews, as crawled for SASRec; dates to the day",
        "McAuley lab: published for research, no explicit licence",
        (STEAM, File("steam/steam_reviews.json", None, "steam")),
        (Web("https://mcauleylab.ucsd.edu/public_datasets/data/steam/steam_reviews.json.gz", STEAM),),
        "Kang and McAuley 2018, Self-Attentive Sequential Recommendation, ICDM",
        "https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data",
        size=Size(2_567_538, None, 7_793_069),
        recipe=dict(FIVE_CORE),
    ),
    PublicData(
        "gowalla",
        "Gowalla check-ins, 2009-2010; visits repeat",
        "Stanford SNAP: no explicit licence; cite",
        (GOWALLA, File("gowalla/loc-gowalla_totalCheckins.txt", None, "gowalla")),
        (Web("https://snap.stanford.edu/data/loc-gowalla_totalCheckins.txt.gz", GOWALLA),),
        "Cho, Myers and Leskovec 2011, Friendship and Mobility, KDD",
        "https://snap.stanford.edu/data/loc-gowalla.html",
        size=Size(None, None, 6_442_890),
        recipe=dict(FIVE_CORE),
    ),
    _foursquare("foursquare-nyc", "New York", "NYC", 227_428),
    _foursquare("foursquare-tokyo", "Tokyo", "TKY", 573_703),
    PublicData(
        "lastfm-1k",
        "Last.fm-1K: every song that a thousand people played; --data.item artname for the artist",
        LASTFM_1K.text,
        (LASTFM_PLAYS,),
        (
            Archive(
                "https://zenodo.org/records/6090214/files/lastfm-dataset-1K.tar.gz",
                f"lastfm-dataset-1K/{PLAYS}",
                LASTFM_PLAYS,
                "md5:a79a6808f54f73354789a9fb02cb1e41",
            ),
            Archive(
                "http://mtg.upf.edu/static/datasets/last.fm/lastfm-dataset-1K.tar.gz",
                f"lastfm-dataset-1K/{PLAYS}",
                LASTFM_PLAYS,
            ),
        ),
        LASTFM_1K.citation,
        LASTFM_1K.page,
        size=Size(992, None, 19_150_868),
        recipe=dict(FIVE_CORE),
    ),
)
