"""The one form in which a store's address is kept. Pure."""

import re
from urllib.parse import quote, unquote, urlsplit

import httpx

from storelink.errors import Misconfigured

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# what people copy from their browser's address bar, and what other tools want to be told
_NOT_THE_STORE = re.compile(
    r"/(wp-json|wp-admin|wp-content|wp-login\.php|index\.php|xmlrpc\.php)(/|$).*", re.IGNORECASE
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def normalize_url(url: str) -> str:
    """`Shop.Example/wp-admin/` → `https://shop.example`; a sub-folder and a port are kept.

    Raises `Misconfigured`, in words, for what is no address of a store.
    """
    text = url.strip()
    if not text:
        raise Misconfigured("the store's address is empty", code="url")
    if len(text) > 2000 or not text.isprintable() or re.search(r"[\s\\]", text):
        raise _unusable(text, "it has spaces or other characters that no address has")
    scheme = _SCHEME.match(text)
    if scheme is None:
        text = f"https://{text}"
    elif scheme.group(1).lower() not in ("http", "https"):
        raise _unusable(text, "it must begin with https:// or http://")
    try:
        parts, parsed = urlsplit(text), httpx.URL(text)
        host, port = parsed.raw_host.decode("ascii").lower().rstrip("."), parsed.port
    except (httpx.InvalidURL, ValueError):
        raise _unusable(text, "it is not a web address") from None
    if "@" in parts.netloc:
        raise Misconfigured(
            "leave user name and password out of the store's address; keys are entered on their own",
            code="url",
        )
    if not _is_host(host):
        raise _unusable(text, "it has no valid host name")
    if port is not None and not 0 < port < 65536:
        raise _unusable(text, "its port is not one")
    name = f"[{host}]" if ":" in host else host
    return f"{parsed.scheme}://{name}{f':{port}' if port else ''}{_folder(text, parts.path)}"


def _folder(text: str, path: str) -> str:
    path = _NOT_THE_STORE.sub("", re.sub("/{2,}", "/", path))
    folder = quote(unquote(path), safe="/~").rstrip("/")
    if any(part in (".", "..") for part in folder.split("/")):
        raise _unusable(text, "its path leads upwards")
    return folder


def _is_host(host: str) -> bool:
    if ":" in host:  # httpx has checked that it is an IPv6 address
        return True
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def _unusable(text: str, why: str) -> Misconfigured:
    shown = re.sub(r"//[^/@]*@", "//…@", text[:100]).partition("?")[0]
    return Misconfigured(
        f"{shown!r} is not a store's address: {why}. It looks like https://shop.example", code="url"
    )
