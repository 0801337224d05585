"""Lazy Adam: a step updates the rows of a table that it has read, so it costs the same for every size of the table.

Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv:1412.6980; lazy as torch.optim.SparseAdam
and TensorFlow Addons' LazyAdam are. Where every row has a gradient it is Adam, bit for bit. Otherwise, with gradient g
of a row at step t:

| row       | Adam                                            | lazy Adam                                     |
|-----------|-------------------------------------------------|-----------------------------------------------|
| read      | m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2, and | the same                                      |
|           | the row moves by -rate m^ / (sqrt(v^) + eps)    |                                               |
| not read  | m and v decay and the row still moves by what   | m, v and the row stay as they are             |
|           | is left of m                                    |                                               |
| decay     | weight_decay times the row is added to g        | the same in rows that are read, 0 in others   |

m^ = m / (1 - b1^t) and v^ = v / (1 - b2^t) count all steps t, not those that read the row: a row that is first read
late moves by more than the rate, as under Adam. (torch's SparseAdam adds eps before v is corrected.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from nextitem.errors import InputError
from nextitem.nn.bags import embedding_bag

BLOCK_ROWS = 2048  # updated at once on a CPU: four blocks of 64 columns are 2 MB


class LazyAdam(torch.optim.Optimizer):
    """Adam for `dense` parameters, lazy Adam for `tables`, whose gradients are sparse in their rows."""

    def __init__(
        self,
        dense: Sequence[Tensor],
        tables: Sequence[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        groups = [{"params": dense, "is_lazy": False}, {"params": tables, "is_lazy": True}]
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "fused": True}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            read = [parameter for parameter in group["params"] if parameter.grad is not None]
            states = [self._state(parameter) for parameter in read]
            if group["is_lazy"]:
                for table, state in zip(read, states, strict=True):
                    _update_rows(group, table, state)
            elif read:
                _adam(group, read, [parameter.grad for parameter in read], states)
        return loss

    def _state(self, parameter: Tensor) -> dict[str, Tensor]:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        return state


def _update_rows(group: dict[str, Any], table: Tensor, state: dict[str, Tensor]) -> None:
    """Adam on blocks of the rows that have a gradient, taken out of the table and put back."""
    for rows, grad in _row_gradients(table):
        kept = {"exp_avg": state["exp_avg"], "exp_avg_sq": state["exp_avg_sq"]}
        block = table.index_select(0, rows)
        moments = {name: moment.index_select(0, rows) for name, moment in kept.items()}
        _adam(group, [block], [grad], [moments | {"step": state["step"].clone()}])
        table.index_copy_(0, rows, block)
        for name, moment in kept.items():
            moment.index_copy_(0, rows, moments[name])
    state["step"] += 1


def _row_gradients(table: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Blocks of distinct rows (R,), ascending, and their gradients (R, D)."""
    grad = table.grad
    if grad is None or not grad.is_sparse:
        raise InputError(
            f"training.optimizer: sparse_adam updates the rows that a step reads, and every row of a "
            f"{' x '.join(map(str, table.shape))} table has a gradient; take adam"
        )
    values = grad._values()
    ascending, places = grad._indices()[0].sort(stable=True)
    rows, counts = torch.unique_consecutive(ascending, return_counts=True)
    ends = counts.cumsum(0)
    size = BLOCK_ROWS if table.device.type == "cpu" else max(1, len(rows))
    for start in range(0, len(rows), size):
        block = slice(start, start + size)
        first = int(ends[start] - counts[start])
        last = int(ends[block][-1])
        yield rows[block], embedding_bag(places[first:last], values, ends[block] - counts[block] - first)


def _adam(
    group: dict[str, Any], parameters: list[Tensor], grads: list[Tensor], states: list[dict[str, Tensor]]
) -> None:
    """A step of Adam in torch's fused kernel, which counts it in every `step`."""
    adam(
        parameters, grads, [one["exp_avg"] for one in states], [one["exp_avg_sq"] for one in states], [],
        [one["step"] for one in states], fused=True, amsgrad=False, maximize=False,
        beta1=group["betas"][0], beta2=group["betas"][1], lr=group["lr"],
        weight_decay=group["weight_decay"], eps=group["eps"],
    )  # fmt: skip
