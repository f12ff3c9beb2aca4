"""Who may ask, over http and https (facts §1)."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from caller import Caller
from woocommerce import API

from storelink.sandbox.running import Running, start

DENIED = "woocommerce_rest_authentication_error"


@pytest.fixture(scope="module")
def plain() -> Iterator[Running]:
    with start(orders=12, products=5, customers=5) as store:
        yield store


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def signed(
    store: Running,
    path: str,
    params: dict[str, str],
    *,
    method: str = "GET",
    digest: str = "sha1",
    at: float | None = None,
    nonce: str = "",
    secret: str | None = None,
    key: str | None = None,
) -> dict[str, str]:
    """All parameters of a signed request, made by RFC 5849 §3.4 and nothing of the store's."""
    found = {
        **params,
        "oauth_consumer_key": key or store.key,
        "oauth_timestamp": str(int(store.admin.now() if at is None else at)),
        "oauth_nonce": nonce or hashlib.md5(f"{path}{params}{at}{digest}".encode()).hexdigest(),
        "oauth_signature_method": f"HMAC-{digest.upper()}",
    }
    pairs = sorted((quote(k, safe=""), quote(v, safe="~")) for k, v in found.items())
    text = "&".join(f"{k}={v}" for k, v in pairs)
    base = "&".join(quote(part, safe="~") for part in (method, f"{store.url}{path}", text))
    secret = store.secret if secret is None else secret
    mac = hmac.new(f"{secret}&".encode(), base.encode(), digest).digest()
    return {**found, "oauth_signature": base64.b64encode(mac).decode()}


ORDERS = "/wp-json/wc/v3/orders"


def told(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["message"]


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_signature_in_the_query_or_the_header(plain: Running, http: httpx.Client, digest: str):
    asked = {"per_page": "2", "search": "O’Brien & ~co é+ü", "_fields": "id"}
    answer = http.get(plain.url + ORDERS, params=signed(plain, ORDERS, asked, digest=digest))
    assert answer.status_code == 200
    params = signed(plain, ORDERS, {"page": "1"}, digest=digest, nonce=f"h-{digest}")
    inner = ", ".join(f'{k}="{quote(v, safe="")}"' for k, v in params.items() if k != "page")
    answer = http.get(plain.url + ORDERS, params={"page": "1"}, headers={"Authorization": f"OAuth {inner}"})
    assert answer.status_code == 200


def test_what_a_bad_signature_gets(plain: Running, http: httpx.Client):
    now = plain.admin.now()

    def ask(**options: Any) -> tuple[int, str, str]:
        return told(http.get(plain.url + ORDERS, params=signed(plain, ORDERS, {}, **options)))

    bad = "Invalid signature - provided signature does not match."
    assert ask(secret="cs_wrong", nonce="1") == (401, DENIED, bad)
    assert ask(key="ck_wrong", nonce="2") == (401, DENIED, "Consumer key is invalid.")
    assert ask(at=now - 1000, nonce="3") == (401, DENIED, "Invalid timestamp.")
    assert ask(at=now + 1000, nonce="4") == (401, DENIED, "Invalid timestamp.")
    for offset in (-890, 890):
        asked = signed(plain, ORDERS, {}, at=now + offset, nonce=f"n{offset}")
        assert http.get(plain.url + ORDERS, params=asked).status_code == 200
    changed = signed(plain, ORDERS, {"page": "1"}, nonce="5") | {"page": "2"}
    assert told(http.get(plain.url + ORDERS, params=changed)) == (401, DENIED, bad)
    half = {"oauth_consumer_key": plain.key, "oauth_nonce": "6"}
    status, code, message = told(http.get(plain.url + ORDERS, params=half))
    assert (status, code) == (401, "woocommerce_rest_authentication_missing_parameter")
    assert message == ("Missing OAuth parameters oauth_timestamp, oauth_signature, oauth_signature_method")


def test_a_nonce_serves_once(plain: Running, http: httpx.Client):
    asked = signed(plain, ORDERS, {}, nonce="once")
    assert http.get(plain.url + ORDERS, params=asked).status_code == 200
    again = told(http.get(plain.url + ORDERS, params=asked))
    assert again == (401, DENIED, "Invalid nonce - nonce has already been used.")


def test_the_store_judges_time_by_its_own_clock(http: httpx.Client):
    with start(orders=2, products=2, customers=2, clock_offset=-86_400) as store:
        asked = signed(store, ORDERS, {})
        assert http.get(store.url + ORDERS, params=asked).status_code == 200
        late = signed(store, ORDERS, {}, at=store.admin.now() + 86_400)
        assert told(http.get(store.url + ORDERS, params=late))[2] == "Invalid timestamp."


def test_the_official_client_signs_all_but_lists(plain: Running):
    api = API(plain.url, plain.key, plain.secret, timeout=30)
    with api.get("orders", params={"search": "Zoë & O’Brien", "per_page": 3}) as answer:
        assert answer.status_code == 200
    ids = [row["id"] for row in plain.admin.truth()["orders"] if row["status"] == "completed"][:2]
    with api.get("orders", params={"include": ",".join(map(str, ids))}) as answer:
        assert sorted(part["id"] for part in answer.json()) == ids
    with api.get("orders", params={"include[]": ids[0]}) as answer:
        assert answer.status_code == 401
        assert answer.json()["message"].startswith("Invalid signature")


def test_basic_over_https(shop: Running, ask: Caller):
    def get(auth: Any, path: str = "orders", **params: Any) -> httpx.Response:
        request = ask.http.build_request("GET", path, params=params)
        return ask.http.send(request, auth=httpx.BasicAuth(*auth) if auth else None)

    assert get((shop.key, shop.secret)).status_code == 200
    assert get(shop.manager_key, "system_status").status_code == 200
    assert get(shop.read_key).status_code == 200
    assert get(shop.password).status_code == 200
    assert get(("admin", "hunter2")).status_code == 401
    keys = {"consumer_key": shop.key, "consumer_secret": shop.secret}
    assert get(None, **keys).status_code == 200
    assert told(get(None))[:2] == (401, "woocommerce_rest_cannot_view")
    assert told(get(shop.customer_key))[:2] == (403, "woocommerce_rest_cannot_view")
    assert told(get((shop.key, "cs_no")))[2] == "Consumer secret is invalid."


def test_permission_bits(shop: Running, ask: Caller):
    def send(method: str, path: str, pair: tuple[str, str]) -> tuple[int, str, str]:
        request = ask.http.build_request(method, path, json={})
        return told(ask.http.send(request, auth=httpx.BasicAuth(*pair)))

    lacks = "The API key provided does not have {} permissions."
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert send(method, "orders/0", shop.read_key) == (401, DENIED, lacks.format("write"))
    assert send("GET", "orders", shop.write_only_key) == (401, DENIED, lacks.format("read"))
    # the write test without side effects
    assert send("PUT", "orders/0", (shop.key, shop.secret)) == (
        400, "woocommerce_rest_shop_order_invalid_id", "ID is invalid.",
    )  # fmt: skip


def test_nobody_is_told_so_in_words_for_each_verb(shop: Running, ask: Caller):
    def send(method: str, path: str) -> tuple[int, str, str]:
        request = ask.http.build_request(method, path, json={})
        return told(ask.http.send(request, auth=None))

    assert send("GET", "orders/15")[2] == "Sorry, you cannot view this resource."
    assert send("POST", "orders")[1] == "woocommerce_rest_cannot_create"
    assert send("PUT", "orders/15")[1] == "woocommerce_rest_cannot_edit"
    assert send("DELETE", "orders/15")[1] == "woocommerce_rest_cannot_delete"
    assert send("POST", "orders/batch")[1] == "woocommerce_rest_cannot_batch"


def test_the_rest_route_form_never_looks_at_keys(shop: Running, ask: Caller):
    answer = ask.http.get(f"{shop.url}/?{urlencode({'rest_route': '/wc/v3/orders'})}")
    assert told(answer)[:2] == (401, "woocommerce_rest_cannot_view")


def test_a_host_that_strips_the_header(shop: Running, store: Running, call: Caller):
    store.admin.faults([{"do": {"strip_auth": True}}])
    assert told(call.get("orders"))[:2] == (401, "woocommerce_rest_cannot_view")
    keys = {"consumer_key": store.key, "consumer_secret": store.secret}
    assert call.get("orders", **keys).status_code == 200
