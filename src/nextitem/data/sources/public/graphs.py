"""Graphs: data sets whose use is the knowledge graph beside the log, as their repositories publish the two."""

from __future__ import annotations

from nextitem.data.sources.public.kinds import LEAVE_ONE_OUT, PublicData, Size
from nextitem.data.sources.public.sources import File
from nextitem.data.sources.public.terms import BOOK_CROSSING, HETREC, MOVIELENS, Terms

MCCLK = "https://github.com/CCIIPLab/MCCLK"
MKR = "https://github.com/hwwang55/MKR"
BY_HAND = (
    "gzip each file (the checksums are those of one such gzip: a copy that another gzip made is opened by its path)"
)


def _ctr(name: str, its_folder: str, description: str, terms: Terms, size: Size, log: str, graph: str) -> PublicData:
    """Labelled rows, and a graph that numbers items as they do; the usual preparation leaves the labels 0 out."""
    return PublicData(
        name,
        description,
        f"{terms.text}; the graph is cut from Microsoft's Satori: research",
        (File(f"{name}/ratings_final.txt.gz", log, "labels"),),
        citation=f"{terms.citation}; Wang et al. 2019, Knowledge Graph Convolutional Networks, WWW",
        page=MCCLK,
        by_hand=f"take ratings_final and kg_final out of data/{its_folder} of {MCCLK} as text and {BY_HAND}",
        size=size,
        recipe={"data.min_rating": 1, "split.kind": "user_entry"},
        beside={"knowledge": File(f"{name}/kg_final.txt.gz", graph, "side")},
    )


GRAPHS = (
    _ctr(
        "lastfm-ctr",
        "music",
        "Last.fm (HetRec) as KGCN prepared it for click prediction: as many drawn negatives (label 0) as interactions",
        HETREC,
        Size(1_872, 3_846, 42_346),
        "2223956048e64b0b1f1e99bbd6432b029eac4a6ffe64b3bf557c12438d570066",
        "1c7ff9ff7dc0b24661d8de5e5623ddcb846ff589f32df4cf8ebdeb505327fa6b",
    ),
    _ctr(
        "book-crossing-kg",
        "book",
        "Book-Crossing as KGCN prepared it for click prediction: as many drawn negatives (label 0) as interactions",
        BOOK_CROSSING,
        Size(17_860, 14_967, 139_746),
        "cd7f20f01e9e0157dfd2a64000a58ab306c787bcf76dffb425379bd33d3acf59",
        "3945ddbf639e7b264f03eb7b807208896b63d2a53c3cce194b62b0b2fbb5a0fd",
    ),
    PublicData(
        "ml-1m-kg",
        "MovieLens-1M in MovieLens' own ids, in the order of time, beside MKR's knowledge graph of its films",
        f"{MOVIELENS.text}; the graph is cut from Microsoft's Satori: research",
        (
            File(
                "ml-1m/ml-1m-all-items.txt.gz",
                "b0ef0914f7d08967701c3cc7e75ad75e5c570dd9f2bf9f566dd2bb14de1e9acb",
                "pairs",
            ),
        ),
        citation=f"{MOVIELENS.citation}; Wang et al. 2019, Multi-Task Feature Learning for Knowledge Graph Enhanced "
        "Recommendation, WWW",
        page=MKR,
        by_hand=f"write user and movie of ml-1m's ratings.dat, by user and time, into ml-1m-all-items.txt, take kg.txt "
        f"and item_index2entity_id.txt out of data/movie of {MKR} and {BY_HAND}",
        size=Size(6_040, 3_706, 1_000_209),
        recipe=dict(LEAVE_ONE_OUT),
        beside={
            "knowledge": File(
                "ml-1m-kg/kg.txt.gz", "f5a1f0d42aa610bc9b1b53de8e0f20fc7f6f54254f2773a0b2eb46f01a68205c", "side"
            ),
            "links": File(
                "ml-1m-kg/item_index2entity_id.txt.gz",
                "68d2d64843fe5655d20b3f5a259dab5d982c7650da6e606062f54b44b3d0fe99",
                "side",
            ),
        },
    ),
)
