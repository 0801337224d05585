"""Hashing of whole arrays: 64 bits, the same on every machine and in every run."""

from __future__ import annotations

import numpy as np

STEP, FIRST, SECOND = (np.uint64(one) for one in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def sums(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Of consecutive groups that end there, modulo 2^64."""
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
    of_groups: np.ndarray = np.diff(total[np.concatenate([[0], ends])])
    return of_groups


def mix(values: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser: bits of uint64 well stirred, modulo 2^64 (Steele, Lea and Flood 2014)."""
    mixed = values + STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * SECOND
    stirred: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return stirred
