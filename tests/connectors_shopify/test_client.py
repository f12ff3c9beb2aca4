"""The client: what each answer of Shopify becomes, over real sockets."""

import itertools
import logging

import orjson
import pytest

from storelink.errors import (
    AuthFailed,
    Misconfigured,
    Rejected,
    Retryable,
    StorelinkError,
    TooLarge,
)

TOKEN = "shpat_" + "a1" * 16
QUERY = "query Name { shop { name } }"
INVALID = b'{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}'
LASTING = b'{"errors":"[API] Non-expiring access tokens are no longer accepted for the Admin API."}'
HTML = b"<html><title>Shop &amp; trouble</title></html>"


def error(message: str, code: str | None = None, **more: object) -> dict:
    return {"message": message, "extensions": ({"code": code} if code else {}) | more}


OUTSIDE = [
    (401, INVALID, AuthFailed, "invalid_token"),
    (402, b'{"errors":"Unavailable Shop"}', Misconfigured, "frozen"),
    (402, HTML, Misconfigured, "frozen"),
    (403, LASTING, AuthFailed, "non_expiring"),
    (403, b'{"errors":"Forbidden"}', AuthFailed, "forbidden"),
    (403, HTML, Misconfigured, "firewall"),
    (404, b'{"errors":"Not Found"}', Misconfigured, "unknown_shop"),
    (404, HTML, Misconfigured, "unknown_shop"),
    (423, b'{"errors":{"base":["locked"]}}', Misconfigured, "locked"),
    (413, b"", TooLarge, None),
    (422, b'{"errors":"no"}', Rejected, None),
    (429, b'{"errors":"Exceeded 2 calls per second"}', Retryable, None),
    (430, HTML, Retryable, "security"),
    (500, b'{"errors":"Internal Server Error"}', Retryable, None),
    (502, HTML, Retryable, None),
    (503, b"", Retryable, None),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), OUTSIDE)
def test_answers_outside_2xx(status, body, kind, code, serve, connect, answer) -> None:
    with pytest.raises(kind) as caught:
        connect(serve(answer(body, status)).url).ask(QUERY)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert str(status) in str(caught.value)
    assert "<" not in str(caught.value)


INSIDE = [
    ([error("Throttled", "MAX_COST_EXCEEDED")], Rejected, "MAX_COST_EXCEEDED"),
    ([error("Access denied for orders field.", "ACCESS_DENIED")], Rejected, "ACCESS_DENIED"),
    (
        [error("This app is not approved to access the Customer object.", "ACCESS_DENIED")],
        Rejected,
        "NOT_APPROVED",
    ),
    (
        [error("Internal error.", "INTERNAL_SERVER_ERROR", requestId="r-1")],
        Retryable,
        "INTERNAL_SERVER_ERROR",
    ),
    (
        [error("Internal error. Looks like something went wrong on our end.")],
        Retryable,
        "INTERNAL_SERVER_ERROR",
    ),
    ([error("The shop is closed", "SHOP_INACTIVE")], Misconfigured, "frozen"),
    ([error("Field 'nam' doesn't exist on type 'Shop'", "undefinedField")], Rejected, "undefinedField"),
    ([error("no code")], Rejected, None),
    ("a string", Rejected, None),
    ({"query": "Required parameter missing"}, Rejected, None),
    ([error("a", "undefinedField"), error("b", "INTERNAL_SERVER_ERROR")], Retryable, "INTERNAL_SERVER_ERROR"),
]


@pytest.mark.parametrize(("errors", "kind", "code"), INSIDE)
@pytest.mark.parametrize("data", [None, {"shop": {"name": "x"}}])
def test_errors_inside_200_even_beside_data(errors, kind, code, data, serve, connect, said) -> None:
    with pytest.raises(kind) as caught:
        connect(serve(said(data, errors)).url).ask(QUERY)
    assert type(caught.value) is kind
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (HTML, "html"),
        (b'{"data":{"shop":', "unreadable"),
        (b"[]", "unreadable"),
        (b'{"data":null}', "shape"),
        (b'{"data":[]}', "shape"),
    ],
)
def test_answers_that_are_none(body, code, serve, connect, answer) -> None:
    with pytest.raises(Retryable) as caught:
        connect(serve(answer(body)).url).ask(QUERY)
    assert caught.value.code == code


def test_a_cut_body_is_asked_for_again(serve, connect, said) -> None:
    whole = said({"shop": {"name": "x"}})
    replies = itertools.chain([iter([whole[:-20]])], itertools.repeat(whole))
    server = serve(lambda _request: next(replies))
    assert connect(server.url, retries=2).ask(QUERY).data == {"shop": {"name": "x"}}
    assert len(server.requests) == 2


def test_what_may_be_missing_stands_beside_the_data(serve, connect, said) -> None:
    denied = [error("Access denied for customer field.", "ACCESS_DENIED")]
    client = connect(serve(said({"order": {"id": "1", "customer": None}}, denied)).url)
    answer = client.ask(QUERY, allow=("ACCESS_DENIED",))
    assert answer.data["order"]["id"] == "1"
    assert [one["message"] for one in answer.errors] == ["Access denied for customer field."]
    empty = connect(serve(said({"order": None}, denied)).url)
    with pytest.raises(Rejected):
        empty.ask(QUERY, allow=("ACCESS_DENIED",))


def test_a_search_that_was_not_understood_is_an_error(serve, connect, said) -> None:
    warnings = [{"field": "updatd_at", "message": "Invalid search field", "code": "invalid_field"}]
    reply = said({"orders": {"nodes": []}}, search=[{"path": ["orders"], "warnings": warnings}])
    with pytest.raises(Rejected, match="updatd_at") as caught:
        connect(serve(reply).url).ask(QUERY)
    assert caught.value.code == "search_warning"
    fine = said({"orders": {"nodes": []}}, search=[{"path": ["orders"], "parsed": {}}])
    assert connect(serve(fine).url).ask(QUERY).data


def test_what_is_sent_and_what_comes_back(serve, connect, said) -> None:
    server = serve(said({"shop": {"name": "x"}}, cost=(12, 9.0, 1991.0)))
    client = connect(server.url)
    answer = client.ask(QUERY, {"first": 5})
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/admin/api/2026-10/graphql.json")
    assert request.headers["x-shopify-access-token"] == TOKEN
    assert orjson.loads(request.body) == {"query": QUERY, "variables": {"first": 5}, "operationName": "Name"}
    assert (answer.cost.requested, answer.cost.actual, answer.cost.restore) == (12.0, 9.0, 100.0)
    assert answer.read.started <= answer.read.finished
    assert answer.read.store_time is not None
    assert client.traffic.requests == 1


def test_throttled_waits_for_the_points_it_needs_and_asks_again(serve, connect, said) -> None:
    throttled = said(None, [error("Throttled", "THROTTLED")], cost=(50, None, 910.0))
    replies = iter([throttled, said({"shop": {}}, cost=(50, 50, 100.0))])
    server = serve(lambda _request: next(replies))
    client = connect(server.url)
    assert client.ask(QUERY, repeat=False).data == {"shop": {}}
    assert len(server.requests) == 2
    assert client.traffic.throttled_seconds > 0.2


def test_a_write_is_never_repeated_by_itself(serve, connect, answer) -> None:
    server = serve(answer(b"", 503))
    with pytest.raises(Retryable):
        connect(server.url, retries=5).ask("mutation M { a }", repeat=False)
    assert len(server.requests) == 1


def test_a_write_that_was_turned_away_is_sent_again(serve, connect, answer, said) -> None:
    """429 says that nothing was done; the wait that it asks for is kept and counted."""
    replies = iter([answer(b"", 429, Retry_After="1"), said({"a": 1}), answer(b"", 429), answer(b"", 503)])
    server = serve(lambda _request: next(replies))
    client = connect(server.url, retries=5)
    assert client.ask("mutation M { a }", repeat=False).data == {"a": 1}
    assert client.traffic.throttled_seconds >= 1
    with pytest.raises(Retryable):
        client.ask("mutation M { a }", repeat=False)
    assert len(server.requests) == 4, "what may have been done was done again"


def test_another_version_and_what_will_be_dropped_are_noticed(serve, connect, said) -> None:
    reply = said(
        {"shop": {}}, X_Shopify_API_Version="2027-01", X_Shopify_API_Deprecated_Reason="https://shopify.dev/x"
    )
    client = connect(serve(reply).url)
    client.ask(QUERY)
    assert (client.version, client.served, client.deprecated) == (
        "2026-10",
        "2027-01",
        "https://shopify.dev/x",
    )


def test_a_moved_shop_is_not_followed(serve, connect, answer) -> None:
    where = "https://renamed.myshopify.com/admin/api/2026-10/graphql.json"
    server = serve(answer(b"", 301, Location=where))
    with pytest.raises(Misconfigured, match=r"register https://renamed\.myshopify\.com") as caught:
        connect(server.url).ask(QUERY)
    assert caught.value.code == "redirect"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 401, 403, 422, 500])
def test_the_token_is_never_shown(status, serve, connect, answer, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    echo = orjson.dumps({"errors": f"bad token {TOKEN} and shpua_{'9' * 32}"})
    client = connect(serve(answer(echo, status)).url)
    with pytest.raises(StorelinkError) as caught:
        client.ask(QUERY)
    shown = f"{caught.value!r} {caught.value} {client!r} {caplog.text} {vars(caught.value)}"
    assert TOKEN not in shown
    assert "9" * 32 not in shown


@pytest.mark.parametrize("entered", [{"access_token": ""}, {"access_token": "a b"}, {"access_token": "ä"}])
def test_credentials_that_cannot_be_sent(entered, connect) -> None:
    with pytest.raises(Misconfigured) as caught:
        connect("http://127.0.0.1:9", **entered)
    assert caught.value.code == "keys"
