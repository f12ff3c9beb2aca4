"""The one form in which a shop's address is kept: `https://NAME.myshopify.com`. Pure.

The name under myshopify.com is the one that the API answers to; the shop's own domain is not.
A shop on this machine, as the sandbox is, is taken at any port.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from storelink.errors import Misconfigured

SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_ADMIN = re.compile(r"/store/([a-z0-9][a-z0-9-]*)(?:/.*)?", re.IGNORECASE)


def normalize_url(url: str) -> str:
    """`Shop.myshopify.com/admin` or `admin.shopify.com/store/shop` → `https://shop.myshopify.com`.

    A bare name is taken for one under myshopify.com. Raises `Misconfigured`, in words, for others.
    """
    text = url.strip()
    if not text:
        raise Misconfigured("the shop's address is empty", code="url")
    if len(text) > 2000 or not text.isascii() or not text.isprintable() or re.search(r"[\s\\]", text):
        raise _unusable(text, "it has spaces or other characters that no address has")
    scheme, _, rest = text.rpartition("://")
    scheme = scheme.lower() or "https"
    if scheme not in ("http", "https"):
        raise _unusable(text, "it must begin with https://")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _unusable(text, "it is not a web address") from None
    if "@" in parts.netloc:
        raise Misconfigured(
            "leave user name and password out of the shop's address; keys are entered on their own",
            code="url",
        )
    if is_loopback(f"{scheme}://{parts.netloc}"):
        name = f"[{host}]" if ":" in host else host
        standard = port is None or (scheme, port) in (("http", 80), ("https", 443))
        return f"{scheme}://{name}{'' if standard else f':{port}'}"
    if port not in (None, 443, 80):
        raise _unusable(text, "a shop has no port")
    if host == "admin.shopify.com" and (found := _ADMIN.fullmatch(parts.path)):
        return f"https://{found[1].lower()}.myshopify.com"
    if _NAME.fullmatch(host) and "." not in host:
        host = f"{host}.myshopify.com"
    if not SHOP.fullmatch(host):
        why = "it is not a name under myshopify.com; Shopify shows that name under Settings → Domains"
        raise _unusable(text, why)
    return f"https://{host}"


def is_loopback(url: str) -> bool:
    """Whether what is sent to `url` stays on this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unusable(text: str, why: str) -> Misconfigured:
    shown = re.sub(r"//[^/@]*@", "//…@", text[:100]).partition("?")[0]
    return Misconfigured(
        f"{shown!r} is not a shop's address: {why}. It looks like https://shop.myshopify.com", code="url"
    )
