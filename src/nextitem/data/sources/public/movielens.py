"""MovieLens, from its publishers; checksums of the archives are GroupLens' own (`NAME.zip.md5` beside each)."""

from __future__ import annotations

from dataclasses import replace

from nextitem.data.sources.public.kinds import LEAVE_ONE_OUT, PublicData, Size
from nextitem.data.sources.public.sources import Archive, File, Wheel
from nextitem.data.sources.public.terms import MOVIELENS

ML_100K = File("ml-100k/ml-100k.inter", "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff", "atomic")
ML_100K_BESIDE = {
    "users": File("ml-100k/ml-100k.user", "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972", "side"),
    "items": File("ml-100k/ml-100k.item", "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532", "side"),
    "knowledge": File("ml-100k/ml-100k.kg", "200a0636fa07c218119a42e5bac7aa3e26e3665a6f919c1b22909bd412b14779", "side"),
    "links": File("ml-100k/ml-100k.link", "524dca2c3d62619688ab99b3ec53ea2acb9b64d38eafec3e02bdd0dc6bb7d948", "side"),
}
U_DATA = File(  # ml-100k.inter without its header line
    "ml-100k/u.data", "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490", "movielens"
)


def _archive(stem: str, member: str, file: File, md5: str, num_bytes: int | None = None) -> Archive:
    url = f"https://files.grouplens.org/datasets/movielens/{stem}.zip"
    return Archive(url, member, file, f"md5:{md5}", num_bytes)


def _movielens(name: str, description: str, size: Size, archive: Archive, *mirrors: Wheel) -> PublicData:
    files = [*(mirror.file for mirror in mirrors), archive.file]
    return PublicData(
        name,
        description,
        MOVIELENS.text,
        tuple(files),
        (archive, *mirrors),
        MOVIELENS.citation,
        MOVIELENS.page,
        size=size,
        recipe=dict(LEAVE_ONE_OUT),
    )


def _table(name: str, md5: str, size: Size, num_bytes: int | None = None) -> PublicData:
    """The later ones: ratings.csv in a zip."""
    file = File(f"{name}/ratings.csv", None, "table")
    archive = _archive(name, f"{name}/ratings.csv", file, md5, num_bytes)
    return _movielens(name, f"MovieLens-{name[3:].upper()}: ratings with seconds", size, archive)


MOVIELENS_DATA = (
    replace(
        _movielens(
            "ml-100k",
            "MovieLens-100K: ratings with seconds",
            Size(943, 1_682, 100_000),
            _archive("ml-100k", "ml-100k/u.data", U_DATA, "0e33842e24a9c977be4e0107933c0723"),
            Wheel("recbole==1.2.1", "recbole/dataset_example/ml-100k/ml-100k.inter", ML_100K),
        ),
        beside=ML_100K_BESIDE,
    ),
    _movielens(
        "ml-1m-ratings",
        "MovieLens-1M as published: ratings with seconds (ml-1m is SASRec's preparation of it)",
        Size(6_040, 3_706, 1_000_209),
        _archive(
            "ml-1m",
            "ml-1m/ratings.dat",
            File("ml-1m/ratings.dat", None, "movielens"),
            "c4d9eecfca2ab87c1945afe126590906",
        ),
    ),
    _movielens(
        "ml-10m",
        "MovieLens-10M: ratings with seconds",
        Size(71_567, 10_681, 10_000_054),
        _archive(
            "ml-10m",
            "ml-10M100K/ratings.dat",
            File("ml-10m/ratings.dat", None, "movielens"),
            "ce571fd55effeba0271552578f2648bd",
        ),
    ),
    _table("ml-20m", "cd245b17a1ae2cc31bb14903e1204af3", Size(138_493, 27_278, 20_000_263), 198_702_078),
    _table("ml-25m", "6b51fb2759a8657d3bfcbfc42b592ada", Size(162_541, 62_423, 25_000_095)),
    _table("ml-32m", "d472be332d4daa821edc399621853b57", Size(200_948, 87_585, 32_000_204), 238_950_008),
)
