"""Catalogue: the public data sets by name; where each may be had, its checksum and its terms.

No file is shipped with nextitem: nearly all are for research only, and most may not be passed on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nextitem.data.sources import File, SourceError, Wheel, Zip, cache_folder, is_intact, keep
from nextitem.errors import InputError, suggest


@dataclass(frozen=True)
class PublicData:
    name: str
    description: str
    terms: str  # who to cite, what is allowed
    files: tuple[File, ...]  # any one of them is the data, best first
    downloads: tuple[Zip | Wheel, ...] = ()  # in the order they are tried; none: a local folder must hold it


ML_100K = File("ml-100k/ml-100k.inter", "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff", "atomic")
U_DATA = File(  # ml-100k.inter without its header line
    "ml-100k/u.data", "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490", "movielens"
)
MOVIELENS = "GroupLens: research, no redistribution without permission; cite Harper and Konstan 2015"
AMAZON = "McAuley lab, Amazon reviews 2014: research; cite McAuley et al. 2015"
HETREC = "HetRec 2011, Last.fm: non-commercial; cite Cantador et al. 2011"
RSC15 = "RecSys Challenge 2015, YooChoose: research; cite Ben-Shimon et al. 2015"
YELP = "Yelp Dataset terms: academic use, no redistribution"


def _local(name: str, place: str, sha256: str, format: str, description: str, terms: str) -> PublicData:
    return PublicData(name, description, terms, (File(f"{name}/{place}", sha256, format),))


CATALOGUE: dict[str, PublicData] = {
    data.name: data
    for data in (
        PublicData(
            "ml-100k",
            "MovieLens-100K: 943 users, 1,682 items, 100,000 ratings with seconds",
            MOVIELENS,
            files=(ML_100K, U_DATA),
            downloads=(
                Zip("https://files.grouplens.org/datasets/movielens/ml-100k.zip", "ml-100k/u.data", U_DATA),
                Wheel("recbole==1.2.1", "recbole/dataset_example/ml-100k/ml-100k.inter", ML_100K),
            ),
        ),
        _local(
            "ml-1m",
            "ml-1m.txt.gz",
            "c991e13def69fe68d7b8dbb8331b91f1de947c8e5f8f91f8c13b29e561fd9aab",
            "pairs",
            "MovieLens-1M as SASRec prepared it: 6,040 users, 3,416 items, 999,611 interactions",
            MOVIELENS,
        ),
        _local(
            "amazon-beauty",
            "Beauty.txt.gz",
            "d90327e98288647f5bae59c0dba82e153af2d940eafb7540f4b05185e108d0fe",
            "sequences",
            "Amazon 2014 Beauty, 5-core, S3-Rec's: 22,363 users, 12,101 items, 198,502 interactions",
            AMAZON,
        ),
        _local(
            "amazon-sports",
            "Sports_and_Outdoors.txt.gz",
            "e7c618d95a4d2975ac546950a87a5906efc9956df722be01a2af724638faf527",
            "sequences",
            "Amazon 2014 Sports, 5-core, S3-Rec's: 35,598 users, 18,357 items, 296,337 interactions",
            AMAZON,
        ),
        _local(
            "yelp",
            "Yelp.txt.gz",
            "a81963e5a94fd772d64b1d240154674fc64ebbc4c46cfd2d85cd80b90d44cf10",
            "sequences",
            "Yelp 2019, 5-core, S3-Rec's: 30,431 users, 20,033 items, 316,354 visits",
            YELP,
        ),
        _local(
            "lastfm",
            "LastFM.txt.gz",
            "feee892bd0c0def1c7ad403a7b44c78ac1268c0f2f0787e01efabb42854c339e",
            "sequences",
            "Last.fm tagging, 5-core, S3-Rec's: 1,090 users, 3,646 artists, 52,551 interactions",
            HETREC,
        ),
        _local(
            "amazon-beauty-bert4rec",
            "beauty.txt.gz",
            "a39be59ab2a64e24c259f372fc74d5bec69d549b62e67608d8e4712a6141b572",
            "pairs",
            "Amazon Beauty as BERT4Rec uses it: 40,226 users, 54,542 items, 353,962 interactions",
            AMAZON,
        ),
        _local(
            "amazon-video-games",
            "Video.txt.gz",
            "d1d700c3a1d5cf3f5c3b0a108c61179c5f24114f15d665e49b8ed6a53e463712",
            "pairs",
            "Amazon 2014 Video Games as SASRec uses it: 31,013 users, 23,715 items, 287,107 interactions",
            AMAZON,
        ),
        _local(
            "rsc15-100k",
            "yoochoose-clicks-100k_train_full.txt.gz",
            "38dbb080a94314de3273b6ce8ab4476c1281a1d8243efe0cab3f1753000f953c",
            "table",
            "YooChoose clicks, session-rec's sample, train: 17,794 sessions, 2,933 items, 70,278 clicks",
            RSC15,
        ),
    )
}


@dataclass(frozen=True)
class Found:
    path: Path
    file: File
    said: str  # one sentence: which source served it


def find(name: str, data_dir: Path | None = None) -> Found:
    """The verified file of a public data set: from `data_dir` (else NEXTITEM_DATA), the cache, the web.

    Raises:
        InputError: no such name, no source has the file, or a local file has another checksum.
    """
    data = CATALOGUE.get(name)
    if data is None:
        raise InputError(f'there is no public data set "{name}"; {suggest(name, CATALOGUE)}')
    tried: list[str] = []
    found = _in_local_folder(data, data_dir, tried) or _in_cache(data, tried) or _from_the_web(data, tried)
    if found is None:
        places = " or ".join(file.place for file in data.files)
        raise InputError(
            f"{name} is not to be had:\n"
            + "".join(f"  - {reason}\n" for reason in tried)
            + f"Put {places} into a folder and name the folder in NEXTITEM_DATA, "
            "or use -d synthetic, which needs no network"
        )
    return found


def _in_local_folder(data: PublicData, data_dir: Path | None, tried: list[str]) -> Found | None:
    """A file that is there but wrong is an error: whoever put it there should know."""
    named = data_dir if data_dir is not None else os.environ.get("NEXTITEM_DATA")
    if not named:
        tried.append("local folder: none is named (data_dir, or the environment variable NEXTITEM_DATA)")
        return None
    for file in data.files:
        path = Path(named) / file.place
        if path.is_file():
            if not is_intact(path.read_bytes(), file):
                raise InputError(
                    f"{path} is not {data.name}: its sha256 is not {file.sha256}; "
                    "remove it, or read it as a file of your own by its path"
                )
            return Found(path, file, f"{data.name} from the local folder {named}, checksum verified")
    tried.append(f"local folder {named}: it has no {' and no '.join(file.place for file in data.files)}")
    return None


def _in_cache(data: PublicData, tried: list[str]) -> Found | None:
    if not data.downloads:
        return None
    cache = cache_folder()
    kept = [file for file in data.files if (cache / file.place).is_file()]
    for file in kept:
        path = cache / file.place
        if is_intact(path.read_bytes(), file):
            return Found(path, file, f"{data.name} from the cache {cache}, checksum verified")
    tried.append(f"cache {cache}: {'damaged, to be replaced' if kept else 'not downloaded before'}")
    return None


def _from_the_web(data: PublicData, tried: list[str]) -> Found | None:
    failed: list[str] = []
    for download in data.downloads:
        try:
            path = keep(download.fetch(), download.file, cache_folder())
        except SourceError as reason:
            failed.append(f"{download}: {reason}")
            continue
        instead = f", instead of {'; '.join(failed)}" if failed else ""
        said = f"{data.name} from {download}, checksum verified, kept in {path.parent}{instead}"
        return Found(path, download.file, said)
    tried += failed
    return None
