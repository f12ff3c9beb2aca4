"""Orders from a time on: what a pass reads then, what verify says, and how the time is moved."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from toy import START

from storelink.errors import LaneLost, Misconfigured
from storelink.models import ConnectorConfig
from storelink.sync import since
from storelink.sync.backfill import backfill
from storelink.sync.incremental import incremental
from storelink.sync.synchronize import check_drift, synchronize

OLD, NEW = START - timedelta(days=400), START - timedelta(days=10)
BOUND = START - timedelta(days=90)


def move(world, moment):
    with world.database.session() as session:
        moved = since.move(session, session.get_one(ConnectorConfig, world.subject.id), moment)
        session.commit()
    return moved


def state(world):
    return world.rows(
        "SELECT phase, cursor IS NULL, full_due_at <= now() FROM sync_state WHERE resource = 'orders'"
    )[0]


def held(world):
    rows = world.rows("SELECT order_id FROM platform_order WHERE deleted_at IS NULL")
    return {int(key) for (key,) in rows}


def verify(world, **how):
    (ledger,) = check_drift(world.database, world.subject, ["orders"], **how)
    return ledger


@pytest.fixture
def bounded(world):
    """Orders 1 to 6 are old, 7 to 12 new; only those are read."""
    for number in range(1, 13):
        world.store.put("orders", number, made=OLD if number < 7 else NEW)
    world.store.pass_time(3600)
    move(world, BOUND)
    synchronize(world.database, world.subject, ["orders"])
    world.store.pass_time(3600)
    return world


def test_a_first_read_brings_what_was_made_since_and_verify_is_zero(bounded):
    assert held(bounded) == set(range(7, 13))
    ledger = verify(bounded)
    assert (ledger.in_store, ledger.held, ledger.older, ledger.found) == (6, 6, 0, 0)
    assert verify(bounded, deep=True).found == 0
    synchronize(bounded.database, bounded.subject, ["orders"], full=True)
    assert held(bounded) == set(range(7, 13))


def test_an_older_order_that_changes_comes_in_and_stays(bounded):
    bounded.store.put("orders", 3, status="completed")
    with bounded.poll() as lane:
        incremental(lane, bounded.subject)
    assert held(bounded) == {3, *range(7, 13)}
    for how in ({}, {"deep": True}, {"fix": True}):
        ledger = verify(bounded, **how)
        assert (ledger.in_store, ledger.held, ledger.older, ledger.found) == (7, 7, 1, 0)


def test_verify_misses_new_ones_and_none_of_the_old(bounded):
    bounded.store.put("orders", 13, made=NEW)
    bounded.store.put("orders", 14, made=OLD)
    bounded.store.put("orders", 8, status="failed")
    ledger = verify(bounded, fix=True)
    assert (ledger.missing, ledger.stale, ledger.gone, ledger.drift) == (1, 1, 0, 0)
    assert 13 in held(bounded)


def test_an_older_order_that_is_held_and_deleted_is_gone(bounded):
    for number in (3, 4):
        bounded.store.put("orders", number, status="completed")
    with bounded.poll() as lane:
        incremental(lane, bounded.subject)
    bounded.store.delete("orders", 3)
    ledger = verify(bounded)
    assert (ledger.gone, ledger.in_store, ledger.older) == (1, 7, 1)
    verify(bounded, fix=True)
    assert held(bounded) == {4, *range(7, 13)}
    assert verify(bounded).found == 0


def test_a_date_of_making_that_is_edited_across_ends_right(bounded):
    bounded.store.put("orders", 7, made=OLD)
    bounded.store.put("orders", 8, made=OLD, silently=True)
    bounded.store.put("orders", 1, made=NEW, silently=True)
    assert verify(bounded, fix=True).drift == 0
    assert held(bounded) == {1, *range(7, 13)}
    ledger = verify(bounded)
    assert (ledger.in_store, ledger.held, ledger.older, ledger.found) == (7, 7, 2, 0)
    made = bounded.rows("SELECT order_id, created_at FROM platform_order WHERE order_id IN ('1', '7', '8')")
    assert dict(made) == {"1": NEW, "7": OLD, "8": OLD}


def test_an_order_without_a_date_of_making_is_kept(bounded):
    bounded.store.put("orders", 9, made=None, silently=True)
    bounded.store.put("orders", 13, made=None)
    assert verify(bounded, fix=True).drift == 0
    assert verify(bounded).found == 0
    assert held(bounded) == set(range(7, 14))


def test_an_old_order_entered_afterwards_is_no_sign_of_a_backup(bounded):
    """It has the highest id of all, and no list from a time on shows it."""
    bounded.store.put("orders", 99, made=OLD)
    with bounded.poll() as lane:
        incremental(lane, bounded.subject)
    assert not verify(bounded).restored
    bounded.store.delete("orders", 12)
    assert verify(bounded).restored, "the highest that a list would show fell"


def test_narrower_keeps_everything_and_says_so_to_nobody_in_vain(world):
    for number in range(1, 31):
        world.store.put("orders", number, made=OLD if number < 28 else NEW)
    world.store.pass_time(3600)
    synchronize(world.database, world.subject, ["orders"])
    moved = move(world, BOUND)
    assert moved.narrower and not moved.wider
    assert state(world)[0] == "live", "nothing is read anew"
    world.store.pass_time(3600)
    ledger = verify(world, fix=True)
    assert (ledger.gone, ledger.withheld, ledger.older, ledger.in_store) == (0, 0, 27, 30)
    assert held(world) == set(range(1, 31))


def test_wider_reads_the_rest_and_loses_nothing(bounded):
    bounded.store.put("orders", 3, status="completed")
    with bounded.poll() as lane:
        incremental(lane, bounded.subject)
    assert move(bounded, None).wider
    assert state(bounded) == ("backfill", True, True)
    events = len(bounded.events())
    synchronize(bounded.database, bounded.subject, ["orders"])
    assert held(bounded) == set(range(1, 13))
    assert len(bounded.events()) == events + 5, "what is held already is not written again"
    assert state(bounded)[0] == "live"


@pytest.mark.parametrize("moment", [None, START - timedelta(days=5)])
def test_a_read_that_is_under_way_ends_and_another_begins(world, moment):
    for number in range(1, 31):
        world.store.put("orders", number, made=OLD if number < 13 else NEW)
    world.store.pass_time(3600)
    move(world, BOUND)

    def interfere(what):
        if what == "backfill orders 18":
            world.store.before.clear()
            move(world, moment)

    world.store.before.append(interfere)
    with pytest.raises(LaneLost):
        synchronize(world.database, world.subject, ["orders"])
    assert state(world)[1:] == (True, True)
    assert world.one("SELECT consecutive_failures FROM sync_state WHERE resource = 'orders'") == 0
    synchronize(world.database, world.subject, ["orders"])
    assert held(world) == (set(range(1, 31)) if moment is None else held(world))
    assert verify(world).found == 0


def test_a_read_that_never_began_begins_with_the_new_time(world):
    for number in range(1, 7):
        world.store.put("orders", number, made=OLD if number < 4 else NEW)
    move(world, OLD)
    assert state(world)[0] == "new"
    move(world, BOUND)
    assert state(world)[0] == "new"
    synchronize(world.database, world.subject, ["orders"])
    assert held(world) == {4, 5, 6}


def test_the_same_again_disturbs_nobody(bounded):
    with bounded.full() as lane:
        moved = move(bounded, BOUND)
        assert not moved.wider and not moved.narrower
        lane.check()


def test_a_resumed_read_goes_on_from_its_page(world):
    for number in range(1, 31):
        world.store.put("orders", number, made=OLD if number < 13 else NEW)
    move(world, BOUND)
    world.store.before.append(lambda what: (_ for _ in ()).throw(OSError()) if what.endswith(" 24") else None)
    with pytest.raises(OSError), world.full() as lane:
        backfill(lane, world.subject)
    asked = []
    world.store.before[:] = [asked.append]
    synchronize(world.database, world.subject, ["orders"])
    assert asked[0] not in ("backfill orders 0", "list orders")
    assert held(world) == set(range(13, 31))


# -- days ------------------------------------------------------------------------------------------

VIENNA = {"time_zone": "Europe/Vienna"}


def test_a_day_begins_at_the_store():
    assert since.moment_of("2025-07-01", VIENNA) == datetime(2025, 6, 30, 22, tzinfo=UTC)
    assert since.moment_of("2025-07-01", {"gmt_offset": -5}) == datetime(2025, 7, 1, 5, tzinfo=UTC)
    assert since.moment_of("2025-07-01", {"time_zone": "Nowhere/Else"}) == datetime(2025, 7, 1, tzinfo=UTC)
    assert since.moment_of(" All ", VIENNA) is None


@pytest.mark.parametrize("settings", [VIENNA, {}, {"gmt_offset": "x"}, {"gmt_offset": 5.5}])
def test_a_day_is_told_as_it_was_said(settings):
    moment = since.moment_of("2025-07-01", settings)
    assert since.day_of(moment, settings) == date(2025, 7, 1)
    assert since.words(moment, settings) == "orders since 1 Jul 2025; older ones when they change"


@pytest.mark.parametrize(
    "said", ["", "yesterday", "2025-13-01", "1969-12-31", "9999-01-01", "0001-01-01", "90"]
)
def test_what_is_no_day_is_refused(said):
    with pytest.raises(Misconfigured):
        since.moment_of(said, {"time_zone": "Pacific/Auckland"})


def test_the_column_of_other_resources_stays_empty(bounded):
    with bounded.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT resource, reads_from FROM sync_state")).all()
    assert {name for name, moment in rows if moment} == {"orders"}
