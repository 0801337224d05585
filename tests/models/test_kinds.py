"""A model of every new kind through a run: trained, kept, loaded without its data, asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import nextitem
from nextitem.errors import InputError
from nextitem.models.base import Fitted
from nextitem.models.catalogue import MODELS, arguments
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import Finished, run

KINDS: dict[str, dict[str, Any]] = {
    "RP3beta": {},
    "TurboCF": {},
    "GFCF": {},
    "PureSVD": {},
    "SLIM": {"l2": 1.0},
    "LocalEASE": {"num_others": 3},
    "SANSA": {"num_others": 3},
    "UserKNN": {},
    "EDLAE": {},
    "SimGCL": {"num_layers": 2},
    "XSimGCL": {},
    "SGL": {"augmentation": "walk"},
    "DirectAU": {},
    "UltraGCN": {"num_negatives": 4},
    "SimpleX": {"aggregation": "mean"},
    "LogisticMF": {"num_negatives": 5},
    "CML": {},
    "PMF": {},
    "DSSM": {"layers": (8,)},
    "FM": {"item_columns": ("colour",)},
    "MultiDAE": {},
    "RecVAE": {},
    "IRGAN": {"warm_up_epochs": 1, "reward": "paper"},
    "NGCF": {"layer_dims": (8, 4)},
    "NCL": {"num_clusters": 3, "warm_up_epochs": 1},
    "CFKG": {},
    "CKE": {},
    "KGCL": {},
    "KGRec": {},
    "KTUP": {},
    "MKR": {},
    "KGAT": {"layer_dims": (8, 4), "attention": "learned"},
    "KGIN": {},
    "KGCN": {},
    "KGNNLS": {},
    "RippleNet": {},
    "DGRec": {},
    "DiffNet": {"num_layers": 1},
    "DiffNetPP": {},
    "DSL": {},
    "GBSR": {},
    "GraphRec": {"num_levels": 3},
    "SBPR": {},
    "SocialMF": {},
    "SoRec": {},
    "TrustMF": {},
    "TrustSVD": {},
    "MHCN": {},
    "SEPT": {"warm_up_epochs": 1},
    "CL4SRec": {},
    "DuoRec": {},
    "CoSeRec": {},
    "ICLRec": {"num_clusters": 4},
    "WEARec": {"contrast": "duorec"},
    "STOSA": {},
    "TiSASRec": {"time_span": 9},
    "SASRecF": {"ratings": True},
    "S3Rec": {"pretrain_epochs": 1},
    "FPMC": {},
    "TransRec": {},
    "HGN": {},
    "NARM": {"hidden_dim": 8},
    "CORE": {},
    "Caser": {},
    "LRURec": {},
    "DIN": {"hidden_sizes": (8,)},
    "GLINTRU": {"num_heads": 2},
    "TiM4Rec": {"head_dim": 8},
    "NPE": {},
    "SKNN": {},
    "VSKNN": {"idf": 1.0},
    "STAN": {"time_decay": 5.0},
    "BSARec": {"padding": "zero"},
    "FMLPRec": {},
    "FEARec": {"padding": "zero"},
    "TVRec": {"num_bases": 2, "orthogonality_weight": 0.001},
    "HSTU": {"time_bias": "next"},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty customers and twelve items with colours, makers and friends."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [
        {
            "user_id": f"u{user}",
            "item_id": f"i{(user + 5 * step) % 12}",
            "rating": 1 + step % 3,
            "timestamp": 10**9 + step**2,
        }
        for user in range(20)
        for step in range(6)
    ]
    pl.DataFrame(rows).write_csv(folder / "log.csv")
    items = [f"i{number}" for number in range(12)]
    pl.DataFrame({"item": items, "colour": [f"c{number % 4}" for number in range(12)]}).write_csv(folder / "items.csv")
    graph = {"head": items, "relation": ["made by"] * 12, "tail": [f"m{number % 3}" for number in range(12)]}
    pl.DataFrame(graph).write_csv(folder / "graph.csv")
    pl.DataFrame({"item": items, "entity": items}).write_csv(folder / "links.csv")
    pl.DataFrame({"source": [f"u{n}" for n in range(20)], "target": [f"u{(n + 1) % 20}" for n in range(20)]}).write_csv(
        folder / "trust.csv"
    )
    return folder


def recipe_of(name: str, shop: Path) -> Any:
    is_fitted = issubclass(MODELS[name], Fitted)  # which has no training, and keeps its size
    size = {"dim": 8} if "dim" in arguments(MODELS[name]) and not is_fitted else {}
    training: dict[str, Any] = {} if is_fitted else {"training": {"epochs": 2, "batch_size": 32}}
    side = {"item_table": "items.csv", "knowledge": "graph.csv", "links": "links.csv", "trust": "trust.csv"}
    return make_recipe(
        {
            "model": {"name": name, **size, **KINDS[name]},
            "data": {"source": str(shop / "log.csv"), **{key: str(shop / file) for key, file in side.items()}},
            "split": {"kind": "leave_one_out"},
            **training,
            "evaluation": {"metrics": ["hr@5"]},
        }
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_run_is_trained_and_loaded_without_its_data(name: str, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for file in shop.iterdir():
        (tmp_path / "shop" / file.name).write_bytes(file.read_bytes())
    events = list(run(recipe_of(name, tmp_path / "shop"), tmp_path / "run"))
    assert isinstance(events[-1], Finished)
    for file in (tmp_path / "shop").iterdir():
        file.unlink()
    loaded = nextitem.load(tmp_path / "run")
    beside: dict[str, Any] = {}
    if loaded.model.wanted().times or loaded.model.wanted().asked_at:
        beside["times"] = [[10**9, 10**9 + 5]]
    if loaded.model.wanted().ratings:
        beside["ratings"] = [[3, 1]]
    found = loaded.recommend([["i1", "i2"]], k=3, users=["u3"], **beside)[0].items
    assert len(found) == 3
    assert not {"i1", "i2"} & set(found)


def test_what_a_model_goes_by_is_asked_for_in_use(shop: Path, tmp_path: Path) -> None:
    list(run(recipe_of("TiSASRec", shop), tmp_path / "run"))
    loaded = nextitem.load(tmp_path / "run")
    with pytest.raises(InputError, match="TiSASRec goes by times: pass --times"):
        loaded.recommend([["i1"]], k=1)
    with pytest.raises(InputError, match="has 2 items and 1 times"):
        loaded.recommend([["i1", "i2"]], k=1, times=[[5]])
    with pytest.raises(InputError, match="does not go by ratings"):
        loaded.recommend([["i1"]], k=1, times=[[5]], ratings=[[1.0]])


@pytest.mark.parametrize("name", ["FPMC", "SKNN"])
def test_a_stranger_is_answered_by_the_history_alone(name: str, shop: Path, tmp_path: Path) -> None:
    list(run(recipe_of(name, shop), tmp_path / "run"))
    loaded = nextitem.load(tmp_path / "run")
    nobody, stranger, known = (
        loaded.recommend([["i1", "i2"]], k=3, users=users)[0] for users in (None, ["nobody"], ["u1"])
    )
    assert nobody == stranger
    assert not stranger.problem
    assert known.scores != nobody.scores
    with pytest.raises(InputError, match="one id for each history"):
        loaded.recommend([["i1"], ["i2"]], k=1, users=["u1"])


def test_who_is_told_the_time_of_the_target_says_so_and_takes_it_in_use(shop: Path, tmp_path: Path) -> None:
    list(run(recipe_of("HSTU", shop), tmp_path / "run"))
    loaded = nextitem.load(tmp_path / "run")
    assert loaded.report["protocol"].endswith(", the model is told the time of each target")
    soon, late = (
        loaded.recommend([["i1", "i2"]], k=3, times=[[10**9, 10**9 + 5]], at=[10**9 + after])[0].scores
        for after in (9, 10**6)
    )
    assert soon != late


@pytest.mark.parametrize(
    ("name", "key", "way"),
    [
        ("CKE", "knowledge", "--data.knowledge"),
        ("DiffNet", "trust", "--data.trust"),
        ("SASRecF", "item_table", "--data.item_table"),
    ],
)
def test_data_without_what_a_model_learns_from_is_refused(
    name: str, key: str, way: str, shop: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(name, shop)
    gone = {key: None, **({"links": None} if key == "knowledge" else {})}
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update=gone)})
    with pytest.raises(InputError, match=way):
        list(run(recipe, tmp_path / "run"))
