"""README.md, its part of tables: one a question, each read from results/ and followed by where and when it was made."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from kept import (
    block_ratio,
    equal_width_ratio,
    everyone,
    growth,
    is_of,
    is_shape,
    kept,
    made,
    seconds,
    served,
    sharded,
    speeds,
    step,
)  # fmt: skip
from tables import Lines, as_markdown

MODELS = ("SASRec", "GRU4Rec", "BERT4Rec", "BPR", "LightGCN", "NCF", "ItemKNN", "EASE", "IALS", "MultiVAE",
          "MarkovChain", "Popularity")  # fmt: skip
LOSSES = ("sampled_softmax", "info_nce", "bce", "bpr", "bpr_max")


def overview() -> str:
    return "\n".join(_sections())


def _sections() -> Iterator[str]:
    train = "train_speed.py --data Beauty.txt.gz --long ml-1m.txt.gz"
    yield _section("SASRec beside the peers", train, TRAINING, _training(), "train_speed")
    models = "model_speed.py --data ml-100k.inter"
    yield _section("Other models beside RecBole", models, EPOCHS, _epochs(), "model_speed", "model_speed_knowledge")
    widths = "sequence_speed.py --data Beauty.txt.gz ml-1m.txt.gz --max_length 50 200"
    yield _section("Sequence models at equal width", widths, WIDTHS, _widths(), "sequence_speed")
    yield _section("A Mamba block", "mamba_speed.py", BLOCK, _blocks(), "mamba_speed")
    prepare = "prepare_speed.py --logs FOLDER, shards_speed.py --logs FOLDER"
    yield _section("Preparation", prepare, PREPARED, _prepared(), "prepare_speed", "shards_speed")
    yield _section("As the catalogue grows", "catalogue_scaling.py", GROWN, _grown(), "catalogue_scaling")
    yield _section("Accuracy, more than a run each", "seeds.py --help", SEEDS, _seeds(), *ACCURATE)
    yield _section("Sampled losses", "loss_table.py", LOSS, _losses(), "losses_amazon-beauty")
    serving = "serving.py --run RUN --out FILE, everyone.py --logs FOLDER"
    yield _section("In use", serving, SERVED, _served(), *SERVING, "everyone")


def one_table() -> str:
    """For the boards: what model_table.py measured."""
    return _section("Models in one table", "model_table.py -d ml-100k", TABLE, _models(), *TABLES)[1:]


TRAINING = (
    "Amazon Beauty, dim 64, histories of 50, a second; the ratios of three other machines beside. Zen 4 and Intel: "
    "newer code, {day}; Zen 4 with bf16 products CE {ce_bf16_freerec:.1f} and {ce_bf16_recbole:.1f}"
)
EPOCHS = "Seconds of an epoch of ml-100k; dim 64, RecBole's loaders and trainer as its users call them"
WIDTHS = "Seconds of an epoch, dim 64, cross-entropy, a row a user; in brackets, over SASRec's"
BLOCK = "Forward and backward, ms; ratios to mambapy's parallel scan and to a loop in torch"
PREPARED = (
    "Synthetic logs in Parquet, 5-core, leave-one-out. 10 million as CSV: {ours:.1f} s, RecBole {theirs:.0f} s; as "
    "50 files with a condition {shards:.1f} s, RecBole's plain file {rows:.0f} s; 100 million so {most:.0f} s, "
    "{held:,.0f} MB"
)
GROWN = "Milliseconds of a step of SASRec, 128 rows of 50, 256 negatives (over that of 10 thousand items)"
SEEDS = "Test figures, the epoch by validation; `learning_curve.py RUN` keeps the road of one run"
LOSS = "Amazon Beauty, one setting for all, test ndcg@10, one seed: what a loss does untuned (gbce: LOG.md)"
SERVED = (
    "Requests a second of so many clients, FastAPI and torch in thirty lines / `nextitem serve`, on loopback. To all "
    "{users:,} users of a log of {millions} million, PureSVD: {ours:,.0f} a second in {peak:,.0f} MB, RecTools "
    "{theirs:,.0f}"
)
TABLE = "Test ndcg@10, every model by its own recipe, one seed"


def _section(question: str, command: str, about: str, lines: Lines, *names: str) -> str:
    if about is TRAINING:
        newer = kept("train_speed_zen4")
        about = about.format(day=newer["machine"]["date"], **newer["ratios"])
    if about is PREPARED:
        contest = kept("prepare_speed")["contest"]
        ours, theirs = (contest[one]["seconds"]["all"] for one in ("csv", "peer"))
        about = about.format(ours=ours, theirs=theirs, **sharded(kept("shards_speed")))
    if about is SERVED:
        about = about.format(**everyone(kept("everyone")))
    when = "; ".join(dict.fromkeys(made(name) for name in names))
    said = textwrap.fill(f"`{command}`. {about}. {when}.", 122, break_on_hyphens=False, break_long_words=False)
    return f"### {question}\n{said}\n\n{as_markdown(lines)}\n"


def _training() -> Lines:
    results = [kept(name) for name in ("train_speed", "train_speed_zen4", "train_speed_avx2", "train_speed_intel")]
    pairs = {(pair["peer"]["peer"], pair["peer"]["loss"]): pair for pair in results[0]["runs"]}
    long = results[0]["long"][0]
    rows = [
        ("targets, CE", "FreeRec", speeds(pairs["freerec", "CE"], "positions_per_second"), "ce_freerec"),
        ("targets, CE", "RecBole", speeds(pairs["recbole", "CE"], "positions_per_second"), "ce_recbole"),
        ("targets, BCE", "FreeRec", speeds(pairs["freerec", "BCE"], "positions_per_second"), "bce_freerec"),
        ("users ranked", "FreeRec", speeds(pairs["freerec", "CE"], "users_per_second"), "eval_freerec"),
        ("users ranked", "RecBole", speeds(pairs["recbole", "CE"], "users_per_second"), "eval_recbole"),
        ("targets, BCE, ml-1m of 200", "shape of SASRec.pytorch", speeds(long, "positions_per_second"),
         "bce_sasrec_pytorch"),
    ]  # fmt: skip
    lines = []
    for what, peer, (theirs, ours), ratio in rows:
        others = [f"{one['ratios'][ratio]:.1f}" if ratio in one["ratios"] else "" for one in results[1:]]
        lines.append([what, peer, f"{theirs:,.0f}", f"{ours:,.0f}", f"**{results[0]['ratios'][ratio]:.1f}**", *others])
    return ["a second", "peer", "the peer's", "nextitem's", "ratio", "Zen 4", "no AVX-512", "Intel"], lines


def _epochs() -> Lines:
    lines = []
    for name in ("model_speed", "model_speed_knowledge"):
        for pair in kept(name)["runs"]:
            theirs, ours = seconds(pair, "epoch_seconds")
            batches = pair["nextitem"][0]["batches"]
            assert is_of(pair, pair["peer"]["model"], batches)
            lines.append([pair["peer"]["model"], batches, f"{theirs:.2f}", f"{ours:.2f}", f"**{theirs / ours:.1f}**"])
    return ["model", "nextitem's rows", "RecBole, s", "nextitem, s", "ratio"], lines


def _widths() -> Lines:
    result, models = kept("sequence_speed"), ("SASRec", "Mamba4Rec", "Mamba4Rec, mamba2", "GRU4Rec", "BERT4Rec")
    lines = []
    for data, words in (("Beauty", "Beauty, histories of 50"), ("ml-1m", "ml-1m, histories of 200")):
        rows = {row["model"]: sorted(row["seconds"]) for row in result["runs"] if row["data"].startswith(data)}
        middle = {model: found[len(found) // 2] for model, found in rows.items()}
        cells = [f"{middle[model]:.1f} ({equal_width_ratio(result, data, model):.2f})" for model in models]
        lines.append([words, *cells])
    return ["data", *models], lines


def _blocks() -> Lines:
    result = kept("mamba_speed")
    lines = []
    for batch, length, states in ((256, 50, 16), (256, 50, 32), (128, 200, 32)):
        (pair,) = (one for one in result["runs"] if is_shape(one["peer"], "mambapy", length, states))
        theirs, ours = (1000 * value for value in seconds(pair, "seconds"))
        ratios = [f"**{block_ratio(result, length, states, peer):.1f}**" for peer in ("mambapy", "loop")]
        lines.append([f"{batch}, {length}, {states}", f"{ours:.0f}", f"{theirs:,.0f}", *ratios])
    return ["batch, length, d_state", "nextitem", "mambapy", "ratio", "ratio to a loop"], lines


def _prepared() -> Lines:
    runs = kept("prepare_speed")["runs"]
    lines = [
        ["seconds", *(f"{one['nextitem']['seconds']['all']:.1f}" for one in runs)],
        ["peak MB", *(f"{one['nextitem']['peak_mb']:,.0f}" for one in runs)],
    ]
    return ["million rows", *(str(one["millions"]) for one in runs)], lines


def _grown() -> Lines:
    result, sizes = kept("catalogue_scaling"), (10_000, 100_000, 1_000_000, 5_000_000)
    lines = []
    for loss, optimizer in (("shared", "sparse_adam"), ("own", "sparse_adam"), ("own", "adam"), ("full", "adam")):
        steps = [step(result, loss, optimizer, size) for size in sizes]
        cells = ["" if one is None else f"{one:,.0f} ({one / (steps[0] or one):.2f})" for one in steps]
        if loss == "shared":
            cells[-1] = f"{steps[-1]:,.0f} (**{growth(result, loss, optimizer):.2f}**)"
        lines.append([f"{loss}, {optimizer}", *cells])
    return ["negatives, optimizer", *(f"{size:,}" for size in sizes)], lines


SERVING = {
    "serving_sasrec": "SASRec, ml-1m",
    "serving_mamba4rec": "Mamba4Rec, ml-1m",
    "serving_million": "SASRec, a million items",
    "serving_million_ann": "the same, by an index",
}


def _served() -> Lines:
    lines = []
    for name, words in SERVING.items():
        result = kept(name)
        rates = [[served(result, server, count)[0] for server in ("plain", "batched")] for count in (1, 8, 64)]
        late = [f"{served(result, server, 64)[1]:,.0f}" for server in ("plain", "batched")]
        cells = [f"{theirs:,.0f} / {ours:,.0f}" for theirs, ours in rates]
        lines.append([words, *cells, f"**{rates[2][1] / rates[2][0]:.1f}**", " / ".join(late)])
    return ["run", "1 client", "8 clients", "64 clients", "ratio", "their p99, ms"], lines


ACCURATE = ("seeds_beauty_sasrec", "seeds_ml-1m_bce", "curve_ml-1m_bce", "curve_ml-1m_mamba")


def _seeds() -> Lines:
    names = ("SASRec, CE, dim 64, Amazon Beauty, full ranking", "SASRec, BCE, dim 64, ml-1m, 100 sampled",
             "SASRec, BCE, dim 128, ml-1m, 100 sampled", "Mamba4Rec, CE, dim 64, ml-1m, full ranking")  # fmt: skip
    lines = []
    for words, name in zip(names, ACCURATE, strict=True):
        result = kept(name)
        test = [result["test"][metric] for metric in ("ndcg@10", "hr@10")]
        if name.startswith("curve"):
            lines.append([words, "1", *(f"{one:.4f}" for one in test)])
        else:
            spread = [f"{one['mean']:.4f} ± {one['standard_deviation']:.4f}" for one in test]
            lines.append([words, str(len(result["runs"])), *spread])
    return ["model, data, ranking", "seeds", "ndcg@10", "hr@10"], lines


def _losses() -> Lines:
    runs = {(one["sampler"], one["loss"]): one["test"]["ndcg@10"] for one in kept("losses_amazon-beauty")["runs"]}
    samplers = dict.fromkeys(sampler for sampler, _ in runs)
    lines = [[sampler, *(f"{runs[sampler, loss]:.4f}" for loss in LOSSES)] for sampler in samplers]
    return ["negatives", *LOSSES], lines


TABLES = ("models_ml-100k_leave_one_out", "models_ml-100k_user_entry", "models_ml-1m_user_entry")


def _models() -> Lines:
    names = ("ml-100k, leave-one-out", "ml-100k, 0.8/0.1/0.1", "ml-1m, 0.8/0.1/0.1")
    lines = []
    for words, name in zip(names, TABLES, strict=True):
        result = kept(name)
        found = {run["model"]: run["test"]["ndcg@10"] for run in result["runs"]}
        found |= {"Popularity": result["runs"][0]["baselines"]["Popularity"]["ndcg@10"]} | found
        lines.append([words, *(f"{found[model]:.4f}" for model in MODELS)])
    return ["data, split", *MODELS], lines
