"""A refund is done once, whatever becomes of its answer: keys, their faults, and what the ledger says."""

import threading
import time
import uuid
from decimal import Decimal

import pytest
from shopify_house import House, mark

from storelink.connectors.shopify.refund_body import NO_KEY
from storelink.errors import OutcomeUnknown, Rejected, Retryable

KEY = "@idempotent(key: $key)"
DAY = 24 * 3_600


def key() -> str:
    return str(uuid.uuid4())


def test_the_same_key_and_body_are_done_once(house: House) -> None:
    order, (shirt, _) = house.order()
    body, ours = house.body(order, amount=Decimal("5.00")), key()
    first = house.actions.send_refund(order, ours, body)
    again = house.actions.send_refund(order, ours, body)
    assert (again.id, again.money, again.moved) == (first.id, "moved", Decimal("5.00"))
    assert house.paid_back(order) == 5
    assert shirt in {line.item_id for line in house.plan(order, amount=Decimal(1)).lines}


def test_what_is_sent_is_the_same_each_time_and_holds_the_id_twice(house: House) -> None:
    order, _ = house.order()
    mine = mark()
    body = house.body(order, mine, everything=True)
    assert body.count(NO_KEY) == 2
    assert body == house.body(order, mine, everything=True)
    ours = key()
    seen = house.actions.send_refund(order, ours, body)
    assert seen.words == f"Damaged · {ours} · ref {mine}"
    assert (seen.reference, house.actions.look(order).refunds[0]) == (mine, seen)


def test_without_the_directive_it_is_refused_for_good(house: House) -> None:
    order, _ = house.order()
    body = house.body(order, everything=True).replace(f" {KEY}", "").replace(", $key: String!", "")
    with pytest.raises(Rejected, match=r"The @idempotent directive is required .* not provided") as caught:
        house.actions.send_refund(order, key(), body)
    assert caught.value.code == "BAD_REQUEST"
    assert house.paid_back(order) == 0


def test_a_blank_key_is_refused_for_good(house: House) -> None:
    order, _ = house.order()
    body = house.body(order, everything=True).replace("(key: $key)", '(key: \\"  \\")')
    with pytest.raises(Rejected, match="cannot be an empty string"):
        house.actions.send_refund(order, key(), body.replace(", $key: String!", ""))
    assert house.paid_back(order) == 0


def test_a_body_that_is_not_ours_is_not_sent(house: House) -> None:
    order, _ = house.order()
    house.admin.clear_requests()
    for body, ours in (("{}", key()), (f'{{"{NO_KEY}": "{NO_KEY}"}}', 'a"b')):
        with pytest.raises(ValueError, match="neither"):
            house.actions.send_refund(order, ours, body)
    assert house.admin.requests() == []


@pytest.mark.parametrize("form", ["user", "top"])
def test_the_same_key_with_something_else_is_never_a_refusal(house: House, form: str) -> None:
    house.admin.set_site(key_errors=form)
    order, _ = house.order()
    ours = key()
    house.actions.send_refund(order, ours, house.body(order, amount=Decimal("5.00")))
    with pytest.raises(OutcomeUnknown, match="something else was sent with this key"):
        house.actions.send_refund(order, ours, house.body(order, amount=Decimal("6.00")))
    assert house.paid_back(order) == 5


@pytest.mark.parametrize("form", ["user", "top"])
def test_the_same_at_the_same_time_is_done_once(house: House, form: str) -> None:
    house.admin.set_site(key_errors=form)
    order, _ = house.order()
    body, ours = house.body(order, amount=Decimal("5.00")), key()
    house.admin.slow_gateway(0.5, int(order))
    ends: list[object] = []

    def send() -> None:
        try:
            ends.append(house.actions.send_refund(order, ours, body).id)
        except OutcomeUnknown as error:
            ends.append(error)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [str(end) for end in ends if isinstance(end, OutcomeUnknown)]
    assert len(errors) == 2
    assert all("the same is being worked on" in error for error in errors)
    assert house.paid_back(order) == 5


def test_a_key_older_than_a_day_is_another_refund(house: House) -> None:
    """Which is why nothing is sent again after 23 hours."""
    order, _ = house.order()
    body, ours = house.body(order, amount=Decimal("5.00")), key()
    first = house.actions.send_refund(order, ours, body)
    within = house.actions.resends_within
    assert within is not None
    house.admin.advance(within.total_seconds() + 60)
    assert house.actions.send_refund(order, ours, body).id == first.id
    house.admin.advance(DAY - within.total_seconds())
    assert house.actions.send_refund(order, ours, body).id != first.id
    assert house.paid_back(order) == 10


@pytest.mark.parametrize(
    ("do", "moved"),
    [
        ({"drop": "before"}, 0),
        ({"drop": "after"}, 5),
        ({"truncate": 0.5}, 5),
        ({"status": 500}, 0),
        ({"status": 502, "html": True}, 0),
        ({"status_after": 500}, 5),
        ({"html": True}, 0),
        ({"error": "INTERNAL_SERVER_ERROR"}, 0),
        ({"maintenance": True}, 0),
        ({"notice": True}, 5),
        ({"slow_after": 0.9}, 5),
    ],
)
def test_an_answer_that_is_lost_leaves_it_open_and_sent_again_it_is_done_once(
    house: House, do: dict[str, object], moved: int
) -> None:
    order, _ = house.order()
    body, ours = house.body(order, amount=Decimal("5.00")), key()
    house.admin.faults([{"match": {"operation": "RefundCreate", "times": 1}, "do": do}])
    with pytest.raises(OutcomeUnknown), house.patience(0.5):
        house.actions.send_refund(order, ours, body)
    assert house.paid_back(order) == moved
    assert house.actions.send_refund(order, ours, body).money == "moved"
    assert house.paid_back(order) == 5
    assert len(house.actions.look(order).refunds) == 1


@pytest.mark.parametrize("do", [{"throttled": True}, {"status": 429, "retry_after": 3}])
def test_what_is_turned_away_before_any_work_may_be_tried_again(house: House, do: dict[str, object]) -> None:
    order, _ = house.order()
    house.admin.faults([{"match": {"operation": "RefundCreate"}, "do": do}])
    with pytest.raises(Retryable) as caught:
        house.actions.send_refund(order, key(), house.body(order, amount=Decimal("5.00")))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert caught.value.after is not None
    assert house.paid_back(order) == 0


@pytest.mark.parametrize(("says", "moved"), [("DIES_BEFORE", 0), ("DIES_AFTER", 5)])
def test_a_shop_that_breaks_down_over_it(house: House, says: str, moved: int) -> None:
    order, _ = house.order()
    body, ours = house.body(order, amount=Decimal("5.00")), key()
    house.admin.turn_gateway(says, int(order))
    with pytest.raises(OutcomeUnknown):
        house.actions.send_refund(order, ours, body)
    house.admin.turn_gateway("SUCCESS", int(order))
    assert house.paid_back(order) == moved
    assert house.actions.send_refund(order, ours, body).moved == 5
    assert house.paid_back(order) == 5


def test_a_client_that_gave_up_does_not_stop_the_shop(house: House) -> None:
    order, _ = house.order()
    body, ours = house.body(order, amount=Decimal("5.00")), key()
    house.admin.faults([{"match": {"operation": "RefundCreate", "times": 1}, "do": {"slow": 0.9}}])
    with pytest.raises(OutcomeUnknown), house.patience(0.3):
        house.actions.send_refund(order, ours, body)
    assert house.paid_back(order) == 0
    assert house.actions.send_refund(order, ours, body).moved == 5  # overtakes the first
    deadline = time.monotonic() + 10
    while not worked(house) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert house.paid_back(order) == 5
    assert len(house.actions.look(order).refunds) == 1


def worked(house: House) -> bool:
    """Whether the two requests that were sent have both been answered, heard or not."""
    sent = [one for one in house.admin.requests() if one["operation"] == "RefundCreate"]
    return [one["status"] for one in sent[-2:]] == [200, 200]
