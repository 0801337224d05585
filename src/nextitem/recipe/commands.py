"""What each command takes of a recipe. A key that a command would ignore is refused, with the way out."""

from __future__ import annotations

from dataclasses import dataclass, field

from nextitem.errors import InputError
from nextitem.recipe.data import SplitRecipe
from nextitem.recipe.layers import Layer


@dataclass(frozen=True)
class Command:
    name: str
    sections: tuple[str, ...]  # that it takes; seed is one too
    refused: dict[str, str] = field(default_factory=dict)  # a key of these that it does not take -> the way out

    def check(self, keys: Layer) -> None:
        """`keys`: those that a user gave this command.

        Raises:
            InputError: one of them would do nothing.
        """
        for section, values in keys.items():
            if section not in self.sections:
                key = next((f"{section}.{one}" for one in values), section) if isinstance(values, dict) else section
                raise InputError(
                    f"nextitem {self.name} takes {', '.join(self.sections)} keys alone, found {key}; leave it out"
                )
            for key in values if isinstance(values, dict) else ():
                if f"{section}.{key}" in self.refused:
                    raise InputError(
                        f"nextitem {self.name} takes no {section}.{key}: {self.refused[f'{section}.{key}']}"
                    )


_OF_OTHER_SPLITS = {
    f"split.{key}": "it looks at the last item of every user (leave_one_out), which has no use for it; leave it out"
    for key in SplitRecipe.model_fields
    if key not in ("kind", "min_length")
}
RUN = Command("run", ("data", "split", "model", "loss", "training", "evaluation", "seed"))
PREPARE = Command("prepare", ("data",), {"data.source": "SRC is the source; leave the key out"})
AUDIT = Command(
    "audit",
    RUN.sections,
    {
        "data.source": "DATA is the source; leave the key out",
        "model.name": "the model is named by --model",
        "training.loggers": "it keeps ranks and a report, no logs of its trials; leave it out",
        "evaluation.metrics": "it measures hr@1, hr@5, hr@10, ndcg@5 and ndcg@10 always; leave it out",
        "evaluation.baselines": "its baselines are Popularity and MarkovChain always; leave it out",
        "evaluation.energy": "it counts no energy of its trials; leave it out",
        "evaluation.energy_country": "it counts no energy of its trials; leave it out",
        "evaluation.keep_histories": "it keeps ranks and a report, no run to recommend with; leave it out",
        **_OF_OTHER_SPLITS,
    },
)
BENCH = Command(
    "bench",
    ("data", "split", "training", "evaluation", "seed"),
    {
        "data.source": "DATA is the source; leave the key out",
        "training.batches": "each model has its own; leave it out",
        "evaluation.baselines": "the counted models are runs of their own; leave it out",
    },
)
COMMANDS = (RUN, PREPARE, AUDIT, BENCH)


def refuse_twice(options: Layer, keys: Layer) -> None:
    """Raises InputError where an option (-m) and a key (--model.name) say different things."""
    for section, values in options.items():
        given = keys.get(section)
        if not isinstance(values, dict) or not isinstance(given, dict):
            continue
        for key, value in values.items():
            if key in given and given[key] != value:
                raise InputError(
                    f"{section}.{key} is given twice, as {value!r} by an option and as {given[key]!r} by its key; "
                    "leave one of them out"
                )
