"""Getting and losing access: client credentials, authorization code, refresh tokens that rotate."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from shopify_caller import ShopifyCaller

from storelink.sandbox.running import RunningShopify, start_shopify

SHOP = "{ shop { id } }"
BACK = "https://storelink.example/callback?keep=1"


@pytest.fixture
def shop() -> Iterator[RunningShopify]:
    with start_shopify(orders=2, products=2, customers=2) as found:
        yield found


@pytest.fixture
def call(shop: RunningShopify) -> Iterator[ShopifyCaller]:
    caller = ShopifyCaller(shop)
    yield caller
    caller.close()


def works(call: ShopifyCaller, token: str) -> bool:
    answer = call.post(SHOP, token=token)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def callback(call: ShopifyCaller, **asked: str) -> dict[str, str]:
    params = {"client_id": call.store.client_id, "redirect_uri": BACK, "scope": "read_orders", **asked}
    answer = call.http.get("/admin/oauth/authorize", params=params)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def refused(answer: httpx.Response) -> str:
    assert answer.status_code in (400, 401)
    assert set(answer.json()) == {"error", "error_description"}
    return answer.json()["error"]


def test_client_credentials(shop: RunningShopify, call: ShopifyCaller):
    answer = call.grant(grant_type="client_credentials").json()
    assert set(answer) == {"access_token", "scope", "expires_in"}
    assert answer["expires_in"] == 86_399
    assert "read_orders" in answer["scope"].split(",")
    assert works(call, answer["access_token"])
    second = call.grant(grant_type="client_credentials").json()["access_token"]
    assert works(call, answer["access_token"]) and works(call, second)
    shop.admin.advance(86_400)
    assert not works(call, answer["access_token"])
    own = {"client_id": shop.client_id, "client_secret": shop.client_secret}
    as_json = {**own, "grant_type": "client_credentials"}
    assert call.http.post("/admin/oauth/access_token", json=as_json).status_code == 200


def test_what_is_refused(shop: RunningShopify, call: ShopifyCaller):
    assert refused(call.grant(grant_type="client_credentials", client_secret="x")) == "invalid_client"
    wrong = call.grant(grant_type="client_credentials", client_id="x")
    assert refused(wrong) == "application_cannot_be_found"
    assert refused(call.grant(grant_type="password")) == "unsupported_grant_type"
    assert refused(call.grant(code="x")) == "invalid_request"
    assert refused(call.grant(grant_type="refresh_token", refresh_token="x")) == "invalid_grant"
    shop.admin.set_site(mode="uninstalled")
    assert refused(call.grant(grant_type="client_credentials")) == "app_not_installed"


def test_the_authorization_code(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.hold_clock(1_795_000_000)
    found = callback(call, state="n0nce")
    assert set(found) == {"keep", "code", "hmac", "host", "shop", "state", "timestamp"}
    assert (found["shop"], found["state"], found["timestamp"]) == (shop.domain, "n0nce", "1795000000")
    answer = call.grant(code=found["code"]).json()
    assert set(answer) == {"access_token", "scope"}
    assert works(call, answer["access_token"])
    assert refused(call.grant(code=found["code"])) == "invalid_request"  # once only
    late = callback(call)["code"]
    shop.admin.advance(4000)
    assert refused(call.grant(code=late)) == "invalid_request"
    shop.admin.set_site(redirects=["https://elsewhere.example/"])
    params = {"client_id": shop.client_id, "redirect_uri": BACK}
    assert refused(call.http.get("/admin/oauth/authorize", params=params)) == "invalid_request"


def test_expiring_tokens_and_their_refresh(shop: RunningShopify, call: ShopifyCaller):
    first = call.grant(code=callback(call)["code"], expiring="1").json()
    assert (first["expires_in"], first["refresh_token_expires_in"]) == (3600, 90 * 86_400)
    shop.admin.advance(3601)
    assert not works(call, first["access_token"])

    def refresh(token: str) -> httpx.Response:
        return call.grant(grant_type="refresh_token", refresh_token=token)

    second = refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    # the answer may have been lost: the old one works until the new pair is first used
    third = refresh(first["refresh_token"]).json()
    assert not works(call, second["access_token"])
    assert refused(refresh(second["refresh_token"])) == "invalid_grant"
    assert works(call, third["access_token"])
    assert refused(refresh(first["refresh_token"])) == "invalid_grant"
    fourth = refresh(third["refresh_token"]).json()
    assert not works(call, third["access_token"])
    assert works(call, fourth["access_token"])


def test_refresh_tokens_end_too(shop: RunningShopify, call: ShopifyCaller):
    first = call.grant(code=callback(call)["code"], expiring="1").json()
    shop.admin.advance(90 * 86_400)
    assert (
        refused(call.grant(grant_type="refresh_token", refresh_token=first["refresh_token"]))
        == "invalid_grant"
    )
    shop.admin.set_site(rotates=False)
    pair = call.grant(code=callback(call)["code"], expiring="1").json()
    again = call.grant(grant_type="refresh_token", refresh_token=pair["refresh_token"]).json()
    assert again["refresh_token"] == pair["refresh_token"]
    assert works(call, again["access_token"])


def test_tokens_are_revoked_and_run_out(shop: RunningShopify, call: ShopifyCaller):
    token = call.grant(grant_type="client_credentials").json()["access_token"]
    shop.admin.expire_tokens()
    assert not works(call, token) and works(call, shop.token)
    assert shop.admin.revoke_tokens(shop.token) == 1
    assert not works(call, shop.token) and works(call, shop.other_token)


def test_tokens_come_from_the_seed():
    found = []
    for _ in range(2):
        with start_shopify(orders=1, products=1, customers=1, seed=4) as one:
            found.append((one.token, one.client_id, one.client_secret))
            assert one.token not in repr(one) and one.client_secret not in repr(one)
    assert found[0] == found[1]


def test_secrets_stay_out_of_the_journal(shop: RunningShopify, call: ShopifyCaller):
    code = callback(call, state="s")["code"]
    call.http.post("/admin/oauth/access_token", params={"client_secret": shop.client_secret, "code": code})
    text = str(shop.admin.requests())
    assert shop.client_secret not in text and code not in text and shop.token not in text
