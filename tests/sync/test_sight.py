"""What the credentials may not see: records out of sight, fields withheld, and their coming back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.sync import account
from storelink.sync.backfill import backfill
from storelink.sync.incremental import incremental, targeted
from storelink.sync.renormalize import renormalize
from storelink.sync.verify import verify
from storelink.sync.withheld import keep

STREET = {"city": "Bonn", "street": "Ring 1", "zip": "53111"}


@pytest.fixture
def held(world):
    """Seven orders and two customers, read; then an hour passes."""
    for number in range(1, 8):
        world.store.put("orders", number, email=f"{number}@example.test", address=dict(STREET))
    for number in (1, 2):
        world.store.put("customers", number, email=f"c{number}@example.test", name=f"C{number}")
    world.store.pass_time(3600)
    for resource in ("customers", "orders"):
        with world.full(resource) as lane:
            backfill(lane, world.subject)
    world.store.pass_time(3600)
    return world


def _follow(world, resource="orders"):
    with world.poll(resource) as lane:
        return incremental(lane, world.subject)


def _verify(world, resource="orders", **how):
    with world.full(resource) as lane:
        return verify(lane, world.subject, **how)


def _state(world, key, resource="orders"):
    return world.one("SELECT state FROM source_record WHERE resource = %s AND record_id = %s", resource, key)


def _order(world, key):
    columns = "email, shipping_address, metadata, status, deleted_at"
    ((*row,),) = world.rows(f"SELECT {columns} FROM platform_order WHERE order_id = %s", key)
    return row


# -- out of sight ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fix", [False, True])
def test_what_is_out_of_sight_is_neither_deleted_nor_drift(held, fix):
    held.store.out_of_sight = {"2", "5"}
    before = held.events()
    ledger = _verify(held, fix=fix)
    assert (ledger.drift, ledger.found, ledger.gone, ledger.out_of_sight, ledger.held) == (0, 0, 0, 2, 5)
    assert held.events() == before
    assert _state(held, "2") == ("out_of_sight" if fix else "held")
    assert held.one("SELECT count(*) FROM platform_order WHERE deleted_at IS NOT NULL") == 0


def test_however_many_are_out_of_sight_nobody_is_asked(held):
    held.store.out_of_sight = {str(number) for number in range(1, 8)}
    ledger = _verify(held, fix=True)
    assert (ledger.drift, ledger.withheld, ledger.out_of_sight) == (0, 0, 7)
    ledger = _verify(held, fix=True)
    assert (ledger.drift, ledger.out_of_sight, ledger.held) == (0, 7, 0)


def test_it_comes_back_unchanged_without_a_change(held):
    held.store.out_of_sight = {"2"}
    _verify(held, fix=True)
    held.store.out_of_sight = set()
    before = held.events()
    ledger = _verify(held, fix=True)
    assert (ledger.drift, ledger.found, ledger.out_of_sight, _state(held, "2")) == (0, 0, 0, "held")
    assert held.events() == before


def test_it_comes_back_changed_with_its_change(held):
    held.store.out_of_sight = {"2"}
    _verify(held, fix=True)
    held.store.put("orders", 2, status="completed")
    held.store.pass_time(60)
    _follow(held)
    assert _state(held, "2") == "out_of_sight"
    held.store.out_of_sight = set()
    _follow(held)
    assert (_state(held, "2"), _order(held, "2")[3]) == ("held", "completed")
    assert held.events()[-1] == ("2", "update")


def test_a_full_read_brings_it_back_too(held):
    held.store.out_of_sight = {"2"}
    _verify(held, fix=True)
    held.store.out_of_sight = set()
    with held.full("orders") as lane:
        backfill(lane, held.subject)
    assert _state(held, "2") == "held"


def test_a_hint_for_one_nobody_knows_is_answered_once(held):
    held.store.out_of_sight = {"99"}
    with held.full("orders") as lane:
        run = targeted(lane, held.subject, ["99"])
    assert (run.counts.inserted, run.counts.fetched, _state(held, "99")) == (0, 1, "out_of_sight")
    assert held.one("SELECT count(*) FROM source_record WHERE due_since IS NOT NULL") == 0


def test_what_was_due_is_not_asked_for_ever(held):
    held.store.out_of_sight = {"2"}
    _commit(held, "UPDATE source_record SET due_since = now() WHERE resource = 'orders' AND record_id = '2'")
    _follow(held)
    assert _state(held, "2") == "out_of_sight"
    assert held.one("SELECT count(*) FROM source_record WHERE due_since IS NOT NULL") == 0


def test_what_is_gone_stays_gone(held):
    held.store.delete("orders", 2)
    _verify(held, fix=True)
    held.store.out_of_sight = {"2"}
    with held.full("orders") as lane:
        targeted(lane, held.subject, ["2"])
    assert _state(held, "2") == "gone"


# -- destroyed, and lists that bring their records ------------------------------------------------


def test_destroyed_ids_are_fetched_and_only_the_fetch_decides(held):
    held.store.delete("orders", 2)
    held.store.destroyed = ["2", "3", "77"]
    asked = []
    held.store.before[:] = [asked.append]
    _follow(held)
    assert asked == ["list orders", "fetch orders 2,3"]
    assert (_state(held, "2"), _state(held, "3")) == ("gone", "held")
    assert held.events()[-1] == ("2", "delete")
    asked.clear()
    held.store.destroyed = ["2"]
    _follow(held)
    assert asked == ["list orders"], "it is gone already"


def test_verify_asks_for_destroyed_records_that_are_out_of_sight(held):
    held.store.out_of_sight = {"2"}
    _verify(held, fix=True)
    held.store.out_of_sight = set()
    held.store.delete("orders", 2)
    assert _verify(held, fix=True).out_of_sight == 1
    held.store.destroyed = ["2"]
    ledger = _verify(held, fix=True)
    assert (ledger.gone, ledger.drift, ledger.out_of_sight) == (1, 0, 0)
    assert _order(held, "2")[4] is not None


def test_records_that_came_with_their_list_are_not_fetched(held):
    held.store.whole_lists = True
    held.store.put("orders", 1, status="completed")
    held.store.put("orders", 9, email="9@example.test")
    held.store.pass_time(60)
    asked = []
    held.store.before[:] = [asked.append]
    run = _follow(held)
    assert asked == ["list orders"]
    assert (run.counts.inserted, run.counts.updated) == (1, 1)
    assert (_order(held, "1")[3], _order(held, "9")[0]) == ("completed", "9@example.test")
    asked.clear()
    held.store.whole_lists = False
    _follow(held)
    assert asked == ["list orders"], "what came with the list is held as it was listed"


# -- withheld -------------------------------------------------------------------------------------


def test_a_withheld_field_keeps_what_is_held(held):
    before = held.events()
    held.store.redacted = True
    _verify(held, fix=True, share=None, deep=True)
    email, address, metadata, *_ = _order(held, "2")
    assert (email, address, _state(held, "2")) == ("2@example.test", STREET, "partial")
    assert (metadata["email"], metadata["address"]) == ("2@example.test", STREET)
    assert held.events() == before, "nothing that can be seen changed"
    ledger = _verify(held, deep=True)
    assert (ledger.drift, ledger.held) == (0, 7)


def test_what_is_visible_changes_and_the_rest_stays(held):
    held.store.redacted = True
    held.store.put("orders", 2, status="completed")
    held.store.put("customers", 1)
    held.store.pass_time(60)
    _follow(held)
    _follow(held, "customers")
    email, address, metadata, status, _ = _order(held, "2")
    assert (email, address, status) == ("2@example.test", STREET, "completed")
    assert (metadata["status"], metadata["email"]) == ("completed", "2@example.test")
    assert held.events()[-1] == ("2", "update")
    row = held.rows("SELECT email, name, metadata->>'name' FROM platform_customer WHERE customer_id = '1'")
    assert row == [("c1@example.test", "C1", "C1")]


def test_half_of_an_address_is_never_put_to_half_of_another(held):
    held.store.redacted = True
    held.store.put("orders", 2, address={"city": "Kiel", "street": "Weg 2", "zip": "24103"})
    held.store.pass_time(60)
    _follow(held)
    assert _order(held, "2")[1] == {"city": "Kiel", "street": None, "zip": None}


def test_a_null_that_is_not_withheld_erases(held):
    held.store.put("orders", 2, email=None, address=None)
    held.store.put("customers", 1, email=None)
    held.store.pass_time(60)
    _follow(held)
    _follow(held, "customers")
    assert _order(held, "2")[:2] == [None, None]
    assert held.one("SELECT email FROM platform_customer WHERE customer_id = '1'") is None
    assert held.events()[-1] == ("2", "update")


def test_access_that_comes_back_is_seen(held):
    held.store.redacted = True
    _verify(held, fix=True, deep=True)
    held.store.put("orders", 2, email="new@example.test", silently=True)
    held.store.redacted = False
    with held.database.session() as session:
        account.remember(session, held.subject.id, {"protected": {"personal": "granted"}})
        session.commit()
    _follow(held)
    assert (_order(held, "2")[0], _state(held, "2"), _state(held, "1")) == (
        "new@example.test",
        "held",
        "held",
    )
    with held.database.session() as session:
        account.remember(session, held.subject.id, {"protected": {"personal": "granted"}})
        session.commit()
    assert held.one("SELECT count(*) FROM source_record WHERE due_since IS NOT NULL") == 0


def test_renormalizing_keeps_it_partial_and_a_later_read_finds_nothing_new(held):
    held.store.redacted = True
    _verify(held, fix=True, deep=True)
    held.connector.normalizer_version += 1
    subject = replace(held.subject, settings={"redacted": True})
    before = held.events()
    with held.full("orders") as lane:
        renormalize(lane, subject)
    assert (_order(held, "2")[0], _state(held, "2")) == ("2@example.test", "partial")
    assert held.events() == before
    ledger = _verify(held, deep=True)
    assert (ledger.stale, ledger.drift) == (0, 0)


def test_renormalizing_leaves_what_is_due_to_the_next_pass(held):
    _commit(held, "UPDATE source_record SET due_since = now() WHERE resource = 'orders' AND record_id = '2'")
    held.connector.normalizer_version += 1
    with held.full("orders") as lane:
        run = renormalize(lane, held.subject)
    assert run.counts.fetched == 6
    assert held.one("SELECT record_id FROM source_record WHERE due_since IS NOT NULL") == "2"


def _commit(world, statement):
    with world.full() as lane:
        lane.connection.execute(statement)
        lane.connection.commit()


# -- the rule itself ------------------------------------------------------------------------------

WITHHELD = frozenset({"m", "m.phone", "m.addresses.zip", "m.addresses.street", "metadata.email"})
_leaf = st.one_of(st.none(), st.text(max_size=3), st.integers())
_record = st.fixed_dictionaries({"email": _leaf, "note": _leaf})


@given(new=_record, held=_record)
def test_only_nulls_that_are_withheld_are_filled(new, held):
    kept = keep(new, held, "metadata", WITHHELD)
    assert kept["note"] == new["note"]
    assert kept["email"] == (held["email"] if new["email"] is None else new["email"])


def test_elements_of_a_list_are_told_apart_by_their_id():
    held = {"addresses": [{"id": "a", "zip": "1", "street": "A"}, {"id": "b", "zip": "2", "street": "B"}]}
    new = {"addresses": [{"id": "b", "zip": None, "street": None}, {"id": "c", "zip": None, "street": None}]}
    kept = keep(new, held, "m", WITHHELD)
    assert kept == {"addresses": [{"id": "b", "zip": "2", "street": "B"}, new["addresses"][1]]}
    assert keep(None, held, "m", WITHHELD) == held
    assert keep(None, held, "m.other", WITHHELD) is None
