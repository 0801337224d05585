"""What the peer scripts share: the command line, the data file and the JSON line they end with.

Imported by scripts that run in different environments, so it needs only the standard library.
"""

import argparse
import gzip
import json
import resource
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Options:
    data: Path
    workdir: Path  # everything the peer writes goes here
    loss: str
    epochs: int
    max_steps: int  # training steps to time instead of whole epochs; 0: whole epochs
    threads: int  # of torch
    workers: int  # processes that load data; 0: none
    batch_size: int
    dim: int
    max_length: int
    blocks: int
    heads: int
    dropout: float
    precision: str = "32-true"


def parse_options(description: str, losses: tuple[str, ...], precisions: tuple[str, ...] = ()) -> Options:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--loss", choices=losses, default=losses[0])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--max_steps", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--max_length", type=int, default=50)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--heads", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.5)
    if precisions:
        parser.add_argument("--precision", choices=precisions, default=precisions[0])
    return Options(**vars(parser.parse_args()))


def write_interactions(data: Path, out: Path, header: str) -> None:
    """Turn `user item item ...` lines, oldest item first, into a table with a row an interaction.

    The columns are user, item and the item's place in the line, which serves as its time: the file
    holds the order and no clock, and both peers want a time to sort by.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(data, "rt") as lines, open(out, "w") as rows:
        rows.write(header + "\n")
        for line in lines:
            user, *items = line.split()
            rows.writelines(f"{user}\t{item}\t{place}\n" for place, item in enumerate(items))


def print_report(
    peer: str,
    version: str,
    options: Options,
    train_seconds: list[float],  # one an epoch
    target_positions: int,  # real training targets of one epoch
    evaluation_users: int,
    evaluation_seconds: float,
    **more: object,
) -> None:
    """The epochs' median gives the speed. The peak is of this process alone, without its workers."""
    report = {
        "peer": peer,
        "version": version,
        "loss": options.loss,
        "train_seconds": train_seconds,
        "target_positions": target_positions,
        "positions_per_second": target_positions / median(train_seconds),
        "evaluation_users": evaluation_users,
        "evaluation_seconds": evaluation_seconds,
        "users_per_second": evaluation_users / evaluation_seconds,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,  # Linux counts in KiB
        "threads": options.threads,
        "workers": options.workers,
        "batch_size": options.batch_size,
        **more,
    }
    print(json.dumps(report), flush=True)
