"""What the service counts of itself, for Prometheus: the sum over all its processes, whichever of them is asked.

Where there are several, each keeps its numbers in files of one folder (prometheus_client's multiprocess mode), named
by its place among the workers and not by its process, so that who takes the place of one that died goes on counting
where that one stopped, and there are never more files than places. No label holds what anybody sent.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from service.archive import Archive
from service.process_figures import figures, processes

MEDIA_TYPE = CONTENT_TYPE_LATEST
# Requests to no path of the service, or that were refused before their path was looked at.
NO_ENDPOINT = "none"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_PARENT = "parent"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_QUERIES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """The counters of one process; those of the others are in the same folder.

    Made before workers are forked. Whichever thread counts, nothing is lost.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """
        Args:
            folder: where several processes keep theirs; without one, this process is alone.
        """
        self._folder = folder
        self._name = _PARENT
        self._parent: int | None = None
        disable_created_metrics()  # type: ignore[no-untyped-call]
        if folder is not None:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
            values.ValueClass = values.MultiProcessValue(lambda: self._name)  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._counters()
        self._gauges()
        self._requests: dict[tuple[str, str, str], Counter] = {}
        self._durations: dict[str, Histogram] = {}

    def _counters(self) -> None:
        registry = self._registry
        self._requests_total = Counter(
            "onrecord_requests_total",
            "Requests that were answered.",
            ("endpoint", "method", "status"),
            registry=registry,
        )
        self._request_duration = Histogram(
            "onrecord_request_duration_seconds",
            "From the head of a request to the last byte of its answer.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._refused_total = Counter(
            "onrecord_refused_total",
            "Refused with 503, because too much was asked at once.",
            ("reason",),
            registry=registry,
        )
        self.refused_by_queue = self._refused_total.labels("queue")
        self.refused_by_connections = self._refused_total.labels("connections")
        self.batch = Histogram(
            "onrecord_embedding_batch_queries", "Queries in one pass of the model.", buckets=_QUERIES, registry=registry
        )
        self._reloads = Counter(
            "onrecord_reloads_total", "New generations, as each worker found them.", ("outcome",), registry=registry
        )
        self.reload_served = self._reloads.labels("served")
        self.reload_refused = self._reloads.labels("refused")
        self._restarts = Counter(
            "onrecord_worker_restarts_total", "Workers that died and were replaced.", registry=registry
        )

    def _gauges(self) -> None:
        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(name, meaning, multiprocess_mode="livesum", registry=self._registry)

        self.in_flight = gauge("onrecord_requests_in_flight", "Requests that are being answered.")
        self.pending = gauge("onrecord_queries_pending", "Queries and other work, being done or waiting.")
        self.pending_limit = gauge("onrecord_queries_pending_limit", "As many may be pending; the next is refused.")
        self.refusing = gauge("onrecord_generation_refused", "Workers that do not serve the newest generation.")
        self.workers = gauge("onrecord_workers", "Processes that answer, or are about to.")
        self.ready = gauge("onrecord_workers_ready", "Those that have an index open and warm, and are not stopping.")

    def work_as(self, place: int, parent: int | None) -> None:
        """Counts from now on as the worker of a place, in its own process.

        Args:
            parent: the process that looks after the workers, if there is one.
        """
        self._name, self._parent = str(place), parent
        self.workers.set(1)
        for changing in (self.in_flight, self.pending, self.refusing, self.ready):
            changing.set(0)  # of a worker that had this place and died

    def replaced(self, place: int) -> None:
        """In the parent: the worker of a place has died; what it was just doing, it does no more."""
        self._restarts.inc()
        if self._folder is not None:
            mark_process_dead(place, str(self._folder))  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        """Removes the folder. For a worker whose parent can no longer do it, at its own end."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def answered(self, endpoint: str, method: str, status: int | None, seconds: float) -> None:
        """Counts a request.

        Args:
            endpoint: the template of its path, as the routes have it; never the path.
            status: None where it was given up before it had one.
        """
        method = method if method in METHODS else "other"
        labels = (endpoint, method, str(status) if status else "none")
        counter = self._requests.get(labels)
        if counter is None:
            counter = self._requests[labels] = self._requests_total.labels(*labels)
            self._durations.setdefault(endpoint, self._request_duration.labels(endpoint))
        counter.inc()
        self._durations[endpoint].observe(seconds)

    def refused_connection(self, status: HTTPStatus) -> None:
        """Counts a request that was answered outside of the app."""
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.refused_by_connections.inc()
        self.answered(NO_ENDPOINT, "other", status.value, 0.0)

    def exposition(self, archive: Archive | None) -> bytes:
        """All metrics in Prometheus' text format.

        Args:
            archive: the one that answers now, in this process.
        """
        registry = CollectorRegistry()
        if self._folder is None:
            registry.register(self._registry)
        else:
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        registry.register(_Now(archive, self._parent))
        return generate_latest(registry)


class _Now(Collector):
    """What is not counted but looked up."""

    def __init__(self, archive: Archive | None, parent: int | None) -> None:
        self._archive = archive
        self._parent = parent

    def collect(self) -> Iterator[Metric]:
        if self._archive is not None:
            yield from _of_archive(self._archive)
        found = figures(processes(self._parent))
        if found is None:
            return
        yield CounterMetricFamily(
            "process_cpu_seconds_total", "CPU time of all processes of the service.", value=found.cpu_s
        )
        for name, meaning, value in (
            (
                "process_resident_memory_bytes",
                "Memory of all processes, what they share for each.",
                found.resident,
            ),
            ("onrecord_anonymous_memory_bytes", "Memory of all processes without mapped files.", found.anonymous),
            ("process_open_fds", "Files and connections that all processes have open.", found.open_files),
            ("process_start_time_seconds", "When the service started, since 1970.", found.started_s),
        ):
            yield GaugeMetricFamily(name, meaning, value=value)


def _of_archive(archive: Archive) -> Iterator[Metric]:
    manifest = archive.generation.manifest
    yield InfoMetricFamily(
        "onrecord_generation",
        "The generation that the worker which was asked answers from.",
        value={"generation": manifest.id, "model": str(manifest.model["name"])},
    )
    yield GaugeMetricFamily("onrecord_passages", "Passages in it.", value=archive.passages)
    yield GaugeMetricFamily("onrecord_episodes", "Episodes in it.", value=manifest.counts["episodes"])
    yield GaugeMetricFamily(
        "onrecord_generation_created_timestamp_seconds",
        "When it was made, since 1970.",
        value=datetime.fromisoformat(manifest.created).timestamp(),
    )


@contextmanager
def shared_metrics() -> Iterator[Metrics]:
    """Metrics for this process and all that it forks, in a folder that others may not read, until the end of the block.

    A process that was forked may leave the block too: the folder goes with the one that made it.
    """
    made_by = os.getpid()
    metrics = Metrics(Path(tempfile.mkdtemp(prefix="onrecord-metrics-")))
    try:
        yield metrics
    finally:
        if os.getpid() == made_by:
            metrics.remove()
