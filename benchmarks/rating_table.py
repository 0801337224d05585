"""Predicted ratings of Ciao by models of who trusts whom: with the network, with another's, with none, beside means.

    OMP_NUM_THREADS=1 python benchmarks/rating_table.py --data CIAO --only SoRec SocialMF

CIAO is a folder with rating_with_timestamp.mat, trust.mat, and trust_user_to_rating_user.csv: the two .mat files number
users differently, and the map brings 52,500 of 57,544 edges home. Ratings of 0 are dropped, the last of repeats stays.
80 / 10 / 10 of ratings at random; the epoch is chosen by the 10 of validation. `permuted` gives every edge the target
of another, so that degrees stay and friends are strangers; `none` has no edge. Writes results/ratings_ciao.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from scipy.io import loadmat

import nextitem as ni
from nextitem.data.side.network import trust_network
from nextitem.data.side.triples import Triples
from nextitem.data.splits.labelled import Labelled, Pairs
from nextitem.evaluation.labelled import mae, pair_scores, rmse
from nextitem.evaluation.ratings import predicted_by_means
from nextitem.models.rated import Rated

RESULTS = Path(__file__).parent / "results" / "ratings_ciao.json"
KINDS: dict[str, Callable[..., Rated]] = {
    "SoRec": ni.models.SoRec,
    "SocialMF": ni.models.SocialMF,
    "TrustSVD": ni.models.TrustSVD,
    "TrustMF": ni.models.TrustMF,
    "GraphRec": ni.models.GraphRec,
}
NETWORKS = ("given", "permuted", "none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="arguments of the models")
    given = parser.parse_args()
    torch.set_num_threads(1)
    arguments = {key: json.loads(value) for key, value in (one.split("=") for one in given.set)}
    split = ciao(given.data, given.seed)
    trust = split.training_data.trust
    is_social = np.isin(split.test.users, trust.heads)
    means = predicted_by_means(split.test, split.rows, split.num_items) - split.test.labels
    rows: list[dict[str, Any]] = [row("means", "", means, is_social)]
    print(split, f"{len(trust):,} edges; {is_social.sum():,} test pairs of users who trust someone", rows[0], sep="\n")
    for name in given.only:
        for network in given.networks:
            start = time.perf_counter()
            torch.manual_seed(given.seed)
            model = KINDS[name](len(split.met), split.num_items, **arguments)
            side = replace(split.side, trust=changed(trust, network, given.seed))
            report = ni.fit_labelled(
                model, replace(split, side=side), epochs=given.epochs, batch_size=given.batch_size,
                learning_rate=given.learning_rate, seed=given.seed,
            )  # fmt: skip
            found = {"valid": round(report.valid[report.best_epoch - 1]["rmse"], 4), "epoch": report.best_epoch}
            rows.append(row(name, network, errors(model, split.test, split), is_social) | found | arguments)
            rows[-1]["seconds"] = round(time.perf_counter() - start)
            print(rows[-1], flush=True)
    settings = {key: str(value) for key, value in vars(given).items() if key != "data"}
    RESULTS.write_text(json.dumps({"split": split.name, "settings": settings, "rows": rows}, indent=1) + "\n")


def ciao(folder: Path, seed: int) -> Labelled:
    """The split, with the network among its users."""
    columns = ["user", "item", "category", "rating", "helpfulness", "timestamp"]
    log = pl.DataFrame(loadmat(folder / "rating_with_timestamp.mat")["rating"], schema=columns, orient="row")
    log = log.filter(pl.col("rating") > 0).unique(["user", "item"], keep="last", maintain_order=True)
    dataset = ni.read_dataset(log.select("user", "item", "rating", "timestamp"), rating="rating")
    home = pl.read_csv(folder / "trust_user_to_rating_user.csv")
    trust = pl.DataFrame(loadmat(folder / "trust.mat")["trust"], schema=["source", "target"], orient="row")
    for end in ("source", "target"):
        moved = home.rename({"trust_user": end, "rating_user": "moved"}).cast({end: trust.schema[end]})
        trust = trust.join(moved, on=end).drop(end).rename({"moved": end})
    network, notes = trust_network(trust.cast(dataset.users.column.dtype), dataset.users)
    print(*notes, sep="\n")
    return ni.split.labelled(replace(dataset, trust=network), valid=0.1, test=0.1, seed=seed)


def changed(network: Triples, how: str, seed: int) -> Triples:
    """The network as given, with the targets of its edges permuted, or without an edge."""
    if how == "permuted":
        return replace(network, tails=np.random.default_rng(seed).permutation(network.tails))
    kept = slice(0, None if how == "given" else 0)
    return replace(network, heads=network.heads[kept], relations=network.relations[kept], tails=network.tails[kept])


def errors(model: Rated, pairs: Pairs, split: Labelled) -> np.ndarray:
    found: np.ndarray = model.rate(torch.from_numpy(pair_scores(model, pairs, split.met))).numpy() - pairs.labels
    return found


def row(name: str, network: str, off: np.ndarray, is_social: np.ndarray) -> dict[str, Any]:
    nothing = np.zeros_like(off)
    return {
        "model": name,
        "network": network,
        "rmse": round(rmse(off, nothing), 4),
        "mae": round(mae(off, nothing), 4),
        "rmse of who trusts": round(rmse(off[is_social], nothing[is_social]), 4),
    }


if __name__ == "__main__":
    main()
