"""A file with a model of the user's own, and how it is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.models.asking import asked
from nextitem.models.base import Recommender

FILE = '''"""Mine: the state is the newest item, turned.

Every import leaves a mark beside this file.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import SequenceModel

with Path(__file__).with_name("imports").open("a") as marks:
    marks.write("x")


class MyModel(SequenceModel):
    """state_t = W e_t."""

    def __init__(self, num_items: int, dim: int = 16, max_length: int = 10, bias: bool = True) -> None:
        super().__init__(num_items, dim)
        self.max_length = max_length
        self.turn = nn.Linear(dim, dim, bias)

    def encode(self, batch: Batch) -> Tensor:
        return self.turn(self.item_embedding(batch.inputs))


class Hungry(SequenceModel):
    def __init__(self, num_items: int, dim: int = 16, **others: int) -> None:
        super().__init__(num_items, dim)


class NoModel:
    pass
'''
COUNTED = '''
import torch
from nextitem.models.base import Fitted


class Popularity(Fitted):
    """Every item alike."""

    def fit(self, train):
        self.register_buffer("scores", torch.ones(self.num_items + 1))

    def score(self, batch):
        return self.scores.repeat(len(batch.inputs), 1)
'''


def command(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def imports(folder: Path) -> int:
    marks = folder / "imports"
    return len(marks.read_text()) if marks.exists() else 0


def forget(home: Path) -> None:
    """As in a process that has not imported the file, so that an import leaves its mark."""
    for name in [name for name, one in sys.modules.items() if vars(one).get("__file__") == str(home / "mine.py")]:
        del sys.modules[name]


def class_of(home: Path, name: str = "mine.py:MyModel") -> type[Recommender]:
    found = asked(str(home / name))
    assert found is not None
    return found.model
