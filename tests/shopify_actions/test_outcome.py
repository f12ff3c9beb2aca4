"""What each answer to a mutation means: every row of the table, and what is in none."""

from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from shopify_house import House

from storelink.connectors.http import Answer
from storelink.connectors.protocol import Read
from storelink.connectors.shopify.outcome import CODES, STATUSES, WORDS, made, told
from storelink.errors import AuthFailed, OutcomeUnknown, Rejected, Retryable, StorelinkError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STATUS_ENDS = {
    400: Rejected, 401: AuthFailed, 402: Rejected, 403: AuthFailed, 404: Rejected, 413: Rejected,
    422: Rejected, 423: Rejected, 429: Retryable, 430: Retryable,
}  # fmt: skip
CODE_ENDS = {
    "THROTTLED": Retryable, "ACCESS_DENIED": Rejected, "SHOP_INACTIVE": Rejected, "BAD_REQUEST": Rejected,
    "INVALID_VARIABLE": Rejected, "GRAPHQL_VALIDATION_FAILED": Rejected, "PARSE_ERROR": Rejected,
    "undefinedField": Rejected, "argumentNotAccepted": Rejected, "missingRequiredArguments": Rejected,
    "MAX_COST_EXCEEDED": Rejected, "MAX_INPUT_SIZE_EXCEEDED": Rejected,
    "IDEMPOTENCY_CONCURRENT_REQUEST": OutcomeUnknown, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": OutcomeUnknown,
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": OutcomeUnknown,
}  # fmt: skip
REFUND = {"id": "gid://shopify/Refund/1"}


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, httpx.Headers(kept), raw, Read(NOW, NOW), "https://shop/graphql.json")


def end(given: Answer) -> StorelinkError | Any:
    """How it ends: the refund, or an error."""
    try:
        payload = told(given, "refundCreate", str)
        return made(given, payload, "refund", str)
    except StorelinkError as error:
        return error


def errors(code: str | None, path: list[str] | None = None, data: object = None) -> dict[str, Any]:
    error: dict[str, Any] = {"message": "As it says", "extensions": {"code": code} if code else {}}
    if path is not None:
        error["path"] = path
    return {"data": data, "errors": [error]}


def user_error(words: str) -> Answer:
    payload = {"refund": None, "order": None, "userErrors": [{"field": None, "message": words}]}
    return answer({"data": {"refundCreate": payload}})


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_with_shopifys_words(status: int) -> None:
    found = end(answer({"errors": "As it says"}, status))
    assert type(found) is STATUS_ENDS[status]
    assert "As it says" in str(found)
    assert STATUSES[status].why in str(found)


@pytest.mark.parametrize("status", [*STATUSES, 200, 201, 302, 408, 409, 500, 502, 503, 504, 520])
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"errors": "cut', b"[]", b'"text"'])
def test_what_is_not_shopifys_proves_nothing(status: int, body: bytes) -> None:
    assert type(end(answer(body, status))) is (Retryable if status == 429 else OutcomeUnknown)


@pytest.mark.parametrize("status", [300, 303, 308, 405, 408, 409, 499, 500, 502, 503, 504, 530])
def test_any_other_status_proves_nothing(status: int) -> None:
    assert type(end(answer({"errors": "no"}, status))) is OutcomeUnknown


@pytest.mark.parametrize("code", CODES)
def test_a_code_inside_200(code: str) -> None:
    for data in (None, {"refundCreate": None}):
        found = end(answer(errors(code, ["refundCreate"], data)))
        assert type(found) is CODE_ENDS[code]
        assert CODES[code].then == "unknown" or CODES[code].why in str(found)


@pytest.mark.parametrize("code", [*CODES, "INTERNAL_SERVER_ERROR", "TIMEOUT", "SOMETHING_NEW", None])
def test_an_error_inside_the_answer_came_after_the_work(code: str | None) -> None:
    given = answer(errors(code, ["refundCreate", "refund", "transactions"], {"refundCreate": None}))
    assert type(end(given)) is OutcomeUnknown


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE", "NEW", None])
def test_any_other_code_proves_nothing(code: str | None) -> None:
    assert type(end(answer(errors(code)))) is OutcomeUnknown


SAID = {
    "This request is currently in progress, please try again.": "being worked on",
    "The same idempotency key cannot be used with different operation parameters.": "something else",
    "A previous request with this idempotency key failed. Retry with a new idempotency key.": "failed",
}


@pytest.mark.parametrize(("words", "why"), SAID.items())
def test_a_key_that_cannot_be_used_is_told_by_words(words: str, why: str) -> None:
    found = end(user_error(words))
    assert type(found) is OutcomeUnknown
    assert why in str(found)
    assert words in str(found)


def test_every_row_of_words_is_met() -> None:
    for pattern, _row in WORDS:
        assert any(pattern.search(words) for words in SAID)


@pytest.mark.parametrize(
    "words",
    [
        "Refund amount $25.00 is greater than net payment received $15.00",
        "Transactions require a parent_id associated with the order",
        "Kind authorization is not a valid transaction",
        "Quantity cannot refund more items than were purchased",
        "Order does not exist",
    ],
)
def test_any_other_words_refuse_for_good(words: str) -> None:
    found = end(user_error(words))
    assert type(found) is Rejected
    assert str(found) == f"Shopify refuses: “{words}”"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": {"refundCreate": None}},
        {"data": {"refundCreate": []}},
        {"data": {"refundCreate": {}}},
        {"data": {"refundCreate": {"refund": None, "userErrors": []}}},
        {"data": {"refundCreate": {"refund": None, "userErrors": "no"}}},
        {"data": {"other": {"refund": REFUND}}},
    ],
)
def test_what_shows_neither_proves_nothing(body: object) -> None:
    assert type(end(answer(body))) is OutcomeUnknown


def test_a_refund_that_is_shown_is_one_whatever_stands_beside_it() -> None:
    payload = {"refund": REFUND, "userErrors": [{"message": "no"}]}
    beside = errors("ACCESS_DENIED", ["refundCreate", "order", "customer"])["errors"]
    assert end(answer({"data": {"refundCreate": payload}, "errors": beside})) == REFUND


def test_when_to_try_again() -> None:
    throttle = {"currentlyAvailable": 20.0, "maximumAvailable": 2000.0, "restoreRate": 100.0}
    cost = {"requestedQueryCost": 420, "actualQueryCost": None, "throttleStatus": throttle}
    found = end(answer({**errors("THROTTLED"), "extensions": {"cost": cost}}))
    assert (type(found), found.after) == (Retryable, 4.0)
    assert end(answer({"errors": "slow down"}, 429, retry_after="7")).after == 7.0


# -- the same over the wire ----------------------------------------------------------------------------


def test_a_missing_scope_is_named(house: House) -> None:
    order, _ = house.order()
    body = house.body(order, everything=True)
    house.admin.set_site(scopes=["read_orders", "read_all_orders", "read_products"])
    with pytest.raises(Rejected, match="`write_orders` access scope") as caught:
        house.actions.send_refund(order, "11111111-1111", body)
    assert caught.value.code == "ACCESS_DENIED"
    assert house.paid_back(order) == 0


@pytest.mark.parametrize(("mode", "kind"), [("uninstalled", AuthFailed), ("forbidden", AuthFailed),
                                            ("frozen", Rejected), ("locked", Rejected), ("unknown", Rejected),
                                            ("security", Retryable)])  # fmt: skip
def test_a_shop_that_does_not_answer_as_a_shop(house: House, mode: str, kind: type[StorelinkError]) -> None:
    order, _ = house.order()
    body = house.body(order, everything=True)
    house.admin.set_site(mode=mode)
    try:
        with pytest.raises(kind):
            house.actions.send_refund(order, "11111111-1111", body)
    finally:
        house.admin.set_site(mode="")
    assert house.paid_back(order) == 0


def test_nothing_of_a_secret_is_in_an_error(house: House) -> None:
    order, _ = house.order()
    body = house.body(order, everything=True)
    told = ['{"errors":"As scripted"}', f'{{"errors": "{house.shop.token} is wrong"}}']
    do = {"status": 401, "replace": [told]}
    house.admin.faults([{"match": {"operation": "RefundCreate"}, "do": do}])
    with pytest.raises(AuthFailed) as caught:
        house.actions.send_refund(order, "11111111-1111", body)
    assert "is wrong" in str(caught.value)
    assert house.shop.token not in str(caught.value)
