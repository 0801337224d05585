"""Every large log by its name: small files of the names, columns and types that its publishers describe.

Six users meet the items 10 to 15 in this order, and are shown 99 besides, which is no row of the usual preparation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.dataset import Dataset
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.public import PUBLIC_DATA
from nextitem.data.sources.public.download import SourceError
from nextitem.data.sources.public.large import LARGE
from nextitem.data.sources.public.sources import Web
from nextitem.errors import InputError
from nextitem.recipe import Recipe, make_recipe
from nextitem.recipe.options import layer_of
from nextitem.recipe.preparing import build_dataset
from nextitem.runs.parts.build import build_split

NAMES = [data.name for data in LARGE]
DAY, START = 86_400, 1_650_412_800  # 2022-04-20
EVENTS = [(user, step) for step in range(6) for user in range(1, 7)]  # a step every 25 hours, all users a minute apart
SHOWN = [(user, 99) for user in range(1, 7)]
Content = str | pl.DataFrame


def second(user: int, step: int) -> int:
    return step * (DAY + 3600) + user * 60


def rows(good: Callable[[int, int, int], str], shown: Callable[[int, int, int], str] | None = None) -> str:
    """(user, item, second) of what counts, and on the first day of what does not."""
    told = [] if shown is None else [shown(user, item, second(user, 0) + 1) for user, item in SHOWN]
    return "\n".join((*told, *(good(user, 10 + step, second(user, step)) for user, step in EVENTS))) + "\n"


def yambda(path: str) -> Mapping[str, Content]:
    """Times begin anew."""
    table = {
        "uid": [user for user, _ in (*SHOWN, *EVENTS)],
        "timestamp": [second(user, 0) + 1 for user, _ in SHOWN] + [second(*event) for event in EVENTS],
        "item_id": [item for _, item in SHOWN] + [10 + step for _, step in EVENTS],
        "is_organic": [1] * 42,
    }
    types = {"uid": pl.UInt32, "timestamp": pl.UInt32, "item_id": pl.UInt32, "is_organic": pl.UInt8}
    frame = pl.DataFrame(table, schema_overrides=types)
    if "likes" in path:
        return {path: frame.tail(36)}
    kinds = pl.Enum(["listen", "like", "dislike", "unlike", "undislike"])
    of_all = [
        pl.Series("played_ratio_pct", [49, None, None, 20, 0, None, *[100] * 36], pl.UInt16),
        pl.Series("track_length_seconds", [200, None, None, 180, 180, None, *[200] * 36], pl.UInt32),
        pl.Series("event_type", ["listen", "like", "dislike", "listen", "listen", "unlike", *["listen"] * 36], kinds),
    ]
    return {path: frame.with_columns(of_all)}


def vk(path: str) -> Mapping[str, Content]:
    """A file a week, and a step a week here."""
    found = {}
    places = [f"train/week_{week:02}" for week in (0, 1, 2, 10)] + ["validation/week_25", "test/week_26"]
    for step, place in enumerate(places):
        users = [*range(1, 7), *range(1, 7)]
        ids = {"user_id": users, "item_id": [99] * 6 + [10 + step] * 6}
        if step:
            ids = {name: column[6:] for name, column in ids.items()}
        frame = pl.DataFrame(ids, schema_overrides=dict.fromkeys(ids, pl.UInt32))
        bytes_ = [pl.lit(1, pl.UInt8).alias(name) for name in ("place", "platform", "agent", "timespent")]
        flags = [
            pl.lit(False).alias(name) for name in ("dislike", "share", "bookmark", "click_on_author", "open_comments")
        ]
        found[path.replace("train/week_*", place)] = frame.with_columns(
            *bytes_, pl.col("item_id").ne(99).alias("like"), *flags
        )
    return found


KUAIRAND = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,"
    "play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab\n"
)


def kuairand(path: str) -> Mapping[str, Content]:
    def line(user: int, item: int, time: int, click: int = 1) -> str:
        day = datetime.fromtimestamp(START + time, UTC)
        return f"{user},{item},{day:%Y%m%d},{day:%H%M},{START + time}301,{click},0,0,0,0,0,1,15024,10440,0,0,0,0,1"

    lines = rows(line, lambda user, item, time: line(user, item, time, 0)).splitlines(keepends=True)
    parts = {"4_08_to_4_21": lines[:20], "4_22_to_5_08": lines[20:]}
    version = path.rsplit("_", 1)[1].split("*")[0]
    ending = "_part1.csv" if version == "27k" else ".csv"
    files = {f"log_standard_{days}_{version}{ending}": KUAIRAND + "".join(part) for days, part in parts.items()}
    files[f"log_random_4_22_to_5_08_{version}.csv"] = KUAIRAND + line(1, 98, 0) + "\n"
    return {f"{path.rpartition('/')[0]}/{name}": text for name, text in files.items()}


def otto(path: str) -> Mapping[str, Content]:
    lines = []
    for user in range(1, 7):
        events = [{"aid": 99, "ts": START * 1000, "type": "orders"}]
        events += [{"aid": 10 + step, "ts": (START + second(user, step)) * 1000, "type": "clicks"} for step in range(6)]
        lines.append(json.dumps({"session": user, "events": events}))
    return {path: "\n".join(lines) + "\n"}


def hm(path: str) -> Mapping[str, Content]:
    """Six Wednesdays, the last of which begins the last week, 2020-09-16."""

    def line(user: int, item: int, time: int) -> str:
        day = datetime(2020, 8, 12, tzinfo=UTC) + timedelta(weeks=time // DAY)
        return f"{day:%Y-%m-%d},{user:064x},{item:010},0.0508,2"

    return {path: "t_dat,customer_id,article_id,price,sales_channel_id\n" + rows(line)}


def merrec(path: str) -> Mapping[str, Content]:
    found = {}
    for folder, days in (("20230501", range(3)), ("20230601", range(3, 6))):
        events = [(user, step) for user, step in EVENTS if step in days]
        shown = SHOWN if folder == "20230501" else []
        table = {
            "user_id": [user for user, _ in (*shown, *events)],
            "sequence_id": [1] * len(shown + events),
            "session_id": [1] * len(shown + events),
            "event_id": ["item_like"] * len(shown) + ["item_view"] * len(events),
            "item_id": [*range(1000, 1000 + len(shown + events))],
            "product_id": [item for _, item in shown] + [10 + step for _, step in events],
            "stime": [datetime.fromtimestamp(START + second(user, step % 99), UTC) for user, step in (*shown, *events)],
        }
        found[path.replace("2023*/*", f"{folder}/000000000000")] = pl.DataFrame(table)
    return found


def tenrec(path: str) -> Mapping[str, Content]:
    header = "user_id,item_id,click,follow,like,share,video_category,watching_times,gender,age\n"
    return {path: header + rows(lambda u, i, _: f"{u},{i},1,0,0,0,1,2,1,3", lambda u, i, _: f"{u},{i},0,0,0,0,1,0,1,3")}


def mind(path: str) -> Mapping[str, Content]:
    def line(user: int, item: int, time: int) -> str:
        told = datetime.fromtimestamp(START + time, UTC)
        clock = f"{told.month}/{told.day}/{told.year} {told.hour % 12 or 12}:{told:%M:%S} {told:%p}"
        return f"{time}\tU{user}\t{clock}\t{'N7 N8' * (user > 1)}\tN99-0 N{item}-1 N98-0"

    lines = rows(line).splitlines(keepends=True)
    return {path: "".join(lines[:30]), path.replace("_train", "_dev"): "".join(lines[30:])}


PUBLISHED: dict[str, Callable[[str], Mapping[str, Content]]] = {
    "yambda": yambda, "vk": vk, "kuairand": kuairand, "otto": otto, "hm": hm, "merrec": merrec, "tenrec": tenrec,
    "mind": mind,
    "ninerec": lambda path: {path: rows(lambda user, item, time: f"v{item},u{user},{START + time}")},
    "microlens": lambda path: {
        path: "user,item,timestamp\n" + rows(lambda user, item, time: f"{user},{item},{START + time}337")
    },
}  # fmt: skip


def put(folder: Path, files: Mapping[str, Content]) -> None:
    for place, content in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            content.write_parquet(path)


def usual(name: str, folder: Path) -> Recipe:
    data = next(one for one in LARGE if one.name == name)
    put(folder, PUBLISHED[name.split("-")[0]](data.files[0].place))
    return make_recipe(layer_of({"data.source": name, "data.folder": str(folder), **data.recipe}))


def prepared(name: str, folder: Path) -> tuple[Dataset, str]:
    return build_dataset(usual(name, folder).data)


@pytest.mark.parametrize("name", NAMES)
def test_files_as_published_are_prepared_as_their_page_says(tmp_path: Path, name: str) -> None:
    dataset, said = prepared(name, tmp_path)
    assert f"{name} from the local folder" in said
    items = dataset.items.ids(range(1, len(dataset.items) + 1))
    assert [int(str(item).strip("Nv")) for item in items] == [10, 11, 12, 13, 14, 15]
    assert dataset.sequences.to_lists() == [[1, 2, 3, 4, 5, 6]] * 6
    recipe = usual(name, tmp_path)
    split = build_split(recipe.split, dataset, recipe.seed)
    assert split.test.target.to_lists() == [[6]] * 6
    assert split.test.history.to_lists() == [[1, 2, 3, 4, 5]] * 6


@pytest.mark.parametrize("name", NAMES)
def test_without_its_files_the_way_to_them_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path, name: str
) -> None:
    def no_network(*_: object) -> Path:
        raise SourceError("no answer")

    monkeypatch.setattr("nextitem.data.sources.public.sources.download", no_network)
    data = PUBLIC_DATA[name]
    with pytest.raises(InputError) as caught:
        open_data(name, tmp_path)
    said = str(caught.value)
    assert f"{name} is not to be had" in said
    assert all(file.place in said for file in (*data.files, *data.held_out.values()))
    assert data.downloads or (data.page in said and data.by_hand in said)
    assert all(source.url in said for source in data.downloads if isinstance(source, Web))
    assert not [*cache.rglob("*.parquet")]


def test_a_split_without_its_test_tells_of_it(tmp_path: Path) -> None:
    recipe = usual("mind-small", tmp_path)
    (tmp_path / "MIND/MINDsmall_dev/behaviors.tsv").unlink()
    with pytest.raises(
        InputError, match=r"the test of mind-small is not to be had:(?s:.*)MINDsmall_dev/behaviors\.tsv"
    ):
        build_dataset(recipe.data)


@pytest.mark.parametrize("name", ["yambda-50m", "yambda-50m-likes"])
def test_rows_of_users_with_lists_are_the_same_log(tmp_path: Path, name: str) -> None:
    flat, sequential = (file.place for file in PUBLIC_DATA[name].files)
    frame = yambda(flat)[flat]
    assert isinstance(frame, pl.DataFrame)
    put(tmp_path / "lists", {sequential: frame.group_by("uid", maintain_order=True).all()})
    recipe = usual(name, tmp_path / "flat")
    of_lists = recipe.data.model_copy(update={"folder": str(tmp_path / "lists")})
    assert build_dataset(of_lists)[0].sequences.to_lists() == build_dataset(recipe.data)[0].sequences.to_lists()


def test_sessions_of_the_competition_are_taken_too(tmp_path: Path) -> None:
    put(tmp_path, otto("otto/train.jsonl"))
    log, said = open_data("otto", tmp_path)
    assert len(log) == 42  # type: ignore[arg-type]
    assert said.endswith("an event is a click, a cart or an order")


def test_a_log_in_many_files_says_how_many(tmp_path: Path) -> None:
    put(tmp_path, kuairand("KuaiRand-Pure/data/log_standard_*_pure*.csv"))
    log, said = open_data("kuairand-pure", tmp_path)
    assert "kuairand-pure from the local folder" in said
    assert said.endswith("a row is a video that was shown, watched or not, 2 files, read as table, on polars")
    assert len(log) == 42  # type: ignore[arg-type]


def test_every_command_takes_the_name_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, kuairand("KuaiRand-Pure/data/log_standard_*_pure*.csv"))
    monkeypatch.setenv("NEXTITEM_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    assert "at hand" in CliRunner().invoke(app, ["datasets", "kuairand-pure"]).output
    both = "log_standard_4_08_to_4_21_pure.csv to log_standard_4_22_to_5_08_pure.csv"
    for command in (["check", "kuairand-pure"], ["describe", "kuairand-pure"]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, (command, result.output, result.exception)
        assert f'the times of {both} are those of "time_ms"' in " ".join(result.output.split())


def test_files_of_one_name_are_told_by_their_folders(tmp_path: Path) -> None:
    put(tmp_path, merrec("merrec/2023*/*.parquet"))
    log, _ = open_data("merrec", tmp_path)
    both = "20230501/000000000000.parquet, 20230601/000000000000.parquet"
    assert log.notes[0] == f"2 files are one log, in the order of their names: {both}"
