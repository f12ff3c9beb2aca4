"""The authorization code grant: our address, and what is taken for its answer."""

import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shopify.session import Session

from storelink.connectors.shopify.oauth import SCOPES, accept_callback, authorize_url
from storelink.errors import Misconfigured

SHOP = "https://my-shop.myshopify.com"
SECRET = "shpss_" + "e5" * 16
STATE = "n0nce-of-ours"


def signed(secret: str = SECRET, **params: str) -> dict[str, str]:
    """Signed by the official package, as Shopify would."""
    given_params = {
        "code": "c0de",
        "host": "YWRtaW4=",
        "shop": "my-shop.myshopify.com",
        "state": STATE,
        "timestamp": str(int(time.time())),
    } | params
    signer = type("Signer", (Session,), {"secret": secret})
    return given_params | {"hmac": signer.calculate_hmac(given_params)}


def accept(params, shop: str = SHOP, state: str = STATE, secret: str = SECRET) -> str:
    return accept_callback(params, state=state, client_secret=secret, shop=shop)


def test_the_address_to_approve_at() -> None:
    url = authorize_url(SHOP, "client", SCOPES, "https://ops.example/back?x=1&y=2", STATE)
    parts = urlsplit(url)
    assert url.startswith(f"{SHOP}/admin/oauth/authorize?")
    assert dict(parse_qsl(parts.query)) == {
        "client_id": "client",
        "scope": ",".join(SCOPES),
        "redirect_uri": "https://ops.example/back?x=1&y=2",
        "state": STATE,
    }
    local = authorize_url("http://127.0.0.1:8080", "client", SCOPES, "https://ops.example", STATE)
    assert local.startswith("http://127.0.0.1:8080/admin/oauth/authorize?")
    assert Session.api_key is None  # nothing is left in the package's own state
    assert Session.secret is None


@pytest.mark.parametrize("shop", ["https://evil.example", "http://my-shop.myshopify.com", "evil.com", ""])
def test_no_address_for_what_is_no_shop(shop: str) -> None:
    with pytest.raises(Misconfigured):
        authorize_url(shop, "client", SCOPES, "https://ops.example", STATE)


def test_what_shopify_signed_is_taken() -> None:
    assert accept(signed()) == "c0de"
    assert accept(f"https://ops.example/back?{urlencode(signed())}") == "c0de"
    assert accept(urlencode(signed())) == "c0de"
    assert accept(signed(extra="a&b=c%")) == "c0de"
    assert accept(signed(shop="sandbox-1.myshopify.com"), shop="http://127.0.0.1:8080") == "c0de"


DAY = 24 * 3600


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (signed(state="another"), "state"),
        (signed(state=""), "state"),
        (signed(shop="other.myshopify.com"), "shop"),
        (signed(shop="my-shop.myshopify.com.evil.example"), "shop"),
        (signed(secret="another secret"), "hmac"),
        (signed() | {"code": "swapped"}, "hmac"),
        (signed() | {"extra": "1"}, "hmac"),
        (signed() | {"hmac": ""}, "hmac"),
        (signed() | {"hmac": "ä"}, "hmac"),
        ({name: value for name, value in signed().items() if name != "hmac"}, "hmac"),
        (signed(timestamp=str(int(time.time()) - DAY - 60)), "timestamp"),
        (signed(timestamp=str(int(time.time()) + DAY)), "timestamp"),
        (signed(timestamp="soon"), "timestamp"),
        (signed(timestamp=""), "timestamp"),
        (signed(code=""), "code"),
        ({"error": "access_denied", "state": STATE}, "access_denied"),
    ],
)
def test_what_is_not_taken(params: dict[str, str], code: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        accept(params)
    assert caught.value.code == code
    assert "c0de" not in str(caught.value)


def test_a_parameter_twice_is_not_taken() -> None:
    with pytest.raises(Misconfigured):
        accept(f"{urlencode(signed())}&code=another")


def test_without_a_state_or_a_secret_nothing_is_taken() -> None:
    with pytest.raises(Misconfigured):
        accept(signed(state=""), state="")
    with pytest.raises(Misconfigured):
        accept(signed(secret=""), secret="")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=6), st.text(max_size=40))
def test_junk_is_refused_in_words(params: dict[str, str], text: str) -> None:
    for junk in (params, text):
        with pytest.raises(Misconfigured):
            accept(junk)
