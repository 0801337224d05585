"""The index of a run: made of its item vectors, kept beside them, and opened to recommend and to evaluate by.

index.faiss  what faiss itself writes of an index, and reads; nobody else looks into it
index.json   kind and effort, the recall that was measured, of which weights it is, and what index.faiss is

refit-index.faiss and refit-index.json are the same of the weights of a training on all data, where the run has those.

faiss is given no other bytes than those that index.json tells the digest of, and what it made of them must be the index
that index.json says. That catches damage, mixtures and older indexes. Who means harm can write both files, and faiss is
no guard: the index of a stranger's folder is to be made anew, which takes its weights alone.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from os.path import lexists
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field

from nextitem.errors import InputError
from nextitem.models.towers import ItemTower
from nextitem.retrieval.approximate import Index, build
from nextitem.retrieval.kinds import find_kind
from nextitem.retrieval.library import faiss, from_bytes, to_bytes
from nextitem.retrieval.products import of_products
from nextitem.retrieval.tuning import Queries, Recall, measure, tune
from nextitem.runs.asking.blocks import queries_of
from nextitem.runs.folder.histories import HISTORIES
from nextitem.runs.folder.locking import locked
from nextitem.runs.folder.opened import Opened
from nextitem.runs.folder.run_folder import INDEXES
from nextitem.training.shapes import MEND, Count, Digest, Finite, Shape, read_bytes, read_json
from nextitem.writing import write

QUERIES = 1000  # users at most, half to choose the effort by, half to measure the recall


@dataclass(frozen=True)
class IndexNote:
    """What an index is, and what it finds."""

    kind: str  # by faiss's names, such as IVF1265,Flat
    effort: int  # clusters, or items of a graph, that are looked at; 0 where all are
    recall: Recall | None  # on queries that did not choose the effort; None: the run keeps no histories to ask by
    wanted: float | None  # the recall that was asked for
    items: int
    bytes: int  # of the index
    seconds: float  # that it took to build
    described: str  # kind and effort in words

    def __str__(self) -> str:
        recall = "recall not measured: the run keeps no histories" if self.recall is None else str(self.recall)
        size = f"{self.bytes / 1e6:.1f} MB, built in {self.seconds:.1f} s"
        return f"{self.described}: {recall}; {self.items:,} items, {size}"


class RecallShape(Shape):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    k: Count
    value: Finite
    queries: Count


class IndexShape(Shape):
    """index.json."""

    kind: str
    effort: Annotated[int, Field(ge=0, le=2**31 - 1)]
    recall: RecallShape | None
    wanted: Finite | None
    items: Count
    bytes: Count
    seconds: Finite
    weights: Digest
    sha256: Digest


def keep_index(
    run: Opened, kind: str | None = None, recall: float | None = None, k: int = 10, seed: int = 0
) -> IndexNote:
    """Index the item vectors of a run, and keep that beside it, in the place of an older one.

    `kind` is a name of faiss's ([Flat up to 100,000 items, else IVFx,Flat]; see `retrieval.kinds`). With a `recall` of
    the k best the effort is the least that reaches it, else the kind's usual; either way recall@k is measured on other
    users, by what the run keeps of them. `seed` draws the users.

    Raises:
        InputError: the model's scores are no products, the kind is none or cannot reach the recall, or the run keeps no
            histories to reach it by; or faiss is not installed.
    """
    model = of_products(run.model, run.recipe.model.label)
    if not 1 <= k <= model.num_items:
        raise InputError(f"k must lie between 1 and {model.num_items} (all items), found {k}")
    if recall is not None and not 0.0 < recall <= 1.0:
        raise InputError(f"recall must lie above 0 and be at most 1, such as 0.95; found {recall}")
    chosen = find_kind(kind, model.num_items)
    asked = _asked(run, model, recall, seed)
    start = time.perf_counter()
    index = build(model, chosen)
    seconds = time.perf_counter() - start
    measured = None
    if asked is not None:
        tuning, others = asked.halves()
        if recall is not None:
            tune(index, tuning, k, recall)
        measured = measure(index, others, k)
    content = to_bytes(index.found)
    note = IndexNote(str(chosen), index.effort, measured, recall, model.num_items, len(content), seconds, str(index))
    said = {
        **asdict(note), "weights": weights_digest(model), "sha256": sha256(content).hexdigest(),
        "faiss": faiss().__version__,
    }  # fmt: skip
    name, name_of_note = INDEXES[run.is_refit]
    with locked(run.folder):
        write(run.folder / name, content)
        write(run.folder / name_of_note, (json.dumps(said, indent=2) + "\n").encode())
    return note


def open_index(run: Opened) -> Index:
    """The index that is kept beside a run.

    Raises:
        InputError: there is none, it is damaged, or of other weights than the run's; the model's scores are no
            products; or faiss is not installed.
    """
    model = of_products(run.model, run.recipe.model.label)
    faiss()
    name, name_of_note = INDEXES[run.is_refit]
    again = f"nextitem index {run.folder}"
    if run.is_refit is False and lexists(run.folder / INDEXES[True][1]):
        again += " --evaluated"  # what recommends are other weights
    if not lexists(run.folder / name_of_note):
        raise InputError(
            f"{run.folder} has no index of these weights; make one with `{again}` (in Python run.index()), or leave "
            "ann out: every item is looked at then"
        )
    try:
        note = read_json(run.folder / name_of_note, IndexShape)
        if note["weights"] != weights_digest(model):
            raise InputError(f"{run.folder / name} is of other weights than the run has now; {MEND}")
        return _opened(model, run.folder / name, note)
    except InputError as error:
        raise InputError(str(error).replace(MEND, f"make it anew with `{again}`")) from error


def _opened(model: ItemTower, path: Path, note: dict[str, Any]) -> Index:
    content = read_bytes(path)
    if sha256(content).hexdigest() != note["sha256"]:
        raise InputError(f"{path} is damaged, or not the index that its note is of; {MEND}")
    try:
        recall = "" if note["recall"] is None else str(Recall(**note["recall"]))
        kind = find_kind(note["kind"], model.num_items)
        return Index(model, kind, from_bytes(content), note["effort"], recall)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}; {MEND}") from error


def weights_digest(model: ItemTower) -> str:
    """Of all weights and of what scores them: item vectors are made of nothing else."""
    digest = sha256(type(model.scorer).__name__.encode())
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).reshape(-1).data)
    return digest.hexdigest()


def _asked(run: Opened, model: ItemTower, recall: float | None, seed: int) -> Queries | None:
    """What users of the run ask by all that it keeps of them; None where it keeps nothing, and nothing needs it."""
    if recall is None and not lexists(run.folder / HISTORIES):
        return None
    histories = run.histories
    rows = np.flatnonzero(histories.lengths > 0)
    if len(rows) < 2:
        raise InputError(
            f"{run.folder} keeps the histories of {len(rows)} users, and a recall is measured on 2 or more"
        )
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:QUERIES])
    chosen = histories.take(rows)
    return Queries(queries_of(model, chosen, rows + 1), chosen)
