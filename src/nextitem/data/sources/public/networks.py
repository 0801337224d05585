"""Networks: data sets whose use is who trusts whom beside the log, as their repositories publish the two."""

from __future__ import annotations

from nextitem.data.sources.public.graphs import BY_HAND
from nextitem.data.sources.public.kinds import PublicData, Size
from nextitem.data.sources.public.sources import File
from nextitem.data.sources.public.terms import CIAO, RESEARCH, YELP, Terms

DIFFNET = "https://github.com/PeiJieSun/diffnet"
GBSR = "https://github.com/yimutianyang/KDD24-GBSR"
RECDIFF = "https://github.com/HKUDS/RecDiff"
SOCIAL = "https://github.com/Sherry-XLL/Social-Datasets"
DIFFNET_PAPER = "Wu et al. 2019, A Neural Influence Diffusion Model for Social Recommendation, SIGIR"
DINH = "https://github.com/vinhqdang/trust_predict_ciao_epinions"
GIVEN: dict[str, object] = {"split.kind": "given", "data.side": "beside"}
GBSR_PAPER = "Yang et al. 2024, Graph Bottlenecked Social Recommendation, KDD"


def _gbsr(
    name: str, what: str, its_folder: str, terms: Terms, size: Size, train: str, test: str, net: str
) -> PublicData:
    """Its authors choose the epoch on the test; here each user's last training item, which is the one of the largest
    number, is the validation."""
    return PublicData(
        name,
        f"{what} as GBSR split it, 8 : 2 without times, beside its network (each pair of friends once)",
        terms.text,
        (File(f"{name}/train.txt.gz", train, "sequences"),),
        citation="; ".join(filter(None, (terms.citation, GBSR_PAPER))),
        page=GBSR,
        by_hand=f"write traindata, testdata and user_users_d of datasets/{its_folder} of {GBSR}, pickled dicts, as a "
        f"user and their items (friends, each pair once) a line, sorted, into train, test and social.txt and {BY_HAND}",
        size=size,
        recipe=GIVEN,
        beside={"trust": File(f"{name}/social.txt.gz", net, "side")},
        held_out={"test": File(f"{name}/test.txt.gz", test, "sequences")},
    )


NETWORKS = (
    PublicData(
        "ciao-recdiff",
        "Ciao as RecDiff split it, 7 : 1 : 2 without times, beside its network (each pair of friends once)",
        CIAO.text,
        (
            File(
                "ciao-recdiff/train.txt.gz",
                "3d8864765ad40ce73f898562384855933b22178b8695a5be8b3376348fe49ad7",
                "sequences",
            ),
        ),
        citation=f"{CIAO.citation}; Li, Xia and Huang 2024, RecDiff: Diffusion Model for Social Recommendation, CIKM",
        page=RECDIFF,
        by_hand=f"write the matrices of datasets/ciao/dataset.pkl of {RECDIFF}, a pickle, as a user and their items "
        f"(friends, each pair once) a line, sorted, into train, val, test and social.txt and {BY_HAND}",
        size=Size(1_925, 15_053, 33_175),
        recipe=GIVEN,
        beside={
            "trust": File(
                "ciao-recdiff/social.txt.gz", "bde2eca109bfa0933e9faffb8e66f00c9015cd65fb6b6b8df325bcc3b022d460", "side"
            )
        },
        held_out={
            "valid": File(
                "ciao-recdiff/val.txt.gz",
                "9a57097428575f0e68cf0087c7ce2ad98d3377e520e77949500f9a811d244a32",
                "sequences",
            ),
            "test": File(
                "ciao-recdiff/test.txt.gz",
                "2539de5028c23dcb0499814c0bf2cc71edd3d0d5e48cbdf52e33a65aa94982e5",
                "sequences",
            ),
        },
    ),
    PublicData(
        "ciao",
        "Ciao: reviews with stars and times, whom their writers trust, and a map of the two numberings; 34 rate 0",
        CIAO.text,
        (
            File(
                "ciao/rating_with_timestamp.mat",
                "488e9aa5f60e6a52a972795b6402f922fc0d9d273152f4d124a5c5bdefb86a71",
                "matlab",
            ),
        ),
        citation=CIAO.citation,
        page=DINH,
        by_hand=f"take code/ciao_rating_with_timestamp.mat and code/ciao_trust.mat from {DINH}. The two number users "
        "differently: trust_user_to_rating_user.csv was made by matching time, rating and helpfulness of each user "
        "with those of the small Ciao of https://github.com/yangjiera/LibMF, whose numbers the network has",
        size=Size(7_375, 105_114, 284_086),
        recipe={"data.duplicates": "first", "split.kind": "leave_one_out", "data.side": "beside"},
        beside={
            "trust": File("ciao/trust.mat", "97c8617b015a29e8a2d53dadec1279b575551c0a0949951e84affc0e598e7a1a", "side"),
            "trust_users": File(
                "ciao/trust_user_to_rating_user.csv",
                "be6dfd31df44945c98e97d528cab508560dfd2ebbf414223e67290401b98f829",
                "side",
            ),
        },
    ),
    PublicData(
        "yelp-diffnet",
        "Yelp as DiffNet split it, 9 : 1 without times, beside its network; the published figures use reviews besides",
        YELP.text,
        (
            File(
                "yelp-diffnet/yelp.train.rating.gz",
                "bf198bd9a068d5f8539265f5e16be2c52e799aaf044af9022143972efb640535",
                "spaced-ratings",
            ),
        ),
        citation=f"{YELP.citation}; {DIFFNET_PAPER}",
        page=DIFFNET,
        by_hand=f"take yelp.links and yelp.{{train,val,test}}.rating out of diffnet-tensorflow-v1-python3/data/yelp of "
        f"{DIFFNET} and {BY_HAND}",
        size=Size(17_235, 37_378, 207_945),
        recipe=GIVEN,
        beside={
            "trust": File(
                "yelp-diffnet/yelp.links.gz", "64a90a5da76f34a68338def045a40ff0daa538d49f62317bc48a37f618a1067a", "side"
            )
        },
        held_out={
            "valid": File(
                "yelp-diffnet/yelp.val.rating.gz",
                "b140a07769e9a3bfc01dded2625c4e02a4fa60255057c30e86304509b0ccbcb9",
                "spaced-ratings",
            ),
            "test": File(
                "yelp-diffnet/yelp.test.rating.gz",
                "6b17e394e3d7b15a0e656cf3f9c3916dbad2a03f7bf8912c2ee4003271341958",
                "spaced-ratings",
            ),
        },
    ),
    PublicData(
        "flickr",
        "Flickr: who marked which picture, without times, beside who follows whom",
        RESEARCH.text,
        (File("flickr/flickr.inter.gz", "441a60e02a3dc5236b55ffa11b834b9f87b870abbf5287f1b4aea2443d02c9ad", "atomic"),),
        citation="Wu et al. 2019, A Hierarchical Attention Model for Social Contextual Image Recommendation, IEEE TKDE",
        page=SOCIAL,
        by_hand=f"take flickr.inter and flickr.net out of flickr of {SOCIAL} and {BY_HAND}",
        size=Size(8_252, 82_120, 327_815),
        recipe={"split.kind": "user_entry", "data.side": "beside"},
        beside={
            "trust": File(
                "flickr/flickr.net.gz", "abc2b49a8508784791214c23a59cc400d484bd97d76c9df03e73680a21df535b", "side"
            )
        },
    ),
    _gbsr(
        "douban-book-gbsr",
        "Douban-Book",
        "douban_book",
        RESEARCH,
        Size(13_024, 22_347, 598_420),
        "b0d4f06f4ea7ef8928bca7aa3c4605f5566fe141dada7ee3a9a1362e63fb93f4",
        "90b879d4146d553fa9d766d7cefbec50d50886eb830b732536629b8d9f011c1b",
        "7d78de1ac5c80658b72630b6a31b6560f706db7ef38cf0b0879959ae1f033c08",
    ),
    _gbsr(
        "yelp-gbsr",
        "Yelp",
        "yelp",
        YELP,
        Size(19_539, 22_228, 450_884),
        "6738d8d701f0943bd552434c48019dbd0b4b9009dbeb334c1d5d78b78313f1ac",
        "a73b318e6052ea4437d064e692f4d7a2f5eea0f0bb4969f828b05dd817aea4c0",
        "360f0873e231b48fc05b904ed22c27c7705b2636c4ac9ea9ab03046931b41648",
    ),
    _gbsr(
        "epinions-gbsr",
        "Epinions",
        "epinions",
        RESEARCH,
        Size(18_202, 47_449, 338_400),
        "cf49e93379ea246265deaf1c9298370066926ae9941cc91701dcc5d8a12878b0",
        "449e3f140b0da519b48fc92c666b8be3dc7c165acd058495e16c474b012f51a3",
        "9b880d62ce519107515de710b9b5b46f7b78cb5fff0b81d47d6606b404c75e82",
    ),
)
