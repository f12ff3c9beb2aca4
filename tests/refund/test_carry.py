"""One refund, whatever its send meets: every way leads to one right end, and money moves once or never."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from storelink.errors import LaneHeld, Retryable
from storelink.sync.order_lock import hold_order
from storelink.sync.request import Rules

TEN = Decimal("10.0000")
DAY = timedelta(hours=23)


# What the sends meet → how it ends, what the gateway paid, how often it was sent, with keys and without.
ENDS = [
    (["well"], None, "settled", 10, 1),
    (["well"], DAY, "settled", 10, 1),
    (["unsent", "unsent", "well"], None, "settled", 10, 3),
    (["unsent", "lost after"], None, "settled", 10, 2),
    (["rejected"], None, "failed", 0, 1),
    (["rejected"], DAY, "failed", 0, 1),
    (["lost before"], None, "needs_attention", 0, 1),
    (["lost before"], DAY, "settled", 10, 2),
    (["lost before", "lost before", "unsent", "lost after"], DAY, "settled", 10, 4),
    (["lost before", "rejected"], DAY, "failed", 0, 2),
    (["lost after"], None, "settled", 10, 1),
    (["lost after"], DAY, "settled", 10, 1),
    (["half"], None, "needs_attention", 10, 1),
    (["half unpaid"], None, "needs_attention", 0, 1),
    (["declined"], None, "needs_attention", 0, 1),
    (["fails after"], None, "needs_attention", 10, 1),
    (["dies"], None, "needs_attention", 0, 1),
    (["bug"], None, "needs_attention", 0, 1),
    (["bug"], DAY, "settled", 10, 2),
    (["failed"], DAY, "failed", 0, 1),
]


@pytest.mark.parametrize(("script", "resends", "end", "paid", "sends"), ENDS)
def test_how_it_ends(house, script, resends, end, paid, sends):
    house.till.script, house.till.resends_within = list(script), resends
    request = house.ask("1", units=1)
    with suppress(ZeroDivisionError):  # the job breaks, and another comes
        house.act()
    house.pass_time(6)
    house.until_calm()
    now = house.now(request)
    assert (now.stage, house.till.money("1"), len(house.till.sends)) == (end, paid, sends)
    assert now.status == {"settled": "processed", "failed": "failed"}.get(end, "pending")
    assert {key for _, key in house.till.sends} == {str(request.id)}


def test_a_settled_one_is_tied_to_its_refund(house):
    request = house.ask("1", units=1, reason="Damaged")
    house.until_calm()
    now = house.now(request)
    assert (now.moved_amount, now.attempts, now.error, now.next_try_at) == (TEN, 1, None, None)
    assert now.read_at is not None
    assert house.rows("SELECT refund_id, refund_request_id, amount FROM order_refund") == [
        (now.refund_id, request.id, TEN)
    ]
    assert house.rows("SELECT refunded_amount FROM platform_order") == [(TEN,)]
    assert house.till.refunds["1"][0].words == f"Damaged · ref {request.reference}"
    assert house.steps(request) == ["requested", "sent", "answered", "settled"]


def test_nothing_is_sent_for_an_order_that_changed_since(house):
    request = house.ask("1", units=1)
    house.till.by_hand("1", "5.00")
    house.until_calm()
    now = house.now(request)
    assert (now.stage, house.till.sends) == ("failed", [])
    assert "a refund of 5.00 EUR was made" in now.error


def test_one_after_the_other_on_one_order(house):
    first = house.ask("1", units=1)
    second = house.ask("1", units=1, again=True)
    house.until_calm()
    assert [house.now(one).stage for one in (first, second)] == ["settled", "settled"]
    assert house.till.money("1") == 20


def test_what_is_not_known_holds_up_the_others(house):
    house.till.script = ["lost before"]
    first = house.ask("1", units=1)
    second = house.ask("1", amount="2.00")
    house.until_calm()
    assert house.now(first).stage == "needs_attention"
    waiting = house.now(second)
    assert waiting.stage == "requested"
    assert str(first.id) in waiting.error
    assert house.till.money("1") == 0
    house.decide("resolve", first, moved=False, why="looked at the gateway")
    house.until_calm()
    assert house.now(first).status == "failed"
    assert house.now(second).stage == "settled"
    assert house.till.money("1") == 2


def test_what_comes_late_is_settled_and_never_sent_again(house):
    house.till.script = ["late"]
    request = house.ask("1", units=1)
    house.until_calm()
    assert house.now(request).stage == "needs_attention"
    house.till.arrive()
    house.pass_time(3601)
    house.until_calm()
    assert house.now(request).stage == "settled"
    assert (house.till.money("1"), len(house.till.sends)) == (10, 1)


def test_a_gateway_that_takes_days_is_followed_to_its_end(house):
    house.till.script = ["pending"]
    request = house.ask("1", units=1)
    house.act()
    for _ in range(5):
        house.pass_time(40_000)
        house.act()
    assert house.now(request).stage == "unknown"
    house.till.finish("1", house.now(request).refund_id, paid=True)
    house.pass_time(40_000)
    house.until_calm()
    assert (house.now(request).stage, house.now(request).moved_amount) == ("settled", TEN)


def test_a_pending_one_that_is_declined_has_failed(house):
    house.till.script = ["pending"]
    request = house.ask("1", units=1)
    house.act()
    house.till.finish("1", house.now(request).refund_id, paid=False)
    house.pass_time(40_000)
    house.until_calm()
    assert (house.now(request).stage, house.till.money("1")) == ("failed", 0)


@pytest.mark.parametrize("paid", [False, True])
def test_a_refund_that_vanishes_proves_nothing(house, paid):
    """A gateway that declined takes it away, and so does what fails after it paid."""
    house.till.script = ["half" if paid else "declining"]
    request = house.ask("1", units=1)
    house.act()
    house.till.remove("1", house.now(request).refund_id)
    house.pass_time(3)
    house.act()
    assert house.now(request).stage == "unknown", "seen gone once only"
    house.pass_time(11)
    house.until_calm()
    assert house.now(request).stage == "needs_attention"


def test_what_was_recorded_by_hand_and_vanishes_has_failed(house):
    request = house.ask("1", units=1, by_hand=True)
    house.act()
    house.till.remove("1", house.now(request).refund_id)
    house.pass_time(11)
    house.act()
    house.pass_time(11)
    house.until_calm()
    assert (house.now(request).stage, house.till.money("1")) == ("failed", 0)


def test_by_hand_moves_no_money_and_must_still_be_there(house):
    request = house.ask("1", units=1, by_hand=True)
    house.act()
    assert house.now(request).stage == "unknown"
    house.until_calm()
    now = house.now(request)
    assert (now.stage, now.moved_amount, house.till.money("1")) == ("settled", 0, 0)


def test_a_store_that_cannot_be_read_says_nothing(house):
    house.till.script = ["lost before"]
    request = house.ask("1", units=1)
    house.act()
    house.till.down = Retryable("503")
    for _ in range(8):
        house.pass_time(700)
        house.act()
    assert house.now(request).stage == "unknown", "nobody looked, so nobody knows"
    house.till.down = None
    house.pass_time(700)
    house.act()
    assert house.now(request).stage == "needs_attention"


def test_a_key_that_is_too_old_is_only_looked_for(house):
    """A platform knows a key for a day; sent again after that, the money would move twice."""
    house.till.script, house.till.resends_within = ["lost before"], DAY
    request = house.ask("1", units=1)
    house.act()
    house.till.down = Retryable("503")
    house.pass_time(DAY.total_seconds())
    house.act()
    house.till.down = None
    house.pass_time(700)
    house.until_calm()
    now = house.now(request)
    assert (now.stage, len(house.till.sends), house.till.money("1")) == ("needs_attention", 1, 0)
    assert "before it is sent again" in now.error


def test_refused_keys_stop_the_store(house):
    house.till.script = ["no keys"]
    request = house.ask("1", units=1)
    house.act()
    assert house.now(request).stage == "requested"
    assert house.rows("SELECT status FROM connector_config") == [("auth_failed",)]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("status = 'paused'", "paused"),
        ("status = 'auth_failed'", "keys"),
        ('settings = settings || \'{"restored": "2026-11-20"}\'', "restored"),
    ],
)
def test_a_store_that_must_not_be_written_to_is_not(house, change, word):
    request = house.ask("1", units=1)
    with house.database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE connector_config SET {change}")
    house.act()
    now = house.now(request)
    assert (now.stage, house.till.sends) == ("requested", [])
    assert word in now.error


def test_one_writer_at_a_time(house):
    request = house.ask("1", units=1)
    with (
        hold_order(house.database, house.subject.id, "1"),
        pytest.raises(LaneHeld),
    ):
        house.act()
    assert house.now(request).stage == "requested"
    house.act()
    assert house.now(request).stage == "settled"


def test_a_process_that_was_halted_sends_nothing(house):
    house.rules = Rules(late=-1.0)
    request = house.ask("1", units=1)
    house.act()
    now = house.now(request)
    assert (now.stage, house.till.sends) == ("requested", [])
    assert (now.body, now.sent_at) == (None, None)
    assert house.steps(request) == ["requested", "sent", "not_sent"]


def test_what_was_kept_of_an_erased_person_goes_when_it_is_over(house):
    request = house.ask("1", units=1, reason="For Anna")
    with house.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE refund_request SET redacted_at = now()")
    house.until_calm()
    now = house.now(request)
    assert (now.stage, now.reason, now.body) == ("settled", None, None)


def test_a_refund_that_the_order_does_not_bring_yet_is_waited_for(house):
    request = house.ask("1", units=1)
    shown = house.store.records["orders"]["1"]
    house.till._show = lambda _order: None  # what reads orders is behind what reads refunds
    house.act()
    waiting = house.now(request)
    assert (waiting.stage, waiting.read_at) == ("settled", None)
    assert "not in it yet" in waiting.error
    shown["refunds"] = {one.id: str(one.amount) for one in house.till.refunds["1"]}
    house.pass_time(11)
    house.act()
    assert house.now(request).read_at is not None
    assert house.rows("SELECT refund_request_id FROM order_refund") == [(request.id,)]
