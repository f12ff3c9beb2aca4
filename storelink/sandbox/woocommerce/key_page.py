"""`wc-auth`: the pages on which an administrator gives an app REST keys (facts §11).

Whoever comes is taken for a signed-in administrator. Keys are posted to this machine only, and there the
callback may be plain http, which a real store refuses; the store expects exactly 200 and deletes the key
otherwise.
"""

import hashlib
import html
import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from urllib.parse import urlencode, urlsplit

from storelink.sandbox.woocommerce.auth import Gate, Key

AUTHORIZE, GRANTED = "/wc-auth/v1/authorize", "/wc-auth/v1/access_granted"
_NEEDED = ("app_name", "user_id", "return_url", "callback_url", "scope")
_SCOPES = ("read", "write", "read_write")
_HERE = frozenset(("127.0.0.1", "::1", "localhost"))
Page = tuple[int, str, bytes]
"""Status, where to go ("" for nowhere), and the body."""


def ask(query: Mapping[str, object]) -> Page:
    """The page with its two links: approve and deny."""
    asked, wrong = _checked(query)
    if wrong:
        return 401, "", _page("Error", f"Error: {wrong}")
    approve = f"{GRANTED}/?{urlencode(asked)}"
    deny = _back(asked, success=False)
    links = (
        f'<a href="{html.escape(approve)}" class="wc-auth-approve">Approve</a>'
        f' <a href="{html.escape(deny)}" class="wc-auth-deny">Deny</a>'
    )
    words = f"{html.escape(asked['app_name'])} would like to connect to your store ({asked['scope']})."
    return 200, "", _page("Application authentication request", words, links)


def grant(query: Mapping[str, object], gate: Gate, seed: str) -> Page:
    """Make a pair of keys, post it, and go back; without a 200 there is no key. Blocks while it posts."""
    asked, wrong = _checked(query)
    if wrong:
        return 401, "", _page("Error", f"Error: {wrong}")
    text = hashlib.sha256(f"{seed} {len(gate.keys)} {asked['user_id']}".encode()).hexdigest()
    key = Key(f"ck_{text[:40]}", f"cs_{text[24:]}", asked["scope"])
    gate.keys[key.consumer] = key
    told = {
        "key_id": len(gate.keys), "user_id": asked["user_id"], "consumer_key": key.consumer,
        "consumer_secret": key.secret, "key_permissions": key.may,
    }  # fmt: skip
    if _post(asked["callback_url"], json.dumps(told).encode()) != 200:
        del gate.keys[key.consumer]
        return 401, "", _page("Error", "Error: An error occurred in the request and at the time were unable"
                              " to send the consumer data.")  # fmt: skip
    return 302, _back(asked, success=True), b""


def _checked(query: Mapping[str, object]) -> tuple[dict[str, str], str]:
    """What was asked, and what is wrong with it."""
    asked = {name: str(query.get(name, "")) for name in _NEEDED}
    for name, value in asked.items():
        if not value:
            return asked, f"Missing parameter {name}."
    if asked["scope"] not in _SCOPES:
        return asked, f"Invalid scope {html.escape(asked['scope'])}."
    for name in ("return_url", "callback_url"):
        if urlsplit(asked[name]).scheme not in ("http", "https"):
            return asked, f"The {name} is not a valid URL."
    parts = urlsplit(asked["callback_url"])
    if parts.scheme != "https" and parts.hostname not in _HERE:
        return asked, "The callback_url needs to be over SSL."
    return asked, ""


def _back(asked: Mapping[str, str], *, success: bool) -> str:
    joint = "&" if urlsplit(asked["return_url"]).query else "?"
    told = urlencode({"success": int(success), "user_id": asked["user_id"]})
    return f"{asked['return_url']}{joint}{told}"


def _post(url: str, body: bytes) -> int | None:
    parts = urlsplit(url)
    if parts.hostname not in _HERE:
        return None
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=30)) as connection:
        try:
            headers = {"Content-Type": "application/json;charset=utf-8", "User-Agent": "WordPress/6.9"}
            connection.request("POST", f"{parts.path}?{parts.query}", body, headers)
            return connection.getresponse().status
        except OSError:
            return None


def _page(title: str, words: str, links: str = "") -> bytes:
    return f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1><p>{words}</p><p>{links}</p>".encode()
