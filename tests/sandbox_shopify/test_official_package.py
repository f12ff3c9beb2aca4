"""The official `ShopifyAPI` package reads the sandbox, and believes its OAuth callback.

It makes every address `https://{name}.{myshopify_domain}[:{port}]`. With `0.0.1` for
`myshopify.com`, which is a setting of its own, the shop `127` is 127.0.0.1: nothing is patched.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import shopify

from storelink.sandbox.running import RunningShopify, start_shopify

NAME = "127"


@pytest.fixture
def shop() -> Iterator[RunningShopify]:
    with start_shopify(orders=20, products=10, customers=10, https=True) as found:
        yield found


@pytest.fixture
def session(shop: RunningShopify, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[shopify.Session]]:
    """The package, set up for this shop, and as it was before afterwards."""
    monkeypatch.setenv("SSL_CERT_FILE", str(shop.ca_file))
    urllib.request.install_opener(None)  # type: ignore[arg-type]
    kept = {name: getattr(shopify.Session, name) for name in ("protocol", "myshopify_domain", "port")}
    shopify.Session.setup(
        api_key=shop.client_id,
        secret=shop.client_secret,
        myshopify_domain="0.0.1",
        port=urlsplit(shop.url).port,
    )
    yield shopify.Session
    shopify.ShopifyResource.clear_session()
    shopify.Session.setup(api_key=None, secret=None, **kept)
    urllib.request.install_opener(None)  # type: ignore[arg-type]


def test_its_graphql_client_reads(session: type[shopify.Session], shop: RunningShopify):
    shopify.ShopifyResource.activate_session(session(NAME, "2026-10", shop.token))
    text = "query Page($first: Int!) { orders(first: $first) { nodes { id name } } }"
    found = json.loads(shopify.GraphQL().execute(text, {"first": 5}, "Page"))
    nodes = found["data"]["orders"]["nodes"]
    assert len(nodes) == 5
    assert found["extensions"]["cost"]["requestedQueryCost"] == 5
    assert shop.admin.requests()[-1]["operation"] == "Page"
    first = int(nodes[0]["id"].rpartition("/")[2])
    assert shop.admin.record("orders", first)["name"] == nodes[0]["name"]


def test_its_client_meets_a_refused_token(session: type[shopify.Session], capsys: pytest.CaptureFixture[str]):
    shopify.ShopifyResource.activate_session(session(NAME, "2026-10", "shpat_wrong"))
    with pytest.raises(urllib.error.HTTPError) as caught:
        shopify.GraphQL().execute("{ shop { id } }")
    assert caught.value.code == 401
    caught.value.close()
    assert "Invalid API key" in capsys.readouterr().out


def test_its_callback_check_believes_the_round_trip(session: type[shopify.Session], shop: RunningShopify):
    ours = session(NAME, "2026-10")
    address = ours.create_permission_url(
        ["read_orders", "read_products"], "https://app.example/back", "st=a&te%"
    )
    with httpx.Client(verify=_trust(shop)) as client:
        answer = client.get(address)
    assert answer.status_code == 302
    params = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert params["state"] == "st=a&te%"
    assert session.validate_params(params)
    assert not session.validate_params({**params, "shop": "other.myshopify.com"})
    assert not session.validate_params({**params, "timestamp": str(int(time.time()) - 90_000)})
    token = ours.request_token(params)
    assert ours.access_scopes.covers(shopify.ApiAccess("read_orders,read_products"))
    shopify.ShopifyResource.activate_session(session(NAME, "2026-10", token))
    found = json.loads(shopify.GraphQL().execute("{ shop { myshopifyDomain } }"))
    assert found["data"]["shop"]["myshopifyDomain"] == shop.domain == params["shop"]


def _trust(shop: RunningShopify) -> object:
    import ssl

    return ssl.create_default_context(cafile=str(shop.ca_file))
