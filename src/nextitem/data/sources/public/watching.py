"""Watching a download: the terms of use before it, a progress bar on stderr while it lasts."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn

from nextitem.terminal import console as new_screen
from nextitem.terminal import text_column


class Watcher:
    """A context; call it with (url, bytes so far, bytes in all if known)."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or new_screen(stderr=True)
        columns = (text_column("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.tasks: dict[str, TaskID] = {}

    def show_terms(self, name: str, terms: str) -> None:
        self.console.print(f"{name} has terms of use: {terms}", highlight=False, soft_wrap=True)

    def __enter__(self) -> Watcher:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, url: str, done: int, total: int | None) -> None:
        if url not in self.tasks:
            self.tasks[url] = self.bar.add_task(url.rsplit("/", 1)[-1])
        self.bar.update(self.tasks[url], completed=done, total=total)
