"""The short way for new pages leaves what the long way leaves, and gives way to it."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from storelink.connectors.protocol import Account, Limits
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.models import ConnectorConfig, SyncState
from storelink.sandbox.running import start
from storelink.sync import stage
from storelink.sync.backfill import backfill
from storelink.sync.fresh import ids
from storelink.sync.lane import FULL, hold
from storelink.sync.opening import measure_clock
from storelink.sync.page import normalize_page, write_page, write_pages

TABLES = {
    "source_record": ("resource", "record_id"),
    "platform_product": ("variant_id",),
    "platform_customer": ("customer_id",),
    "platform_order": ("order_id",),
    "order_item": ("order_id", "item_id"),
    "order_refund": ("refund_id",),
    "change_event": ("entity", "key"),
}
OWN = {
    "id",
    "connector_id",
    "synced_at",
    "deleted_at",
    "at",
    "due_since",
    "read_started_at",
    "read_finished_at",
}
"""Differ by themselves, or are looked at by whether they are null."""


def _register(database, name):
    row = ConnectorConfig(
        id=uuid.uuid4(), name=name, platform="woocommerce", store_url=f"https://{name}", auth_mode="keys"
    )
    with database.session() as session:
        session.add(row)
        session.flush()
        session.add_all(SyncState(connector_id=row.id, resource=one) for one in CONNECTOR.resources)
        session.commit()
    return row.id


def _rows(database, connector_id, table):
    with hold(database, connector_id, "orders", None) as lane:
        found = lane.connection.execute(
            f"SELECT to_jsonb(t) FROM {table} t WHERE connector_id = %s", (connector_id,)
        ).fetchall()
    shown = []
    for (row,) in found:
        nulls = {name: row[name] is None for name in ("deleted_at", "due_since") if name in row}
        shown.append({name: value for name, value in row.items() if name not in OWN} | {"null": nulls})
    return sorted(shown, key=lambda row: [row[name] for name in TABLES[table]])


def test_both_ways_leave_the_same_rows(database):
    settings = {"currency": "USD", "time_zone": "America/New_York"}
    with start(orders=150, products=60, customers=80, seed=7) as shop:
        keys = {"consumer_key": shop.key, "consumer_secret": shop.secret}
        trashed = [one["id"] for one in shop.admin.truth()["orders"]][:3]
        for one in trashed:
            shop.admin.trash("orders", one)
        store = CONNECTOR.open(
            Account("s", shop.url, "keys", keys, settings), Limits(), measure_clock(database)
        )
        short, long = _register(database, "short"), _register(database, "long")
        try:
            for resource in ("products", "orders", "customers"):  # orders first: stubs
                pages = [
                    normalize_page(
                        CONNECTOR, resource, settings, [(None, raw) for raw in page.records], (), page.read
                    )
                    for page in store.backfill(resource, None)
                ]
                for connector_id in (short, long):
                    with hold(database, connector_id, resource, FULL) as lane:
                        stage.prepare(lane.connection, resource)
                        if connector_id == short:
                            write_pages(lane, CONNECTOR, pages, lambda counts, last: None)
                        else:
                            for page in pages:
                                write_page(lane, CONNECTOR, page)
        finally:
            store.close()
    for table in TABLES:
        found = _rows(database, short, table)
        assert found == _rows(database, long, table), table
        assert found, f"{table} is empty: nothing was compared"
    assert any(not row["null"]["deleted_at"] for row in _rows(database, short, "platform_order"))


def _fill(world, count=6):
    for number in range(1, count + 1):
        world.store.put("orders", number, customer=str(number % 3 + 1), items={"1": "A"})
    world.store.pass_time(100)


@pytest.fixture
def merges(monkeypatch):
    """The pages that went the long way."""
    seen = []
    long_way = write_page

    def write(lane, connector, page, **options):
        seen.append(sorted(page.rows))
        return long_way(lane, connector, page, **options)

    monkeypatch.setattr("storelink.sync.page.write_page", write)
    return seen


def test_new_pages_go_the_short_way_and_known_ones_the_long_way(world, merges):
    _fill(world)
    with world.full() as lane:
        backfill(lane, world.subject)
    assert merges == [], "nothing was known"
    world.store.put("orders", 2, items={"1": "B"})
    world.store.pass_time(100)
    with world.full() as lane:
        run = backfill(lane, world.subject, restart=True)
    assert merges, "everything is known now"
    assert (run.counts.updated, run.counts.unchanged) == (1, 5)


def test_a_record_that_comes_in_between_sends_the_pages_the_long_way(world, merges, monkeypatch):
    """A pass that takes no lane writes order 3 after we saw that it is not there, before we write it."""
    _fill(world)
    from storelink.sync import fresh

    look = fresh._look

    def look_then_lose(lane, new):
        found = look(lane, new)
        if any(one.id == "3" for one in new) and not merges:
            with hold(world.database, world.subject.id, "orders", None) as other:
                raw = world.store._shown("orders", "3")
                read = world.store._read(world.clock())
                page = normalize_page(world.connector, "orders", {}, [("3", raw)], (), read)
                stage.prepare(other.connection, "orders")
                write_page(other, world.connector, page)
        return found

    monkeypatch.setattr(fresh, "_look", look_then_lose)
    with world.full() as lane:
        run = backfill(lane, world.subject)
    assert any("3" in page for page in merges)
    assert run.counts.inserted + run.counts.unchanged == 6
    assert world.one("SELECT count(*) FROM platform_order") == 6
    assert sorted(world.events()) == [(str(number), "insert") for number in range(1, 7)]


def test_an_order_whose_customer_is_unknown_brings_a_stub(world, merges):
    _fill(world)
    with world.full() as lane:
        backfill(lane, world.subject)
    assert merges == []
    stubs = world.rows(
        "SELECT record_id, state, due_since IS NOT NULL FROM source_record WHERE resource = 'customers'"
        " ORDER BY 1"
    )
    assert stubs == [("1", "stub", True), ("2", "stub", True), ("3", "stub", True)]


def test_a_record_changed_under_two_seconds_before_it_was_read_is_due_again(world, merges):
    world.store.put("orders", 1, items={"1": "A"})
    world.store.pass_time(0.5)
    with world.full() as lane:
        page = normalize_page(
            world.connector, "orders", {}, [(None, world.store._shown("orders", "1"))], (),
            world.store._read(world.clock()),
        )  # fmt: skip
        stage.prepare(lane.connection, "orders")
        write_pages(lane, world.connector, [page], lambda counts, last: None)
    assert merges == []
    state, due, finished = world.rows(
        "SELECT state, due_since, read_finished_at FROM source_record WHERE resource = 'orders'"
    )[0]
    assert state == "unsettled"
    assert abs(due - finished) < timedelta(seconds=1)


def test_new_ids_go_into_their_index_side_by_side():
    made = [uuid.UUID(one.decode()) for one in (*ids(5000), *ids(1))]
    assert {one.version for one in made} == {7} and {one.variant for one in made} == {uuid.RFC_4122}
    assert made[:5000] == sorted(made[:5000]) and len(set(made)) == 5001
    assert ids(0) == []


def test_what_is_put_after_the_lines_were_made_is_what_is_written(world, merges):
    """Whoever was erased is blanked in pages that were made ready already; nothing else of them is lost."""
    _fill(world)
    with world.full() as lane:
        stage.prepare(lane.connection, "orders")
        raws = [(None, raw) for page in world.store.backfill("orders", None) for raw in page.records]
        read = world.store._read(world.clock())
        page = normalize_page(world.connector, "orders", {}, raws, (), read)
        assert len(page.new(lane, world.connector)) == len(raws)
        rows = page.rows["2"]
        page.put(replace(rows, orders=[rows.orders[0]._replace(email=None)]), 1)
        write_pages(lane, world.connector, [page], lambda counts, last: None)
    assert merges == []
    assert world.one("SELECT count(*) FROM platform_order") == len(raws)
    assert world.one("SELECT count(*) FROM order_item") == sum(len(raw.get("items", {})) for _, raw in raws)
    assert world.one("SELECT email FROM platform_order WHERE order_id = '2'") is None
