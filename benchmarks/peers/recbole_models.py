"""Times training epochs of BPR, LightGCN or GRU4Rec in RecBole. Run it with the python of the recbole environment that
setup.sh makes; its last line is one JSON object.

RecBole's own, called as its `run_recbole` calls it: data set, split (0.8/0.1/0.1 of each user; leave-one-out with one
sample a prefix for GRU4Rec), loaders, negatives, model, `Trainer`. Ours: the clock, and the sizes below where RecBole's
defaults differ from what nextitem runs.
"""

import argparse
import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path

import torch
from recbole.config import Config
from recbole_sasrec import build_trainer, time_training

RATIOS = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user", "mode": "full"}
LAST_TWO = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
MODELS = {
    "BPR": {"embedding_size": 64, "eval_args": RATIOS},
    "LightGCN": {"embedding_size": 64, "n_layers": 3, "eval_args": RATIOS},
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
    shutil.copy(options.data, "recbole-data/data/data.inter")
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
    report = {"peer": "recbole", "version": version("recbole"), "model": options.model, "epoch_seconds": seconds,
              "samples": train.sample_size, "batch_size": options.batch_size, "threads": options.threads}  # fmt: skip
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
