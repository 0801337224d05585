"""What README.md and docs/claims.md claim, a row each: its words there, what measures it, and when it holds.

An accuracy of one seed holds within three standard deviations of what seeds do (.0021 on Beauty, .0063 with sampled
negatives on ml-1m). A ratio of speeds holds down to the lowest that the page owns up to on other machines; where it
names none, down to three quarters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kept import Result, block_ratio, epoch_ratio, equal_width_ratio, growth, preparation_ratio

Reading = Callable[[Result], float]


@dataclass(frozen=True)
class Claim:
    name: str
    text: str  # as it stands in docs/claims.md
    command: tuple[str, ...]  # `nextitem` or a script here, and its options; {files}, {runs}: folders
    result: str  # the JSON file that it writes; {runs}, {results}: folders
    read: Reading
    at_least: float | None = None
    at_most: float | None = None
    peers: tuple[str, ...] = ()  # environments that peers/setup.sh makes
    files: tuple[str, ...] = ()

    @property
    def bound(self) -> str:
        return f">= {self.at_least}" if self.at_least is not None else f"<= {self.at_most}"

    @property
    def told(self) -> str:
        return " ".join(self.command)

    def holds(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


def tested(metric: str) -> Reading:
    return lambda report: float(report["test"][metric])


NDCG = tested("ndcg@10")


def mean_of(metric: str) -> Reading:
    return lambda result: float(result["test"][metric]["mean"])


def ratio(name: str) -> Reading:
    return lambda result: float(result["ratios"][name])


def trained(name: str, text: str, options: str, at_least: float, read: Reading = NDCG) -> Claim:
    """An accuracy of one run."""
    command = ("nextitem", "run", *options.split(), "--seed", "0", "--out", "{runs}/run")
    return Claim(name, text, command, "{runs}/run/report.json", read, at_least)


def seeded(name: str, text: str, file: str, seeds: str, options: str, at_least: float) -> Claim:
    """The mean of several seeds."""
    command = ("seeds.py", file, "--seeds", *seeds.split(), "--runs", "{runs}", "--", *options.split())
    return Claim(name, text, command, f"{{results}}/seeds_{file}.json", mean_of("ndcg@10"), at_least)


def paced(name: str, text: str, field: str, at_least: float, *peers: str) -> Claim:
    """A speed of SASRec beside a peer."""
    given = ("--data", "{files}/Beauty.txt.gz", "--long", "{files}/ml-1m.txt.gz")
    files = ("Beauty.txt.gz", "ml-1m.txt.gz")
    command = ("train_speed.py", *given)
    return Claim(name, text, command, "{results}/train_speed.json", ratio(field), at_least, None, peers, files)


def raced(name: str, text: str, model: str, batches: str, at_least: float) -> Claim:
    """An epoch beside RecBole's."""
    command, files = ("model_speed.py", "--data", "{files}/ml-100k.inter"), ("ml-100k.inter",)
    read: Reading = lambda result: epoch_ratio(result, model, batches)  # noqa: E731
    return Claim(name, text, command, "{results}/model_speed.json", read, at_least, None, ("recbole",), files)


def scanned(name: str, text: str, length: int, d_state: int, at_least: float) -> Claim:
    read: Reading = lambda result: block_ratio(result, length, d_state)  # noqa: E731
    return Claim(name, text, ("mamba_speed.py",), "{results}/mamba_speed.json", read, at_least, None, ("mamba",))


def widened(name: str, text: str, data: str, at_most: float) -> Claim:
    """An epoch of Mamba4Rec over one of SASRec."""
    files = ("Beauty.txt.gz", "ml-1m.txt.gz")
    given = ("--data", "{files}/Beauty.txt.gz", "{files}/ml-1m.txt.gz", "--max_length", "50", "200")
    read: Reading = lambda result: equal_width_ratio(result, data, "Mamba4Rec")  # noqa: E731
    result = "{results}/sequence_speed.json"
    return Claim(name, text, ("sequence_speed.py", *given), result, read, None, at_most, (), files)


def counted(report: Result) -> float:
    return float(report["baselines"]["MarkovChain"]["ndcg@10"])


BEAUTY = "-d amazon-beauty --split.min_length 4"
LONG = (
    "-d ml-1m -m SASRec --model.norm post --model.max_length 200 --loss.name bce --loss.num_negatives 2 "
    "--training.batches next_item --training.batch_size 64 --training.beta2 0.98 --training.schedule cosine "
    "--training.warmup_steps 100 --training.epochs 160 --training.evaluate_every 10 --training.patience 16 "
    "--evaluation.candidates 100 --evaluation.seen keep"
)
CE = f"{BEAUTY} -m SASRec --dim 64 --model.first_weights xavier --training.batches prefix"
BCE = (
    f"{BEAUTY} -m SASRec --loss.name bce --loss.num_negatives 32 --model.norm original --dim 64 "
    "--model.first_weights xavier --training.batches next_item --learning_rate 5e-4 --weight_decay 1e-6 --epochs 400 "
    "--training.evaluate_every 10 --training.patience 4"
)
SAMPLED = (
    f"{CE} --loss.name sampled_softmax --loss.num_negatives 512 --loss.sampler popularity --loss.power 0.5 "
    "--training.schedule cosine --epochs 24 --training.evaluate_every 4 --training.patience 6"
)
STAN = f"{BEAUTY} -m STAN"

CLAIMS = (
    seeded("sasrec_beauty", "**.0548 / .0921**", "beauty_sasrec", "0 1 2 3 4", f"{CE} --training.patience 5", 0.0538),
    trained("sasrec_bce_beauty", ".0365 / .0695", BCE, 0.0344),
    trained("sasrec_sampled_beauty", "**.0551 / .0916**", SAMPLED, 0.0530),
    trained("sasrec_ml1m", "**.5956 / .8233**", f"{LONG} --model.dim 128 --model.dropout 0.3", 0.5893),
    seeded("sasrec_ml1m_narrow", ".5906 / .8209", "ml-1m_bce", "0 1 2", f"{LONG} --model.dropout 0.2", 0.5870),
    trained("mamba_beauty", "**.0578 / .0974**", f"{BEAUTY} -m Mamba4Rec", 0.0557),
    trained("mamba2_beauty", ".0576 / .0939", f"{BEAUTY} -m Mamba4Rec --model.block mamba2 --model.d_state 64", 0.0555),
    trained("tvrec_beauty", "**.0600 / .1018**", f"{BEAUTY} -m TVRec", 0.0579),
    trained("stan_beauty", "**.0478 / .0775**", STAN, 0.0477),
    trained("counted_beauty", "MarkovChain, counted: .0439 / .0668", STAN, 0.0438, counted),
    trained("sigma_beauty", "**.0566 / .0935**", f"{BEAUTY} -m SIGMA", 0.0545),
    trained("mamba_ml1m", "**.1982 / .3394**", "-d ml-1m -m Mamba4Rec", 0.1950),
    trained("bert4rec_beauty", "**.0421 / .0752**", f"{BEAUTY} -m BERT4Rec", 0.0400),
    trained("gru4rec_beauty", "**.0379 / .0677**", f"{BEAUTY} -m GRU4Rec --training.evaluate_every 2", 0.0358),
    trained("bpr_ml100k", "**.2523, .2557, .7296**", "-d ml-100k -m BPR --like recstudio", 0.2470),
    paced("training_ce_freerec", "FreeRec: ratio **9.0**", "ce_freerec", 5.7, "freerec", "recbole"),
    paced("training_ce_recbole", "RecBole: ratio **53**", "ce_recbole", 29.8, "freerec", "recbole"),
    paced("training_bce_freerec", "FreeRec: ratio **14**", "bce_freerec", 10.8, "freerec", "recbole"),
    paced("training_long", "its steps alone: ratio **5.5**", "bce_sasrec_pytorch", 4.5, "freerec", "recbole"),
    paced("evaluation_freerec", "FreeRec: ratio **11.5**", "eval_freerec", 6.6, "freerec", "recbole"),
    paced("evaluation_recbole", "RecBole: ratio **32**", "eval_recbole", 15.9, "freerec", "recbole"),
    raced("epoch_bpr", "ratios **2.6**", "BPR", "pair", 1.9),
    raced("epoch_lightgcn", "**9.3**", "LightGCN", "pair", 6.9),
    raced("epoch_gru4rec", "**21**", "GRU4Rec", "next_item", 15.7),
    Claim("preparation", "RecBole: ratio **28**", ("prepare_speed.py", "--logs", "{files}"),
          "{results}/prepare_speed.json", preparation_ratio, 21, None, ("recbole",)),
    scanned("mamba_block_short", "ratios **34**", 50, 16, 25),
    scanned("mamba_block_states", "**40**", 50, 32, 30),
    scanned("mamba_block_long", "**49**", 200, 32, 36),
    widened("mamba_epoch_beauty", "**1.4**", "Beauty", 1.9),
    widened("mamba_epoch_ml1m", "**1.9**", "ml-1m", 2.5),
    Claim("catalogue", "**1.08**", ("catalogue_scaling.py",), "{results}/catalogue_scaling.json",
          lambda result: growth(result, "shared", "sparse_adam"), None, 1.4),
)  # fmt: skip
