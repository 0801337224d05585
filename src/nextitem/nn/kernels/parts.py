"""How the work over a graph is shared out: parts of nodes in a row, with about as many edges each."""

from __future__ import annotations

from typing import Any

from nextitem.compiling import inner_kernel
from nextitem.nn.kernels.memory import WORKERS


@inner_kernel()
def first_node(part: Any, offsets: Any) -> Any:
    """Where one of WORKERS parts begins; that of WORKERS itself is the number of nodes.

    A node counts as one edge more than it has: half of a knowledge graph's edges may be at the first twentieth of its
    nodes, and most of the others have one or two.
    """
    low, high = 0, len(offsets) - 1
    wanted = part * (high + offsets[high]) // WORKERS
    while low < high:
        middle = (low + high) // 2
        if middle + offsets[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
