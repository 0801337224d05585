"""Times how RecTools recommends to all users of a log by its PureSVD. Run it with the python of the rectools
environment that setup.sh makes; its last line is one JSON object.

RecTools' own: `Dataset.construct`, `PureSVDModel.fit`, `recommend` with its defaults, viewed items left out. Ours: the
clock, and the table that is written once the clock has stopped.
"""

import argparse
import json
import resource
import time
from importlib.metadata import version

import pandas as pd
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import PureSVDModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True, help="Parquet: user, item")
    parser.add_argument("--out", required=True)
    parser.add_argument("-k", type=int, required=True)
    parser.add_argument("--dim", type=int, required=True)
    options = parser.parse_args()
    log = pd.read_parquet(options.log).rename(columns={"user": Columns.User, "item": Columns.Item})
    log[Columns.Weight] = 1.0
    log[Columns.Datetime] = pd.Timestamp("2026-01-01")
    dataset = Dataset.construct(log)
    start = time.perf_counter()
    model = PureSVDModel(factors=options.dim)
    model.fit(dataset)
    fitted = time.perf_counter()
    found = model.recommend(users=log[Columns.User].unique(), dataset=dataset, k=options.k, filter_viewed=True)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found.rename(columns={Columns.User: "user", Columns.Item: "item"})[["user", "item"]].to_parquet(options.out)
    report = {"version": version("rectools"), "fit_seconds": fitted - start, "seconds": done - fitted, "peak_mb": peak}
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
