"""The sections of a recipe: their keys, types and defaults."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.scanning import Engine
from nextitem.data.splits.cases import Cases
from nextitem.data.splits.ratio import Rounding
from nextitem.evaluation.evaluate import DEFAULT_METRICS
from nextitem.evaluation.protocol import Seen, Ties
from nextitem.keys import Positive
from nextitem.nn.losses.catalogue import LOSSES

FORMAT = 1  # of a run folder
BETA2 = 0.999  # how slowly Adam's second moment forgets; Kingma and Ba, arXiv:1412.6980

OptimizerName = Literal["adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam"]
SplitKind = Literal[
    "leave_one_out", "leave_k_out", "user_entry", "entry", "user", "at_time", "late_users", "given"
]  # fmt: skip
LoggerName = Literal["csv", "tensorboard"]
ScheduleName = Literal["constant", "warmup", "cosine", "plateau", "exponential"]

Count = Annotated[int, Field(ge=0)]


def _seconds(value: object) -> object:
    """A date, or a moment of ISO 8601, in seconds since 1970; UTC where it names no zone."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() if isinstance(value, date) else value


Moment = Annotated[float, BeforeValidator(_seconds)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(Section):
    source: str = "ml-100k"  # a catalogue name, a file or a folder
    folder: str | None = None  # where catalogue data lies already (--data_dir)
    format: str = "auto"
    separator: str | None = None
    quote: Annotated[Quote, BeforeValidator(lambda found: "double" if found == '"' else found)] = "auto"  # of a table
    user: str | None = None  # names of columns
    item: str | None = None
    timestamp: str | None = None  # none: the order of the file is the order of time
    rating: str | None = None  # none: no ratings
    time_format: str | None = None  # of dates that are text, as strptime has it: "%d/%m/%Y %H:%M"
    engine: Engine = "polars"  # what reads, filters and counts a table; duckdb and spark are extras
    after: Moment | None = None  # keep interactions from this moment on: a date, 2014-01-31, or seconds since 1970
    before: Moment | None = None  # and earlier than this one
    min_rating: float | None = None  # keep ratings of at least this
    duplicates: Literal["keep", "first", "last"] = "keep"  # which of a repeated user-item pair stay
    min_length: Count = 0  # keep users with so many interactions, counted once, before the cores
    max_length: Positive | None = None
    user_core: Count = 0  # keep users with at least so many interactions
    item_core: Count = 0
    core: Literal["iterated", "once"] = "iterated"
    ids: Literal["sorted", "appearance"] = "sorted"  # the order in which users and items are numbered
    user_ids: str | None = None  # a file that has them in the order wanted
    item_ids: str | None = None
    valid_file: str | None = None  # files of their own, in the form of the source, which is the training then;
    test_file: str | None = None  # split.kind given goes by them
    parts: Literal["keep", "join"] = "keep"  # of such files, or a folder of them; join: one log, to be split anew
    side: Literal["none", "beside"] = "none"  # take what stands beside the log, see docs/formats.md
    user_table: str | None = None  # or name them: atomic files, Parquet, or text
    item_table: str | None = None
    knowledge: str | None = None
    links: str | None = None
    trust: str | None = None
    weight: Literal["rating"] | None = None  # an interaction counts as much as its rating says; None: all alike


class SplitRecipe(Section):
    kind: SplitKind = "leave_one_out"
    min_length: Annotated[int, Field(ge=3)] = 3  # of leave_one_out and leave_k_out; SASRec's (FreeRec takes 4)
    k: Positive | None = None  # of leave_k_out
    valid: Annotated[float, Field(gt=0)] = 0.1  # of user_entry, entry, user: shares, or numbers; of at_time: shares
    test: Annotated[float, Field(gt=0)] = 0.1
    order: Literal["random", "time"] = "random"  # of user_entry, entry, user: which are held out
    rounding: Rounding = "down"  # of shares of user_entry
    days: Annotated[float, Field(gt=0)] | None = None  # of at_time, late_users: of the test, and of the validation
    valid_from: Moment | None = None  # of at_time: from here on; a date, 2014-01-31, or seconds since 1970
    test_from: Moment | None = None
    cases: Cases | None = None  # of given, at_time, and user_entry and entry by time: all targets of a user together,
    # or each with what came before it; None: together, but given refuses sessions in files of their own


class ModelRecipe(BaseModel):
    """`name`, and the arguments of its constructor."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = "SASRec"

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class LossRecipe(BaseModel):
    """`name`, and the keys of that loss and of its sampler, by their signatures; docs/losses.md."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = "cross_entropy"
    # Keys of losses with negatives, filled in by make_recipe.
    sampler: str | None = None  # uniform, or another of models/negatives.py
    num_negatives: Positive | None = None  # a target: 1; None for in_batch: all targets of the batch
    sampling: Literal["dynamic", "static"] | None = None  # negatives anew at every step, or once for all

    def keys(self, names: Collection[str]) -> dict[str, Any]:
        """The values of some of the keys that the loss or the sampler brings."""
        return {key: value for key, value in (self.model_extra or {}).items() if key in names}


class TrainingRecipe(BaseModel):
    """Keys of every training, and those of its kind of batches, by their signature; docs/training.md."""

    model_config = ConfigDict(extra="allow", frozen=True)
    batches: str = "next_item"  # the model says which kinds it trains on
    batch_size: Positive = 256
    epochs: Positive = 100
    accumulate: Positive = 1  # batches a step, whose gradient is that of one batch with all their rows
    # adasgd is RecStudio's word for adagrad.
    optimizer: Annotated[OptimizerName, BeforeValidator(lambda name: "adagrad" if name == "adasgd" else name)] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: ScheduleName = "constant"  # of the learning rate
    warmup_steps: Positive | None = None  # from next to nothing up to learning_rate; of every schedule but constant
    decay: Annotated[float, Field(gt=0, lt=1)] | None = None  # of exponential: an epoch; of plateau: each time
    plateau_patience: Positive | None = None  # of plateau: validations without a better one
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    beta2: Annotated[float, Field(gt=0, lt=1)] = BETA2  # of the Adams
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    monitor: str = "ndcg@10"  # on the validation cases
    evaluate_every: Positive = 1  # epochs
    patience: Positive = 10  # validations without a better one
    device: Literal["cpu", "cuda", "mps", "auto"] = "cpu"
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"
    strategy: Literal["ddp", "fsdp"] = "ddp"  # under torchrun: each process holds all weights, or trains its part
    # None, or "auto": as many as this process may use, by affinity and its container's quota.
    threads: Annotated[Positive | None, BeforeValidator(lambda found: None if found == "auto" else found)] = None
    loggers: tuple[LoggerName, ...] = ()  # beside log.jsonl

    @property
    def batch_keys(self) -> dict[str, Any]:
        """What the kind of batches is told beside the keys that all have."""
        return {key: value for key, value in (self.model_extra or {}).items() if value is not None}


class EvaluationRecipe(Section):
    metrics: tuple[str, ...] = DEFAULT_METRICS
    candidates: Positive | None = None  # None: full ranking
    seen: Seen = "auto"
    ties: Ties = "expected"
    users: Positive | None = None  # None: all
    memory_mb: Positive = 512
    batch_size: Positive | None = None  # users scored at once at the most; None: as many as the memory allows
    baselines: tuple[str, ...] = ("Popularity", "MarkovChain")


class Recipe(Section):
    """A whole run as data: all keys of data, split, model, loss, training and evaluation, and the seed.

    `loss` is None where a model brings its own or needs none; `training` where it is counted, not trained."""

    format: int = FORMAT
    seed: Count = 0
    data: DataRecipe = DataRecipe()
    split: SplitRecipe = SplitRecipe()
    model: ModelRecipe = ModelRecipe()
    loss: LossRecipe | None = LossRecipe()
    training: TrainingRecipe | None = TrainingRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()

    @property
    def scores_are_cosines(self) -> bool:
        """Whether the loss makes the scores of the model cosines."""
        return self.loss is not None and self.loss.name in LOSSES and LOSSES[self.loss.name].is_cosine

    def to_yaml(self) -> str:
        """The recipe as a file that `nextitem run --recipe` reads, with every key."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
