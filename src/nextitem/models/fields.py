"""Fields: the vectors of what is known of users, or of items: a number of their own, and attributes beside it.

    | a column of      | is the field                                                    |
    |------------------|-----------------------------------------------------------------|
    | texts            | a vector of the value                                           |
    | lists            | the mean of the vectors of the values                           |
    | numbers          | a vector times the number, standardised; 0 where it is not known |

A row that training never met has no vector of its own, so that it is what its attributes say; and a value that no row
of training has says nothing.

Sizes: R rows, the padding among them, N rows that are asked for, F fields, D dim, C codes of all rows.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.data.side.features import Bags, Features
from nextitem.errors import InputError, suggest
from nextitem.models.counting import entries_of
from nextitem.nn.bags import embedding_bag


def chosen_columns(key: str, names: tuple[str, ...], sizes: dict[str, int], num_rows: int) -> tuple[str, ...]:
    """The columns that are fields, of those that there are and how many values each has, 0 if it is of numbers.

    None named: all but those with a value for nearly every row, such as titles.

    >>> chosen_columns("item_columns", (), {"genre": 18, "title": 90, "year": 0}, num_rows=100)
    ('genre', 'year')

    Raises:
        InputError: one that is named is not there; or none is named and none is left.
    """
    for name in names:
        if name not in sizes:
            raise InputError(f'model.{key}: there is no attribute "{name}"; {suggest(name, sizes)}')
    chosen = names or tuple(name for name, count in sizes.items() if count <= num_rows / 2)
    if not chosen:
        raise InputError(
            f"model.{key}: no column has values that {num_rows:,} rows share ({', '.join(sizes) or 'no column'}); name "
            f"the ones to read with --model.{key}, or bring others"
        )
    return chosen


def seen_bags(bags: Bags, is_met: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (C,) and offsets (R + 1,) of bags without the values that no row which `is_met` (R,) has."""
    num_rows = len(bags.offsets) - 1
    rows = np.repeat(np.arange(num_rows), np.diff(bags.offsets))
    is_known = np.bincount(bags.codes[is_met[rows]], minlength=bags.num_values + 1) > 0
    kept = is_known[bags.codes]
    return bags.codes[kept].astype(np.int64), np.cumsum(np.bincount(rows[kept] + 1, minlength=num_rows + 1))


class Fields(nn.Module):
    """The fields of all users, or of all items; a module of tables, which `see` tells what the rows have."""

    def __init__(
        self, num_rows: int, sizes: dict[str, int], names: tuple[str, ...], dim: int, id_dropout: float
    ) -> None:
        """`sizes`: the values of each column. `id_dropout`: how often a step of training leaves a row's own vector out,
        so that attributes learn to stand alone."""
        super().__init__()
        self.names, self.id_dropout, self.num_fields = names, id_dropout, 1 + len(names)
        self.own = nn.Embedding(num_rows + 1, dim, padding_idx=PAD)
        tables = {f"of {name.replace('.', ' ')}": nn.Embedding(sizes[name] + 1, dim) for name in names}
        self.tables = nn.ModuleDict(tables)  # codes are from 1; row 0 is that of a column of numbers
        self.is_met: Tensor | None = None  # (R, 1) float; None before `see`
        self.is_described = np.zeros(num_rows + 1, dtype=bool)
        self._bags, self._numbers = dict[str, tuple[Tensor, Tensor]](), dict[str, Tensor]()

    def see(self, features: Features | None, is_met: np.ndarray) -> None:
        """Take the attributes, and which rows (R,) training met."""
        self.is_met = torch.from_numpy(is_met[:, None].astype(np.float32))
        for name in self.names:
            assert features is not None
            if features.sizes[name]:
                codes, offsets = seen_bags(features.bags(name), is_met)
                self._bags[name] = torch.from_numpy(codes), torch.from_numpy(offsets)
                self.is_described |= np.diff(offsets) > 0
            else:
                numbers = features.numbers(name)
                self._numbers[name] = torch.from_numpy(numbers.standardised)[:, None]
                self.is_described |= numbers.is_known

    def forward(self, rows: Tensor) -> Tensor:
        """(N,) -> (N, F, D): of each row its own vector, then those of its columns."""
        device = self.own.weight.device
        if self.is_met is None:
            raise InputError("the model was loaded without attributes: to train it call prepare(train) first")
        self.is_met = self.is_met.to(device)
        shares = F.embedding(rows, self.is_met)
        if self.training and self.id_dropout:
            shares = shares * (torch.rand(len(rows), 1, device=device) >= self.id_dropout)
        return torch.stack([self.own(rows) * shares, *(self._column(name, rows) for name in self.names)], 1)

    def _column(self, name: str, rows: Tensor) -> Tensor:
        """(N, D)"""
        table = self.tables[f"of {name.replace('.', ' ')}"]
        assert isinstance(table, nn.Embedding)
        if name in self._numbers:
            self._numbers[name] = self._numbers[name].to(rows.device)
            return self._numbers[name][rows] * table.weight[0]
        codes, offsets = self._bags[name] = self._bags[name][0].to(rows.device), self._bags[name][1].to(rows.device)
        _, places = entries_of(offsets, rows)
        sizes = offsets[rows + 1] - offsets[rows]
        starts = F.pad(sizes.cumsum(0), (1, 0))
        return embedding_bag(codes[places], table.weight, starts, mode="mean", has_end=True)
