"""Records that were set aside: to look at, and to send down the road again."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from storelink.connectors.protocol import Read
from storelink.models import QuarantinedRecord, SourceRecord
from storelink.sync import audit, stage
from storelink.sync.fetching import Fetching
from storelink.sync.lane import Lane
from storelink.sync.page import normalize_page, write_page
from storelink.sync.request import Refused
from storelink.sync.run import Counts, Run
from storelink.sync.subject import Subject


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the records of one resource."""

    resource: str
    tried: int
    released: int


def list_quarantined(session: Session, connector_id: Any = None) -> list[QuarantinedRecord]:
    """What is set aside, latest first, for one store or for all."""
    query = select(QuarantinedRecord).order_by(col(QuarantinedRecord.last_seen_at).desc())
    if connector_id is not None:
        query = query.where(QuarantinedRecord.connector_id == connector_id)
    return list(session.exec(query))


def forget(session: Session, record: QuarantinedRecord, *, actor: str | None = None) -> None:
    """Forget a record that came without an id: no list names it, so that nothing else ends it.

    One that has an id is not forgotten: what is held of it may be out of date, and somebody should know.
    Raises `Refused`.
    """
    if not record.external_id.startswith("?"):
        raise Refused(
            f"{record.resource} {record.external_id} stays set aside until the store's record can be"
            " understood: mend it there and try it again."
        )
    known = session.get(SourceRecord, (record.connector_id, record.resource, record.external_id))
    for one in filter(None, (known, record)):
        session.delete(one)
    audit.record(
        session, "quarantine.drop", actor=actor, connector_id=record.connector_id,
        subject=f"{record.resource}/{record.external_id}", error=record.error,
    )  # fmt: skip


def retry(lane: Lane, subject: Subject, ids: list[str] | None = None) -> Retried:
    """Fetch quarantined records again; those that never had an id are normalized again."""
    stage.prepare(lane.connection, lane.resource)
    held = _quarantined(lane, ids)
    run = Run.begin(lane, "targeted", subject.store.traffic)
    fetching = Fetching(lane, subject, run)
    named = [key for key, _ in held if not key.startswith("?")]
    if named:
        fetching.fetch_ids(named)
    for key, payload in held:
        if key.startswith("?"):
            _normalize_again(lane, subject, run, key, payload)
    run.finish()
    lane.connection.commit()
    left = {key for key, _ in _quarantined(lane, [key for key, _ in held])}
    return Retried(lane.resource, len(held), len(held) - len(left))


def _quarantined(lane: Lane, ids: list[str] | None) -> list[tuple[str, Any]]:
    rows = lane.connection.execute(
        "SELECT external_id, payload FROM quarantined_record WHERE connector_id = %(connector)s"
        " AND resource = %(resource)s AND (%(ids)s::text[] IS NULL OR external_id = ANY(%(ids)s))"
        " ORDER BY external_id",
        {"connector": lane.connector_id, "resource": lane.resource, "ids": ids},
    ).fetchall()
    lane.connection.commit()
    return [(key, payload) for key, payload in rows]


def _normalize_again(lane: Lane, subject: Subject, run: Run, key: str, payload: Any) -> None:
    """A payload without an id cannot be fetched, but a newer normalizer may understand it."""
    now = lane.clock()
    page = normalize_page(
        subject.connector, lane.resource, subject.settings, [(None, payload)], (), Read(now, now)
    )
    if not page.rows:
        return

    def finish(counts: Counts) -> None:
        run.counts.add(counts)
        for table, column in (("quarantined_record", "external_id"), ("source_record", "record_id")):
            lane.connection.execute(
                f"DELETE FROM {table} WHERE connector_id = %s AND resource = %s AND {column} = %s",  # noqa: S608
                (lane.connector_id, lane.resource, key),
            )

    write_page(lane, subject.connector, page, finish=finish, memory=subject.memory)
