"""Times training epochs of BPR, LightGCN, GRU4Rec, CKE, KGAT or KGCN in RecBole. Run it with the python of the recbole
environment that setup.sh makes; its last line is one JSON object.

RecBole's own, called as its `run_recbole` calls it: data set, split (0.8/0.1/0.1 of each user; leave-one-out with one
sample a prefix for GRU4Rec), loaders, negatives, model, `Trainer`. Ours: the clock, and the sizes below where RecBole's
defaults differ from what nextitem runs. Knowledge models take the .kg and .link beside the .inter file; RecBole leaves
out the interactions of items that have no link.
"""

import argparse
import json
import os
import resource
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from recbole.config import Config
from recbole_sasrec import build_trainer, time_training

RATIOS = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user", "mode": "full"}
KNOWN = {  # of knowledge models: inverse edges as in the papers
    "load_col": {
        "inter": ["user_id", "item_id", "timestamp"],
        "kg": ["head_id", "relation_id", "tail_id"],
        "link": ["item_id", "entity_id"],
    },
    "kg_reverse_r": True,
}
LAST_TWO = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
MODELS = {
    "BPR": {"embedding_size": 64, "eval_args": RATIOS},
    "LightGCN": {"embedding_size": 64, "n_layers": 3, "eval_args": RATIOS},
    "CKE": {"embedding_size": 64, "kg_embedding_size": 64, "eval_args": RATIOS, **KNOWN, "kg_reverse_r": False},
    "KGAT": {"embedding_size": 64, "kg_embedding_size": 64, "layers": [64, 32, 16], "eval_args": RATIOS, **KNOWN},
    "KGCN": {
        "embedding_size": 64,
        "n_iter": 1,
        "neighbor_sample_size": 8,
        "eval_args": RATIOS,
        **KNOWN,
        "kg_reverse_r": False,
    },
    "GRU4Rec": {
        "embedding_size": 64,
        "hidden_size": 128,
        "num_layers": 1,
        "MAX_ITEM_LIST_LENGTH": 50,
        "loss_type": "CE",
        "train_neg_sample_args": None,  # CE refuses RecBole's own default
        "eval_args": LAST_TWO,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an atomic .inter file")
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--epochs", type=int, default=3, help="beside one for warming up")
    parser.add_argument("--batch_size", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    os.chdir(options.workdir)  # RecBole writes logs and checkpoints below the current folder
    Path("recbole-data/data").mkdir(parents=True)
    for ending in (".inter", ".kg", ".link"):
        if (beside := options.data.with_suffix(ending)).exists():
            shutil.copy(beside, f"recbole-data/data/data{ending}")
    config = Config(
        model=options.model,
        dataset="data",
        config_dict={
            "data_path": "recbole-data",
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "train_batch_size": options.batch_size,
            "worker": 0,
            "use_gpu": False,
            "show_progress": False,
            **MODELS[options.model],
        },
    )
    torch.set_num_threads(options.threads)
    trainer, train, _ = build_trainer(config)
    seconds = [time_training(trainer, train, epoch) for epoch in range(options.epochs + 1)][1:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = {"peer": "recbole", "version": version("recbole"), "model": options.model, "epoch_seconds": seconds,
              "peak_mb": peak, "samples": samples_of(train), "batch_size": options.batch_size,
              "threads": options.threads}  # fmt: skip
    print(json.dumps(report), flush=True)


def samples_of(train: Any) -> int:
    """Interactions of an epoch; a loader of a knowledge model has one loader for them and one for triples."""
    return getattr(train, "general_dataloader", train).sample_size


if __name__ == "__main__":
    main()
