"""`nextitem run`: train a model on data and evaluate it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextitem.cli.code import MovedCode, code_of_run
from nextitem.cli.experiment import run_seeds, run_windows
from nextitem.cli.interrupted import NOTHING_BEGUN, left_of_run, telling
from nextitem.cli.keys import layers_of, recipe_of, split_given
from nextitem.cli.labelled import run_labels
from nextitem.cli.shared import AsJson, console, is_launched, print_json, rank, telling_of_compilation
from nextitem.cli.tune import tune_recipe
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import DataRecipe, Layer, Recipe
    from nextitem.runs.learning.run import Event
    from nextitem.training.budget import Budget


def run(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="A model's name [SASRec]. Your own: file.py:Class.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "-d",
            "--data",
            help="A data set's name, a file or a folder [ml-100k]; with --resume where the run's data is now.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Where named data sets lie already [NEXTITEM_DATA]."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder [runs/MODEL-DATA].")] = None,
    like: Annotated[
        Literal["recstudio"] | None,
        typer.Option(help="Split, metrics and filters as another library has them, to compare with its figures."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness [0].")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="So many runs, from --seed on, each a folder in --out; then their table.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Runs of --seeds at a time, which share the cores.")] = 1,
    mode: Annotated[
        Literal["light", "detail", "tune"],
        typer.Option(
            metavar="MODE",
            help="light: a line an epoch, and the result. detail: each phase. tune: as nextitem tune does.",
        ),
    ] = "detail",
    recipe: Annotated[Path | None, typer.Option(help="A recipe file (YAML) under the other options.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the interrupted run in this folder.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Start over if the run folder is in use by an old run.")
    ] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Once evaluated, train on all data; those weights recommend.")
    ] = False,
    time: Annotated[
        str | None,
        typer.Option(help="End training so that the whole ends within this time: 60m, 1h30m, 90s; the report says so."),
    ] = None,
    trust_code: Annotated[
        bool,
        typer.Option("--trust-code", help="Run the code of a model of your own, which --resume or --recipe names."),
    ] = False,
    code: MovedCode = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Say at the end where the time of a training step went.")
    ] = False,
    no_histories: Annotated[
        bool, typer.Option("--no-histories", help="Leave what users have met out of the run folder.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Train a model on data and evaluate it beside honest baselines: `nextitem run clicks.csv -m SASRec`.

    Every key of a recipe is an option too: --section.key value, such as --training.epochs 20 --model.dim 32. What is
    typed after a key of text (--data.separator '|', --data.user no) is that text, all else is read as YAML; lists are
    typed with commas, and null takes a recipe file's value away.

    The commonest have short spellings: --epochs, --batch-size, --lr, --weight-decay, --optimizer, --device, --dim,
    --dropout, --max-length, --loss, --sampler, --num-negatives, --split, --metrics, --patience. The names that other
    codes have for them are understood; - and _ are the same.
    """
    started = perf_counter()
    from nextitem.runs.folder.naming import free_folder
    from nextitem.runs.learning.run import Prepared
    from nextitem.runs.learning.run import run as events

    if trust_code and resume is None and recipe is None:
        raise InputError("--trust-code is for --resume and --recipe; a model that -m names needs no such word")
    if code is not None and resume is None:
        raise InputError(
            f"--code says where the code of a run is now that --resume continues; here -m {code}:CLASS does"
        )
    source, typed = split_given(context, data)
    file = _file_layer(recipe, json)
    options = {
        "model.name": model,
        "data.source": None if resume else source,
        "data.folder": data_dir and str(data_dir),
        "like": like,
        "seed": seed,
        "evaluation.keep_histories": False if no_histories else None,
    }
    named, keys = layers_of(context, options, typed)
    if mode == "tune":
        _refuse_for_tuning({"resume": resume, "again": again, "refit": refit, "profile": profile, "seeds": seeds})
        wanted = recipe_of(file, named, keys, trusts_file=trust_code)
        tune_recipe(wanted, keys, out, time=time, started=started, json=json)
        return
    now = None
    if resume is not None:
        if file or named or keys or out is not None:
            raise InputError(
                "--resume continues a run as it was begun; it takes no other recipe, keys or folder (but --data, the "
                "place where its data is now)"
            )
        wanted, place, now = _kept(resume, source, trust_code, code)
    else:
        wanted = recipe_of(file, named, keys, trusts_file=trust_code)
        place = out or free_folder(Path("runs"), wanted)
    if wanted.split.kind == "labelled":
        alone: dict[str, object] = {
            "--resume": resume, "--again": again, "--refit": refit, "--time": time, "--profile": profile,
            "--seeds": seeds, "--workers": workers > 1,
        }  # fmt: skip
        run_labels(wanted, [file, named, keys], place, alone, json=json)
        return
    if seeds is not None:
        _refuse_beside_seeds(
            {"--resume": resume, "--again": again, "--refit": refit, "--profile": profile, "--time": time}
        )
        run_seeds(wanted, seeds, out, workers, trust_code or wanted.model.own is not None, json)
        return
    if wanted.split.kind == "rolling":
        _refuse_beside_windows({"--again": again, "--refit": refit, "--profile": profile})
        run_windows(wanted, out, workers, trust_code or wanted.model.own is not None, json)
        return
    if workers > 1:
        raise InputError(
            "--workers is of --seeds and of --split.kind rolling; a run by itself takes --training.threads"
        )
    budget = None if time is None else _budget(time, started, wanted, refit)
    shown = _Shown(mode, profile, json)
    is_ours = resume is not None and not again  # whether what the folder holds is of this run
    opening = ["--code", str(code)] if code else ["--trust-code"]
    words = [*(["--data", source] if resume and source else []), *(opening if wanted.model.own else [])]

    def left() -> str:
        return left_of_run(place, wanted.training is not None, *words) if is_ours else NOTHING_BEGUN

    with telling(left), shown.compilation():
        for event in events(
            wanted, place, again=again, track=shown.track, profile=shown.times, data=now, refit=refit, budget=budget
        ):
            is_ours = is_ours or not again or not isinstance(event, Prepared)  # with --again it is cleared after that
            shown.show(event)
    shown.finish()


def _budget(time: str, started: float, wanted: Recipe, refit: bool) -> Budget:
    from nextitem.training.budget import Budget, seconds_of

    if wanted.training is None:
        raise InputError(f"--time ends training between two epochs, and {wanted.model.label} has none; leave it out")
    if refit:
        raise InputError(
            "--time ends training early, and --refit trains again for as many epochs; leave one of them out"
        )
    if is_launched():
        raise InputError("--time is of one process, whose clock it goes by; leave it out under torchrun")
    return Budget(seconds_of(time), started)


def _refuse_beside_seeds(given: dict[str, object]) -> None:
    for name, value in given.items():
        if value:
            raise InputError(f"--seeds makes whole runs, and the same command goes on with them; leave {name} out")


def _refuse_beside_windows(given: dict[str, object]) -> None:
    for name, value in given.items():
        if value:
            raise InputError(f"split.kind rolling makes a run a window, and the same command goes on; leave {name} out")


def _refuse_for_tuning(given: dict[str, object]) -> None:
    for name, value in given.items():
        if value:
            raise InputError(f"--mode tune takes no --{name}: it goes on by itself, in the same --out; leave it out")


class _Shown:
    """What the first process shows of a run: tables, or with --json the report, and then where the time went."""

    def __init__(self, mode: Literal["light", "detail"], profile: bool, json: bool) -> None:
        from nextitem.report.console import RunView
        from nextitem.training.profile import Profile

        self._screen, self._json = console(stderr=json), json
        self._view = RunView(self._screen, mode) if rank() == 0 else None
        self.times = Profile() if profile else None
        self.track = self._view.track if self._view else None

    def compilation(self) -> AbstractContextManager[None]:
        return telling_of_compilation(self._screen) if self._view else nullcontext()

    def show(self, event: Event) -> None:
        from nextitem.runs.learning.run import Finished

        if self._view:
            self._view.show(event)
            if self._json and isinstance(event, Finished):
                print_json(event.report)

    def finish(self) -> None:
        if self._view and self.times:
            self._view.show_profile(self.times)


def _file_layer(recipe: Path | None, json: bool) -> Layer:
    """A recipe file, of ours or of a code that is known; what was made of the latter is said."""
    from nextitem.recipe import read_layer
    from nextitem.recipe.foreign import is_mamba4rec, translate

    file = read_layer(recipe) if recipe else {}
    if not is_mamba4rec(file):
        return file
    file, said = translate(file)
    if rank() == 0:
        console(stderr=json).print(f"{recipe}, key by key:", *said, sep="\n ", highlight=False, soft_wrap=True)
    return file


def _kept(
    folder: Path, data: str | None, trust_code: bool, code: Path | None
) -> tuple[Recipe, Path, DataRecipe | None]:
    """The recipe of an interrupted run, its folder, and where its data is now."""
    from nextitem.runs.folder.places import placed
    from nextitem.runs.folder.run_folder import RunFolder

    wanted = RunFolder(folder).read_recipe(code_of_run(folder, trust_code, code))
    return wanted, folder, placed(wanted.data, RunFolder(folder).read_data().get("directory"), folder, data)
