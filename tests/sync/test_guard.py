"""DESIGN §2.5: version and read order decide. A table of what is held, what arrives, and what stands."""

from datetime import timedelta

import pytest

from storelink.connectors.protocol import Read
from storelink.sync import stage
from storelink.sync.page import normalize_page, write_page

OLD, SAME, NEW = -60, 0, 60  # seconds of the arriving version against the held one


def _write(world, at, version, total, *, started, finished, trashed=False, gone=False):
    """Write order 1 as a read of that time brought it (seconds against `at`)."""
    stamp = None if version is None else world.store.now - timedelta(hours=1) + timedelta(seconds=version)
    raw = {"id": "1", "updated": stamp, "total": total, "trashed": trashed}
    read = Read(at + timedelta(seconds=started), at + timedelta(seconds=finished), world.store.now)
    with world.poll() as lane:
        stage.prepare(lane.connection, "orders")
        records = [] if gone else [(None, raw)]
        page = normalize_page(world.connector, "orders", {}, records, (), read)
        page.gone = ["1"] if gone else []
        return write_page(lane, world.connector, page)


@pytest.mark.parametrize(
    ("version", "started", "finished", "stands", "due"),
    [
        pytest.param(NEW, 20, 30, "2.00", False, id="newer and read later"),
        pytest.param(NEW, 5, 6, "2.00", False, id="newer though read at the same time"),
        pytest.param(NEW, -20, -10, "2.00", False, id="newer though read before"),
        pytest.param(SAME, 20, 30, "2.00", False, id="same second, read later: a second edit"),
        pytest.param(SAME, 5, 30, "1.00", True, id="same second, reads overlap: asked again"),
        pytest.param(SAME, -20, -10, "1.00", False, id="same second, read before: dropped"),
        pytest.param(OLD, 20, 30, "2.00", False, id="older but read later: a restored backup"),
        pytest.param(OLD, 5, 30, "1.00", True, id="older, reads overlap: asked again"),
        pytest.param(OLD, -20, -10, "1.00", False, id="older and read before: a late webhook"),
        pytest.param(None, 20, 30, "2.00", False, id="no version, read later"),
        pytest.param(None, -20, -10, "1.00", False, id="no version, read before"),
    ],
)
def test_what_stands(world, version, started, finished, stands, due):
    at = world.clock()
    _write(world, at, SAME, "1.00", started=0, finished=10)
    _write(world, at, version, "2.00", started=started, finished=finished)
    total = world.one("SELECT total_amount::numeric(10,2)::text FROM platform_order")
    assert total == stands
    assert world.one("SELECT due_since IS NOT NULL FROM source_record WHERE resource = 'orders'") is due
    assert len(world.events()) == (2 if stands == "2.00" else 1)


@pytest.mark.parametrize(
    ("started", "finished", "deleted", "due"),
    [
        pytest.param(20, 30, True, False, id="read later"),
        pytest.param(5, 30, False, True, id="reads overlap: asked again"),
        pytest.param(-20, -10, False, False, id="read before: dropped"),
    ],
)
def test_a_deletion_goes_by_read_order_alone(world, started, finished, deleted, due):
    at = world.clock()
    _write(world, at, SAME, "1.00", started=0, finished=10)
    _write(world, at, SAME, "", started=started, finished=finished, gone=True)
    assert world.one("SELECT deleted_at IS NOT NULL FROM platform_order") is deleted
    assert world.one("SELECT due_since IS NOT NULL FROM source_record WHERE resource = 'orders'") is due


def test_the_same_content_writes_nothing_and_reports_nothing(world):
    at = world.clock()
    _write(world, at, SAME, "1.00", started=0, finished=10)
    before = world.rows("SELECT synced_at, xmin::text FROM platform_order")
    counts = _write(world, at, SAME, "1.00", started=20, finished=30)
    assert counts.unchanged == 1
    assert world.rows("SELECT synced_at, xmin::text FROM platform_order") == before
    assert len(world.events()) == 1


def test_trash_is_a_change_and_a_restore_clears_it(world):
    at = world.clock()
    _write(world, at, SAME, "1.00", started=0, finished=10)
    _write(world, at, NEW, "1.00", started=20, finished=30, trashed=True)
    assert world.one("SELECT deleted_at IS NOT NULL FROM platform_order")
    _write(world, at, NEW + 5, "1.00", started=40, finished=50)
    assert world.one("SELECT deleted_at IS NULL FROM platform_order")
    assert [op for _, op in world.events()] == ["insert", "delete", "update"]


def test_an_order_that_was_gone_and_is_back_is_written_even_if_its_content_is_the_same(world):
    at = world.clock()
    _write(world, at, SAME, "1.00", started=0, finished=10)
    _write(world, at, SAME, "", started=20, finished=30, gone=True)
    _write(world, at, SAME, "1.00", started=40, finished=50)
    assert world.one("SELECT deleted_at IS NULL FROM platform_order")
    assert [op for _, op in world.events()] == ["insert", "delete", "update"]


def test_a_version_under_two_seconds_old_is_unsettled_and_due(world):
    at = world.clock()
    raw = {"id": "1", "updated": world.store.now - timedelta(seconds=1), "trashed": False}
    with world.poll() as lane:
        stage.prepare(lane.connection, "orders")
        read = Read(at, at, world.store.now)
        write_page(
            lane, world.connector, normalize_page(world.connector, "orders", {}, [(None, raw)], (), read)
        )
    assert world.rows("SELECT state, due_since IS NOT NULL FROM source_record") == [("unsettled", True)]


def test_a_hint_that_arrives_while_the_answer_is_under_way_stays_open(world):
    at = world.clock()
    _write(world, at, SAME, "1.00", started=0, finished=10)
    with world.poll() as lane:
        lane.connection.execute("UPDATE source_record SET due_since = %s", (at + timedelta(seconds=25),))
        lane.connection.commit()
    _write(world, at, NEW, "2.00", started=20, finished=30)
    assert world.one("SELECT due_since IS NOT NULL FROM source_record WHERE resource = 'orders'")
    _write(world, at, NEW, "2.00", started=40, finished=50)
    assert world.one("SELECT due_since IS NULL FROM source_record WHERE resource = 'orders'")
