"""Times SASRec in FreeRec: training epochs and the full-ranking evaluation. Run it with the python
of the freerec environment that setup.sh makes; its last line is one JSON object.

FreeRec's own, called as its users call it: the preparation and the split of the data
(`AtomicConverter`, the class behind `freerec make`), `NextItemRecDataSet`, the datapipes and their
loader, the criteria, the optimizer, `Coach.train` and `Coach.test` (HitRate@10 and NDCG@10 over all
items, seen items masked).

Ours: the clock, and what FreeRec leaves to its users, namely the model and the loop of
`train_per_epoch`. They follow the SASRec of RecBoard, FreeRec's collection of models: the original
layout (only the query is normalised; 1x1 convolutions), one sequence a user and epoch, the loss on
all real positions, one negative a position for BCE, all items for CE.

Two choices in FreeRec's favour: CE draws no negatives (RecBoard draws them without using them), and
no worker processes load the data unless asked for with --workers (FreeRec's default is 4, which did
not pay on two cores).
"""

import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch
from freerec.criterions import BCELoss4Logits, CrossEntropy4Logits
from freerec.data.datasets import NextItemRecDataSet
from freerec.data.fields import Field
from freerec.data.postprocessing import PostProcessor
from freerec.data.preprocessing.base import AtomicConverter
from freerec.launcher import Coach
from freerec.models import SeqRecArch
from freerec.parser import Parser
from protocol import Options, parse_options, print_report, write_interactions
from torch import Tensor, nn

Batch = dict[Field, Tensor]
# Shapes: B users, T positions (max_length), D dim, M real positions of a batch, N items.


class Block(nn.Module):
    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(dim, eps=1e-8)
        self.attention = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.norm = nn.LayerNorm(dim, eps=1e-8)
        self.feed_forward = nn.Sequential(
            nn.Conv1d(dim, dim, kernel_size=1),
            nn.Dropout(dropout),
            nn.ReLU(),
            nn.Conv1d(dim, dim, kernel_size=1),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, is_future: Tensor) -> Tensor:  # (B, T, D) -> (B, T, D)
        query = self.query_norm(x)
        x = self.norm(x + self.attention(query, x, x, attn_mask=is_future, need_weights=False)[0])
        return x + self.feed_forward(x.transpose(1, 2)).transpose(1, 2)


class SASRec(SeqRecArch):
    def __init__(self, dataset: NextItemRecDataSet, options: Options) -> None:
        super().__init__(dataset)
        dim, length = options.dim, options.max_length
        self.loss, self.max_length = options.loss, length
        self.items = nn.Embedding(self.Item.count + self.NUM_PADS, dim, self.PADDING_VALUE)
        self.positions = nn.Embedding(length, dim)
        self.dropout = nn.Dropout(options.dropout)
        self.blocks = nn.ModuleList(Block(dim, options.heads, options.dropout) for _ in range(options.blocks))
        self.last_norm = nn.LayerNorm(dim, eps=1e-8)
        self.register_buffer("is_future", torch.ones(length, length, dtype=torch.bool).triu(1))
        self.criterion = BCELoss4Logits() if options.loss == "BCE" else CrossEntropy4Logits()
        nn.init.xavier_normal_(self.items.weight)
        nn.init.xavier_normal_(self.positions.weight)

    def sure_trainpipe(self, batch_size: int) -> PostProcessor:
        pipe = self.dataset.train().shuffled_seqs_source(maxlen=self.max_length)
        pipe = pipe.seq_train_yielding_pos_(start_idx_for_target=1, end_idx_for_input=-1)
        padded = [self.ISeq, self.IPos]
        if self.loss == "BCE":
            pipe = pipe.seq_train_sampling_neg_(num_negatives=1)
            padded.append(self.INeg)
        pipe = pipe.add_(offset=self.NUM_PADS, modified_fields=(self.ISeq,))
        pipe = pipe.lpad_(self.max_length, modified_fields=padded, padding_value=self.PADDING_VALUE)
        return pipe.batch_(batch_size).tensor_()

    def encode(self, data: Batch) -> tuple[Tensor, Tensor]:  # (B, T, D), (N, D)
        history = data[self.ISeq]  # (B, T)
        is_padding = (history == self.PADDING_VALUE).unsqueeze(-1)
        x = self.items(history) * self.items.embedding_dim**0.5 + self.positions.weight
        x = self.dropout(x).masked_fill(is_padding, 0.0)
        for block in self.blocks:
            x = block(x, self.is_future).masked_fill(is_padding, 0.0)
        return self.last_norm(x), self.items.weight[self.NUM_PADS :]

    def fit(self, data: Batch) -> Tensor:
        x, items = self.encode(data)
        is_real = data[self.ISeq] != self.PADDING_VALUE
        x, target = x[is_real], data[self.IPos][is_real]  # (M, D), (M,)
        if self.loss == "CE":
            return self.criterion(x @ items.T, target)
        positive = (x * items[target]).sum(-1)  # (M,)
        negative = (x * items[data[self.INeg][is_real]]).sum(-1)  # (M,)
        ones, zeros = torch.ones_like(positive), torch.zeros_like(negative)
        return self.criterion(positive, ones) + self.criterion(negative, zeros)

    def recommend_from_full(self, data: Batch) -> Tensor:  # (B, N)
        x, items = self.encode(data)
        return x[:, -1] @ items.T


class SASRecCoach(Coach):
    def train_per_epoch(self, epoch: int) -> None:
        for data in self.dataloader:
            data = self.dict_to_device(data)
            loss = self.model(data)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.monitor(loss.item(), n=len(data[self.User]), mode="train", pool=["LOSS"])


def prepare_dataset(data: Path, root: Path) -> NextItemRecDataSet:
    """FreeRec's leave-one-out split, without any filter."""
    shutil.rmtree(root, ignore_errors=True)  # FreeRec reuses what it finds, also of another data file
    write_interactions(data, root / "Data" / "Data.inter", header="USER\tITEM\tTIMESTAMP")
    AtomicConverter(str(root), "Data", filedir=None).make_dataset(0, 0, 0, splitting="LOU")
    return NextItemRecDataSet(str(root), "Data_000_LOU")


def build_coach(options: Options) -> Coach:
    cfg = Parser()
    cfg.set_defaults(description="SASRec", dataset="Data", device="cpu", num_workers=options.workers)
    cfg.set_defaults(optimizer="adam", lr=1e-3, weight_decay=0.0, epochs=options.epochs, seed=1)
    cfg.set_defaults(batch_size=options.batch_size, monitors=["HitRate@10", "NDCG@10"], which4best="NDCG@10")
    cfg.compile()
    dataset = prepare_dataset(options.data, Path("freerec-data"))
    model = SASRec(dataset, options)
    return SASRecCoach(
        dataset=dataset,
        trainpipe=model.sure_trainpipe(options.batch_size),
        validpipe=model.sure_validpipe(options.max_length),
        testpipe=model.sure_testpipe(options.max_length),
        model=model,
        cfg=cfg,
    )


def main() -> None:
    options = parse_options("Time SASRec in FreeRec.", losses=("CE", "BCE"))
    if options.max_steps:
        sys.exit("freerec_sasrec.py times whole epochs only: leave --max_steps out")
    options.workdir.mkdir(parents=True, exist_ok=True)
    os.chdir(options.workdir)  # FreeRec writes logs and checkpoints below the current folder
    del sys.argv[1:]  # FreeRec's parser reads the command line too, and knows other options
    torch.set_num_threads(options.threads)
    coach = build_coach(options)

    train_seconds = []
    for epoch in range(1, options.epochs + 1):
        start = time.perf_counter()
        coach.train(epoch)
        train_seconds.append(time.perf_counter() - start)

    coach.test(options.epochs)  # a warm-up: the first call also looks for repeated items
    start = time.perf_counter()
    coach.test(options.epochs)
    evaluation_seconds = time.perf_counter() - start
    coach.shutdown()

    # A user's last max_length train items make one target less than they are items.
    lengths = coach.dataset.train().seqlens()
    targets = sum(max(min(length, options.max_length) - 1, 0) for length in lengths)
    users = coach.dataset.testsize
    print_report("freerec", version("freerec"), options, train_seconds, targets, users, evaluation_seconds)


if __name__ == "__main__":
    main()
