"""Controls: chains of a known order, by which the audit itself is audited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nextitem.analysis.audit import Audit, Settings, audit, audited_recipe
from nextitem.analysis.verdict import Class
from nextitem.data.dataset import Dataset
from nextitem.data.synthetic import markov_chain, shuffled
from nextitem.recipe import Layer

SETTINGS = Settings(lengths=(1,), parts=("lengths",), seeds=1, draws=2)
KEYS: Layer = {
    "model": {"dim": 32, "max_length": 5, "num_layers": 1, "dropout": 0.0},
    "training": {"epochs": 12, "batch_size": 256, "learning_rate": 5e-3, "patience": 3, "threads": 1},
}


@dataclass(frozen=True)
class Control:
    name: str
    verdict: Class  # the right answer
    make: Callable[[], Dataset]
    epochs: int = 12


def _shuffled_chain() -> Dataset:
    return shuffled(markov_chain(1, num_users=1500, num_items=40, mean_length=6, noise=0.0))


CONTROLS = (
    Control("noise", "no gain", lambda: markov_chain(0, num_users=600, num_items=12, mean_length=12), epochs=2),
    Control("shuffled", "no order", _shuffled_chain),
    Control("order-1", "last item only", lambda: markov_chain(1, num_users=600, num_items=40, mean_length=12)),
    Control(
        "order-2",
        "strongly ordered",
        lambda: markov_chain(2, num_users=900, num_items=12, mean_length=12),
        epochs=20,
    ),
)


def audit_control(control: Control, out: Path, *, again: bool = False) -> Audit:
    """The audit of one control, with a small SASRec. Its trials are kept in `out`, as every audit's are."""
    recipe = audited_recipe("SASRec", "synthetic", SETTINGS, KEYS, {"training": {"epochs": control.epochs}})
    *_, last = audit(control.make(), recipe, SETTINGS, out, again=again)
    assert isinstance(last, Audit)
    return last
