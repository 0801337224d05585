"""Shapes: what the JSON files of a run folder must hold before anything of it is used."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nextitem.data.log.units import TimeUnit
from nextitem.errors import InputError

Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Metrics = dict[str, Finite]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

MEND = "restore it from a copy, or start the run over with --again"


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class SizesShape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    num_users: Count
    num_items: Count
    num_entities: Count
    num_relations: Count
    item_attributes: dict[str, Count]
    user_attributes: dict[str, Count]


class DataShape(Shape):
    """data.json, and what report.json says of the data."""

    name: str
    users: Count
    items: Count
    interactions: Count
    sha256: Digest
    format: int = 1
    digests: dict[str, Digest | None] = {}
    time_unit: TimeUnit | None = None  # what times count; None of a run of before, which did not say
    kinds: dict[str, Finite] | None = None  # the words that its ratings were, and their numbers
    directory: str | None = None  # where relative names of the recipe led to the files
    sizes: SizesShape | None = None  # what the model was made by


class CodeShape(Shape):
    """code.json: of which class of the user's own a run is."""

    name: str  # as in the recipe
    class_: Annotated[str, Field(alias="class", pattern=r"^\w+$")]  # a name alone, and no path
    file: str | None  # that holds the class, where the run was made; null of a notebook
    sha256: Digest  # of it; of a notebook that of the text of the class
    distribution: str | None = None  # that brought it
    version: str | None = None


class LineShape(Shape):
    """A line of log.jsonl."""

    epoch: Annotated[int, Field(ge=1)]
    loss: Finite
    parts: Metrics = {}  # of the loss, where it has any
    valid: Metrics | None


class ComparisonShape(Shape):
    metric: str
    baseline: str
    difference: float
    low: float
    high: float
    p_value: float


class RefitShape(Shape):
    """What the weights that recommend were trained on, and for how long."""

    epochs: Count  # 0 of a model that is fitted in one go
    interactions: Count
    seconds: Finite


class EnergyShape(Shape):
    """energy.json, and what report.json says of it."""

    kwh: dict[str, Finite]  # by phase: preparation, training (with its validations), evaluation, refit
    kg_co2e: dict[str, Finite] | None  # None where no country is named
    country: str | None
    how: dict[str, Literal["measured", "estimated"]]  # by part of the machine: cpu, memory, gpu
    by: str  # the package that counts, with its version


class UpdateShape(Shape):
    """update.json: which run another goes on from."""

    of: str  # its folder
    asked: Digest  # of its weights, the data and the recipe
    interactions: Count  # that are new
    users: Count
    items: Count
    length: dict[str, Count]  # of the training that the updates began with; empty of what is fitted
    reading: dict[str, Any]  # keys of the data section, by which the next new interactions are read


class FileShape(Shape):
    bytes: Count
    sha256: Digest


class ReportShape(Shape):
    """report.json."""

    protocol: str
    split: str
    data: DataShape
    valid: Metrics
    test: Metrics
    baselines: dict[str, Metrics]
    comparison: ComparisonShape | None
    epochs: Count
    best_epoch: Count
    seconds: dict[str, Finite]
    versions: dict[str, str]
    recipe: dict[str, Any]
    refit: RefitShape | None = None
    energy: EnergyShape | None = None  # where it was asked for
    files: dict[str, FileShape] = {}  # an older version wrote none


def own(path: Path) -> Path:
    """The path, which is an ordinary file of the folder.

    Raises:
        InputError: there is none, or it is a link or something else.
    """
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise InputError(f"{path} does not exist or cannot be reached ({error.strerror}); {MEND}") from error
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "no ordinary file"
        raise InputError(f"{path} is {kind}, and a run folder holds files of its own; {MEND}")
    return path


def read_bytes(path: Path) -> bytes:
    """The content of a file of the folder; see `own`."""
    try:
        return own(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {MEND}") from error


def read_json(path: Path, shape: type[Shape]) -> dict[str, Any]:
    """A JSON object of the shape.

    Raises:
        InputError: no file, no JSON, a key that is missing, or a value of another type.
    """
    return parsed(read_bytes(path), str(path), shape)


def parsed(content: bytes, name: str, shape: type[Shape]) -> dict[str, Any]:
    """The same of a text; `name` is what an error calls it."""
    try:
        found: dict[str, Any] = json.loads(content.decode("utf-8"))
        shape.model_validate(found)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"]) or "all of it"
        raise InputError(
            f"{name} is damaged: {place}: {fault['msg']}, found {str(fault['input'])[:60]!r}; {MEND}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is damaged: it is no JSON ({str(error)[:80]}); {MEND}") from error
    return found
