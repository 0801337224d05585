"""Lists: which metrics make sense where few items are ranked. A list longer than that holds every target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.evaluation.beyond import OF_TRAINING, is_listed, values_of_items
from nextitem.evaluation.metrics import AUC, parse, too_long

MAIN = "ndcg@10"  # what models are chosen and compared by, where nothing else is asked for


def check_lists(names: Iterable[str], num_ranked: int, key: str) -> None:
    """Raises InputError for a metric that is none, or whose list is longer than the ranking; `key` asked for it."""
    for name in names:
        if name != AUC and parse(name)[1] > num_ranked:
            raise InputError(f"{key}: {too_long(name, num_ranked)} ({_option(key)})")


def _option(key: str) -> str:
    return key if key.startswith("--") else f"--{key}"


def check_listed(names: Iterable[str], candidates: int | None, data: TrainingData | None) -> None:
    """Whether the metrics of lists among `names` can be measured.

    Raises:
        InputError: candidates are drawn, so that there is no list of the best; or `data` lacks what one goes by.
    """
    for name in filter(is_listed, names):
        kind, k = parse(name)
        if candidates is not None:
            raise InputError(
                f"{name} looks at the best items of the whole catalogue, and a target among {candidates} drawn items "
                "has no such list; rank the whole catalogue, or leave it out"
            )
        if kind == "diversity" and k < 2:
            raise InputError(f"{name}: a list of one item has no pair to compare; take diversity@2 or longer")
        if kind in (*OF_TRAINING, "diversity") and data is None:
            raise InputError(
                f"{name} goes by the training data, and none was given; evaluate with data=split.training_data"
            )
        if kind == "diversity" and data is not None:
            _check_attributes(name, data)


def _check_attributes(name: str, data: TrainingData) -> None:
    features = data.side.item_attributes
    if features is None:
        raise InputError(
            f"{name} goes by attributes of items, and the data has none; a run has those of the table that "
            "--data.item_table names, or of one that stands beside the log (--data.side beside)"
        )
    known = int((np.diff(values_of_items(features).indptr) > 0).sum())
    if known < 2:
        columns = ", ".join(features.columns) or "none"
        raise InputError(
            f"{name} goes by values of text or of lists that items share, and {known} of {data.num_items:,} items have "
            f"one (attributes: {columns}); bring a table that has them, such as genres, or leave it out"
        )


def fitting(names: Sequence[str], num_ranked: int) -> tuple[str, ...]:
    """Those whose list is no longer than the ranking; if there is none, the main one, shortened.

    >>> fitting(("hr@1", "hr@20", "ndcg@10"), 12), fitting(("hr@20", "ndcg@10"), 8)
    (('hr@1', 'ndcg@10'), ('ndcg@8',))
    """
    return tuple(name for name in names if name == AUC or parse(name)[1] <= num_ranked) or (main(num_ranked),)


def main(num_ranked: int) -> str:
    """ndcg@10, or of all items that are ranked where these are fewer."""
    kind, _, k = MAIN.partition("@")
    return f"{kind}@{min(int(k), num_ranked)}"


def narrowed(names: Sequence[str], num_ranked: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`fitting`, and a sentence on what it leaves out, if anything."""
    left = fitting(names, num_ranked)
    out = [name for name in names if name not in left]
    said = f"only {num_ranked:,} items are ranked, so these metrics are left out: {', '.join(out)}"
    return left, (said,) if out else ()
