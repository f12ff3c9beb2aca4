"""The one form of a store's address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.woocommerce.address import normalize_url
from storelink.errors import Misconfigured


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("shop.example", "https://shop.example"),
        ("  HTTPS://Shop.Example/  ", "https://shop.example"),
        ("http://shop.example", "http://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80/", "http://shop.example"),
        ("https://shop.example:80", "https://shop.example:80"),
        ("shop.example:8443", "https://shop.example:8443"),
        ("localhost:8080", "https://localhost:8080"),
        ("http://127.0.0.1:8089", "http://127.0.0.1:8089"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://[::1]", "http://[::1]"),
        ("https://shop.example.", "https://shop.example"),
        ("https://shop.example/Store/", "https://shop.example/Store"),
        ("https://shop.example//a///b//", "https://shop.example/a/b"),
        ("https://shop.example/a b", None),
        ("https://shop.example/a%20b", "https://shop.example/a%20b"),
        ("https://shop.example/läden", "https://shop.example/l%C3%A4den"),
        ("https://shop.example/~me", "https://shop.example/~me"),
        ("https://shop.example/wp-json/", "https://shop.example"),
        ("https://shop.example/wp-json/wc/v3/orders?a=b", "https://shop.example"),
        ("https://shop.example/wp-admin", "https://shop.example"),
        (
            "https://shop.example/store/wp-admin/admin.php?page=wc-settings&tab=advanced#x",
            "https://shop.example/store",
        ),
        ("https://shop.example/wp-login.php?redirect_to=x", "https://shop.example"),
        ("https://shop.example/index.php/wp-json", "https://shop.example"),
        ("https://shop.example/wp-jsonish", "https://shop.example/wp-jsonish"),
        ("https://shop.example/?rest_route=/wc/v3", "https://shop.example"),
        ("https://shop.example#top", "https://shop.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://shop_1.example", "https://shop_1.example"),
        ("", None),
        ("   ", None),
        ("https://", None),
        ("https:///store", None),
        ("ftp://shop.example", None),
        ("javascript://shop.example", None),
        ("https:// shop.example", None),
        ("https://shop example", None),
        ("https://shop.example\\store", None),
        ("https://shop.example\n", "https://shop.example"),
        ("https://shop\n.example", None),
        ("https://shop\x00.example", None),
        ("https://-shop.example", None),
        ("https://shop..example", None),
        ("https://shop!.example", None),
        ("https://" + "a" * 64 + ".example", None),
        ("https://" + "a." * 130 + "example", None),
        ("https://shop.example:0", None),
        ("https://shop.example:99999", None),
        ("https://shop.example:http", None),
        ("https://shop.example/../etc", None),
        ("https://shop.example/a/%2e%2e/b", None),
        ("https://[::1", None),
        ("https://[zz]", None),
        ("https://shop.example/" + "a" * 3000, None),
        ("https:shop.example", None),
        ("ck_0123456789", "https://ck_0123456789"),
        ("https://ck_a:cs_b@shop.example", None),
    ],
)
def test_forms(given_url: str, kept: str | None) -> None:
    if kept is not None:
        assert normalize_url(given_url) == kept
        assert normalize_url(kept) == kept
        return
    with pytest.raises(Misconfigured) as caught:
        normalize_url(given_url)
    assert "address" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://me:hush@shop.example", "me:hush@shop.example", "ftp://me:hush@shop.example"]
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        normalize_url(url)
    assert "hush" not in str(caught.value)


@given(st.text() | st.from_regex(r"(https?://)?[a-z.\-:\[\]@%/0-9?#ü]{0,30}"))
def test_any_text_gives_an_address_or_words(text: str) -> None:
    try:
        kept = normalize_url(text)
    except Misconfigured:
        return
    assert normalize_url(kept) == kept
    assert kept.startswith(("https://", "http://"))
    assert not kept.endswith("/")
    assert kept.isascii()
