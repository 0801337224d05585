"""The sections of a recipe: their keys, types and defaults."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.scanning import Engine
from nextitem.data.splits.cases import Cases
from nextitem.data.splits.ratio import Rounding
from nextitem.evaluation.evaluate import DEFAULT_METRICS
from nextitem.evaluation.protocol import Seen, Ties
from nextitem.keys import Positive
from nextitem.models.base import Recommender
from nextitem.models.catalogue import find
from nextitem.models.own import OwnModel, label

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
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class DataRecipe(Section):
    source: str = "ml-100k"
    """A public data set's name, a file or a folder."""
    folder: str | None = None
    """Where public data sets lie already (--data-dir)."""
    format: str = "auto"
    """Of the files; auto: told by their names and first lines."""
    separator: str | None = None
    """Of the fields of a table; null: told by its first lines."""
    quote: Annotated[Quote, BeforeValidator(lambda found: "double" if found == '"' else found)] = "auto"
    """Whether quotes hold the fields of a table together (double), or are letters (none)."""
    user: str | None = None
    """The user's column; null: found by its name."""
    item: str | None = None
    """The item's column; null: found by its name."""
    timestamp: str | None = None
    """The time's column; null: found by its name, none: the order of the file is the order of time."""
    rating: str | None = None
    """The rating's column; null: found by its name, none: no ratings."""
    time_format: str | None = None
    """Of dates that are text, as strptime has it: %d/%m/%Y %H:%M."""
    engine: Engine = "polars"
    """What reads, filters and counts a table; duckdb and spark are extras."""
    bad_lines: BadLinesRule = "error"
    """What becomes of a log with bad lines: error, it is refused; skip, they are left out, counted and listed."""
    after: Moment | None = None
    """Keep interactions from this moment on: a date, 2014-01-31, or seconds since 1970."""
    before: Moment | None = None
    """Keep interactions earlier than this moment."""
    min_rating: float | None = None
    """Keep ratings of at least this."""
    duplicates: Literal["keep", "first", "last"] = "keep"
    """Which of a repeated user-item pair stay."""
    min_length: Count = 0
    """Keep users with so many interactions, counted once, before the cores."""
    max_length: Positive | None = None
    """Keep users with at most so many interactions, counted likewise."""
    user_core: Count = 0
    """Keep users with at least so many interactions."""
    item_core: Count = 0
    """Keep items with at least so many interactions."""
    core: Literal["iterated", "once"] = "iterated"
    """Cut the cores until nothing falls out any more, or once."""
    ids: Literal["sorted", "appearance"] = "sorted"
    """The order in which users and items are numbered."""
    user_ids: str | None = None
    """A file that has the users in the order wanted."""
    item_ids: str | None = None
    """A file that has the items in the order wanted."""
    valid_file: str | None = None
    """Validation in a file of its own, in the form of the source, which is the training then."""
    test_file: str | None = None
    """The test in a file of its own; without valid_file, validation is held out from training."""
    parts: Literal["keep", "join"] = "keep"
    """Of such files, or a folder of them; join: one log, to be split anew."""
    side: Literal["none", "beside"] = "none"
    """Take what stands beside the log (docs/formats.md)."""
    user_table: str | None = None
    """Attributes of users: an atomic file, Parquet, or text."""
    item_table: str | None = None
    """Attributes of items."""
    knowledge: str | None = None
    """A knowledge graph: head, relation, tail; or attributes: one made of those of the items."""
    links: str | None = None
    """Which entity of the graph an item is; null: the one with its id."""
    knowledge_relations: tuple[str, ...] = ()
    """Relations of the graph that stay; none named: all."""
    knowledge_except: tuple[str, ...] = ()
    """Relations of the graph that go."""
    knowledge_min_degree: Count = 0
    """Entities in fewer triples go, again and again until none is left; items never do."""
    trust: str | None = None
    """Who trusts whom."""
    weight: Literal["rating"] | None = None
    """rating: an interaction counts as much as its rating says; null: all alike."""


class SplitRecipe(Section):
    kind: SplitKind = "leave_one_out"
    """What is held out; given: as the data's own files have it."""
    min_length: Annotated[int, Field(ge=3)] = 3
    """Shortest history of leave_one_out and leave_k_out; 3 is SASRec's, FreeRec takes 4."""
    k: Positive | None = None
    """Of leave_k_out: how many are held out."""
    valid: Annotated[float, Field(gt=0)] = 0.1
    """Of user_entry, entry, user: a share, or a number; of at_time: a share."""
    test: Annotated[float, Field(gt=0)] = 0.1
    """Likewise, of the test."""
    order: Literal["random", "time"] = "random"
    """Of user_entry, entry, user: which are held out."""
    rounding: Rounding = "down"
    """Of shares of user_entry."""
    days: Annotated[float, Field(gt=0)] | None = None
    """Of at_time, late_users: length of the test, and of the validation."""
    valid_from: Moment | None = None
    """Of at_time: the first moment of the validation, a date or seconds since 1970."""
    test_from: Moment | None = None
    """Of at_time: the first moment of the test."""
    cases: Cases | None = None
    """Targets of a user together, or each with what came before it (given, at_time, and others by time)."""


class ModelRecipe(BaseModel):
    """`name`, and the arguments of its constructor."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    name: str = "SASRec"
    """A model's name; nextitem models lists them."""
    _own: OwnModel | None = PrivateAttr(None)

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    @property
    def own(self) -> OwnModel | None:
        """The class of the user's own that it is of; None of one of ours."""
        return self._own

    @property
    def kind(self) -> type[Recommender]:
        """Its class."""
        return find(self.name) if self._own is None else self._own.model

    @property
    def label(self) -> str:
        """Its name in tables and sentences."""
        return label(self.name)

    def of(self, own: OwnModel | None) -> ModelRecipe:
        """The same keys, of a class of the user's own."""
        recipe = self.model_copy()
        recipe._own = own
        return recipe


class LossRecipe(BaseModel):
    """`name`, and the keys of that loss and of its sampler, by their signatures; docs/losses.md."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    name: str = "cross_entropy"
    """A loss's name (docs/losses.md)."""
    sampler: str | None = None
    """Where negatives come from (docs/samplers.md)."""
    num_negatives: Positive | None = None
    """Of a target; null of in_batch: all targets of the batch."""
    sampling: Literal["dynamic", "static"] | None = None
    """Negatives anew at every step, or once for all."""

    def keys(self, names: Collection[str]) -> dict[str, Any]:
        """The values of some of the keys that the loss or the sampler brings."""
        return {key: value for key, value in (self.model_extra or {}).items() if key in names}


class TrainingRecipe(BaseModel):
    """Keys of every training, and those of its kind of batches, by their signature; docs/training.md."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    batches: str = "next_item"
    """What a training case is; the model says which kinds it trains on."""
    batch_size: Positive = 256
    """Cases a step."""
    epochs: Positive = 100
    """At most so many passes over the training data."""
    accumulate: Positive = 1
    """Batches a step, whose gradient is that of one batch with all their rows."""
    optimizer: Annotated[OptimizerName, BeforeValidator(lambda name: "adagrad" if name == "adasgd" else name)] = "adam"
    """adasgd is RecStudio's word for adagrad."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Of the first step, or of the highest where the schedule warms up."""
    schedule: ScheduleName = "constant"
    """Of the learning rate."""
    warmup_steps: Positive | None = None
    """From next to nothing up to learning_rate; of every schedule but constant."""
    decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Of exponential: a factor an epoch; of plateau: each time."""
    plateau_patience: Positive | None = None
    """Of plateau: validations without a better one."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """As the optimizer has it: L2 in Adam, decoupled in AdamW."""
    beta2: Annotated[float, Field(gt=0, lt=1)] = BETA2
    """How slowly the Adams' second moment forgets."""
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Gradients are scaled down to this common norm; null: never."""
    monitor: str = "ndcg@10"
    """What the best epoch is chosen by, on the validation cases."""
    evaluate_every: Positive = 1
    """Epochs between two validations."""
    patience: Positive = 10
    """Validations without a better one, after which training stops."""
    device: Literal["cpu", "cuda", "mps", "auto"] = "cpu"
    """auto: a GPU where there is one."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"
    """Of the computation; the weights stay 32-bit in the mixed ones."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """Under torchrun: each process holds all weights (ddp), or trains its part (fsdp)."""
    threads: Annotated[Positive | None, BeforeValidator(lambda found: None if found == "auto" else found)] = None
    """null or auto: as many as this process may use, by affinity and its container's quota."""
    loggers: tuple[LoggerName, ...] = ()
    """Beside log.jsonl."""

    @property
    def batch_keys(self) -> dict[str, Any]:
        """What the kind of batches is told beside the keys that all have."""
        return {key: value for key, value in (self.model_extra or {}).items() if value is not None}


class EvaluationRecipe(Section):
    metrics: tuple[str, ...] = DEFAULT_METRICS
    """NAME@K (docs/metrics.md)."""
    candidates: Positive | None = None
    """Rank the target among so many drawn items; null: among all, which alone is comparable."""
    seen: Seen = "auto"
    """Whether items of the history leave the ranking; auto: unless users repeat items."""
    ties: Ties = "expected"
    """How equal scores are counted."""
    users: Positive | None = None
    """So many test users, drawn; null: all."""
    memory_mb: Positive = 512
    """What ranking may use."""
    batch_size: Positive | None = None
    """Users scored at once at the most; null: as many as the memory allows."""
    baselines: tuple[str, ...] = ("Popularity", "MarkovChain")
    """Counted models beside which the test is shown."""
    keep_histories: bool = True
    """Keep what every user has met in the run folder, so that recommend needs no history (--no-histories: false)."""


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

    def to_yaml(self) -> str:
        """The recipe as a file that `nextitem run --recipe` reads, with every key."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
