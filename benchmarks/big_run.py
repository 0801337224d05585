"""A run with a catalogue of a million items, for serving.py and retrieval.py: SASRec of dim 64 on a synthetic log.

    python benchmarks/big_run.py --out big --items 1000000      # some minutes, 300 MB
    nextitem index big                                          # for --ann
    python benchmarks/serving.py --run big --out serving_million.json

Users have 200 items each, and every item stands as often in the log as any other, so that all of them are there and the
order says nothing: it is the size that counts. One epoch, 256 shared negatives.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

import nextitem as ni

LENGTH, TIMES = 200, 4  # items of a user, times of an item


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the run folder")
    parser.add_argument("--items", type=int, default=1_000_000)
    options = parser.parse_args()
    log = options.out.with_name(options.out.name + ".parquet")
    rng = np.random.default_rng(0)
    items = np.concatenate([rng.permutation(options.items) for _ in range(TIMES)])
    users = np.arange(len(items)) // LENGTH
    table = pl.DataFrame({"user": users, "item": items, "timestamp": 1_700_000_000 + np.arange(len(items))})
    table.write_parquet(log)
    recipe = ni.make_recipe({
        "data": {"source": str(log)}, "model": {"name": "SASRec", "dim": 64, "max_length": 50},
        "loss": {"name": "sampled_softmax", "sampler": "uniform", "num_negatives": 256, "shared": True},
        "training": {"batches": "next_item", "epochs": 1, "batch_size": 128, "optimizer": "sparse_adam"},
        "evaluation": {"baselines": []},
    })  # fmt: skip
    print(ni.run(recipe, options.out))


if __name__ == "__main__":
    main()
