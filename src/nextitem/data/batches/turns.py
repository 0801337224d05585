"""Turns: how steps over rows and steps over triples follow each other in an epoch."""

from __future__ import annotations

from dataclasses import dataclass

from nextitem.errors import InputError


@dataclass(frozen=True)
class Turns:
    """Some steps over rows, then some over triples, and so on until every row of the epoch was taken once.

    | as in | an epoch                                              | says                                            |
    |-------|-------------------------------------------------------|-------------------------------------------------|
    | KGAT  | all steps over rows, then as many that pass the graph | Turns(triples_per_row=edges / interactions)     |
    | MKR   | after every t steps over rows one over triples        | Turns(t, 1)                                     |
    | KTUP  | of ten steps seven over rows, then three over triples | Turns(7, 3, shares_moments=True)                |
    | KGCL  | all steps over rows, then steps of 4096 triples,      | Turns(None, edges // 4096, triples_per_row=4.0) |
    |       | where batches have 1024 rows                          |                                                 |

    The turn that ends an epoch may have fewer steps over rows, but has all over triples. Each stream has an optimizer's
    moments (what Adam keeps) of its own, as KGAT, MKR and KGCL have an Adam each; `shares_moments` is KTUP's one Adam.
    Either way a step leaves alone what its own loss does not reach: moments of other steps move no parameter.

    Raises:
        InputError: a turn of no steps, or steps of no triples.
    """

    rows: int | None = None  # steps of a turn; None: all of an epoch
    triples: int | None = None  # steps of a turn; None: as many as over rows
    triples_per_row: float = 1.0  # in a batch of triples, for each row of a batch of rows (at the mean)
    shares_moments: bool = False

    def __post_init__(self) -> None:
        for name, steps in (("rows", self.rows), ("triples", self.triples)):
            if steps is not None and steps < 1:
                raise InputError(f"a turn has at least 1 step over {name}, found {steps}; None takes all of an epoch")
        if not self.triples_per_row > 0:
            raise InputError(f"triples_per_row must be more than 0, found {self.triples_per_row}")
