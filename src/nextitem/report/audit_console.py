"""The audit in the terminal: a bar over its trials with the time that is left, then the verdict."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from nextitem.analysis.audit import Audit, Step
from nextitem.report.audit_text import headline, sentences
from nextitem.report.tables import indented
from nextitem.terminal import text_column


class AuditView:
    def __init__(self, console: Console, origin: str) -> None:
        self.console, self.started = console, time.perf_counter()
        self.audit: Audit | None = None
        console.print(origin, highlight=False, soft_wrap=True)
        columns = (text_column("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        left = (text_column("left, about"), TimeRemainingColumn())
        self.bar = Progress(*columns, *left, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task("the data", total=None)

    def __enter__(self) -> AuditView:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def show(self, event: Step | Audit) -> None:
        if isinstance(event, Audit):
            self.audit = event
            return
        name = event.name
        if event.progress is not None:
            self.bar.update(self.task, total=event.total, description=f"{name}, epoch {event.progress.epoch.number}")
            return
        self.bar.update(self.task, total=event.total, completed=event.number, description=name)
        seconds = time.perf_counter() - self.started
        self.console.print(f"{event.number}/{event.total} {name} ({seconds:.0f} s)", highlight=False)

    def finish(self, folder: Path) -> None:
        assert self.audit is not None
        self.console.print()
        self.console.print(headline(self.audit), style="bold", highlight=False)
        for sentence in sentences(self.audit):
            self.console.print(indented(Text(sentence)))
        self.console.print(f"kept in {folder}: report.html, report.md, audit.json", highlight=False, soft_wrap=True)

    def facts(self) -> dict[str, Any]:
        """The content of audit.json."""
        assert self.audit is not None
        found: dict[str, Any] = json.loads(self.audit.to_json())
        return found
