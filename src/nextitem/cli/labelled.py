"""`nextitem run --split.kind labelled`: a model is asked for the labels of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nextitem.cli.interrupted import telling
from nextitem.cli.shared import console, is_launched, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import Layer, Recipe


def run_labels(recipe: Recipe, layers: list[Layer], out: Path, options: dict[str, object], *, json: bool) -> None:
    """A line an epoch, and the table; `layers` are what was typed, `options` what such a run does not take."""
    from nextitem.report.labelled import epoch_line, labels_table
    from nextitem.runs.learning.label_run import refuse_layer, run_labelled
    from nextitem.runs.learning.labelled import LabelEpoch

    for name, value in options.items():
        if value:
            raise InputError(f"split.kind labelled trains once, from the start to the end; leave {name} out")
    if is_launched():
        raise InputError("split.kind labelled is of one process; leave torchrun out")
    for layer in layers:
        refuse_layer(layer)
    screen, told = console(stderr=json), run_labelled(recipe, out)
    with telling(lambda: ": nothing is kept, start again with the same command"):
        while True:
            try:
                event = next(told)
            except StopIteration as end:
                found = end.value
                break
            line = epoch_line(event) if isinstance(event, LabelEpoch) else str(event)
            screen.print(line, highlight=False, soft_wrap=True)
    if json:
        print_json(found)
    else:
        screen.print(labels_table(found))
    screen.print(f"kept in {out}", highlight=False, soft_wrap=True)
