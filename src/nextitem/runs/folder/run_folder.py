"""The run folder: everything that a run leaves behind, in files that other tools read; no pickle anywhere.

recipe.yaml             what was asked for, every key
data.json               sizes and digests of the data that it was trained on, and where the run was made
code.json               of a model of the user's own: which class of which file, and the digest of that file
bad_lines.csv           file, line, kind and text of what data.bad_lines skip left out, where there was any
items.parquet, users.parquet  external ids, in the order of the model's indices
titles.parquet          what the items are called, in the same order, where a table of items says so
model.safetensors       the weights of the best epoch
refit.safetensors       those of a training on all data, where it was asked for: what recommends
checkpoint.safetensors  the last epoch's weights and optimizer, to continue from
log.jsonl               a line an epoch
log.csv, tensorboard/, mlflow/  the same, where training.loggers asks for it
histories/              the items of every user, oldest first, unless evaluation.keep_histories is false
index.faiss, index.json  of `nextitem index`, and refit-index.faiss and .json; see runs/asking/index.py
energy.json             what its processes have drawn so far, where evaluation.energy asks for it
ranks.parquet           model, part, user, rank, above, tied, num_ranked: every metric of targets follows
report.json             protocol, metrics, seconds, energy, versions, recipe, and what the other files are; written last
update.json, before/     of `nextitem update`: the run that this one goes on from; see runs/learning/before.py
refit.json, refit-checkpoint.safetensors: there while a training on all data is still to be done

Reading one never writes, and nothing is used before it is looked at: a folder may be damaged, or a stranger's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from os.path import lexists
from pathlib import Path
from typing import Any

import polars as pl
from torch import Tensor

from nextitem.data.batches import Wanted
from nextitem.data.ids import IdMap
from nextitem.data.log.bad_lines import FILE as BAD_LINES
from nextitem.data.log.bad_lines import BadLines, listed
from nextitem.data.saving import save_table
from nextitem.data.sequences import Sequences
from nextitem.data.side.titles import write_titles
from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.models.own import Given
from nextitem.recipe import Layer, Recipe, make_recipe, read_layer
from nextitem.recipe.comparing import comparable, differences
from nextitem.recipe.older import with_keys_before
from nextitem.runs.folder import code
from nextitem.runs.folder.histories import HISTORIES, HISTORY_FILES, read_histories
from nextitem.runs.folder.kept import describe_files, refuse_changed
from nextitem.training.checkpoint import load_weights, marked, refuse_other_mark, save_weights
from nextitem.training.fit import BEST, CHECKPOINT, Progress
from nextitem.training.refit import REFIT, REFIT_CHECKPOINT
from nextitem.training.shapes import MEND, DataShape, LineShape, ReportShape, own, parsed, read_bytes, read_json
from nextitem.writing import remove, remove_folder, write

RECIPE, DATA, REPORT, LOG, RANKS = "recipe.yaml", "data.json", "report.json", "log.jsonl", "ranks.parquet"
ITEMS, USERS, TITLES = "items.parquet", "users.parquet", "titles.parquet"
INDEXES = (("index.faiss", "index.json"), ("refit-index.faiss", "refit-index.json"))  # of BEST, of REFIT
TOOLS = ("tensorboard", "mlflow")  # folders that training.loggers fill
REFIT_WANTED, UPDATE, BEFORE, ENERGY = "refit.json", "update.json", "before", "energy.json"
PASSING = (REFIT_WANTED, REFIT_CHECKPOINT)
# In the order in which an old run goes: no report is no finished run, and no data.json is no run to continue.
LAST = (LOG, "log.csv", ENERGY, RANKS, BAD_LINES, ITEMS, USERS, TITLES, UPDATE, code.CODE, RECIPE)
FILES = (REPORT, DATA, CHECKPOINT, *PASSING, REFIT, BEST, *LAST)


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def has_recipe(self) -> bool:
        return lexists(self.path / RECIPE)

    @property
    def is_finished(self) -> bool:
        return lexists(self.path / REPORT)

    def clear(self) -> None:
        """Remove an earlier run's files; one that is killed at it leaves no run to continue."""
        remove_folder(self.path / HISTORIES)  # first: the next run may be one that keeps none
        for name in (*(name for index in INDEXES for name in reversed(index)), *FILES):
            remove(self.path / name)
        for name in (*TOOLS, BEFORE):
            remove_folder(self.path / name)

    def write_recipe(self, recipe: Recipe) -> None:
        """And of which code it is, where that is the user's own."""
        if recipe.model.own is not None:
            code.write_note(self.path, recipe.model.own)
        write(self.path / RECIPE, recipe.to_yaml().encode())

    def read_recipe(self, models: Sequence[Given] = ()) -> Recipe:
        """`models` are classes of the user's own, of which the run may be.

        Raises:
            InputError: there is no run, a damaged one, or one of another format; or its model is the user's own, and
                not among `models`.
        """
        layer = self._read_layer()
        chosen = code.chosen(self.path, layer["model"]["name"], models)
        try:
            return make_recipe(layer, models=chosen)
        except InputError as error:
            raise InputError(f"{self.path / RECIPE}: {error}") from error

    @property
    def model_name(self) -> str:
        """Of the recipe, whose model need not be at hand."""
        name: str = self._read_layer()["model"]["name"]
        return name

    def differences(self, recipe: Recipe) -> list[str]:
        """`training.epochs: 20, not 2` for every key in which `recipe` differs from the run's, or that the code of its
        model does; no code is run for it."""
        layer, own = self._read_layer(), recipe.model.own
        is_same = own is not None and layer["model"]["name"] == own.name
        changed = code.difference(self.path, own) if own is not None and is_same else ""
        return [changed] if changed else differences(recipe, self._comparable(layer))

    def _read_layer(self) -> Layer:
        if not self.has_recipe:
            raise InputError(f"{self.path} is not a run folder: it has no recipe.yaml")
        path = own(self.path / RECIPE)
        layer = read_layer(path)
        # A section that is missing would be filled up with defaults: another run than the one that was asked for.
        # (A new section therefore needs a new FORMAT.)
        if missing := [section for section in Recipe.model_fields if section not in layer]:
            raise InputError(f"{path} is damaged: it has no {', '.join(missing)}; {MEND}")
        if not isinstance(layer["model"], dict) or not isinstance(layer["model"].get("name"), str):
            raise InputError(f"{path} is damaged: model.name is no model's name; {MEND}")
        return with_keys_before(layer)

    def _comparable(self, layer: Layer) -> Recipe:
        try:
            return comparable(layer)
        except InputError as error:
            raise InputError(f"{self.path / RECIPE}: {error}") from error

    def write_ids(self, items: IdMap, users: IdMap, item_attributes: pl.DataFrame | None = None) -> None:
        """The ids, and what the items are called, where a table of them says so."""
        items.save(self.path / ITEMS)
        users.save(self.path / USERS)
        write_titles(self.path / TITLES, item_attributes)

    def check_ids(self, items: IdMap, users: IdMap) -> None:
        """Raises InputError where the tables are damaged, or others than these."""
        for name, kept, ids in ((ITEMS, self.read_items(), items), (USERS, self.read_users(), users)):
            if not kept.column.cast(pl.String).equals(ids.column.cast(pl.String)):
                raise InputError(f"{self.path / name} has other ids than the data of the run; {MEND}")

    def read_items(self) -> IdMap:
        return self._ids(ITEMS, "items")

    def read_users(self) -> IdMap:
        return self._ids(USERS, "users")

    def _ids(self, name: str, role: str) -> IdMap:
        path, wanted = own(self.path / name), self.read_data()[role]
        ids = IdMap.load(path)
        if len(ids) != wanted:
            raise InputError(f"{path} has {len(ids):,} ids, the run was made on {wanted:,} {role} ({DATA}); {MEND}")
        return ids

    def read_histories(self, wanted: Wanted) -> Sequences:
        """Row r is that of user r + 1, memory-mapped; see `histories`."""
        files = self.read_report().get("files", {}) if self.is_finished else None
        return read_histories(self.path, self.read_data(), files, wanted)

    def write_data(self, described: dict[str, Any], directory: str | None) -> None:
        """`directory`: where relative names in the recipe lead to the files; see `places`."""
        write(self.path / DATA, (json.dumps({**described, "directory": directory}) + "\n").encode())

    def write_sizes(self, sizes: Sizes) -> None:
        """What the model was made by, so that it is loaded without the data."""
        kept = self.read_data()
        if kept.get("sizes") != asdict(sizes):
            write(self.path / DATA, (json.dumps({**kept, "sizes": asdict(sizes)}) + "\n").encode())

    def read_sizes(self, num_users: int, num_items: int) -> Sizes:
        """The sizes of the model; of a run of before, which had no others, those of users and items.

        Raises:
            InputError: data.json is damaged, or says others of users or items than there are ids.
        """
        kept = self.read_data().get("sizes")
        sizes = Sizes(num_users, num_items) if kept is None else Sizes(**kept)
        if (sizes.num_users, sizes.num_items) != (num_users, num_items):
            found = f"{sizes.num_users:,} users and {sizes.num_items:,} items"
            raise InputError(
                f"{self.path / DATA} is of a model of {found}, beside ids of {num_users:,} and {num_items:,}; {MEND}"
            )
        return sizes

    def write_bad_lines(self, bad: tuple[BadLines, ...]) -> None:
        """List the lines that were left out of the data, where there are any."""
        if bad:
            write(self.path / BAD_LINES, listed(bad))

    def read_data(self) -> dict[str, Any]:
        return read_json(self.path / DATA, DataShape)

    def mark(self, name: str = BEST) -> str:
        """What tells this run from others, for its weights: of the recipe, the data, and code of the user's own."""
        own_code = read_bytes(self.path / code.CODE) if lexists(self.path / code.CODE) else b""
        mark = sha256(read_bytes(self.path / RECIPE) + self.read_data()["sha256"].encode() + own_code).hexdigest()
        return mark if name == BEST else f"{mark} {name}"

    def write_weights(self, weights: dict[str, Tensor], name: str = BEST) -> None:
        save_weights(weights, self.path / name, marked(self.mark(name)))

    def read_weights(self, name: str = BEST) -> dict[str, Any]:
        """Raises InputError where there are none, or they are damaged or of another run."""
        weights, metadata = load_weights(self.path / name)
        refuse_other_mark(self.path / name, metadata, self.mark(name))
        return weights

    def log(self, progress: Progress) -> dict[str, Any]:
        """Add a line to log.jsonl and return it."""
        epoch = progress.epoch
        line = {
            "epoch": epoch.number,
            "loss": epoch.loss,
            **({"parts": epoch.parts} if epoch.parts else {}),
            "learning_rate": epoch.learning_rate,
            "seconds": round(epoch.seconds, 4),
            "targets_per_second": round(epoch.targets_per_second, 1),
            "valid": progress.valid,
            "is_best": progress.is_best,
        }
        path = self.path / LOG
        before = read_bytes(path) if lexists(path) else b""
        write(path, before + (json.dumps(line) + "\n").encode())
        return line

    def read_log(self) -> list[dict[str, Any]]:
        """The lines of log.jsonl.

        Raises:
            InputError: one is damaged, but for a last one that was cut short, which counts for nothing.
        """
        path = self.path / LOG
        if not lexists(path):
            return []
        *whole, _ = read_bytes(path).split(b"\n")  # what follows the last line end is empty, or half a line
        return [parsed(line, f"{path}, line {number},", LineShape) for number, line in enumerate(whole, start=1)]

    def cut_log(self, epoch: int) -> list[dict[str, Any]]:
        """Forget lines of epochs after `epoch`, which will be trained again; the lines that stay."""
        lines = [line for line in self.read_log() if line["epoch"] <= epoch]
        if (self.path / LOG).exists():
            write(self.path / LOG, "".join(json.dumps(line) + "\n" for line in lines).encode())
        return lines

    def write_ranks(self, ranks: pl.DataFrame) -> None:
        save_table(ranks, self.path / RANKS)

    def write_report(self, report: dict[str, Any]) -> None:
        """With what the run's other files are, which must be there already; what it says of one stays."""
        known = report.get("files", {})
        names = [one for one in (*FILES, *HISTORY_FILES) if one not in (REPORT, ENERGY, *PASSING, *known)]
        whole = {**report, "files": known | describe_files(self.path, names)}
        write(self.path / REPORT, (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode())

    def read_report(self, reads: Sequence[str] = ()) -> dict[str, Any]:
        """The report of a finished run, whose files are as the run wrote them; `reads` are those to be used.

        Raises:
            InputError: the run is not finished, or a file is damaged, changed or of another run.
        """
        path = self.path / REPORT
        if not self.is_finished:
            raise InputError(
                f"{self.path} has no report.json: its run is not finished; `nextitem run --resume {self.path}`"
            )
        report = read_json(path, ReportShape)
        refuse_changed(self.path, report.get("files", {}), {RECIPE, DATA, *reads})
        kept = self.read_data()
        of_report, of_folder = (
            {key: value for key, value in data.items() if key not in ("directory", "sizes", "time_unit")}
            for data in (report["data"], kept)
        )
        if of_report != of_folder:
            raise InputError(f"{path} and {DATA} tell of different data: one is of another run; {MEND}")
        if any(values.keys() != report["test"].keys() for values in report["baselines"].values()):
            raise InputError(f"{path} is damaged: the baselines have other metrics than the model; {MEND}")
        self._refuse_other_recipe(path, report["recipe"])
        return report

    def _refuse_other_recipe(self, path: Path, layer: dict[str, Any]) -> None:
        try:
            other = differences(comparable(with_keys_before(layer)), self._comparable(self._read_layer()))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        if other:
            raise InputError(f"{path} is of another recipe than {RECIPE} ({'; '.join(other[:3])}); {MEND}")
