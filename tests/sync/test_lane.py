"""Lanes: one pass at a time, freed by a crash, and a pass that lost its lane writes nothing."""

import threading
import time

import psycopg
import pytest

from storelink.errors import DatabaseAway, LaneHeld, LaneLost
from storelink.sync import account
from storelink.sync.backfill import backfill
from storelink.sync.incremental import incremental
from storelink.sync.lane import FULL, POLL, hold

WAITING = """
SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE NOT l.granted AND a.datname = current_database()
"""


def purge(world):
    with world.database.session() as session:
        account.remove(session, world.subject.id, purge=True)
        session.commit()


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_lane_is_held_by_one(world):
    with world.full(), pytest.raises(LaneHeld), world.full():
        pass


def test_lanes_of_other_kinds_resources_and_stores_are_free(world, make_world):
    other = make_world("other")
    with world.full(), world.poll(), world.full("products"), other.full():
        pass


def test_each_holder_has_a_higher_token(world):
    with world.full() as first:
        pass
    with world.full() as second:
        assert second.token == first.token + 1
        with pytest.raises(LaneLost):
            first_again = type(first)(
                second.connection, second.clock, first.connector_id, "orders", FULL, first.token
            )
            first_again.check()


@pytest.mark.parametrize("kind", [FULL, POLL, None])
def test_nothing_is_written_of_a_store_that_is_no_more(world, kind):
    with hold(world.database, world.subject.id, "orders", kind) as lane:
        purge(world)
        with pytest.raises(LaneLost):
            lane.check()


@pytest.mark.parametrize("kind", [FULL, POLL, None])
def test_who_purges_a_store_waits_for_the_page_in_hand(world, kind):
    """Orders have no foreign key that would keep the store there meanwhile."""
    with hold(world.database, world.subject.id, "orders", kind) as lane:
        lane.check()
        thread = threading.Thread(target=purge, args=(world,))
        thread.start()
        until(lambda: world.one(WAITING) or not thread.is_alive())
        lane.connection.execute(
            "INSERT INTO platform_order (connector_id, order_id, platform, order_number, status,"
            " total_amount, refunded_amount, current_total_amount, currency, line_items, metadata)"
            " VALUES (%s, '1', 'toy', '1', 'open', 1, 0, 1, 'EUR', '[]', '{}')",
            (world.subject.id,),
        )
        lane.connection.commit()
        thread.join(60)
    assert world.one("SELECT count(*) FROM connector_config") == 0
    assert world.one("SELECT count(*) FROM platform_order") == 0


def test_a_cut_connection_frees_the_lane_and_the_pass_resumes(world):
    for number in range(1, 9):
        world.store.put("orders", number)
    world.store.pass_time(60)

    def cut(what):
        if what == "backfill orders 3":
            until(lambda: world.one("SELECT count(*) FROM sync_run") == 1)  # the first page is written
            with world.database.connect() as admin:  # other tests' sessions are in the same server
                admin.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )

    world.store.before.append(cut)
    with pytest.raises((DatabaseAway, psycopg.Error)), world.full() as lane:
        backfill(lane, world.subject)
    world.store.before.clear()
    with world.full() as lane:
        backfill(lane, world.subject)
    assert world.one("SELECT count(*) FROM platform_order") == 8
    assert len(world.events()) == 8
    assert world.one("SELECT status FROM sync_run WHERE status = 'interrupted'") == "interrupted"


def test_two_writers_of_the_same_records_in_any_order_do_not_deadlock(world):
    for number in range(1, 40):
        world.store.put("orders", number, customer=str(number % 7 + 1))
        world.store.put("customers", number % 7 + 1, name="x")
    world.store.pass_time(60)
    errors: list[BaseException] = []

    def read(kind, resource, order):
        from storelink.sync.incremental import targeted

        try:
            for _ in range(5):
                with hold(world.database, world.subject.id, resource, None) as lane:
                    targeted(lane, world.subject, [str(number) for number in order])
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=read, args=(POLL, "orders", range(1, 40))),
        threading.Thread(target=read, args=(POLL, "orders", range(39, 0, -1))),
        threading.Thread(target=read, args=(POLL, "customers", range(1, 8))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert world.one("SELECT count(*) FROM platform_order") == 39
    assert (
        world.one(
            "SELECT count(*) FROM platform_order JOIN platform_customer USING (connector_id, customer_id)"
        )
        == 39
    )


def test_no_transaction_is_open_while_the_store_is_asked(world):
    for number in range(1, 9):
        world.store.put("orders", number)
    world.store.pass_time(60)
    states = []

    def look(what):
        with world.database.connect() as admin:
            states.extend(
                row[0]
                for row in admin.exec_driver_sql(
                    "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND state LIKE 'idle in%%'"
                )
            )

    with world.full() as lane:
        backfill(lane, world.subject)
    for number in range(1, 9):
        world.store.put("orders", number, status="completed")
    world.store.before.append(look)
    with world.poll() as lane:
        assert incremental(lane, world.subject).counts.updated == 8
    assert states == []
