"""How much memory a process may use, and what is refused."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest

from nextitem import memory
from nextitem.errors import InputError
from nextitem.memory import _limit, refuse_too_much, usable_memory


def limited(root: Path, path: str, file: str, content: str) -> None:
    (root / path).mkdir(parents=True, exist_ok=True)
    (root / path / file).write_text(content + "\n")


def test_a_limit_of_version_2_is_in_bytes_and_that_of_a_group_above_counts(tmp_path: Path) -> None:
    limited(tmp_path, "a/b", "memory.max", "max")
    limited(tmp_path, "a", "memory.max", "2000000000")
    (tmp_path / "membership").write_text("0::/a/b\n")
    assert _limit(tmp_path, tmp_path / "membership") == 2e9


def test_version_1_has_a_folder_for_memory(tmp_path: Path) -> None:
    limited(tmp_path, "memory/job", "memory.limit_in_bytes", "3000000000")
    (tmp_path / "membership").write_text("4:memory:/job\n3:cpu,cpuacct:/job\n")
    assert _limit(tmp_path, tmp_path / "membership") == 3e9


def test_without_groups_the_machine_limits(tmp_path: Path) -> None:
    assert _limit(tmp_path, tmp_path / "none") == math.inf
    assert 1e8 < usable_memory() < 1e15


def test_what_will_be_held_is_said_and_too_much_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "usable_memory", lambda: 5e9)
    with caplog.at_level(logging.INFO):
        refuse_too_much("EASE", 5e9, "all pairs", "take SANSA")
    assert caplog.messages == ["EASE holds up to 5.0 GB for all pairs"]
    with pytest.raises(InputError, match=r"EASE would hold 5\.1 GB for all pairs, .* may use 5\.0 GB; take SANSA"):
        refuse_too_much("EASE", 5.1e9, "all pairs", "take SANSA")
