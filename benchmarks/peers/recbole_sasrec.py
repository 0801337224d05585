"""Times SASRec in RecBole: training steps or epochs, and the full-ranking evaluation. Run it with
the python of the recbole environment that setup.sh makes; its last line is one JSON object.

RecBole's own, called as its `run_recbole` calls it: the data set with its augmentation (one sample a
prefix) and its leave-one-out split, the loaders, the model with its defaults, and the `Trainer` with
its training loop and evaluation (Hit@10 and NDCG@10 over all items; RecBole masks no seen items for
sequential models). RecBole turns torch's anomaly detection on when it is imported, and it stays on.

Ours: the clock, and the number of steps. An epoch takes minutes, so with --max_steps N the trainer
gets the first 3 batches as a warm-up and then N batches of the same epoch, timed; the epoch's seconds
follow from their share of the samples ("extrapolated_from_steps"). Loading is part of the time.
Progress bars and log lines are off.

Two defaults of RecBole that differ from the original SASRec, and cost time: the loss uses one
position a sample, the prefix's last, and the feed-forward layer is 256 wide whatever the dim is.
"""

import itertools
import os
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import torch
from protocol import Options, parse_options, print_report, write_interactions
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.dataloader import FullSortEvalDataLoader, TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.trainer import Trainer
from recbole.utils import get_model, get_trainer, init_seed

WARM_UP_STEPS = 3


def build_config(options: Options) -> Config:
    return Config(
        model="SASRec",
        dataset="data",
        config_dict={
            "data_path": "recbole-data",
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
            "metrics": ["Hit", "NDCG"],
            "valid_metric": "NDCG@10",
            "topk": [10],
            "loss_type": options.loss,
            "train_neg_sample_args": None,  # CE refuses RecBole's own default
            "epochs": options.epochs,
            "train_batch_size": options.batch_size,
            "hidden_size": options.dim,
            "MAX_ITEM_LIST_LENGTH": options.max_length,
            "n_layers": options.blocks,
            "n_heads": options.heads,
            "hidden_dropout_prob": options.dropout,
            "attn_dropout_prob": options.dropout,
            "worker": options.workers,
            "use_gpu": False,
            "show_progress": False,
        },
    )


def build_trainer(config: Config) -> tuple[Trainer, TrainDataLoader, FullSortEvalDataLoader]:
    """The steps of `run_recbole` up to the training, without its logs."""
    init_seed(config["seed"], config["reproducibility"])
    train, _, test = data_preparation(config, create_dataset(config))
    init_seed(config["seed"] + config["local_rank"], config["reproducibility"])
    model = get_model(config["model"])(config, train._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)  # as `Trainer.fit` does before its first epoch
    return trainer, train, test


def time_training(trainer: Trainer, batches: Iterable[Interaction], epoch: int) -> float:
    # `Trainer.fit` would also save a checkpoint an epoch; this is the part that it logs as training time.
    start = time.perf_counter()
    trainer._train_epoch(batches, epoch)
    return time.perf_counter() - start


def extrapolate_epoch(trainer: Trainer, train: TrainDataLoader, steps: int) -> tuple[float, int]:
    """The seconds of an epoch and the number of steps that they rest on."""
    batches = iter(train)
    time_training(trainer, itertools.islice(batches, WARM_UP_STEPS), epoch=0)
    # The last batch may be smaller: leaving it out makes every timed step worth a whole batch.
    steps = min(steps, train.sample_size // train.step - WARM_UP_STEPS)
    seconds = time_training(trainer, itertools.islice(batches, steps), epoch=0)
    return seconds * train.sample_size / (steps * train.step), steps


def main() -> None:
    options = parse_options("Time SASRec in RecBole.", losses=("CE",))
    options.workdir.mkdir(parents=True, exist_ok=True)
    os.chdir(options.workdir)  # RecBole writes logs and checkpoints below the current folder
    del sys.argv[1:]  # RecBole reads the command line too, and `--dim=64` there would be its own option
    write_interactions(
        options.data,
        Path("recbole-data/data/data.inter"),
        header="user_id:token\titem_id:token\ttimestamp:float",
    )
    config = build_config(options)
    torch.set_num_threads(options.threads)
    trainer, train, test = build_trainer(config)

    more: dict[str, object] = {"inner_size": config["inner_size"]}
    if options.max_steps:
        seconds, more["extrapolated_from_steps"] = extrapolate_epoch(trainer, train, options.max_steps)
        train_seconds = [seconds]
    else:
        train_seconds = [time_training(trainer, train, epoch) for epoch in range(options.epochs)]

    trainer.evaluate(test, load_best_model=False)  # a warm-up
    start = time.perf_counter()
    trainer.evaluate(test, load_best_model=False)
    evaluation_seconds = time.perf_counter() - start
    print_report(
        "recbole", version("recbole"), options, train_seconds, train.sample_size,
        test.sample_size, evaluation_seconds, **more,
    )  # fmt: skip


if __name__ == "__main__":
    main()
