"""What a job does, run in this process over a real Postgres and both kinds of stores."""

import psycopg
import pytest
from structlog.testing import capture_logs

from storelink.db import open_database
from storelink.errors import NeedsDecision
from storelink.scheduler import ask
from storelink.scheduler import work as working
from storelink.scheduler.clock import sweep_alerts
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import feed, listing, state
from storelink.sync.lane import FULL, POLL, hold


def never():
    return False


def test_a_job_that_finds_its_lane_held_comes_again_and_counts_no_failure(fleet, work, shop):
    store = fleet.add_woo(shop)
    assert working.run_full(work, store, never) is None
    fleet.make_due("shop")
    with hold(fleet.database, store, "orders", POLL):
        wait = working.run_polls(work, store, never)
    assert wait is not None and 5 <= wait <= 10
    states = fleet.states("shop")
    assert states["orders"]["due_in"] < 0, "it must stay due"
    assert states["products"]["due_in"] > 0, "the others are read"
    assert states["orders"]["consecutive_failures"] == 0
    assert working.run_polls(work, store, never) is None
    assert fleet.states("shop")["orders"]["due_in"] > 0


def test_a_full_lane_that_is_held_does_not_keep_polls_waiting(fleet, work, shop):
    store = fleet.add_woo(shop)
    working.run_full(work, store, never)
    fleet.make_due("shop")
    fleet.make_due("shop", "full_due_at")
    with hold(fleet.database, store, "orders", FULL):
        assert working.run_polls(work, store, never) is None
        assert working.run_full(work, store, never) is not None
    assert fleet.states("shop")["orders"]["due_in"] > 0


def test_keys_that_cannot_be_opened_put_the_store_off_and_are_not_the_stores_refusal(fleet, work, shop, home):
    store = fleet.add_woo(shop)
    other = fleet.settings.model_copy(update={"home": home / "elsewhere"})
    (home / "elsewhere").mkdir()
    lost = working.Work(fleet.database, Keyring(provider_of(other)), fleet.settings)
    assert working.run_full(lost, store, never) is None
    states = fleet.states("shop")
    assert {one["consecutive_failures"] for one in states.values()} == {1}
    assert all(one["full_due_in"] > 15 for one in states.values())
    assert fleet.one("SELECT status FROM connector_config") == "active"


def test_a_fault_of_our_own_puts_the_pass_off_instead_of_repeating_it_at_once(fleet, work, shop, monkeypatch):
    store = fleet.add_woo(shop)

    def broken(*_, **__):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(working, "read_all", broken)
    assert working.run_full(work, store, never) is None
    states = fleet.states("shop")
    assert all(one["full_due_in"] > 15 for one in states.values())
    assert "ZeroDivisionError" in states["products"]["last_error"]


def test_every_thirtieth_is_read_whole_within_thirty_verifies(fleet, work, shop):
    store = fleet.add_woo(shop)
    working.run_full(work, store, never)
    order = shop.admin.records("orders")[0]["id"]
    shop.admin.set_field_silently("orders", order, customer_note="nobody saw this")
    before = fleet.one(
        "SELECT content_hash FROM source_record WHERE resource = 'orders' AND record_id = %s", str(order)
    )
    found = 0
    for _ in range(30):
        fleet.select("UPDATE sync_state SET full_due_at = now() WHERE resource = 'orders'")
        assert working.run_full(work, store, never) is None
        found += fleet.one(
            "SELECT content_hash <> %s FROM source_record WHERE resource = 'orders' AND record_id = %s",
            before,
            str(order),
        )
    assert found > 0
    assert fleet.states("shop")["orders"]["verify_share"] == 0
    assert fleet.states("shop")["products"]["verify_share"] == 0


def test_an_alert_is_opened_once_and_closed_once_however_many_look(fleet, work, shop):
    fleet.add_woo(shop)
    fleet.select("UPDATE sync_state SET consecutive_failures = 3, last_error = 'no answer'")
    with work.connection() as one, work.connection() as other:
        from storelink.sync.alert import sweep

        assert [(change.kind, change.over) for change in sweep(one)] == [("store_down", False)]
        assert sweep(other) == []
        fleet.select("UPDATE sync_state SET consecutive_failures = 0")
        assert sweep(other) == [], "nothing has come through yet"
        fleet.select("UPDATE sync_state SET last_success_at = clock_timestamp()")
        assert [(change.kind, change.over) for change in sweep(other)] == [("store_down", True)]
        assert sweep(one) == []
    sweep_alerts(work)


def test_deletions_that_wait_for_a_person_are_one_alert_and_no_failure(fleet, work, shop):
    store = fleet.add_woo(shop)
    working.run_full(work, store, never)
    for row in shop.admin.truth()["customers"][:12]:
        shop.admin.delete("customers", row["id"])
    with capture_logs() as lines:
        for _ in range(3):
            fleet.make_due("shop")
            assert working.run_polls(work, store, never) is None
            sweep_alerts(work)
    assert [line["event"] for line in lines if line["log_level"] != "info"] == ["alert"]
    assert [line["kind"] for line in lines if line["event"] == "alert"] == ["deletes_withheld"]
    customers = fleet.states("shop")["customers"]
    assert (customers["withheld"], customers["consecutive_failures"], customers["last_error"]) == (
        12,
        0,
        None,
    )
    assert customers["due_in"] > 3000, "no sooner and no later than ever"
    code, said = fleet.run("status", "shop")
    assert code == 0 and "shop needs a person" in said
    assert "12 customers no longer exist" in said and "verify shop --fix --accept-deletes" in said
    assert fleet.run("verify", "shop", "--fix", "--accept-deletes")[0] == 0
    sweep_alerts(work)
    assert fleet.one("SELECT count(*) FROM alert WHERE closed_at IS NULL") == 0
    assert fleet.status("shop")["state"] == "in_step"


def test_a_job_run_twice_at_once_reads_nothing_twice(fleet, work, shop, monkeypatch):
    """A worker that was slow to show that it lives, and the one that took its job over."""
    store = fleet.add_woo(shop)
    read_all, other_ran = working.read_all, []

    def overtaken(database, subject, resource, **named):
        if not other_ran:
            other_ran.append(resource)
            assert working.run_full(work, store, never) is None
        return read_all(database, subject, resource, **named)

    monkeypatch.setattr(working, "read_all", overtaken)
    working.run_full(work, store, never)
    runs = fleet.select("SELECT resource, count(*) FROM sync_run WHERE kind = 'backfill' GROUP BY 1")
    assert {row["resource"]: row["count"] for row in runs} == {"products": 1, "customers": 1, "orders": 1}


@pytest.mark.parametrize("resource", ["orders", "products"])
def test_who_asks_while_a_pass_runs_gets_another(fleet, work, shop, monkeypatch, resource):
    store = fleet.add_woo(shop)
    working.run_full(work, store, never)
    fleet.make_due("shop")
    load = state.load

    def asked(lane):  # the pass has begun
        if lane.resource == resource:
            fleet.select("SELECT pg_sleep(0.3)")  # by more than clocks are off
            fleet.select(
                "UPDATE sync_state SET next_due_at = clock_timestamp() WHERE resource = %s", resource
            )
        return load(lane)

    monkeypatch.setattr(state, "load", asked)
    assert working.run_polls(work, store, never) is None
    states = fleet.states("shop")
    assert {name for name, one in states.items() if one["due_in"] <= 0} == {resource}
    monkeypatch.undo()
    assert working.run_polls(work, store, never) is None
    assert all(one["due_in"] > 0 for one in fleet.states("shop").values())


def test_a_full_read_that_is_asked_for_during_a_verify_is_not_put_off_for_a_day(
    fleet, work, shop, monkeypatch
):
    store = fleet.add_woo(shop)
    working.run_full(work, store, never)
    fleet.select("UPDATE sync_state SET full_due_at = now() WHERE resource = 'orders'")
    prepare = listing.prepare

    def asked(lane):
        monkeypatch.undo()
        ask.read_now(fleet.database, "shop", ["orders"], full=True)
        prepare(lane)

    monkeypatch.setattr(listing, "prepare", asked)
    working.run_full(work, store, never)
    orders = fleet.states("shop")["orders"]
    assert (orders["phase"], orders["last_drift"]) == ("backfill", 0)
    assert orders["full_due_in"] <= 0
    working.run_full(work, store, never)
    assert fleet.one("SELECT count(*) FROM sync_run WHERE kind = 'backfill' AND resource = 'orders'") == 2
    assert fleet.states("shop")["orders"]["phase"] == "live"


# -- the change feed ---------------------------------------------------------------------------------

EVENT = (
    "INSERT INTO change_event (connector_id, entity, key, op)"
    " VALUES (gen_random_uuid(), 'order', %s, 'insert')"
)


def test_an_event_that_is_committed_late_is_numbered_late(fleet, work):
    with psycopg.connect(fleet.url) as slow, work.connection() as publisher:
        slow.execute(EVENT, ("written first",))
        fleet.select(EVENT, "committed first")
        assert feed.publish(publisher) == 1
        seen = list(feed.read(publisher, 0))
        assert [(event.seq, event.key) for event in seen] == [(1, "committed first")]
        slow.commit()
        assert feed.publish(publisher) == 1
        assert [(event.seq, event.key) for event in feed.read(publisher, 1)] == [(2, "written first")]
        assert feed.publish(publisher) == 0


def test_many_publishers_number_without_gaps_and_listeners_hear_of_it(fleet, work):
    from concurrent.futures import ThreadPoolExecutor

    fleet.select(
        "INSERT INTO change_event (connector_id, entity, key, op)"
        " SELECT gen_random_uuid(), 'order', n::text, 'update' FROM generate_series(1, 903) n"
    )
    with psycopg.connect(fleet.url, autocommit=True) as listener:
        listener.execute("LISTEN storelink_changes")

        def publish(_):
            with work.connection() as connection:
                return feed.publish(connection, batch=50)

        with ThreadPoolExecutor(4) as pool:
            while fleet.one("SELECT count(*) FROM change_event WHERE seq IS NULL"):
                list(pool.map(publish, range(8)))
        heard = [int(note.payload) for note in listener.notifies(timeout=60, stop_after=1)]
    assert heard
    assert fleet.select("SELECT seq FROM change_event ORDER BY seq") == [{"seq": n} for n in range(1, 904)]
    with work.connection() as connection:
        assert feed.standing(connection).last == 903


def test_a_reader_is_told_when_the_numbers_mean_something_else(fleet, work):
    fleet.select(EVENT, "a")
    with work.connection() as connection:
        feed.publish(connection)
        known = feed.standing(connection).epoch
        assert len(list(feed.read(connection, 0, epoch=known))) == 1
        fleet.select("UPDATE change_feed SET server = 'the one before'")
        fleet.select(EVENT, "b")
        feed.publish(connection)
        assert feed.standing(connection).epoch != known
        with pytest.raises(NeedsDecision, match="new epoch"):
            list(feed.read(connection, 1, epoch=known))
        with pytest.raises(NeedsDecision, match="never given"):
            list(feed.read(connection, 99))
        fleet.select("UPDATE change_feed SET cut_seq = 1")
        with pytest.raises(NeedsDecision, match="deleted since"):
            list(feed.read(connection, 0))


def test_changes_on_the_command_line(fleet, work, shop):
    store = fleet.add_woo(shop)
    working.run_full(work, store, never)
    code, said = fleet.run("changes", "--after", "3", "--limit", "2")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == ["4", "5"]
    code, said = fleet.run("changes", "--after", "99999")
    assert code == 4
    follower = fleet.start(
        "changes",
        "--follow",
        "--json",
        "--limit",
        "1",
        "--after",
        str(fleet.one("SELECT last_seq FROM change_feed")),
    )
    order = shop.admin.records("orders")[0]["id"]
    shop.admin.edit_order(order, status="on-hold")
    fleet.make_due("shop")
    working.run_polls(work, store, never)
    assert follower.child.wait(30) == 0


def test_the_whole_daemon_is_closed_by_its_database(fleet):
    """`prepared` leaves nothing open."""
    from storelink.scheduler.daemon import prepared

    with prepared(fleet.settings, fleet.keyring, concurrency=2, clock=True) as daemon:
        daemon.start()
        assert daemon.wait_until_up(30)
        assert daemon.running()
        assert daemon.stop()
        assert not daemon.running()
    with open_database(fleet.settings, migrate=False):
        pass
