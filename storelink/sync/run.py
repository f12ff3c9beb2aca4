"""What one pass did, counted as it goes and kept in `sync_run`."""

import uuid
from dataclasses import dataclass, field, fields
from datetime import datetime

from storelink.connectors.protocol import Traffic
from storelink.sync.lane import Lane, Psycopg


@dataclass(slots=True)
class Counts:
    """Records of a pass, by what became of them."""

    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0

    def add(self, other: "Counts") -> None:
        """Add another page's."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))

    @property
    def changed(self) -> bool:
        """Whether anything was written that a reader of the tables could see."""
        return bool(self.inserted or self.updated or self.deleted or self.quarantined)


@dataclass(slots=True)
class Run:
    """One pass. Its row is written with its first change and updated with every page."""

    lane: Lane
    kind: str
    traffic: Traffic
    started: datetime
    counts: Counts = field(default_factory=Counts)
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    _base: Traffic = field(default_factory=Traffic)
    _saved: bool = False

    @classmethod
    def begin(cls, lane: Lane, kind: str, traffic: Traffic) -> "Run":
        """Start counting; an unfinished run of the same kind is closed as interrupted."""
        lane.connection.execute(
            "UPDATE sync_run SET status = 'interrupted', finished_at = clock_timestamp()"
            " WHERE connector_id = %s AND resource = %s AND kind = %s AND status = 'running'",
            (lane.connector_id, lane.resource, kind),
        )
        lane.connection.commit()
        base = Traffic(traffic.requests, traffic.bytes, traffic.throttled_seconds)
        return cls(lane, kind, traffic, lane.clock(), _base=base)

    @property
    def requests(self) -> int:
        """Requests of this pass so far, retries included."""
        return self.traffic.requests - self._base.requests

    def note(self, counts: Counts) -> None:
        """Add a page's counts; once anything has changed, the row is written with every page."""
        self.counts.add(counts)
        if self.counts.changed:
            self.save()

    def save(self, status: str = "running", error: str | None = None) -> None:
        """Write the row in the present transaction."""
        row = {
            "id": self.id, "connector": self.lane.connector_id, "resource": self.lane.resource,
            "kind": self.kind, "status": status, "started": self.started, "error": error,
            **{item.name: getattr(self.counts, item.name) for item in fields(self.counts)},
            "requests": self.requests, "bytes": self.traffic.bytes - self._base.bytes,
            "throttled": round(self.traffic.throttled_seconds - self._base.throttled_seconds, 3),
        }  # fmt: skip
        self.lane.connection.execute(_SAVE, row)
        self._saved = True

    def finish(self, error: str | None = None) -> None:
        """Close the row, if the pass changed something or failed. The caller commits."""
        if self._saved or error or self.counts.changed:
            self.save("failed" if error else "done", error)


_SAVE = """
INSERT INTO sync_run (id, connector_id, resource, kind, status, started_at, finished_at, fetched,
    inserted, updated, unchanged, deleted, quarantined, requests, bytes, throttled_seconds, error)
VALUES (%(id)s, %(connector)s, %(resource)s, %(kind)s, %(status)s, %(started)s,
    CASE WHEN %(status)s <> 'running' THEN clock_timestamp() END, %(fetched)s, %(inserted)s,
    %(updated)s, %(unchanged)s, %(deleted)s, %(quarantined)s, %(requests)s, %(bytes)s,
    %(throttled)s, %(error)s)
ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, finished_at = EXCLUDED.finished_at,
    fetched = EXCLUDED.fetched, inserted = EXCLUDED.inserted, updated = EXCLUDED.updated,
    unchanged = EXCLUDED.unchanged, deleted = EXCLUDED.deleted, quarantined = EXCLUDED.quarantined,
    requests = EXCLUDED.requests, bytes = EXCLUDED.bytes,
    throttled_seconds = EXCLUDED.throttled_seconds, error = EXCLUDED.error
"""


def close_failed(connection: Psycopg, run: Run, error: str) -> None:
    """Note a failed pass after its transaction was rolled back."""
    connection.rollback()
    run.finish(error)
    connection.commit()
