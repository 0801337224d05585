"""Means: what the log says of the losses of an epoch's steps, of each stream over its own."""

from __future__ import annotations

from nextitem.data.batches import Stream


class Means:
    """Sums of the losses of steps and of their parts; every mean is over the steps that had the stream, or the part."""

    def __init__(self) -> None:
        self.steps, self.losses = dict[Stream, int](), dict[Stream, float]()
        self.part_steps, self.part_losses = dict[str, int](), dict[str, float]()
        self.unnamed, self.named_now = set[Stream](), set[str]()  # streams whose loss has no parts; parts of this step

    def add_part(self, name: str, value: float) -> None:
        """Of a batch of the step that is being taken: its share of the step."""
        self.part_losses[name] = self.part_losses.get(name, 0.0) + value
        self.named_now.add(name)

    def end_step(self, stream: Stream, loss: float) -> None:
        self.steps[stream] = self.steps.get(stream, 0) + 1
        self.losses[stream] = self.losses.get(stream, 0.0) + loss
        for name in self.named_now:
            self.part_steps[name] = self.part_steps.get(name, 0) + 1
        if not self.named_now:
            self.unnamed.add(stream)
        self.named_now.clear()

    @property
    def loss(self) -> float:
        """The mean over all steps; of streams in turn the sum of their means, as if their losses had been one."""
        return sum(self._of(stream) for stream in self.steps)

    @property
    def parts(self) -> dict[str, float]:
        """By name; beside another stream, a loss without parts by the name of its stream."""
        parts = {name: total / self.part_steps[name] for name, total in self.part_losses.items()}
        is_one = len(self.steps) == 1
        return parts | {stream: self._of(stream) for stream in self.steps if stream in self.unnamed and not is_one}

    def _of(self, stream: Stream) -> float:
        return self.losses[stream] / self.steps[stream]
