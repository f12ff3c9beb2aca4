"""`/metrics`: what Prometheus asks, read from the database at the moment it asks.

Nothing but what became of deliveries is counted in memory, since nothing is stored of a forged one. So
every `serve` says the same, workers on other machines are in it, and a restart resets nothing. What is
read are small tables and the ends of indexes: the cost depends on how many stores there are, never on how
many records. Answers are kept for some seconds.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import Connection, text

from storelink.connectors import registry
from storelink.db import Database
from storelink.errors import DatabaseAway, Misconfigured

KEPT = 5.0
"""Seconds for which an answer does for further questions."""
CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name without prefix, what it says, its labels and the query (labels…, value)."""

    name: str
    says: str
    labels: tuple[str, ...]
    query: str
    counter: bool = False

    def read(self, connection: Connection) -> Metric:
        """The metric as it is now. Rows without a value are left out."""
        make = CounterMetricFamily if self.counter else GaugeMetricFamily
        metric: Any = make(f"storelink_{self.name}", self.says, labels=self.labels)
        for *labels, value in connection.execute(text(self.query.format_map(PARTS))):
            if value is not None:
                metric.add_metric([str(label) for label in labels], float(value))
        return metric  # type: ignore[no-any-return]


PARTS = {
    "stores": "connector_config c",
    "live": "c.status <> 'uninstalled'",
    "states": "sync_state s JOIN connector_config c ON c.id = s.connector_id AND c.status <> 'uninstalled'",
    "requests": """(
        SELECT connector_id, 'refund' AS kind, stage, requested_at FROM refund_request
        WHERE status = 'pending'
        UNION ALL
        SELECT connector_id, 'address', stage, requested_at FROM address_update_request
        WHERE status = 'pending') r""",
    "hour": """ FROM connector_config c CROSS JOIN LATERAL (
        SELECT r.* FROM sync_run r
        WHERE r.connector_id = c.id AND r.started_at > clock_timestamp() - interval '1 hour') r
    WHERE c.status <> 'uninstalled'""",
}
"""What queries have in common, by name."""

FAMILIES = (
    Family(
        "store_status", "1 for the status that a store has.", ("store", "platform", "status"),
        "SELECT c.name, c.platform, c.status, 1 FROM {stores} WHERE {live}",
    ),
    Family(
        "freshness_seconds", "Seconds since a pass over this resource last ran to its end.",
        ("store", "resource"),
        "SELECT c.name, s.resource, extract(epoch FROM clock_timestamp() - s.last_success_at) FROM {states}",
    ),
    Family(
        "interval_seconds", "Seconds between passes over this resource, as set.", ("store", "resource"),
        'SELECT c.name, s.resource, coalesce(s."interval", c.sync_interval) FROM {states}',
    ),
    Family(
        "overdue_seconds", "Seconds since the next pass was due; 0 before.", ("store", "resource"),
        "SELECT c.name, s.resource, greatest(0, extract(epoch FROM clock_timestamp() - s.next_due_at))"
        " FROM {states} AND c.status = 'active'",
    ),
    Family(
        "failures", "Passes in a row that failed.", ("store", "resource"),
        "SELECT c.name, s.resource, s.consecutive_failures FROM {states}",
    ),
    Family(
        "drift", "Records that differed at the end of the last verify.", ("store", "resource"),
        "SELECT c.name, s.resource, s.last_drift FROM {states}",
    ),
    Family(
        "verified_seconds", "Seconds since a verify last ran to its end.", ("store", "resource"),
        "SELECT c.name, s.resource, extract(epoch FROM clock_timestamp() - s.last_verified_at) FROM {states}",
    ),
    Family(
        "quiet_passes", "Passes that changed nothing.", ("store", "resource"),
        "SELECT c.name, s.resource, s.quiet_passes FROM {states}", counter=True,
    ),
    Family(
        "pass_seconds_max", "Longest pass of the last hour, of those that changed something or failed.",
        ("store", "resource", "kind"),
        "SELECT c.name, r.resource, r.kind, max(extract(epoch FROM r.finished_at - r.started_at))"
        "{hour} GROUP BY 1, 2, 3",
    ),
    Family(
        "pass_seconds_avg", "Mean of the same passes.", ("store", "resource", "kind"),
        "SELECT c.name, r.resource, r.kind, avg(extract(epoch FROM r.finished_at - r.started_at))"
        "{hour} GROUP BY 1, 2, 3",
    ),
    Family(
        "passes_last_hour", "Passes begun within the last hour, by how they ended.", ("store", "status"),
        "SELECT c.name, r.status, count(*){hour} GROUP BY 1, 2",
    ),
    Family(
        "records_last_hour", "Records of passes begun within the last hour, by what became of them.",
        ("store", "outcome"),
        "SELECT c.name, o.outcome, sum(o.number) FROM connector_config c CROSS JOIN LATERAL ("
        " SELECT r.* FROM sync_run r WHERE r.connector_id = c.id"
        " AND r.started_at > clock_timestamp() - interval '1 hour') r"
        " CROSS JOIN LATERAL (VALUES ('inserted', r.inserted), ('updated', r.updated),"
        " ('unchanged', r.unchanged), ('deleted', r.deleted), ('quarantined', r.quarantined))"
        " o (outcome, number) WHERE {live} GROUP BY 1, 2",
    ),
    Family(
        "throttled_seconds_last_hour", "Seconds waited within the last hour because the store asked for it.",
        ("store",), "SELECT c.name, sum(r.throttled_seconds){hour} GROUP BY 1",
    ),
    Family(
        "quarantined", "Records that are set aside.", ("store", "resource"),
        "SELECT c.name, q.resource, count(*) FROM quarantined_record q JOIN {stores} ON c.id = q.connector_id"
        " GROUP BY 1, 2",
    ),
    Family(
        "webhook_waiting", "Deliveries that nobody followed yet.", ("store",),
        "SELECT c.name, count(*) FROM webhook_delivery d JOIN {stores} ON c.id = d.connector_id"
        " WHERE d.status = 'received' GROUP BY 1",
    ),
    Family(
        "webhook_lag_seconds", "Age of the oldest of these.", ("store",),
        "SELECT c.name, extract(epoch FROM clock_timestamp() - min(d.received_at))"
        " FROM webhook_delivery d JOIN {stores} ON c.id = d.connector_id"
        " WHERE d.status = 'received' GROUP BY 1",
    ),
    Family(
        "queue_jobs", "Jobs in the queue, by kind and state.", ("kind", "status"),
        "SELECT task_name, status, count(*) FROM storelink_jobs.procrastinate_jobs"
        " WHERE status IN ('todo', 'doing') GROUP BY 1, 2",
    ),
    Family(
        "feed_unpublished", "Change events without a number yet.", (),
        "SELECT count(*) FROM (SELECT 1 FROM change_event WHERE seq IS NULL LIMIT 100000) waiting",
    ),
    Family(
        "feed_seq", "The last number of the change feed.", (),
        "SELECT last_seq FROM change_feed", counter=True,
    ),
    Family(
        "token_seconds_left", "Seconds until the present token ends.", ("store",),
        "SELECT c.name, extract(epoch"
        " FROM c.token_expires_at - clock_timestamp()) FROM {stores} WHERE {live}",
    ),
    Family(
        "alerts_open", "Troubles that last, by kind.", ("store", "kind"),
        "SELECT c.name, a.kind, count(*) FROM alert a JOIN {stores} ON c.id = a.connector_id"
        " WHERE a.closed_at IS NULL GROUP BY 1, 2",
    ),
    Family(
        "requests_pending", "Refunds and changes of address that are not done with.",
        ("store", "kind", "stage"),
        "SELECT c.name, r.kind, r.stage, count(*) FROM {requests} JOIN {stores} ON c.id = r.connector_id"
        " WHERE {live} GROUP BY 1, 2, 3",
    ),
    Family(
        "requests_oldest_seconds", "Age of the oldest of these.", ("store", "kind", "stage"),
        "SELECT c.name, r.kind, r.stage, extract(epoch FROM clock_timestamp() - min(r.requested_at))"
        " FROM {requests} JOIN {stores} ON c.id = r.connector_id WHERE {live} GROUP BY 1, 2, 3",
    ),
)  # fmt: skip
API_END = "api_version_seconds_left"
UP = "database_up"
DELIVERIES = "webhook_deliveries"


def names() -> list[str]:
    """Every metric's name as Prometheus stores it; counters end in `_total`."""
    return [f"storelink_{one.name}{'_total' * one.counter}" for one in FAMILIES] + [
        f"storelink_{API_END}", f"storelink_{UP}", f"storelink_{DELIVERIES}_total",
    ]  # fmt: skip


@dataclass(slots=True)
class Metrics:
    """The answer to `/metrics`, for one process. `deliveries` are the intake's counts."""

    database: Database
    deliveries: Mapping[tuple[str, str], int] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _answer: tuple[float, bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def render(self) -> bytes:
        """Prometheus's text, at most `KEPT` seconds old. A database that is away is said, not raised."""
        with self._lock:
            if self._answer is None or self.clock() - self._answer[0] >= KEPT:
                self._answer = (self.clock(), generate_latest(_registry(self._collect())))
            return self._answer[1]

    def _collect(self) -> list[Metric]:
        up = GaugeMetricFamily(f"storelink_{UP}", "1 while the database answers.")
        delivered = self._delivered()
        try:
            with self.database.connect() as connection:
                found = [one.read(connection) for one in FAMILIES]
                found.append(_api_end(connection))
                connection.rollback()
        except DatabaseAway:
            up.add_metric([], 0)
            return [delivered, up]
        up.add_metric([], 1)
        return [*found, delivered, up]

    def _delivered(self) -> Metric:
        metric = CounterMetricFamily(
            f"storelink_{DELIVERIES}",
            "Deliveries to this process since it began, by what became of them. Forged ones are unsigned.",
            labels=("store", "outcome"),
        )
        for (store, outcome), count in list(self.deliveries.items()):
            metric.add_metric([store, outcome], count)
        return metric


class _Once:
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _registry(metrics: Iterable[Metric]) -> CollectorRegistry:
    made = CollectorRegistry(auto_describe=False)
    made.register(_Once(metrics))
    return made


def _api_end(connection: Connection) -> Metric:
    """Seconds until the platform may stop serving the version of its API that we speak."""
    metric = GaugeMetricFamily(
        f"storelink_{API_END}", "Seconds until the platform may end the API version in use.",
        labels=("store", "platform"),
    )  # fmt: skip
    rows = connection.execute(
        text(
            "SELECT name, platform, settings -> 'api_version' AS version, clock_timestamp()"
            " FROM connector_config WHERE status <> 'uninstalled'"
        )
    )
    for name, platform, version, now in rows:
        until = _served_until(platform, {"api_version": version} if version else {})
        if until is not None:
            metric.add_metric([name, platform], (until - now).total_seconds())
    return metric


def _served_until(platform: str, settings: Mapping[str, Any]) -> datetime | None:
    try:
        known = getattr(registry.get(platform), "served_until", None)
    except Misconfigured:
        return None
    found: datetime | None = known(settings) if known else None
    return found
