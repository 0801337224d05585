"""Times how RecBole makes a sequential data set of an atomic file: reading, 5-core, numbering, leave-one-out, prefixes.
Run it with the python of the recbole environment that setup.sh makes; its last line is one JSON object.

RecBole's own, called as its `run_recbole` calls it: `create_dataset`, then `build`. Ours: the clock.
"""

import argparse
import json
import os
import resource
import time
from importlib.metadata import version
from pathlib import Path

from recbole.config import Config
from recbole.data import create_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an atomic .inter file")
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--core", type=int, default=5)
    parser.add_argument("--max_length", type=int, default=50)
    options = parser.parse_args()
    os.chdir(options.workdir)  # RecBole writes logs below the current folder
    Path("recbole-data/data").mkdir(parents=True)
    Path("recbole-data/data/data.inter").symlink_to(options.data)
    config = Config(
        model="SASRec",
        dataset="data",
        config_dict={
            "data_path": "recbole-data",
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "user_inter_num_interval": f"[{options.core},inf)",
            "item_inter_num_interval": f"[{options.core},inf)",
            "MAX_ITEM_LIST_LENGTH": options.max_length,
            "loss_type": "CE",
            "train_neg_sample_args": None,  # CE refuses RecBole's own default
            "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
            "use_gpu": False,
            "show_progress": False,
        },
    )
    start = time.perf_counter()
    dataset = create_dataset(config)
    created = time.perf_counter()
    num_interactions = dataset.inter_num  # building makes every prefix one
    parts = dataset.build()
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = {"peer": "recbole", "version": version("recbole"),
              "seconds": {"create": created - start, "build": done - created, "all": done - start}, "peak_mb": peak,
              "users": dataset.user_num - 1, "items": dataset.item_num - 1,
              "interactions": num_interactions, "samples": len(parts[0])}  # fmt: skip
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
