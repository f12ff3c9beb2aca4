"""What may be requested, by whom and how often; and what people decide afterwards."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import text
from till_house import ANNA, BELA

from storelink.config import Settings
from storelink.errors import Misconfigured, NeedsDecision
from storelink.sync import over_refund
from storelink.sync.act import refuse_strangers
from storelink.sync.lane import hold
from storelink.sync.limit import Limits, limits_of, read_ceilings
from storelink.sync.request import Refused

STRICT = Limits(Decimal(15), {("support", ""): Decimal(25)}, {("support", ""): Decimal(30)})


def test_one_key_makes_one_request_whoever_is_first(house):
    previews = [house.preview("1", units=1) for _ in range(8)]
    made, begin = [], threading.Barrier(8)

    def press(preview):
        begin.wait()
        made.append(house.create(preview, idempotency_key="case 7", again=True))

    threads = [threading.Thread(target=press, args=(one,)) for one in previews]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == 8
    assert len({one.request.id for one in made}) == 1
    assert [one.new for one in made].count(True) == 1
    house.until_calm()
    assert house.till.money("1") == 10


def test_two_presses_without_a_key_make_one_refund(house):
    previews = [house.preview("1", units=1) for _ in range(2)]
    made, refused, begin = [], [], threading.Barrier(2)

    def press(preview):
        begin.wait()
        try:
            made.append(house.create(preview))
        except (NeedsDecision, Refused) as error:
            refused.append(error)

    threads = [threading.Thread(target=press, args=(one,)) for one in previews]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(made), len(refused)) == (1, 1)


def test_a_key_is_for_one_request(house):
    house.ask("1", units=1, idempotency_key="a")
    with pytest.raises(Misconfigured, match="belongs to another"):
        house.ask("1", units=2, idempotency_key="a")


def test_a_preview_is_used_once_and_soon(house):
    shown = house.preview("1", units=1)
    house.create(shown)
    with pytest.raises(Misconfigured, match="has been used"):
        house.create(shown, again=True)
    old = house.preview("1", units=1)
    house.pass_time(1801)
    with pytest.raises(Misconfigured, match="half an hour"):
        house.create(old, again=True)


def test_the_same_within_a_day_has_to_be_meant(house):
    house.ask("1", units=1)
    with pytest.raises(NeedsDecision, match="within a day"):
        house.ask("1", units=1)
    house.ask("1", units=1, again=True)
    house.ask("1", amount="9.00")


def test_never_more_than_is_left_whatever_waits(house):
    house.ask("1", amount="20.00")
    with pytest.raises(Refused, match=r"Only 30\.00 EUR are left to refund beside"):
        house.ask("1", amount="10.01")
    house.ask("1", amount="10.00")
    house.until_calm()
    assert house.till.money("1") == 30
    with pytest.raises(Refused):
        house.ask("1", amount="0.01")


def test_a_request_since_the_preview_has_to_be_looked_at(house):
    shown = house.preview("1", units=1)
    house.ask("1", amount="1.00")
    with pytest.raises(Refused, match="since the preview"):
        house.create(shown)


def test_ceilings_by_role_and_day(house):
    with pytest.raises(Refused, match="at once"):
        house.create(house.preview("1", amount="25.01"), limits=STRICT)
    house.create(house.preview("1", amount="14.00"), limits=STRICT)
    house.till.sell("2", "100.00")
    with pytest.raises(Refused, match="within a day"):
        house.create(house.preview("2", amount="16.01"), limits=STRICT)
    house.create(house.preview("2", amount="16.01", asker=BELA), asker=BELA, limits=STRICT)
    house.pass_time(86_500)
    house.create(house.preview("2", amount="20.00"), limits=STRICT)


def test_above_the_threshold_a_second_person_agrees(house):
    request = house.create(house.preview("1", amount="20.00"), limits=STRICT).request
    assert (request.stage, request.status) == ("waiting_approval", "pending")
    house.act()
    assert house.till.sends == []
    with pytest.raises(Refused, match="cannot approve"):
        house.decide("approve", request, asker=ANNA, limits=STRICT)
    approved = house.decide("approve", request, limits=STRICT)
    assert (approved.approved_by, approved.requested_by) == ("bela", "anna")
    house.until_calm()
    assert house.now(request).stage == "settled"
    assert house.steps(request)[:2] == ["waiting_approval", "approved"]


def test_what_was_not_sent_can_be_withdrawn(house):
    request = house.ask("1", units=1)
    with pytest.raises(Misconfigured, match="not sent"):
        house.decide("resolve", request, moved=True, why="x")
    house.decide("resolve", request, moved=False, why="changed her mind")
    house.act()
    assert (house.now(request).stage, house.till.sends) == ("failed", [])


def test_a_person_sends_again_under_a_mark_and_key_of_its_own(house):
    house.till.script = ["lost before"]
    request = house.ask("1", units=1)
    house.until_calm()
    first = house.now(request)
    assert first.stage == "needs_attention"
    with pytest.raises(Misconfigured, match="previewed first"):
        house.decide("retry", request, preview_id=None)
    house.decide("retry", request, preview_id=house.preview("1", units=1).id)
    house.until_calm()
    now = house.now(request)
    assert (now.stage, house.till.money("1")) == ("settled", 10)
    assert now.reference != first.reference
    assert len({key for _, key in house.till.sends}) == 2


def test_the_first_send_that_comes_after_all_raises_the_alarm(house):
    house.till.script = ["late"]
    request = house.ask("1", units=1)
    house.until_calm()
    house.decide("retry", request, preview_id=house.preview("1", units=1).id)
    house.until_calm()
    house.till.arrive()
    assert house.till.money("1") == 20
    house.ask("1", amount="1.00")
    house.until_calm()  # the order is read again, and the late one with it
    with hold(house.database, house.subject.id, "orders", None) as lane:
        over_refund.sweep(lane.connection)
    assert house.now(request).alarm == "twin"


def test_an_order_that_gave_back_too_much_is_told_until_somebody_saw_to_it(house):
    request = house.ask("1", everything=True)
    house.act()
    house.till.totals["1"] = Decimal("40.00")  # the store lets a colleague do it at the same moment
    house.till.by_hand("1", "10.00")
    house.till.totals["1"] = Decimal("30.00")
    house.store.put("orders", "1", total="30.00")
    house.pass_time(5)
    with house.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE refund_request SET stage = 'settled', read_at = NULL, next_try_at = now()")
        )
    house.act()
    assert house.now(request).alarm == "over_refunded"
    assert house.steps(request)[-1] == "over_refunded"
    house.decide("resolve", request, moved=None, why="asked the customer")
    assert house.now(request).alarm_over_at is not None


def test_what_others_write_into_our_tables_is_not_carried_out(house):
    with house.database.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO refund_request (connector_id, order_id, amount) VALUES (:store, '1', 5)"),
            {"store": house.subject.id},
        )
    with hold(house.database, house.subject.id, "orders", None) as lane:
        assert refuse_strangers(lane.connection) == 1
    house.act()
    assert house.rows("SELECT stage, status FROM refund_request") == [("failed", "failed")]
    assert house.till.sends == []


def test_ceilings_are_read_as_they_are_written():
    assert read_ceilings("support=200, support:jpy=30000,lead=2000.50") == {
        ("support", ""): Decimal(200),
        ("support", "JPY"): Decimal(30000),
        ("lead", ""): Decimal("2000.50"),
    }
    for wrong in ("support", "=5", "support=-1", "support=x", "support=nan"):
        with pytest.raises(Misconfigured):
            read_ceilings(wrong)
    assert limits_of(Settings(refund_approval_above=Decimal(5))).needs_approval(Decimal("5.01"))


def test_nobody_slips_under_the_ceiling_of_a_day_with_several_hands(house):
    """Eight refunds of eight orders at once, by one person who may give back 30 in a day."""
    limits = Limits(None, {}, {("support", ""): Decimal(30)})
    for order in range(10, 18):
        house.till.sell(str(order))
    previews = [house.preview(str(order), amount="10.00") for order in range(10, 18)]
    made, refused, begin = [], [], threading.Barrier(8)

    def press(preview):
        begin.wait()
        try:
            made.append(house.create(preview, limits=limits).request)
        except Refused as error:
            refused.append(str(error))

    threads = [threading.Thread(target=press, args=(one,)) for one in previews]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(made), len(refused)) == (3, 5)
    assert all("within a day" in words for words in refused)
