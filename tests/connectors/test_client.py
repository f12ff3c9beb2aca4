"""The WooCommerce client over real sockets: its errors held to what a real store answered."""

import base64
import hashlib
import hmac
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote, unquote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.protocol import Account, Limits
from storelink.connectors.woocommerce.client import Client
from storelink.connectors.woocommerce.oauth import signed_query
from storelink.errors import (
    AuthFailed,
    Misconfigured,
    NotFound,
    Rejected,
    Retryable,
    StorelinkError,
    TooLarge,
)

KEY, SECRET = "ck_" + "a1" * 20, "cs_" + "b2" * 20


def account(url: str, **settings: object) -> Account:
    keys = {"consumer_key": KEY, "consumer_secret": SECRET}
    return Account("shop", url, "keys", keys, settings)


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def connect(url: str, retries: int = 0, tls=None, **settings: object) -> Client:
        client = Client(
            account(url, **settings),
            Limits(retries=retries, timeout=10),
            lambda: datetime.now(UTC),
            tls=tls,
            sleep=lambda _seconds: None,
        )
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close()


def refusal(answer, message: str, status: int = 401, **headers: str) -> bytes:
    code = "woocommerce_rest_authentication_error"
    body = {"code": code, "message": message, "data": {"status": status}}
    return answer(orjson.dumps(body), status, **headers)


# -- what a real store answered --------------------------------------------------------------------

VIEW = "woocommerce_rest_cannot_view"
AUTH = "woocommerce_rest_authentication_error"
CANNOT_REFUND = "woocommerce_rest_cannot_create_order_refund"

RECORDED = [
    ("auth-basic-over-http.txt", AuthFailed, VIEW),
    ("auth-customer-role.txt", AuthFailed, VIEW),
    ("auth-none.txt", AuthFailed, VIEW),
    ("auth-query-over-http.txt", AuthFailed, VIEW),
    ("auth-wrong-key.txt", AuthFailed, VIEW),
    ("auth-wrong-secret.txt", AuthFailed, AUTH),
    ("auth-writeonly-read.txt", AuthFailed, AUTH),
    ("auth-readonly-write.txt", AuthFailed, AUTH),
    ("order-404.txt", NotFound, "woocommerce_rest_shop_order_invalid_id"),
    ("product-404.txt", NotFound, "woocommerce_rest_product_invalid_id"),
    ("err-404-product.txt", NotFound, "woocommerce_rest_product_invalid_id"),
    ("customer-404.txt", NotFound, "wc_user_invalid_id"),
    ("order-put-404.txt", Rejected, "woocommerce_rest_shop_order_invalid_id"),
    ("err-404-route.txt", Misconfigured, "rest_no_route"),
    ("err-nonnumeric-id.txt", Misconfigured, "rest_no_route"),
    ("err-plugin-inactive.txt", Misconfigured, "rest_no_route"),
    ("put-nonnumeric-id.txt", Misconfigured, "rest_no_route"),
    ("page-0.txt", Rejected, "rest_invalid_param"),
    ("page-per_page-101.txt", Rejected, "rest_invalid_param"),
    ("put-invalid-email.txt", Rejected, "rest_invalid_param"),
    ("put-malformed-json.txt", Rejected, "rest_invalid_json"),
    ("product-duplicate-sku.txt", Rejected, "woocommerce_rest_product_not_created"),
    ("refund-over.txt", Rejected, CANNOT_REFUND),
    ("refund-after-full.txt", Rejected, CANNOT_REFUND),
    ("refund-gateway-declined.txt", Rejected, CANNOT_REFUND),
    ("refund-gateway-cannot-refund.txt", Rejected, CANNOT_REFUND),
    ("refund-gateway-false.txt", Rejected, CANNOT_REFUND),
    ("refund-gateway-missing.txt", Rejected, CANNOT_REFUND),
    ("refund-no-order.txt", Rejected, "woocommerce_rest_invalid_order_id"),
    ("refund-worker-died.txt", Retryable, "internal_server_error"),
    ("customer-delete-noforce.txt", Rejected, "woocommerce_rest_trash_not_supported"),
    ("order-delete-already-trashed.txt", Rejected, "woocommerce_rest_already_trashed"),
    ("batch-101.txt", TooLarge, "woocommerce_rest_request_entity_too_large"),
    ("err-db-down.txt", Retryable, "store_database"),
    ("err-emit-fatal.txt", Retryable, None),
    ("err-maintenance-503.txt", Retryable, "closed"),
]


@pytest.mark.parametrize(("name", "kind", "code"), RECORDED, ids=lambda value: str(value)[:40])
def test_recorded_errors(name: str, kind, code, serve, recorded, connect) -> None:
    client = connect(serve(recorded(name)).url)
    with pytest.raises(kind) as caught:
        client.get("orders")
    assert type(caught.value) is kind
    assert caught.value.code == code
    status = recorded(name).split()[1].decode()
    assert status in str(caught.value) or code == "rest_no_route"
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("name", ["err-emit-bom.txt", "err-emit-notice.txt"])
def test_recorded_dirt(name: str, serve, recorded, connect) -> None:
    parsed = connect(serve(recorded(name)).url).get("orders")
    assert (parsed.data, parsed.total) == ([{"id": 3032}], 2002)


@pytest.mark.parametrize("name", ["page-past-end-orders.txt", "page-past-end-products.txt"])
def test_an_empty_page_says_nothing_of_the_total(name: str, serve, recorded, connect) -> None:
    parsed = connect(serve(recorded(name)).url).get("orders", {"page": 99999})
    assert (parsed.data, parsed.total) == ([], None)


def test_maintenance_says_when_to_come_back(serve, recorded, connect) -> None:
    server = serve(recorded("err-maintenance-503.txt"))
    with pytest.raises(Retryable) as caught:
        connect(server.url, retries=5).get("orders")
    assert (caught.value.after, caught.value.status) == (600.0, 503)
    assert len(server.requests) == 1


def test_a_failed_record_is_told_from_a_failed_store(serve, recorded, connect) -> None:
    server = serve(recorded("refund-over.txt"))
    with pytest.raises(Rejected, match="Invalid refund amount"):
        connect(server.url, retries=5).get("orders")
    assert len(server.requests) == 1
    server = serve(recorded("refund-worker-died.txt"))
    with pytest.raises(Retryable, match="critical error on this website"):
        connect(server.url, retries=5).get("orders")
    assert len(server.requests) == 6


# -- what others answer in the store's place -------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, b"<h1>401 Authorization Required</h1>", Misconfigured, "site_password"),
        (403, b"<title>Just a moment...</title>", Misconfigured, "firewall"),
        (406, b"Not Acceptable! Mod_Security", Misconfigured, "firewall"),
        (404, b"<h1>Not Found</h1>", Misconfigured, "nothing_there"),
        (404, b'{"code":"woocommerce_rest_shop_order_invalid_id"', Misconfigured, "nothing_there"),
        (404, b"[]", Misconfigured, "nothing_there"),
        (414, b"<h1>414 Request-URI Too Large</h1>", TooLarge, None),
        (429, b"slow down", Retryable, None),
        (500, b"", Retryable, None),
        (502, b"<h1>Bad Gateway</h1>", Retryable, None),
        (520, b"<h1>cloudflare</h1>", Retryable, None),
        (503, b'{"code":"rest_maintenance","message":"back soon"}', Retryable, "rest_maintenance"),
        (500, b'{"code":"db_error","message":"gone away"}', Retryable, "db_error"),
        (401, b'{"code":"rest_not_logged_in","message":"no"}', Misconfigured, "rest_not_logged_in"),
        (403, b'{"code":"rest_forbidden","message":"no","data":7}', Misconfigured, "rest_forbidden"),
        (400, b'{"code":7,"message":["x"],"data":null}', Rejected, "7"),
        (400, b'{"code":null}', Rejected, None),
        (404, b'{"code":"rest_post_invalid_id","message":"x"}', Misconfigured, "rest_post_invalid_id"),
    ],
)
def test_answers_of_others(status, body, kind, code, serve, answer, connect) -> None:
    with pytest.raises(kind) as caught:
        connect(serve(answer(body, status)).url).get("orders/1")
    assert type(caught.value) is kind
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><title>My shop &#8211; home</title></html>", "html"),
        (b'[{"id": 1}, {"id"', "cut"),
        (b"[" * 5000 + b"]" * 5000, "deep"),
        (b"hello", "junk"),
    ],
)
def test_a_success_that_is_none(body, code, serve, answer, connect) -> None:
    server = serve(answer(body))
    with pytest.raises(Retryable) as caught:
        connect(server.url, retries=2).get("orders")
    assert (caught.value.code, caught.value.status) == (code, 200)
    assert len(server.requests) == 3
    if code == "html":
        assert "My shop – home" in str(caught.value)


def test_a_cut_answer_is_asked_for_again(serve, answer, connect) -> None:
    replies = iter([answer(b'[{"id": 1}, {"id"'), answer(b'[{"id": 1}]')])
    assert connect(serve(lambda _r: next(replies)).url, retries=1).get("orders").data == [{"id": 1}]


def test_a_redirect_to_https(serve, answer, connect) -> None:
    to = "https://shop.example/wp-json/wc/v3/orders?oauth_signature=x"
    with pytest.raises(Misconfigured, match=r"register https://shop\.example instead"):
        connect(serve(answer(b"", 301, Location=to)).url).get("orders")


# -- OAuth over http -------------------------------------------------------------------------------


def signature_by_the_book(method: str, url: str, target_query: str) -> tuple[str, str]:
    """(given, wanted) signature, computed as WooCommerce's PHP does it."""
    given_signature, pairs = "", []
    for pair in target_query.split("&"):
        name, _, value = pair.partition("=")
        name, value = unquote(name), unquote(value)
        if name == "oauth_signature":
            given_signature = value
            continue
        # PHP: rawurlencode(rawurldecode(…)) of what PHP has already decoded once
        name, value = (quote(unquote(part), safe="~") for part in (name, value))
        pairs.append((name.replace("%", "%25"), value.replace("%", "%25")))
    joined = "%26".join(f"{name}%3D{value}" for name, value in sorted(pairs))
    text = f"{method}&{quote(url, safe='')}&{joined}"
    digest = hmac.new((SECRET + "&").encode(), text.encode(), hashlib.sha256).digest()
    return given_signature, base64.b64encode(digest).decode()


def signature_holds(request, base: str) -> bool:
    path, _, query = request.target.partition("?")
    given_signature, wanted = signature_by_the_book(request.method, base + path, query)
    return given_signature == wanted


PARAMS = {
    "per_page": 100,
    "status": "completed,processing",
    "search": "Zoë & Söhne / 50% + 靴",
    "modified_after": "2026-11-21T07:58:11",
    "dates_are_gmt": "true",
    "_fields": "id,date_modified_gmt,billing.email",
    "email": "a+b@shop.example",
    "tilde": "~a*b'c(d)",
}


def test_signatures_hold(serve, answer, connect) -> None:
    server = serve(answer(b"[]"))
    connect(server.url).get("orders", PARAMS)
    request = server.requests[0]
    assert signature_holds(request, server.url)
    sent = {name: value for name, value in request.query.items() if "oauth" not in name}
    assert sent == {name: str(value) for name, value in PARAMS.items()}
    assert "authorization" not in request.headers
    assert request.query["oauth_consumer_key"] == KEY
    assert request.query["oauth_signature_method"] == "HMAC-SHA256"
    assert SECRET not in request.target


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
        st.text(st.characters(exclude_characters="%", exclude_categories=["Cs"]), min_size=1),
        max_size=6,
    )
)
def test_any_parameters_can_be_signed(params: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())
    signed = signed_query("GET", "http://s.example/wp-json", query, KEY, SECRET, 1)
    given_signature, wanted = signature_by_the_book("GET", "http://s.example/wp-json", signed)
    assert given_signature == wanted
    assert "+" not in signed


def test_each_attempt_is_signed_afresh(serve, answer, connect) -> None:
    replies = iter([answer(b"", 500), answer(b"", 502), answer(b"[]")])
    server = serve(lambda _r: next(replies))
    connect(server.url, retries=2).get("orders", {"page": 2})
    assert len({request.query["oauth_nonce"] for request in server.requests}) == 3
    assert all(signature_holds(request, server.url) for request in server.requests)


def test_nonces_do_not_repeat() -> None:
    """8 digits, as the package draws them, would meet within some 10,000 requests."""
    nonces = {
        signed_query("GET", "http://s", "", KEY, SECRET, 1).partition("oauth_nonce=")[2][:32]
        for _ in range(20_000)
    }
    assert len(nonces) == 20_000


NONCE = "Invalid nonce - nonce has already been used."


@pytest.mark.parametrize("message", [NONCE, "Ungültige Nonce.", "無効なナンス"])
def test_a_used_nonce_is_asked_again_once(message: str, serve, answer, connect) -> None:
    replies = iter([refusal(answer, message), answer(b"[]")])
    assert connect(serve(lambda _r: next(replies)).url).get("orders").data == []
    server = serve(refusal(answer, message))
    with pytest.raises(AuthFailed) as caught:
        connect(server.url, retries=5).get("orders")
    assert (caught.value.code, caught.value.status) == (AUTH, 401)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "message",
    [
        "Consumer key is invalid.",
        "Invalid signature - provided signature does not match.",
        "The API key provided does not have read permissions.",
    ],
)
def test_what_no_signature_mends_is_not_asked_again(message, serve, answer, connect) -> None:
    server = serve(refusal(answer, message))
    with pytest.raises(AuthFailed, match=message[:20]):
        connect(server.url, retries=5).get("orders")
    assert len(server.requests) == 1


@pytest.mark.parametrize("hours", [-24, 24])
@pytest.mark.parametrize("message", ["Invalid timestamp.", "Ungültiger Zeitstempel."])
def test_a_wrong_clock_is_learnt_and_remembered(hours: int, message: str, serve, answer, connect) -> None:
    offset = timedelta(hours=hours)

    def store(request) -> bytes:
        now = datetime.now(UTC) + offset
        date = format_datetime(now, usegmt=True)
        if abs(int(request.query["oauth_timestamp"]) - now.timestamp()) > 900:
            return refusal(answer, message, Date=date)
        return answer(b"[]", Date=date)

    server = serve(store)
    client = connect(server.url)
    client.get("orders")
    assert len(server.requests) == 2
    client.get("orders")
    assert len(server.requests) == 3


def test_a_small_difference_is_left_alone(serve, answer, connect) -> None:
    replies = iter([refusal(answer, NONCE), answer(b"[]")])
    server = serve(lambda _r: next(replies))
    connect(server.url).get("orders")
    assert abs(int(server.requests[1].query["oauth_timestamp"]) - time.time()) < 5


# -- keys over https -------------------------------------------------------------------------------


def test_basic_over_https(serve, answer, connect, server_tls, trusting) -> None:
    server = serve(answer(b"[]"), tls=server_tls)
    connect(server.url, tls=trusting).get("orders", {"page": 1})
    request = server.requests[0]
    kind, _, token = request.headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(token).decode()) == ("Basic", f"{KEY}:{SECRET}")
    assert request.query == {"page": "1"}


def test_keys_in_the_query_over_https(serve, answer, connect, server_tls, trusting) -> None:
    server = serve(answer(b"[]"), tls=server_tls)
    connect(server.url, tls=trusting, key_in_query=True).get("orders", {"page": 1})
    request = server.requests[0]
    assert request.query == {"page": "1", "consumer_key": KEY, "consumer_secret": SECRET}
    assert "authorization" not in request.headers


def test_keys_never_go_into_the_query_over_http(serve, answer, connect) -> None:
    server = serve(answer(b"[]"))
    connect(server.url, key_in_query=True).get("orders")
    assert "consumer_secret" not in server.requests[0].query
    assert signature_holds(server.requests[0], server.url)


@pytest.mark.parametrize("https", [False, True])
def test_the_site_is_asked_without_keys(https: bool, serve, answer, connect, server_tls, trusting) -> None:
    """WordPress takes a Basic header for an application password, and refuses what is none."""
    server = serve(answer(b"{}"), tls=server_tls if https else None)
    client = connect(server.url, tls=trusting if https else None)
    client.get_site("", {"_fields": "name"})
    client.get_site("wc/v3")
    client.get_public("", {"rest_route": "/"})
    assert [request.target for request in server.requests] == [
        "/wp-json/?_fields=name",
        "/wp-json/wc/v3",
        "/?rest_route=%2F",
    ]
    assert not any("authorization" in request.headers for request in server.requests)


def test_the_write_probe(serve, answer, connect) -> None:
    body = b'{"code":"woocommerce_rest_shop_order_invalid_id","message":"ID is invalid.","data":{}}'
    server = serve(answer(body, 400))
    with pytest.raises(Rejected):
        connect(server.url, retries=5).put_probe()
    (request,) = server.requests
    assert (request.method, request.path, request.body) == (
        "PUT",
        "/wp-json/wc/v3/orders/0",
        b"{}",
    )
    assert signature_holds(request, server.url)
    server = serve(answer(b"", 500))
    with pytest.raises(Retryable):
        connect(server.url, retries=5).put_probe()
    assert len(server.requests) == 1  # a write is never repeated


def test_a_shop_in_a_sub_folder(serve, answer, connect) -> None:
    server = serve(answer(b"[]"))
    connect(server.url + "/my%20shop").get("orders")
    assert server.requests[0].path == "/my%20shop/wp-json/wc/v3/orders"
    assert signature_holds(server.requests[0], server.url)


# -- the rest --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "body", "total"),
    [
        ("2002", b'[{"id":1}]', 2002),
        ("0", b"[]", None),
        ("2002", b"[]", None),
        ("many", b"[1]", None),
        ("", b"[1]", None),
        ("-1", b"[1]", None),
        ("²", b"[1]", None),
        ("7", b'{"id":1}', None),
    ],
)
def test_total(header: str, body: bytes, total: int | None, serve, connect) -> None:
    head = f"HTTP/1.1 200 OK\r\nX-WP-Total: {header}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert connect(serve(head.encode() + body).url).get("orders").total == total


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"consumer_key": KEY},
        {"consumer_key": KEY, "consumer_secret": "  "},
        {"consumer_key": KEY, "consumer_secret": "cs_ü"},
        {"consumer_key": "ck a", "consumer_secret": SECRET},
    ],
)
def test_keys_that_are_none(keys: dict[str, str]) -> None:
    with pytest.raises(Misconfigured) as caught:
        Client(Account("shop", "https://s.example", "keys", keys), Limits(), lambda: datetime.now(UTC))
    assert not any(value.strip() in str(caught.value) for value in keys.values() if value.strip())


def test_keys_are_taken_without_the_blanks_of_a_paste(serve, answer) -> None:
    server = serve(answer(b"[]"))
    keys = {"consumer_key": f" {KEY}\n", "consumer_secret": f"{SECRET}\t"}
    client = Client(Account("shop", server.url, "keys", keys), Limits(), lambda: datetime.now(UTC))
    client.get("orders")
    client.close()
    assert server.requests[0].query["oauth_consumer_key"] == KEY


@pytest.mark.parametrize("https", [False, True])
@pytest.mark.parametrize("in_query", [False, True])
def test_no_secret_is_ever_shown(
    https, in_query, serve, answer, connect, server_tls, trusting, caplog
) -> None:
    """Errors, logs at debug level and reprs, while the store throws everything back at us."""

    def echo(request) -> bytes:
        said = f"no: {request.target} {request.headers.get('authorization')} {KEY} {SECRET}"
        kinds = next(turn)
        if kinds == "json":
            body = orjson.dumps({"code": "woocommerce_rest_cannot_view", "message": said})
            return answer(body, 401)
        if kinds == "page":
            return answer(f"<title>{said}</title>".encode(), 403)
        if kinds == "html":
            return answer(f"<html><title>{said}</title></html>".encode())
        return answer(b"", 302, Location=f"https://e.example{request.target}")

    turn = iter(["json", "page", "html", "redirect"])
    server = serve(echo, tls=server_tls if https else None)
    client = connect(server.url, tls=trusting if https else None, key_in_query=in_query)
    shown = [repr(client), repr(account(server.url))]
    with caplog.at_level(logging.DEBUG):
        for _ in range(4):
            with pytest.raises(StorelinkError) as caught:
                client.get("orders", {"page": 1})
            error: BaseException | None = caught.value
            while error is not None:
                shown += [str(error), repr(error)]
                error = error.__cause__
    token = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    for text in [caplog.text, *shown]:
        for secret in (KEY, SECRET, token, quote(token)):
            assert secret not in text
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"code": "x", "message": "no: %s"}'),
        (503, "<html><title>no: %s</title></html>"),
        (200, "<html><title>no: %s</title></html>"),
    ],
)
def test_keys_of_any_form_are_kept_out_of_words(status, body, serve, answer) -> None:
    secret = "correct-horse-battery-staple"
    server = serve(answer((body % secret).encode(), status))
    keys = {"consumer_key": "some-key", "consumer_secret": secret}
    client = Client(Account("shop", server.url, "keys", keys), Limits(retries=0), lambda: datetime.now(UTC))
    with pytest.raises(StorelinkError, match="no: …") as caught:
        client.get("orders")
    client.close()
    assert secret not in str(caught.value)


def test_traffic_is_counted_over_threads(serve, answer, connect) -> None:
    client = connect(serve(answer(b"[1]")).url)
    threads = [threading.Thread(target=lambda: [client.get("orders") for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in itertools.chain(threads):
        thread.join()
    assert (client.traffic.requests, client.traffic.bytes) == (100, 300)
