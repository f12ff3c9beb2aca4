"""What a WooCommerce store's refusals mean. Pure: an answer in, one of our errors out.

WooCommerce's errors are `{"code", "message", "data"}`, where `data` is an object with `status` or
a bare number; whatever is not of that form was said by somebody in front of WooCommerce.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#errors
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

from storelink.connectors.http import Answer, interpret
from storelink.connectors.wire import redact
from storelink.connectors.woocommerce.jsontext import Unreadable, parse_json
from storelink.errors import (
    AuthFailed,
    Misconfigured,
    NotFound,
    Rejected,
    Retryable,
    StorelinkError,
)

AUTHENTICATION = "woocommerce_rest_authentication_error"

# a 404 is proof that a record does not exist only with one of these
NOT_FOUND = frozenset(
    {
        "woocommerce_rest_shop_order_invalid_id",
        "woocommerce_rest_product_invalid_id",
        "woocommerce_rest_product_variation_invalid_id",
        "woocommerce_rest_shop_order_refund_invalid_id",
        "woocommerce_rest_invalid_order_refund_id",
        "woocommerce_rest_invalid_order_id",
        "woocommerce_rest_invalid_id",
        "wc_user_invalid_id",
    }
)
_OURS = ("woocommerce_", "wc_", "rest_")
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_KEY = re.compile(r"\b(c[ks]_)[0-9a-zA-Z]{8,}")


Hide = Callable[[str], str]
"""Takes a store's secrets out of a text."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The error as WooCommerce put it."""

    code: str
    message: str


def error_body(answer: Answer) -> ErrorBody | None:
    """The error JSON of an answer, or None where somebody else answered."""
    if len(answer.body) > 1_000_000:
        return None
    try:
        data = parse_json(answer.body)
    except Unreadable:
        return None
    if not isinstance(data, dict) or not data.get("code"):
        return None
    return ErrorBody(str(data["code"])[:200], _plain(str(data.get("message") or "")))


def store_error(answer: Answer, body: ErrorBody, words: str) -> StorelinkError:
    """What an error of WordPress or WooCommerce means. `words` are its message, without secrets."""
    status, code = answer.status, body.code
    said = f'{answer.url} answered {status} {code}: "{words}"'
    if status == 404 and code in NOT_FOUND:
        return NotFound(said, code=code, status=status)
    if code == "rest_no_route":
        return Misconfigured(
            f"{answer.url}: the store knows no such route. WooCommerce is not active there, or is too old",
            code=code,
        )
    if status in (401, 403):
        if code.startswith("woocommerce_"):
            return AuthFailed(said, code=code, status=status)
        return Misconfigured(f"{said}. Another plugin closes the REST API", code=code)
    if status in (500, 501) and code.startswith(_OURS):
        # a lasting refusal in the clothes of a failure: over-refund, no trash, …; when PHP itself
        # failed, WordPress says internal_server_error
        return Rejected(said, code=code, status=status)
    return interpret(answer, words, code=code)


def foreign(answer: Answer, hide: Hide) -> StorelinkError:
    """An answer outside 2xx that WooCommerce did not give: web server, firewall, WordPress."""
    status, words = answer.status, hide(_title(answer.body))
    if status == 401:
        return Misconfigured(
            f"{answer.url} answered 401 without WooCommerce: the site asks for a password of its "
            "own, or a firewall refuses",
            code="site_password",
        )
    if status in (403, 406, 418):
        return Misconfigured(
            f"{answer.url} answered {status} without WooCommerce: "
            "a firewall or security plugin refuses storelink" + (f' ("{words}")' if words else ""),
            code="firewall",
        )
    if status >= 500 and b"establishing a database connection" in answer.body:
        return Retryable(
            f"{answer.url} answered {status}: the store's database is down",
            status=status,
            code="store_database",
        )
    code = {404: "nothing_there", 503: "closed"}.get(status)
    return interpret(answer, words, code=code)


def unreadable(answer: Answer, error: Unreadable, hide: Hide) -> Retryable:
    """A 2xx answer that is no JSON. It may pass: a cache, a challenge, a page of maintenance."""
    about = f"{answer.url} answered {answer.status}, but {error}"
    if error.code == "html" and (title := _title(answer.body)):
        about += f' ("{hide(title)}")'
    return Retryable(about, status=answer.status, code=error.code)


def _title(body: bytes) -> str:
    match = _TITLE.search(body[:20_000])
    return _plain(match.group(1).decode("utf-8", "replace")) if match else ""


def _plain(text: str) -> str:
    """One short line without tags, control characters and keys."""
    line = " ".join(unescape(_TAG.sub(" ", text)).split())
    line = "".join(char for char in line if char.isprintable())
    line = _KEY.sub(r"\1…", redact(line))
    return line if len(line) <= 300 else line[:299] + "…"
