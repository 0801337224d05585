"""The tables of the Markov article on our models, beside the published figures.

    python benchmarks/audit_table.py -d amazon-beauty --only blocks --threads 1 --out runs/audit
    python benchmarks/audit_table.py -d ml-1m --only shuffle --threads 1 --out runs/audit

Parts: lengths, blocks, shuffle, stamp. Trials are kept in OUT/DATA and not repeated, so parts may run one after
another, or at once. Writes benchmarks/results/audit_DATA_PART.json. Published: MTandHJ, "On the Markovian Nature of the
Next-Item Recommendation Task", 2025.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nextitem.analysis.audit import Settings, audited_recipe, plan
from nextitem.analysis.trials import METRICS, Result, Trial, perform, with_fixed_training
from nextitem.evaluation.significance import paired_test
from nextitem.recipe.options import parse_keys
from nextitem.runs.folder.identity import describe_data
from nextitem.runs.learning.reporting import versions
from nextitem.runs.parts.build import build_dataset, build_split

RESULTS = Path(__file__).parent / "results"
PARTS = {"lengths": "max_length", "blocks": "blocks", "shuffle": "full", "stamp": "STAMP"}
PUBLISHED: dict[str, dict[str, dict[str, float]]] = {
    "amazon-beauty": {
        "blocks 4": {"hr@1": 0.0279, "hr@10": 0.0807, "ndcg@10": 0.0508},
        "blocks 3": {"hr@1": 0.0269, "hr@10": 0.0846, "ndcg@10": 0.0522},
        "blocks 2": {"hr@1": 0.0267, "hr@10": 0.0871, "ndcg@10": 0.0532},
        "blocks 1": {"hr@1": 0.0275, "hr@10": 0.0855, "ndcg@10": 0.0530},
        "blocks 0": {"hr@1": 0.0272, "hr@10": 0.0850, "ndcg@10": 0.0526},
        "STAMP full": {"hr@1": 0.0168, "hr@10": 0.0564, "ndcg@10": 0.0343},
        "STAMP h_t": {"hr@1": 0.0270, "hr@10": 0.0710, "ndcg@10": 0.0466},
        "STAMP m_t": {"hr@1": 0.0246, "hr@10": 0.0814, "ndcg@10": 0.0496},
        "test": {"hr@1": 0.0296, "hr@5": 0.0699, "hr@10": 0.0990, "ndcg@5": 0.0502, "ndcg@10": 0.0595},
        "shuffle": {"hr@1": 0.0298, "hr@5": 0.0700, "hr@10": 0.0992, "ndcg@5": 0.0503, "ndcg@10": 0.0596},
    },
    "ml-1m": {
        "test": {"hr@1": 0.0540, "hr@5": 0.1609, "hr@10": 0.2411, "ndcg@5": 0.1088, "ndcg@10": 0.1345},
        "shuffle": {"hr@1": 0.0437, "hr@5": 0.1444, "hr@10": 0.2099, "ndcg@5": 0.0957, "ndcg@10": 0.1169},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-d", "--data", default="amazon-beauty")
    parser.add_argument("--only", choices=PARTS, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/audit"))
    given, rest = parser.parse_known_args()  # keys of the recipe: --training.epochs 2

    settings = replace(Settings(), seeds=1, blocks=(4, 3, 2, 1))
    fixed = {"seed": given.seed, "training": {"threads": given.threads}}
    # The article cuts ML-1M to the newest 100 items.
    sizes = {"model": {"max_length": 100 if given.data == "ml-1m" else 50, "dropout": 0.6}}
    recipe = audited_recipe("SASRec", given.data, settings, sizes, fixed, parse_keys(rest))
    dataset, _ = build_dataset(recipe.data)
    split = build_split(recipe.split, dataset, given.seed)
    split = with_fixed_training(split, recipe.model.arguments["max_length"])
    digest = describe_data(dataset)["sha256"]
    rows: dict[str, Any] = {}
    wanted = [trial for trial in plan(recipe, settings)[0] if trial.part.startswith(PARTS[given.only])]
    for trial in wanted:
        folder = given.out / given.data / f"{trial.name}-threads-{given.threads}"
        result = last(perform(trial, split, digest, folder, again=False), trial)
        rows |= rows_of(trial, result, given.data)
        RESULTS.mkdir(exist_ok=True)
        report = {"data": given.data, "recipe": recipe.model_dump(mode="json"), "versions": versions(), "rows": rows}
        path = RESULTS / f"audit_{given.data}_{given.only}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
    for name, row in rows.items():
        print(f"{name:16}", *(f"{metric} {row['ours'][metric]:.4f}" for metric in METRICS), row["published"])


def last(events: Iterator[Any], trial: Trial) -> Result:
    for event in events:
        if isinstance(event, Result):
            return event
        print(trial.name, "epoch", event.epoch.number, event.valid, flush=True)
    raise AssertionError("a trial ends with its result")


def rows_of(trial: Trial, result: Result, data: str) -> dict[str, Any]:
    published = PUBLISHED.get(data, {})
    keys = list(dict.fromkeys(name.partition("/")[0] for name in result.counts))
    rows = {}
    for key in keys:
        name = key if trial.part == "full" else trial.part
        found = paired_test(result.values(key), result.values("test"))
        rows[name] = {
            "ours": {metric: float(result.values(key, metric).mean()) for metric in METRICS},
            "published": published.get(name),
            "ndcg@10 minus true order": None if key == "test" else vars(found),
            "facts": result.facts,
        }
    return rows


if __name__ == "__main__":
    main()
