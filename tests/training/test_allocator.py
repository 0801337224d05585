"""Memory that is kept: measured in page faults, in a process of its own, since the setting stays."""

import os
import subprocess
import sys

import pytest

from nextitem.training.allocator import SETTINGS, keep_freed_memory

FAULTS = """
import resource, sys
import torch
from nextitem.training.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [torch.ones(1_000_000) for _ in range(60)]  # 240 MB, more than 58,000 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = [faults(), faults()][-1]
if not keep_freed_memory():
    sys.exit("not set")
print(before, [faults(), faults()][-1])
"""


def faults_of(**environment: str) -> list[int]:
    """When the same blocks are taken for the second time: as it is, and when freed memory is kept."""
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=clean | environment, capture_output=True, text=True, check=True
    )
    return [int(count) for count in done.stdout.split()]


glibc = pytest.mark.skipif(not keep_freed_memory(), reason="the C library is not glibc")


@glibc
def test_blocks_that_were_given_back_bring_few_page_faults() -> None:
    as_it_is, kept = faults_of()
    assert kept * 3 < as_it_is


@glibc
def test_what_the_environment_sets_stays() -> None:
    few = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    assert min(faults_of(**few)) > 50_000
