"""Saved edges: the graph of a model that scores by it, so that whoever loads the model needs no data.

Sizes: E edges, M nodes (the first are the items), R relations, V = num_items + 1.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.graphs.edges import Edges

SAVED = ("heads", "relations", "tails")


class SavedEdges(nn.Module):
    """The edges of a graph as weights: as many are loaded as were saved, whatever there was before."""

    heads: Tensor  # (E,) int32, as are all three
    relations: Tensor
    tails: Tensor

    def __init__(self, num_nodes: int, num_relations: int, num_items: int) -> None:
        super().__init__()
        self.num_nodes, self.num_relations, self.num_items = num_nodes, num_relations, num_items
        for name in SAVED:
            self.register_buffer(name, torch.zeros(0, dtype=torch.int32))
        self.laid: nn.ModuleList | None = None
        self.register_load_state_dict_pre_hook(_make_room)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(lambda saved, _: saved.lay())  # type: ignore[no-untyped-call]

    def take(self, edges: Edges) -> None:
        """The edges, with relations, in place of those that were."""
        for name in SAVED:
            self.register_buffer(name, edges.get_buffer(name).int().to(self.heads.device))
        self.lay()

    def lay(self) -> None:
        """Raises InputError where an edge leads outside."""
        self.laid = nn.ModuleList([self._of_first(self.num_nodes), self._of_first(self.num_items + 1)])

    @property
    def whole(self) -> Edges:
        return self._laid(0)

    @property
    def of_items(self) -> Edges:
        """Those whose heads are items: heads are numbered up to V, tails up to M."""
        return self._laid(1)

    def _laid(self, place: int) -> Edges:
        if self.laid is None:
            raise InputError("the model has seen no graph: call prepare(train), or load weights, before it scores")
        edges = self.laid[place]
        assert isinstance(edges, Edges)
        return edges

    def _of_first(self, num_nodes: int) -> Edges:
        """The edges whose heads are among the first nodes."""
        is_there = self.heads < num_nodes if num_nodes < self.num_nodes else torch.ones_like(self.heads).bool()
        heads, relations, tails = (self.get_buffer(name)[is_there].long() for name in SAVED)
        count = self.num_relations
        return Edges(heads, tails, num_nodes, num_tails=self.num_nodes, relations=relations, num_relations=count)


def _make_room(saved: SavedEdges, weights: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for name in SAVED:
        saved.register_buffer(name, torch.zeros_like(weights[prefix + name], device=saved.heads.device))
