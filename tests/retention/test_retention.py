"""What is old goes, what is young or still open stays, and readers of the feed are told."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from storelink.config import Settings
from storelink.db import Database
from storelink.models import ConnectorConfig
from storelink.sync import feed, retention
from storelink.sync.lane import Psycopg, hold
from storelink.sync.retention import Kept

DAY = timedelta(days=1)
KEPT = Kept(deliveries=30 * DAY, runs=90 * DAY, changes=30 * DAY, quarantined=180 * DAY)


@pytest.fixture
def store(database: Database) -> uuid.UUID:
    key = uuid.uuid4()
    with database.session() as session:
        session.add(ConnectorConfig(id=key, name="s", platform="toy", store_url="https://s", auth_mode="x"))
        session.commit()
    return key


@pytest.fixture
def connection(database: Database, store: uuid.UUID) -> Iterator[Psycopg]:
    with hold(database, store, "orders", None) as lane:
        yield lane.connection


def test_the_settings_say_how_long(tmp_path: Any) -> None:
    assert retention.kept_by(Settings(home=tmp_path)) == KEPT


def test_previews_that_nobody_can_use_any_more(connection: Psycopg, store: uuid.UUID) -> None:
    for hours in (25, 23):
        connection.execute(
            "INSERT INTO action_preview"
            " (id, connector_id, order_id, kind, wish, shown, digest, made_by, made_at)"
            " VALUES (gen_random_uuid(), %s, '1', 'refund', '{}', '{}', 'x', 'me',"
            " clock_timestamp() - %s::interval)",
            (store, timedelta(hours=hours)),
        )
    assert retention.cut(connection, KEPT, batch=1).previews == 1


def test_deliveries_that_were_seen_to(connection: Psycopg, store: uuid.UUID) -> None:
    for days, status in ((31, "done"), (31, "received"), (29, "done"), (99, "ignored")):
        connection.execute(
            "INSERT INTO webhook_delivery (connector_id, topic, received_at, status, attempts)"
            " VALUES (%s, 't', clock_timestamp() - %s::interval, %s, 0)",
            (store, timedelta(days=days), status),
        )
    assert retention.cut(connection, KEPT, batch=1).deliveries == 2
    left = connection.execute("SELECT status FROM webhook_delivery ORDER BY id").fetchall()
    assert left == [("received",), ("done",)]


def test_passes_and_alerts(connection: Psycopg, store: uuid.UUID) -> None:
    for days, status in ((91, "done"), (91, "running"), (181, "running"), (89, "failed")):
        age = timedelta(days=days)
        connection.execute(
            "INSERT INTO sync_run (id, connector_id, resource, kind, status, started_at, fetched,"
            " inserted, updated,"
            " unchanged, deleted, quarantined, requests, bytes, throttled_seconds) VALUES"
            " (gen_random_uuid(), %s,"
            " 'orders', 'backfill', %s, clock_timestamp() - %s::interval, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
            (store, status, age),
        )
    for kind, opened, closed in (("a", 200, 91), ("b", 200, None), ("c", 200, 3)):
        connection.execute(
            "INSERT INTO alert (connector_id, kind, words, opened_at, closed_at, attempts)"
            " VALUES (%s, %s, '', clock_timestamp() - %s::interval, clock_timestamp() - %s::interval, 0)",
            (store, kind, timedelta(days=opened), None if closed is None else timedelta(days=closed)),
        )
    gone = retention.cut(connection, KEPT)
    assert (gone.runs, gone.alerts) == (2, 1)
    assert connection.execute("SELECT kind FROM alert ORDER BY kind").fetchall() == [("b",), ("c",)]


def test_a_payload_goes_and_why_it_is_set_aside_stays(connection: Psycopg, store: uuid.UUID) -> None:
    for key, days in (("1", 181), ("2", 179)):
        connection.execute(
            "INSERT INTO quarantined_record (connector_id, resource, external_id, payload, error, seen,"
            " first_seen_at, last_seen_at) VALUES (%s, 'orders', %s, '{\"a\": 1}', 'why', 1,"
            " clock_timestamp() - %s::interval, clock_timestamp())",
            (store, key, timedelta(days=days)),
        )
    assert retention.cut(connection, KEPT).payloads == 1
    rows = connection.execute(
        "SELECT external_id, payload, error FROM quarantined_record ORDER BY 1"
    ).fetchall()
    assert rows == [("1", None, "why"), ("2", {"a": 1}, "why")]


def test_readers_of_the_feed_are_told_what_was_cut(connection: Psycopg, store: uuid.UUID) -> None:
    for days in (40, 35, 5, 0):
        connection.execute(
            "INSERT INTO change_event (connector_id, entity, key, op, at)"
            " VALUES (%s, 'order', '1', 'update', clock_timestamp() - %s::interval)",
            (store, timedelta(days=days)),
        )
    connection.commit()
    feed.publish(connection)
    connection.execute(
        "INSERT INTO change_event (connector_id, entity, key, op, at)"
        " VALUES (%s, 'order', '1', 'update', clock_timestamp() - interval '99 days')",
        (store,),
    )
    connection.commit()
    assert retention.cut(connection, KEPT, batch=1).changes == 2
    assert feed.standing(connection).cut == 2
    assert [one.seq for one in feed.read(connection, 2)] == [3, 4]
    with pytest.raises(Exception, match="goes from 2"):
        list(feed.read(connection, 1))
    assert feed.publish(connection) == 1, "one without a number is never cut"
    assert retention.cut(connection, KEPT).changes == 0, "only from the beginning, never out of the middle"


def test_a_feed_of_old_events_only_is_cut_to_its_end(connection: Psycopg, store: uuid.UUID) -> None:
    connection.execute(
        "INSERT INTO change_event (connector_id, entity, key, op, at)"
        " VALUES (%s, 'order', '1', 'update', clock_timestamp() - interval '99 days')",
        (store,),
    )
    connection.commit()
    feed.publish(connection)
    assert retention.cut(connection, KEPT).changes == 1
    standing = feed.standing(connection)
    assert (standing.cut, standing.last) == (1, 1)
    assert list(feed.read(connection, 1)) == []
