"""Share: what one of several processes does of a global batch, so that all together take the step of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.dataset import Dataset
from nextitem.data.ids import PAD
from nextitem.data.log.bad_lines import BadLines
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, ToldError
from nextitem.models.base import Fitted, Trained
from nextitem.processes import Processes


class Loss(nn.Module):
    """A model's weighted loss as a `forward` of a batch's tensors, which is what precisions and strategies wrap."""

    def __init__(self, model: Trained) -> None:
        super().__init__()
        self.model = model

    def forward(self, tensors: dict[str, Tensor], share: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the parts that it is the sum of where it has any, to be shown."""
        # Weighted here, in the model's precision: Fabric hands the result out in float32.
        batch = Batch(**tensors)
        parts = {name: part * share for name, part in self.model.parts(batch).items()}
        loss = torch.stack(list(parts.values())).sum() if parts else self.model.loss(batch) * share
        return loss, {name: part.detach() for name, part in parts.items()}


def share_of(batch: Batch, model: Trained, processes: Processes) -> tuple[Batch, float]:
    """This process's rows of a batch, and what their mean loss weighs in the mean of the batch.

    The weights of all processes add up to 1: each is its part of the batch's targets. A process without a target of its
    own takes a row of another's with weight 0, since it must take part in the step.
    """
    if processes.size == 1:
        return batch, 1.0
    own = batch.take(slice(processes.rank, None, processes.size))
    terms = model.num_terms(own)
    if terms:
        return own, terms / model.num_terms(batch)
    if batch.stream == "triples":
        return batch.take(slice(0, 1)), 0.0
    with_targets = (batch.targets != PAD).any(1).nonzero()[:1, 0]
    return batch.take(with_targets), 0.0


def fit_once(model: Fitted, train: TrainingData, processes: Processes) -> None:
    """Fit in the first process; the others take what it found."""

    def fit() -> bytes:
        model.fit(train)
        return b"" if processes.size == 1 else save({k: v.contiguous() for k, v in model.state_dict().items()})

    found = processes.from_first(fit)
    if not processes.is_first:
        model.load_weights(load(found))


@contextmanager
def seen_by_first(path: Path, processes: Processes) -> Iterator[Path]:
    """A file as the first process sees it: the others get a copy, or no file where there is none."""
    content = processes.from_first(lambda: path.read_bytes() if processes.size > 1 and path.exists() else b"")
    if processes.is_first:
        yield path
        return
    with TemporaryDirectory(prefix="nextitem-") as folder:
        copy = Path(folder) / path.name
        if content:
            copy.write_bytes(content)
        yield copy


def prepare_once(make: Callable[[], tuple[Dataset, str]], processes: Processes) -> tuple[Dataset, str]:
    """What `make` gives. It runs in the first process of each machine; the others map the same arrays from a file.

    Raises:
        InputError: `make` raised it, on some machine.
    """
    if processes.size == 1:
        return make()
    with TemporaryDirectory(prefix="nextitem-") as parent:
        folder, fault, origin = Path(parent) / "data", "", ""
        bad_lines: tuple[BadLines, ...] = ()
        if processes.is_first_here:
            try:
                dataset, origin = make()
                bad_lines = dataset.bad_lines
                dataset.save(folder)
            except InputError as error:
                fault = str(error)
        told = next((text for text in processes.gather(fault) if text), "")
        if told:
            raise (InputError if fault else ToldError)(told)
        folders = processes.gather(str(folder))
        prepared = Dataset.load(Path(folders[processes.rank - processes.local_rank]))
        origin = processes.gather(origin)[0]
        processes.total(0.0)  # nobody removes the files before all have mapped them
    return replace(prepared, bad_lines=bad_lines), origin
