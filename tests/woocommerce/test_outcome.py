"""What each answer to a refund says of it: a case for every row of the table, over real sockets."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from raw_server import Request, Server, answer
from recording import recorded

from storelink.connectors.http import Answer
from storelink.connectors.protocol import Account, Limits, Read
from storelink.connectors.woocommerce.connector import CONNECTOR, WooCommerceStore
from storelink.connectors.woocommerce.outcome import TABLE, Said, row_of
from storelink.errors import AuthFailed, NotFound, OutcomeUnknown, Rejected, Retryable, StorelinkError

BODY = json.dumps({"amount": "5.00", "api_refund": True, "reason": "Damaged · ref 7F3A9C1B2D"})
BY_HAND = BODY.replace("true", "false")
CREATED = recorded("refund-partial-lineitems-apirefund-true.json.txt").json
MADE = {**CREATED, "amount": "5.00", "reason": "Damaged · ref 7F3A9C1B2D"}
MAINTENANCE = b"<h1>Maintenance</h1>Briefly unavailable for scheduled maintenance. Check back in a minute."
REFUSED = "woocommerce_rest_cannot_create_order_refund"
Ask = Callable[[bytes], WooCommerceStore]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """A store that answers so, and nothing else."""
    open_: list[Any] = []

    def make(reply: bytes) -> WooCommerceStore:
        server = Server(lambda _request: iter([reply]))
        account = Account("shop", server.url, "keys", {"consumer_key": "ck_1", "consumer_secret": "cs_2"})
        store = CONNECTOR.open(account, Limits(timeout=1), lambda: datetime.now(UTC))
        assert isinstance(store, WooCommerceStore)
        open_.extend((store, server))
        make.server = server
        return store

    yield make
    for one in open_:
        one.close()


def said(status: int, code: str, message: str = "No.", data: Any = None) -> bytes:
    body = json.dumps({"code": code, "message": message, "data": data if data is not None else status})
    return answer(body.encode(), status, "Said")


def page(status: int, body: bytes = b"<html><title>Sorry</title></html>", **headers: str) -> bytes:
    return answer(body, status, "Page", Content_Type="text/html", **headers)


def capture(name: str) -> bytes:
    told = recorded(name)
    return answer(json.dumps(told.json).encode(), told.status, "Recorded")


#: (row, answer, body sent, what it stands for, whether the store is done with it)
CASES: list[tuple[str, bytes, str, type[StorelinkError], bool]] = [
    ("redirect", page(301, b"", Location="/wp-json/wc/v3/orders/7/refunds/"), BODY, OutcomeUnknown, False),
    ("redirect", page(302, b"", Location="https://elsewhere.example/"), BODY, OutcomeUnknown, False),
    ("bad parameters", said(400, "rest_invalid_param"), BODY, Rejected, False),
    ("bad parameters", capture("put-malformed-json.txt"), BODY, Rejected, False),
    ("no route", capture("err-plugin-inactive.txt"), BODY, Retryable, False),
    ("no such order", capture("refund-no-order.txt"), BODY, Rejected, False),
    ("no such order", said(500, "woocommerce_rest_invalid_order_refund", data=400), BODY, Rejected, False),
    ("keys", capture("auth-readonly-write.txt"), BODY, AuthFailed, False),
    ("keys", capture("auth-customer-role.txt"), BODY, AuthFailed, False),
    ("keys", said(401, "woocommerce_rest_cannot_create"), BODY, AuthFailed, False),
    ("throttled", page(429, Retry_After="7"), BODY, Retryable, False),
    ("throttled", said(429, "too_many_requests"), BODY, Retryable, False),
    ("maintenance", page(503, MAINTENANCE, Retry_After="600"), BODY, Retryable, False),
    ("refused before", capture("refund-over.txt"), BODY, Rejected, False),
    ("refused before", capture("refund-after-full.txt"), BODY, Rejected, False),
    ("refused before", capture("refund-gateway-cannot-refund.txt"), BODY, Rejected, False),
    ("refused before", capture("refund-gateway-missing.txt"), BODY, Rejected, False),
    ("refused by hand", said(500, REFUSED, "Ungültiger Betrag."), BY_HAND, Rejected, False),
    ("refused", capture("refund-gateway-declined.txt"), BODY, OutcomeUnknown, True),
    ("refused", capture("refund-gateway-false.txt"), BODY, OutcomeUnknown, True),
    ("refused", said(500, REFUSED, "cURL error 28: Operation timed out"), BODY, OutcomeUnknown, True),
    ("refused", said(500, REFUSED, "Ungültiger Erstattungsbetrag."), BODY, OutcomeUnknown, True),
    ("refused", said(500, REFUSED, "Cannot create order refund."), BODY, OutcomeUnknown, True),
    ("died", capture("refund-worker-died.txt"), BODY, OutcomeUnknown, True),
    ("WooCommerce", said(400, "a_plugin_refuses_after_the_payment"), BODY, OutcomeUnknown, True),
    ("WooCommerce", said(403, "rest_forbidden"), BODY, OutcomeUnknown, True),
    ("WooCommerce", said(429, "woocommerce_rest_throttled"), BODY, OutcomeUnknown, True),
    ("WooCommerce", said(409, "woocommerce_rest_conflict"), BODY, OutcomeUnknown, True),
    ("somebody else", page(400), BODY, OutcomeUnknown, False),
    ("somebody else", page(401), BODY, OutcomeUnknown, False),
    ("somebody else", page(403), BODY, OutcomeUnknown, False),
    ("somebody else", page(404), BODY, OutcomeUnknown, False),
    ("somebody else", page(413), BODY, OutcomeUnknown, False),
    ("somebody else", page(500), BODY, OutcomeUnknown, False),
    ("somebody else", page(500, recorded("err-db-down.txt").text.encode()), BODY, OutcomeUnknown, False),
    ("somebody else", page(502), BODY, OutcomeUnknown, False),
    ("somebody else", page(503), BODY, OutcomeUnknown, False),
    ("somebody else", page(503, Retry_After="5"), BODY, OutcomeUnknown, False),
    ("somebody else", page(503, b"Backend fetch failed", Retry_After="600"), BODY, OutcomeUnknown, False),
    ("somebody else", page(504), BODY, OutcomeUnknown, False),
    ("somebody else", answer(b"", 500, "Empty"), BODY, OutcomeUnknown, False),
]  # fmt: skip


@pytest.mark.parametrize(("row", "reply", "body", "error", "done"), CASES, ids=lambda it: str(it)[:40])
def test_every_row(
    row: str, reply: bytes, body: str, error: type[StorelinkError], done: bool, ask: Ask
) -> None:
    store = ask(reply)
    with pytest.raises(error) as caught:
        store.actions.send_refund("7", "key", body)
    assert type(caught.value) is error
    if isinstance(caught.value, OutcomeUnknown):
        assert caught.value.answered is done
    why = next(one.why for one in TABLE if one.name == row)
    assert why in str(caught.value)
    (asked,) = ask.server.requests
    assert (asked.method, asked.path, asked.body.decode()) == (
        "POST",
        "/wp-json/wc/v3/orders/7/refunds",
        body,
    )
    assert asked.headers["content-type"] == "application/json"


def test_every_row_has_a_case_and_the_last_takes_all() -> None:
    assert {case[0] for case in CASES} == {row.name for row in TABLE}
    assert len({row.name for row in TABLE}) == len(TABLE)
    nobody = Answer(599, httpx.Headers(), b"", Read(datetime.now(UTC), datetime.now(UTC), None))
    assert row_of(Said(nobody, "", "", asked_gateway=True)) is TABLE[-1]


def test_hints_and_words_are_kept(ask: Ask) -> None:
    with pytest.raises(Retryable) as caught:
        ask(page(429, Retry_After="7")).actions.send_refund("7", "key", BODY)
    assert (caught.value.after, caught.value.status) == (7, 429)
    with pytest.raises(OutcomeUnknown, match="the charge has already been disputed"):
        ask(capture("refund-gateway-declined.txt")).actions.send_refund("7", "key", BODY)
    with pytest.raises(OutcomeUnknown) as hidden:
        ask(said(500, REFUSED, "cs_2 leaked")).actions.send_refund("7", "key", BODY)
    assert "cs_2" not in str(hidden.value)


def test_a_refused_signature_was_not_done_and_the_next_is_a_fresh_one(ask: Ask) -> None:
    words = "Invalid timestamp."
    with pytest.raises(Retryable) as caught:
        ask(said(401, "woocommerce_rest_authentication_error", words)).actions.send_refund("7", "k", BODY)
    assert caught.value.code == "signature"


# -- success, and what only looks like it ----------------------------------------------------------


def test_the_refund_that_was_made(ask: Ask) -> None:
    for front in (b"", b"\xef\xbb\xbf", b"<br />\n<b>Warning</b>: x in <b>y</b><br />\n"):
        seen = ask(answer(front + json.dumps(MADE).encode(), 201)).actions.send_refund("7", "key", BODY)
        assert (seen.id, str(seen.amount), seen.money) == ("2966", "5.00", "moved")
        assert (seen.reference, str(seen.moved)) == ("7F3A9C1B2D", "5.00")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome</html>",
        b"[]",
        b"{}",
        b"",
        json.dumps([MADE]).encode(),
        json.dumps(MADE).encode()[:200],
        json.dumps({**MADE, "id": None}).encode(),
        json.dumps({**MADE, "reason": "Damaged · ref 0000000000"}).encode(),
        json.dumps({**MADE, "reason": ""}).encode(),
        json.dumps({"id": 7, "amount": "5.00", "status": "processing"}).encode(),
    ],
    ids=lambda it: it[:20].decode(),
)
@pytest.mark.parametrize("status", [200, 201])
def test_an_answer_that_shows_no_refund_of_ours(status: int, body: bytes, ask: Ask) -> None:
    with pytest.raises(OutcomeUnknown):
        ask(answer(body, status)).actions.send_refund("7", "key", BODY)


def test_cut_and_silent(ask: Ask) -> None:
    whole = answer(json.dumps(MADE).encode(), 201)
    for reply in (b"", whole[:30], whole[:-1]):
        with pytest.raises(OutcomeUnknown):
            ask(reply).actions.send_refund("7", "key", BODY)


def test_no_connection_is_certainly_nothing(ask: Ask) -> None:
    store = ask(b"")
    ask.server.close()
    with pytest.raises(Retryable) as caught:
        store.actions.send_refund("7", "key", BODY)
    assert caught.value.code == "unsent"


@pytest.mark.parametrize("order", ["", "7/../8", "x", "7?force=1", "٧", "-1"])
def test_an_id_that_is_none_is_asked_of_nobody(order: str, ask: Ask) -> None:
    store = ask(b"")
    for call in (store.actions.look, lambda one: store.actions.send_refund(one, "k", BODY)):
        with pytest.raises(NotFound):
            call(order)
    assert ask.server.requests == []


# -- addresses -------------------------------------------------------------------------------------


def test_an_address_is_sent_once_and_shown(ask: Ask) -> None:
    change = '{"shipping":{"city":"Bonn"}}'
    store = ask(answer(b'{"id":7,"total":"5.00"}'))
    store.actions.send_address("7", change)
    asked: Request = ask.server.requests[0]
    assert (asked.method, asked.path, asked.body.decode()) == ("PUT", "/wp-json/wc/v3/orders/7", change)
    for reply, error in (
        (answer(b'{"id":8}'), OutcomeUnknown),
        (answer(b"<html>"), OutcomeUnknown),
        (page(502), OutcomeUnknown),
        (capture("put-invalid-email.txt"), Rejected),
        (capture("order-put-404.txt"), Rejected),
        (capture("auth-readonly-write.txt"), AuthFailed),
    ):
        with pytest.raises(error):
            ask(reply).actions.send_address("7", change)


# -- reading ---------------------------------------------------------------------------------------


def test_provinces(ask: Ask) -> None:
    states = [{"code": "CA", "name": "California"}, {"code": "", "name": "?"}]
    actions = ask(answer(json.dumps({"code": "US", "name": "US", "states": states}).encode())).actions
    assert actions.provinces("us") == {"CA": "California"}
    assert ask.server.requests[0].path == "/wp-json/wc/v3/data/countries/US"
    assert ask(answer(b'{"code":"MT","states":[]}')).actions.provinces("MT") is None
    assert ask(said(404, "woocommerce_rest_data_invalid_location")).actions.provinces("ZZ") is None
    assert ask(b"").actions.provinces("../x") is None
    with pytest.raises(AuthFailed):
        ask(capture("auth-readonly-write.txt")).actions.provinces("US")
