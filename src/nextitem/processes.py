"""Processes: the ranks of a run, started together by torchrun, and what they tell each other.

Everything goes over the CPU (gloo), whatever the gradients take: these are single numbers, ranks of users and files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import numpy as np
import torch
import torch.distributed as dist

from nextitem.errors import InputError, LostProcessError, ToldError

TIMEOUT = timedelta(minutes=30)  # without an answer: as long as one process may prepare data while the others wait


@dataclass(frozen=True)
class Processes:
    """This process (`rank` of `size`, `local_rank` of the `local_size` on this machine). Alone, unless told else."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    is_launched: bool = False  # by torchrun

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0

    @property
    def is_first_here(self) -> bool:
        """Whether this is the first of its machine."""
        return self.local_rank == 0

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over all processes, element by element; the same bits in each of them."""
        if self.size == 1:
            return values
        total = torch.from_numpy(values.copy())
        dist.all_reduce(total)
        return total.numpy()

    def total(self, value: float) -> float:
        """The sum of a number over all processes."""
        return value if self.size == 1 else float(self.sum(np.array([value]))[0])

    def gather(self, text: str) -> list[str]:
        """The texts of all processes, in order of rank."""
        content = np.frombuffer(text.encode(), dtype=np.uint8)
        lengths = np.zeros(self.size, dtype=np.int64)
        lengths[self.rank] = len(content)
        lengths = self.sum(lengths)
        table = np.zeros((self.size, int(lengths.max())), dtype=np.uint8)
        table[self.rank, : len(content)] = content
        table = self.sum(table)
        return [table[rank, :length].tobytes().decode() for rank, length in enumerate(lengths)]

    def from_first(self, make: Callable[[], bytes]) -> bytes:
        """What `make` returns in the first process, which alone calls it.

        Raises:
            InputError: `make` raised it; it ends every process.
        """
        if self.size == 1:
            return make()
        if not self.is_first:
            return _received()
        try:
            content = make()
        except InputError as error:
            _send(str(error).encode(), is_error=True)
            raise
        _send(content)
        return content

    def demand(self, is_right: bool, message: str) -> None:
        """Raises InputError everywhere, if it is not right in some process."""
        if self.total(float(not is_right)):
            raise (ToldError if is_right else InputError)(message)


ALONE = Processes()


@contextmanager
def joined(device: str = "cpu") -> Iterator[Processes]:
    """The processes that torchrun started, connected until the block ends; without torchrun this one alone.

    A process group that exists already (of the same ranks) is used and left open.

    Raises:
        LostProcessError: another process ended, or gave no answer for `TIMEOUT`.
    """
    if not dist.is_available() or not dist.is_torchelastic_launched():
        yield ALONE
        return
    rank, size, local_rank, local_size = (
        int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    is_ours, is_lost = not dist.is_initialized(), False
    try:
        if is_ours:
            dist.init_process_group(_backend(device, local_rank), rank=rank, world_size=size, timeout=TIMEOUT)
        yield Processes(rank, size, local_rank, local_size, is_launched=True)
    except RuntimeError as error:
        is_lost = _is_of_connection(error)
        if not is_lost:
            raise
        raise LostProcessError(
            f"another of the {size} processes has ended, or does not answer; this one stops too. What that one printed "
            "says why. The same command continues where the last whole epoch ended"
        ) from error
    finally:
        if is_ours and not is_lost and dist.is_initialized():  # a lost process would be waited for
            dist.destroy_process_group()


def leave(code: int) -> NoReturn:
    """End this process of several at once, when nothing is left to do.

    A thread of gloo may still hold a tensor. Letting go of it while Python finalises, it asks for an interpreter that
    is gone, and aborts the process (github.com/pytorch/pytorch/issues/190489): a run that succeeded would exit with -6.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _backend(device: str, local_rank: int) -> str:
    """Tensors on the CPU go by gloo, those on GPUs by NCCL."""
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        torch.cuda.set_device(local_rank)
        return "cpu:gloo,cuda:nccl"
    if device == "mps":
        raise InputError('training.device: processes share no "mps" device; take cpu, or one process')
    return "gloo"


def _is_of_connection(error: RuntimeError) -> bool:
    """torch has a class of its own for some of these, and a bare RuntimeError with gloo's words for others."""
    words = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
    return isinstance(error, dist.DistError) or any(word in str(error) for word in words)


def _send(content: bytes, is_error: bool = False) -> None:
    dist.broadcast(torch.tensor([len(content), is_error]), 0)
    if content:
        dist.broadcast(torch.frombuffer(bytearray(content), dtype=torch.uint8), 0)


def _received() -> bytes:
    head = torch.zeros(2, dtype=torch.int64)
    dist.broadcast(head, 0)
    size, is_error = head.tolist()
    content = torch.zeros(size, dtype=torch.uint8)
    if size:
        dist.broadcast(content, 0)
    if is_error:
        raise ToldError(content.numpy().tobytes().decode())
    return content.numpy().tobytes()
