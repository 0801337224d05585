"""Times a training epoch of SASRec in the shape of SASRec.pytorch (pmixer/SASRec.pytorch), with BCE. It runs in
nextitem's own python and needs torch alone; its last line is one JSON object.

SASRec.pytorch is no package, so nothing here is its own: the model is put together from the modules of torch that it
uses (`nn.MultiheadAttention` with a causal mask, two 1x1 convolutions, layer norms after the residuals), every row
is padded on the left to max_length, a positive and a negative item stand at each place, and the loss is taken where
the positive is real.

In its favour: the clock stands still while batches and negatives are made, for which SASRec.pytorch has three
processes beside the training, and nothing is evaluated.
"""

import gzip
import json
import os
import resource
import time
from statistics import median

import torch
from protocol import Options, parse_options
from torch import Tensor, nn
from torch.nn import functional as F

Batch = tuple[Tensor, Tensor, Tensor]  # items, positives and negatives (B, T), 0 where there is none
# Shapes: B users, T positions (max_length), D dim.


class Block(nn.Module):
    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, dropout)
        self.attention_norm, self.norm = (nn.LayerNorm(dim, eps=1e-8) for _ in range(2))
        self.feed_forward = nn.Sequential(
            nn.Conv1d(dim, dim, kernel_size=1),
            nn.Dropout(dropout),
            nn.ReLU(),
            nn.Conv1d(dim, dim, kernel_size=1),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, is_future: Tensor) -> Tensor:  # (B, T, D) -> (B, T, D)
        y = x.transpose(0, 1)
        y = self.attention_norm(y + self.attention(y, y, y, attn_mask=is_future)[0]).transpose(0, 1)
        return self.norm(y + self.feed_forward(y.transpose(1, 2)).transpose(1, 2))


class SASRec(nn.Module):
    def __init__(self, num_items: int, options: Options) -> None:
        super().__init__()
        self.items = nn.Embedding(num_items + 1, options.dim, padding_idx=0)
        self.positions = nn.Embedding(options.max_length + 1, options.dim, padding_idx=0)
        self.dropout = nn.Dropout(options.dropout)
        self.blocks = nn.ModuleList(Block(options.dim, options.heads, options.dropout) for _ in range(options.blocks))
        self.last_norm = nn.LayerNorm(options.dim, eps=1e-8)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.xavier_normal_(weight)

    def forward(self, items: Tensor, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:  # (B, T) each
        length = items.shape[1]
        places = torch.arange(1, length + 1) * (items != 0)
        x = self.dropout(self.items(items) * self.items.embedding_dim**0.5 + self.positions(places))
        is_future = torch.ones(length, length, dtype=torch.bool).triu(1)
        for block in self.blocks:
            x = block(x, is_future)
        x = self.last_norm(x)
        return (x * self.items(positives)).sum(-1), (x * self.items(negatives)).sum(-1)


def read_sequences(options: Options) -> tuple[list[Tensor], int]:
    """The train items of every user with a target among them: all but the last two; and the number of items."""
    items_of: dict[str, list[int]] = {}
    with gzip.open(options.data, "rt") as lines:
        for line in lines:  # `user item ...`
            user, *items = line.split()
            items_of.setdefault(user, []).extend(map(int, items))
    numbers = torch.tensor(sorted({item for items in items_of.values() for item in items}))
    kept = [torch.tensor(items[:-2]) for items in items_of.values() if len(items) >= 4]
    return [torch.searchsorted(numbers, one) + 1 for one in kept], len(numbers)


def draw_batches(sequences: list[Tensor], num_items: int, options: Options) -> list[Batch]:
    """An epoch of shuffled users; a negative is an item that the user has not met."""
    batches = []
    for rows in torch.randperm(len(sequences)).split(options.batch_size):
        items, positives, negatives = torch.zeros(3, len(rows), options.max_length, dtype=torch.long)
        for place, row in enumerate(rows.tolist()):
            sequence = sequences[row][-options.max_length - 1 :]
            many = len(sequence) - 1
            items[place, -many:], positives[place, -many:] = sequence[:-1], sequence[1:]
            is_free = torch.ones(num_items)
            is_free[sequences[row] - 1] = 0
            negatives[place, -many:] = torch.multinomial(is_free, many, replacement=True) + 1
        batches.append((items, positives, negatives))
    return batches


def train_epoch(model: SASRec, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> int:
    """The number of targets."""
    targets = 0
    for items, positives, negatives in batches:
        of_positives, of_negatives = model(items, positives, negatives)
        is_real = positives != 0
        good, bad = of_positives[is_real], of_negatives[is_real]
        loss = F.binary_cross_entropy_with_logits(good, torch.ones_like(good))
        loss = loss + F.binary_cross_entropy_with_logits(bad, torch.zeros_like(bad))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        targets += len(good)
    return targets


def main() -> None:
    options = parse_options("Time SASRec in the shape of SASRec.pytorch.", losses=("BCE",))
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    sequences, num_items = read_sequences(options)
    model = SASRec(num_items, options)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98))
    train_seconds, ends, targets = [], [], 0
    for _ in range(options.epochs):
        batches = draw_batches(sequences, num_items, options)[: options.max_steps or None]
        start = time.perf_counter()
        targets = train_epoch(model, optimizer, batches)
        train_seconds.append(time.perf_counter() - start)
        ends.append(time.time())
    report = {
        "peer": "sasrec.pytorch",
        "version": f"its shape in torch {torch.__version__}",
        "loss": options.loss,
        "train_seconds": train_seconds,
        "target_positions": targets,
        "positions_per_second": targets / median(train_seconds),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": options.threads,
        "cores": os.cpu_count(),
        "batch_size": options.batch_size,
        "epoch_ends": ends,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
