"""Keys that need each other, or exclude each other."""

from __future__ import annotations

from dataclasses import replace

from nextitem.data.batches import BATCHES, batch_keys
from nextitem.errors import InputError, suggest
from nextitem.keys import check_keys
from nextitem.models.base import Recommender, Trained
from nextitem.models.catalogue import MADE
from nextitem.models.negatives import BY_VECTORS, EXCLUDES_EXACTLY, SAMPLERS, check_sampler
from nextitem.models.scoring import asked_scorer
from nextitem.models.towers import ItemTower, TowerFree
from nextitem.nn.losses.by_name import LOSSES, check_loss, find_loss, loss_keys
from nextitem.recipe.data import Least, SplitKind
from nextitem.recipe.sections import BETA2, LossRecipe, Recipe, ScheduleName, TrainingRecipe

LEAST = "target_rating"
SCHEDULE_KEYS: dict[ScheduleName, tuple[set[str], set[str]]] = {  # must have, may have
    "constant": (set(), set()),
    "warmup": ({"warmup_steps"}, set()),
    "cosine": (set(), {"warmup_steps"}),
    "exponential": ({"decay"}, {"warmup_steps"}),
    "plateau": ({"decay", "plateau_patience"}, {"warmup_steps"}),
}


def with_batch_keys(training: TrainingRecipe) -> TrainingRecipe:
    """The training with all keys of its kind of batches; a key that would do nothing is refused.

    Raises:
        InputError: neither trainings nor these batches have the key; the nearest one is named.
    """
    keys, own = batch_keys(training.batches), type(training).model_fields
    if LEAST in keys:  # batches want a number; in a recipe the word of a kind may stand for it
        keys[LEAST] = replace(keys[LEAST], type=Least | None)
    everywhere = {key for kind in BATCHES for key in batch_keys(kind)}
    for key in training.batch_keys:
        if key not in everywhere:
            raise InputError(f'recipe: there is no key "training.{key}"; {suggest(key, [*own, *keys])}')
    checked = check_keys("training", f"the batch kind {training.batches}", keys, training.batch_keys)
    return TrainingRecipe.model_validate(training.model_dump(include=set(own)) | checked)


def refuse_some_targets(training: TrainingRecipe, model: type[Trained]) -> None:
    """Raises InputError where targets are left out of a training whose loss is of all that a user met."""
    least = training.target_rating
    if least is not None and model.needs_all_rows:
        told = least if isinstance(least, str) else f"{least:g}"
        raise InputError(
            f"training.target_rating: {model.__name__} learns from all that a user met, rated high or low, found "
            f"{told}; leave it out, or take a model that learns pair by pair, such as BPR"
        )


def check_training(training: TrainingRecipe, loss: LossRecipe | None) -> None:
    """Keys that do nothing, or nothing good, together."""
    needed, allowed = SCHEDULE_KEYS[training.schedule]
    values = training.model_dump(include={"warmup_steps", "decay", "plateau_patience"})
    given = {key for key, value in values.items() if value is not None}
    for key in sorted(needed - given):
        raise InputError(f"training.{key}: the schedule {training.schedule} needs it")
    for key in sorted(given - needed - allowed):
        users = [name for name, (must, may) in SCHEDULE_KEYS.items() if key in must | may]
        raise InputError(
            f"training.{key}: the schedule {training.schedule} has no use for it; found {values[key]}; leave it out "
            f"(null), or take training.schedule {' or '.join(users)}"
        )
    if training.plateau_patience is not None and training.plateau_patience >= training.patience:
        raise InputError(
            f"training.plateau_patience: training stops after {training.patience} validations without a better one "
            f"(training.patience), before {training.plateau_patience} of them lower the learning rate"
        )
    for key, kind, value in (
        ("average_decay", "ema", training.average_decay),
        ("average_count", "last", training.average_count),
    ):
        if value is not None and training.average != kind:
            raise InputError(
                f"training.{key}: only the average {kind} has a use for it; found {value}; leave it out (null), or "
                f"take training.average {kind}"
            )
    if training.average is not None and training.strategy == "fsdp":
        raise InputError("training.average: it takes whole weights, which fsdp has not; take training.strategy ddp")
    if training.beta2 != BETA2 and "adam" not in training.optimizer:
        raise InputError(
            f"training.beta2: {training.optimizer} has no second moment to average; found {training.beta2}; "
            "leave it out, or take training.optimizer adam or adamw"
        )
    if training.precision == "16-mixed" and training.device == "cpu":
        raise InputError("training.precision: 16-mixed needs a GPU (training.device); take bf16-mixed or 32-true")
    if training.optimizer == "sparse_adam":
        if loss is None or loss.name == "cross_entropy":
            raise InputError(
                "training.optimizer: sparse_adam updates the rows of items that a step reads, and this loss reads all; "
                "set loss.name to one with sampled negatives (bce, bpr), or take adam"
            )
        if training.precision == "16-mixed":
            raise InputError(
                "training.precision: 16-mixed scales gradients, which sparse_adam does not; take bf16-mixed"
            )


_RATIOS: tuple[SplitKind, ...] = ("user_entry", "entry", "user")
_COLD: tuple[SplitKind, ...] = ("cold_items", "cold_users")
SPLIT_KEYS: dict[str, tuple[SplitKind, ...]] = {  # those whose default is a value -> the splits that go by them
    "valid": (*_RATIOS, *_COLD, "at_time", "labelled"),
    "test": (*_RATIOS, *_COLD, "at_time", "labelled"),
    "order": _RATIOS,
    "min_length": ("leave_one_out", "leave_k_out"),
}


def refuse_unused(recipe: Recipe) -> None:
    """Keys that nothing in this recipe has a use for; asked of a new run, not of the folder of an old one.

    Raises:
        InputError: there is one, and it is not what it is by default; or its model is one that no run makes.
    """
    if recipe.model.name in MADE:
        raise InputError(f"a {recipe.model.name} is made of finished runs: nextitem blend RUN RUN .. --out FOLDER")
    kind = recipe.split.kind
    for key, value in recipe.split.model_dump(include=set(SPLIT_KEYS), exclude_defaults=True).items():
        if kind not in SPLIT_KEYS[key]:
            raise InputError(
                f"split.{key}: it is of the kinds {', '.join(SPLIT_KEYS[key])}, and {kind} has no use for it; found "
                f"{value}; leave it out"
            )
    if recipe.evaluation.energy_country is not None and not recipe.evaluation.energy:
        raise InputError(
            f"evaluation.energy_country: it is of evaluation.energy, which is false; found "
            f"{recipe.evaluation.energy_country}; set evaluation.energy true, or leave it out"
        )


LOSS_KEYS = {key for name in LOSSES for key in loss_keys(name)}


def with_negatives(loss: LossRecipe, model: type[Recommender]) -> LossRecipe:
    """The loss with all its keys and those of its sampler; a key that would do nothing, or that this model cannot
    follow, is refused.
    """
    is_tower_free = issubclass(model, TowerFree)
    asked = None if loss.name == "cross_entropy" else find_loss(loss.name).scorer
    if is_tower_free and (loss.name == "cross_entropy" or asked is not None):
        raise InputError(
            f"loss.name: {loss.name} needs item vectors, which {model.__name__} does not have; take bce or bpr"
        )
    if issubclass(model, ItemTower):
        asked_scorer(loss.name, model.__name__, model.own_scorer)
    loss = with_loss_keys(loss)
    if is_tower_free:
        _refuse_vectors(loss, model.__name__)
    return loss


def with_loss_keys(loss: LossRecipe) -> LossRecipe:
    """The loss with all its keys and those of its sampler, whatever the model.

    Raises:
        InputError: a key that neither has, a value that it cannot take, or keys that exclude each other.
    """
    given = loss.model_dump(exclude={"name"}, exclude_none=True)
    if loss.name == "cross_entropy":
        if given:
            raise InputError(
                f"loss.{next(iter(given))}: cross_entropy has no negatives; take a loss with negatives (bce, bpr, ..), "
                "or leave it out"
            )
        return loss
    entry = find_loss(loss.name)
    keys = check_loss(loss.name, {key: given.pop(key) for key in sorted(LOSS_KEYS & set(given))})
    sampler, sampling = given.pop("sampler", "uniform"), given.pop("sampling", "dynamic")
    num_negatives = given.pop("num_negatives", default_negatives(sampler))
    if entry.draws_targets and sampler in EXCLUDES_EXACTLY and not given.get("shared"):
        given.setdefault("exclude_history", False)
    keys |= check_sampler(sampler, given, sampling == "static")
    own = {"name": loss.name, "sampler": sampler, "sampling": sampling, "num_negatives": num_negatives}
    loss = LossRecipe.model_validate(own | keys)
    _refuse_impossible_targets(loss)
    return loss


def default_negatives(sampler: str) -> int | None:
    """How many negatives a target has where nobody says: 1; of in_batch None, all targets of the batch."""
    return None if sampler == "in_batch" else 1


def _refuse_vectors(loss: LossRecipe, model: str) -> None:
    """What a model without item vectors cannot have."""
    if loss.sampler in BY_VECTORS:
        raise InputError(
            f"loss.sampler: {loss.sampler} draws by item vectors, which {model} does not have; "
            f"take {', '.join(known for known in SAMPLERS if known not in BY_VECTORS)}"
        )
    if loss.num_negatives is None:
        raise InputError(
            f"loss.num_negatives: {model} has no matrix product to score all pairs of a batch with; "
            "say how many of its targets serve as negatives"
        )


def _refuse_impossible_targets(loss: LossRecipe) -> None:
    keys = loss.keys({"exclude_history", "shared"})
    is_excluded = keys.get("exclude_history") and not keys.get("shared") and loss.sampler in EXCLUDES_EXACTLY
    if find_loss(loss.name).draws_targets and is_excluded:
        raise InputError(
            f"loss.exclude_history: {loss.name} needs the chance that the target is drawn, which is none where the "
            f"{loss.sampler} sampler leaves the history out; set it to false, or draw shared negatives"
        )
