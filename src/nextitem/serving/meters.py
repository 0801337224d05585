"""Meters: what a service counts of itself, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

KIND = CONTENT_TYPE_LATEST  # of the text
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Meters:
    """A registry of its own, so that two services in a process do not count into each other."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "nextitem_requests", "Requests by endpoint and status.", ["endpoint", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "nextitem_request_seconds", "Seconds from the head of a request to the end of its answer.", ["endpoint"],
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._rows = Histogram(
            "nextitem_batch_rows", "Rows that the model answered at once.", buckets=ROWS, registry=self._registry
        )
        self._reloads = Counter("nextitem_reloads", "Reloads by outcome.", ["outcome"], registry=self._registry)

    def watch(self, waiting: Callable[[], float], sessions: Callable[[], float]) -> None:
        """Say how many requests wait for the model and how many sessions there are, whenever somebody asks."""
        for name, about, count in (
            ("nextitem_waiting", "Requests that wait for the model.", waiting),
            ("nextitem_sessions", "Sessions that are kept.", sessions),
        ):
            Gauge(name, about, registry=self._registry).set_function(count)

    def saw_batch(self, rows: int) -> None:
        """Of a batch."""
        self._rows.observe(rows)

    def saw_request(self, endpoint: str, status: int, seconds: float) -> None:
        """Of an answered request; `endpoint` is a route as it is declared, so that names are few."""
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def saw_reload(self, is_good: bool) -> None:
        """Of a reload: whether another run answers now."""
        self._reloads.labels("swapped" if is_good else "refused").inc()

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self._registry)
