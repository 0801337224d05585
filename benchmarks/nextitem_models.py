"""Times training epochs of a model in nextitem, as `peers/recbole_models.py` times RecBole's: same split rule, sizes,
batch size and number of samples an epoch. `--batches next_item` gives GRU4Rec a row a user, its whole history, instead
of a row a target with the 50 items before it; the targets are the same.
"""

from __future__ import annotations

import argparse
import json
import resource
from importlib.metadata import version
from pathlib import Path

import torch

from nextitem.data.batches import make_batches
from nextitem.models.catalogue import find
from nextitem.recipe import make_recipe
from nextitem.runs.parts.build import build_dataset, build_model, build_optimizer, build_split
from nextitem.training.loop import train

MODELS = {
    "BPR": {"model": {"dim": 64}},
    "LightGCN": {"model": {"dim": 64, "num_layers": 3}},
    "CKE": {"model": {"dim": 64}},
    "KGAT": {"model": {"dim": 64, "layer_dims": [64, 32, 16], "attention": "learned"}},
    "KGCN": {"model": {"dim": 64, "num_layers": 1, "neighbours": 8}},
    "GRU4Rec": {"model": {"dim": 64, "hidden_dim": 128}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an atomic .inter file")
    parser.add_argument("--model", choices=MODELS, metavar="MODEL", required=True)
    parser.add_argument("--batches", choices=("pair", "prefix", "next_item"), required=True)
    parser.add_argument("--epochs", type=int, default=3, help="beside one for warming up")
    parser.add_argument("--batch_size", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    given = MODELS[options.model]
    arguments = {"name": options.model, **given["model"]}
    if options.model == "GRU4Rec":
        arguments["max_length"] = 50 if options.batches == "prefix" else None
    data = {"source": str(options.data)} | ({"side": "beside"} if "knowledge" in find(options.model).needs else {})
    shares = {"kind": "user_entry", "valid": 0.1, "test": 0.1} if options.batches == "pair" else {}
    recipe = make_recipe({"model": arguments, "data": data, "split": shares})
    split = build_split(recipe.split, build_dataset(recipe.data)[0], recipe.seed)
    model = build_model(recipe, split)
    assert recipe.training is not None
    batches = make_batches(
        options.batches,
        split.train,
        options.batch_size,
        max_length=model.max_length,
        num_items=split.num_items,
        wanted=model.wanted(),
    )
    epochs = list(train(model, batches, build_optimizer(recipe.training, model), last=options.epochs + 1))[1:]
    report = {"peer": "nextitem", "version": version("nextitem"), "model": options.model, "batches": options.batches,
              "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
              "epoch_seconds": [epoch.seconds for epoch in epochs], "samples": batches.num_targets,
              "batch_size": options.batch_size, "threads": options.threads}  # fmt: skip
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
