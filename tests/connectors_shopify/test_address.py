"""The one form of a shop's address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shopify.utils.shop_url import sanitize_shop_domain

from storelink.connectors.shopify.address import normalize_url
from storelink.errors import Misconfigured


@pytest.mark.parametrize(
    ("entered", "kept"),
    [
        ("my-shop", "https://my-shop.myshopify.com"),
        (" My-Shop.MyShopify.com/ ", "https://my-shop.myshopify.com"),
        ("https://my-shop.myshopify.com/admin/products?x=1", "https://my-shop.myshopify.com"),
        ("http://my-shop.myshopify.com", "https://my-shop.myshopify.com"),
        ("https://my-shop.myshopify.com:443", "https://my-shop.myshopify.com"),
        ("https://admin.shopify.com/store/My-Shop/settings", "https://my-shop.myshopify.com"),
        ("admin.shopify.com/store/my-shop", "https://my-shop.myshopify.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/admin", "http://127.0.0.1:8080"),
        ("https://localhost:8443/", "https://localhost:8443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("", None),
        ("https://shop.example", None),
        ("https://my-shop.myshopify.com.evil.example", None),
        ("https://evil.example/my-shop.myshopify.com", None),
        ("https://evil.example#my-shop.myshopify.com", None),
        ("https://a.b.myshopify.com", None),
        ("https://-shop.myshopify.com", None),
        ("https://myshopify.com", None),
        ("https://admin.shopify.com/store/", None),
        ("https://user:hunter2@my-shop.myshopify.com", None),
        ("https://my-shop.myshopify.com@evil.example", None),
        ("https://my-shop.myshopify.com:8443", None),
        ("ftp://my-shop.myshopify.com", None),
        ("javascript:alert(1)", None),
        ("my shop", None),
        ("läden", None),
        ("http://192.168.1.5:8080", None),
    ],
)
def test_addresses(entered: str, kept: str | None) -> None:
    if kept is not None:
        assert normalize_url(entered) == kept
        assert normalize_url(kept) == kept
        return
    with pytest.raises(Misconfigured) as caught:
        normalize_url(entered)
    assert caught.value.code == "url"
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=60))
def test_whatever_is_entered_ends_at_shopify_or_here(text: str) -> None:
    try:
        kept = normalize_url(text)
    except Misconfigured:
        return
    host = kept.partition("://")[2]
    local = host.startswith(("localhost", "127.", "[::1]"))
    # the official package's own check, which wants two characters at least
    assert (
        local
        or len(host.partition(".")[0]) < 2
        or host.endswith("-.myshopify.com")
        or (sanitize_shop_domain(host) == host)
    )
