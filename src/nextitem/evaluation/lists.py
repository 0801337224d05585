"""Lists: which metrics make sense where few items are ranked. A list longer than that holds every target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nextitem.errors import InputError
from nextitem.evaluation.metrics import AUC, parse, too_long

MAIN = "ndcg@10"  # what models are chosen and compared by, where nothing else is asked for


def check_lists(names: Iterable[str], num_ranked: int, key: str) -> None:
    """Raises InputError for a metric that is none, or whose list is longer than the ranking; `key` asked for it."""
    for name in names:
        if name != AUC and parse(name)[1] > num_ranked:
            raise InputError(f"{key}: {too_long(name, num_ranked)} ({_option(key)})")


def _option(key: str) -> str:
    return key if key.startswith("--") else f"--{key}"


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
