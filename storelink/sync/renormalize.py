"""Rebuild the unified rows from the raw payloads we hold, without asking the store.

For a normalizer that learnt something: the rows come out different, the records did not change.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg.rows import dict_row

from storelink.connectors.protocol import Read, Traffic
from storelink.sync import stage
from storelink.sync.lane import Lane
from storelink.sync.page import Page, normalize_page, write_page
from storelink.sync.run import Counts, Run
from storelink.sync.subject import Progress, Subject

CHUNK = 200


def renormalize(lane: Lane, subject: Subject) -> Run:
    """Every held record of one resource through the present normalizer."""
    stage.prepare(lane.connection, lane.resource)
    run = Run.begin(lane, "renormalize", Traffic())

    def finish(counts: Counts) -> None:
        run.counts.add(counts)
        run.save()

    for page in _pages(lane, subject):
        write_page(lane, subject.connector, page, finish=finish, memory=subject.memory)
        subject.report(Progress(lane.resource, "renormalize", run.counts.fetched))
    run.finish()
    lane.connection.commit()
    return run


def _pages(lane: Lane, subject: Subject) -> Iterator[Page]:
    entity = stage.ENTITIES[lane.resource][0]
    after = ""
    while True:
        started = lane.clock()
        ids = _ids_after(lane, after)
        if not ids:
            return
        after = next(reversed(ids))
        held = _rows(lane, entity, list(ids))
        raws = [(key, subject.connector.rebuild(lane.resource, rows)) for key, rows in held.items()]
        page = normalize_page(
            subject.connector, lane.resource, subject.settings, raws, (), Read(started, started),
            rebuilt={key for key, partial in ids.items() if partial},
        )  # fmt: skip
        yield page


def _ids_after(lane: Lane, after: str) -> dict[str, bool]:
    """Held records, by id whether partial: a deleted one is not made anew from what was deleted.

    Not those that are due: the next pass reads them, and to write them is to say that this was done.
    """
    rows = lane.connection.execute(
        "SELECT record_id, state = 'partial' FROM source_record WHERE connector_id = %s AND resource = %s"
        " AND state IN ('held', 'unsettled', 'partial') AND due_since IS NULL"
        " AND record_id > %s ORDER BY record_id LIMIT %s",
        (lane.connector_id, lane.resource, after, CHUNK),
    ).fetchall()
    lane.connection.commit()
    return dict(rows)


def _rows(lane: Lane, entity: stage.Entity, ids: list[str]) -> Mapping[str, list[dict[str, Any]]]:
    """Stored rows by record; a product's deleted variants are left out."""
    held: dict[str, list[dict[str, Any]]] = {}
    live = "AND (deleted_at IS NULL OR product_id = variant_id)" if lane.resource == "products" else ""
    with lane.connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"SELECT * FROM {entity.table} WHERE connector_id = %s AND {entity.record} = ANY(%s) {live}"  # noqa: S608
            f" ORDER BY {entity.key[0]}",
            (lane.connector_id, ids),
        )
        for row in cursor:
            held.setdefault(row[entity.record], []).append(row)
    lane.connection.commit()
    return held
