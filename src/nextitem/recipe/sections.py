"""A recipe and its sections beside those of the data: their keys, types and defaults."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from nextitem.evaluation.evaluate import DEFAULT_METRICS
from nextitem.evaluation.protocol import Seen, Shown, Ties
from nextitem.keys import Positive
from nextitem.models.base import Recommender
from nextitem.models.catalogue import find, needs_of
from nextitem.models.own import OwnModel, label
from nextitem.recipe.data import Count, DataRecipe, Section, SplitRecipe

FORMAT = 1  # of a run folder
BETA2 = 0.999  # how slowly Adam's second moment forgets; Kingma and Ba, arXiv:1412.6980

OptimizerName = Literal["adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam"]
LoggerName = Literal["csv", "tensorboard", "mlflow", "swanlab", "trackio", "wandb"]
AverageName = Literal["ema", "last"]
ScheduleName = Literal["constant", "warmup", "cosine", "plateau", "exponential"]


class ModelRecipe(BaseModel):
    """`name`, and the arguments of its constructor."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
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
    def needs(self) -> tuple[str, ...]:
        """What the data must have beside the log."""
        return needs_of(self.kind, self.arguments)

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

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
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

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
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
    average: AverageName | None = None
    """Validate and keep a mean of the weights: ema over steps, last over validations; null: the weights."""
    average_decay: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Of ema: how slowly it forgets; null: 0.999."""
    average_count: Positive | None = None
    """Of last: so many validations; null: 5."""
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

    @property
    def target_rating(self) -> float | str | None:
        """How what is a target of training was rated at least, or the word of a kind that stands for its number; None:
        however it was rated."""
        found: float | str | None = self.batch_keys.get("target_rating")
        return found


class EvaluationRecipe(Section):
    metrics: tuple[str, ...] = DEFAULT_METRICS
    """NAME@K (docs/metrics.md)."""
    candidates: Positive | None = None
    """Rank the target among so many drawn items; null: among all, which alone is comparable."""
    seen: Seen = "auto"
    """Whether items of the history leave the ranking; auto: unless users repeat items."""
    ties: Ties = "expected"
    """How equal scores are counted."""
    shown: Shown = "history"
    """What models see of a case: its history, at test with the validation items, or what is trained alone."""
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
    energy: bool = False
    """Count the electricity of the run beside its seconds, by codecarbon (docs/training.md)."""
    energy_country: str | None = None
    """Whose electricity it is, three letters (FRA), so that kg of CO2e follow from kWh; null: kWh alone."""


@dataclass(frozen=True)
class Open:
    """Keys that nobody chose, and what the data may make of them (`nextitem.recipe.suiting`)."""

    for_long: dict[str, dict[str, Any]]  # by section, values for long histories
    follows_users: bool  # whether the size of batches may


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
    _open: Open | None = PrivateAttr(None)

    @property
    def open(self) -> Open | None:
        """What the data may yet decide; None where all was chosen."""
        return self._open

    def with_open(self, keys: Open | None) -> Recipe:
        """A recipe with the keys of this one, some of which the data may yet decide."""
        found = self.model_copy()
        found._open = keys
        return found

    def __eq__(self, other: object) -> bool:
        """Whether all keys are alike."""
        return isinstance(other, Recipe) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def to_yaml(self) -> str:
        """The recipe as a file that `nextitem run --recipe` reads, with every key."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
