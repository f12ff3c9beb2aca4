"""verify: a ledger that is zero or says what is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from storelink.errors import NeedsDecision
from storelink.sync.backfill import backfill
from storelink.sync.due import make_compared
from storelink.sync.incremental import incremental
from storelink.sync.synchronize import check_drift
from storelink.sync.verify import DEEP_SHARE


@pytest.fixture
def held(world):
    for number in range(1, 13):
        world.store.put("orders", number, customer="1", refunds={f"{number}0": "1.00"})
    world.store.pass_time(3600)
    with world.full() as lane:
        backfill(lane, world.subject)
    world.store.pass_time(3600)
    return world


def _verify(world, **how):
    (ledger,) = check_drift(world.database, world.subject, ["orders"], **how)
    return ledger


def test_a_quiet_store_is_in_step(held):
    ledger = _verify(held)
    assert (ledger.in_store, ledger.held, ledger.found, ledger.drift) == (12, 12, 0, 0)
    assert held.one("SELECT last_drift FROM sync_state WHERE resource = 'orders'") == 0


def test_what_differs_is_told_apart_and_nothing_is_written(held):
    held.store.put("orders", 99)
    held.store.put("orders", 2, status="completed")
    held.store.put("orders", 3, trashed=True)
    held.store.delete("orders", 4)
    events = len(held.events())
    ledger = _verify(held)
    assert (ledger.missing, ledger.stale, ledger.gone, ledger.drift) == (1, 2, 1, 4)
    assert len(held.events()) == events
    assert held.one("SELECT deleted_at IS NULL FROM platform_order WHERE order_id = '4'")
    assert held.one("SELECT last_drift FROM sync_state WHERE resource = 'orders'") == 4


def test_fix_writes_what_differs_and_the_next_is_zero(held):
    held.store.put("orders", 99)
    held.store.put("orders", 2, status="completed")
    held.store.delete("orders", 4)
    held.store.pass_time(60)
    ledger = _verify(held, fix=True)
    assert (ledger.found, ledger.fixed, ledger.drift) == (3, 3, 0)
    assert _verify(held).found == 0
    assert held.one("SELECT status FROM platform_order WHERE order_id = '2'") == "completed"


def test_a_deleted_refund_moves_no_date_and_is_found_by_its_id(held):
    held.store.put("orders", 2, silently=True, refunds={})
    with held.poll() as lane:
        incremental(lane, held.subject)
    assert held.one("SELECT count(*) FROM order_refund WHERE order_id = '2'") == 1
    assert _verify(held).stale == 1
    _verify(held, fix=True)
    assert held.one("SELECT count(*) FROM order_refund WHERE order_id = '2'") == 0


def test_what_moves_no_date_and_no_part_is_found_by_a_deep_verify(held):
    held.store.put("orders", 2, silently=True, status="failed")
    assert _verify(held).found == 0
    ledger = _verify(held, deep=True)
    assert (ledger.stale, ledger.deep) == (1, 12)
    _verify(held, deep=True, fix=True)
    assert held.one("SELECT status FROM platform_order WHERE order_id = '2'") == "failed"


@pytest.mark.parametrize("fix", [False, True])
def test_a_deep_read_that_began_before_the_held_read_ended_is_decided_by_a_fetch(held, monkeypatch, fix):
    """As a bulk operation's is, soon after a pass."""
    held.store.put("orders", 2, silently=True, status="completed")
    plain = held.store.backfill

    def older(resource, cursor):
        for page in plain(resource, cursor):
            yield replace(page, read=replace(page.read, started=page.read.started - timedelta(hours=1)))

    monkeypatch.setattr(held.store, "backfill", older)
    ledger = _verify(held, deep=True, fix=fix)
    assert (ledger.stale, ledger.fixed) == (1, int(fix))
    assert held.one("SELECT status FROM platform_order WHERE order_id = '2'") == (
        "completed" if fix else "open"
    )


def test_thirty_daily_shares_read_the_whole_store(held):
    held.store.put("orders", 2, silently=True, status="failed")
    ledgers = [_verify(held, share=share) for share in range(DEEP_SHARE)]
    assert sum(ledger.deep for ledger in ledgers) == 12
    assert sum(ledger.stale for ledger in ledgers) == 1


def test_a_store_that_is_being_worked_on_reaches_zero(held):
    """An edit between the list and the fetch is no drift once the tables have it."""

    def edit(what):
        held.store.pass_time(60)
        if what.startswith("fetch"):
            held.store.put("orders", 7, total="77.00")

    held.store.put("orders", 2, status="completed")
    with held.poll() as lane:
        incremental(lane, held.subject)
    held.store.before.append(edit)
    assert _verify(held).drift == 0


def test_absence_from_the_list_is_no_deletion(held):
    held.store.hidden.add("5")
    ledger = _verify(held, fix=True)
    assert ledger.found == 0
    assert held.one("SELECT deleted_at IS NULL FROM platform_order WHERE order_id = '5'")


def test_no_answer_is_counted_not_hidden(held):
    held.store.put("orders", 2, status="completed")
    held.store.unanswered["2"] = "502"
    assert _verify(held).drift == 1
    assert _verify(held, fix=True).drift == 1
    held.store.unanswered.clear()
    assert _verify(held).drift == 1, "its backoff is no excuse"
    assert _verify(held, fix=True).drift == 0


def test_a_restored_backup_is_noticed_and_followed_back_in_time(held):
    for number in (1, 2, 3, 4):
        held.store.put("orders", number, status="completed")
    held.store.pass_time(60)
    with held.poll() as lane:
        incremental(lane, held.subject)
    for number in (1, 2, 3, 4):  # as they were in the backup
        old = held.store.records["orders"][str(number)]["updated"].replace(hour=11)
        held.store.put("orders", number, status="open", updated=old)
    ledger = _verify(held)
    assert ledger.restored
    assert ledger.stale == 4
    assert held.one("SELECT settings ? 'restored' FROM connector_config")
    assert _verify(held, fix=True).drift == 0
    assert held.one("SELECT status FROM platform_order WHERE order_id = '1'") == "open"
    assert not held.one("SELECT settings ? 'restored' FROM connector_config")


def test_a_highest_id_that_fell_is_a_sign_too(held):
    held.store.delete("orders", 12)
    assert _verify(held).restored


def test_many_deletions_wait_for_a_person(world):
    world.hold_orders(40)
    for number in range(1, 31):
        world.store.delete("orders", number)
    ledger = _verify(world, fix=True)
    assert ledger.drift == ledger.withheld > 0
    from dataclasses import replace

    world.subject = replace(world.subject, accept_deletes=True)
    assert _verify(world, fix=True).drift == 0
    assert world.one("SELECT count(*) FROM platform_order WHERE deleted_at IS NULL") == 10


def test_as_many_deletions_as_a_person_saw_go_and_no_more(world):
    world.hold_orders(40)
    for number in range(1, 16):
        world.store.delete("orders", number)
    seen = _verify(world, fix=True).withheld
    assert 0 < seen < 15  # those up to the bound went
    kept = world.one("SELECT ledger FROM sync_state WHERE resource = 'orders'")
    assert (kept["in_store"], kept["gone"], kept["fix"]) == (25, 15, True)
    assert [why for _, why in kept["differing"]].count("withheld") == seen

    def accepted(many):
        with world.database.session() as session:
            make_compared(session, world.subject.name, ["orders"], accepted=many, actor="user:ops")
            session.commit()

    for number in range(16, 31):  # more than what was seen is gone by now
        world.store.delete("orders", number)
    left = world.one("SELECT count(*) FROM platform_order WHERE deleted_at IS NULL")
    accepted(seen)
    assert _verify(world, fix=False).gone == seen + 15
    assert world.one("SELECT accepted FROM sync_state WHERE resource = 'orders'") == seen
    more = _verify(world, fix=True).withheld
    assert left - world.one("SELECT count(*) FROM platform_order WHERE deleted_at IS NULL") <= seen
    assert more >= 15 and world.one("SELECT accepted FROM sync_state WHERE resource = 'orders'") == 0
    accepted(more)
    assert _verify(world, fix=True).drift == 0
    assert world.one("SELECT count(*) FROM platform_order WHERE deleted_at IS NULL") == 10
    assert world.one("SELECT withheld + accepted FROM sync_state WHERE resource = 'orders'") == 0


def test_what_a_verify_found_is_kept_with_the_records_that_differed(held):
    held.store.put("orders", 99)
    held.store.put("orders", 2, status="completed")
    held.store.delete("orders", 4)
    differing = {"99": "missing", "2": "stale", "4": "gone"}
    for fix in (False, True):
        _verify(held, fix=fix)
        kept = held.one("SELECT ledger FROM sync_state WHERE resource = 'orders'")
        assert (kept["missing"], kept["stale"], kept["gone"]) == (1, 1, 1)
        assert (kept["fixed"], kept["fix"], dict(kept["differing"])) == (3 * fix, fix, differing)
        held.store.pass_time(60)
    _verify(held)
    assert held.one("SELECT ledger FROM sync_state WHERE resource = 'orders'")["differing"] == []


def test_a_rejected_record_is_quarantined_not_drift(held):
    held.store.put("orders", 2, bad="no total")
    ledger = _verify(held)
    assert (ledger.drift, ledger.quarantined) == (0, 1)
    assert held.one("SELECT count(*) FROM quarantined_record") == 0
    ledger = _verify(held, fix=True)
    assert (ledger.drift, ledger.quarantined) == (0, 1)
    assert held.one("SELECT count(*) FROM quarantined_record") == 1
    assert _verify(held).quarantined == 1


def test_a_backfill_of_a_store_that_lost_much_asks_too(world):
    world.hold_orders(40)
    for number in range(1, 31):
        world.store.delete("orders", number)
    with pytest.raises(NeedsDecision), world.full() as lane:
        backfill(lane, world.subject, restart=True)
    assert world.one("SELECT phase FROM sync_state WHERE resource = 'orders'") == "live"
