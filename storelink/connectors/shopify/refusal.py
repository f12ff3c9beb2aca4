"""What Shopify's refusals mean. Pure: an answer in, one of our errors out.

Outside 2xx `errors` is a string, now and then an object; inside 200 it is GraphQL's list, whose
`extensions.code` says which kind. An answer with data and errors is only part of one.
Docs: https://shopify.dev/docs/api/usage/response-codes and
https://shopify.dev/docs/api/admin-graphql (status and error codes)
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from html import unescape
from typing import Any

import orjson

from storelink.connectors.http import Answer, interpret
from storelink.connectors.shopify.bucket import Cost
from storelink.connectors.wire import redact
from storelink.errors import AuthFailed, Misconfigured, Rejected, Retryable, StorelinkError

Hide = Callable[[str], str]
"""Takes a store's secrets out of a text."""
Errors = Sequence[Mapping[str, Any]]

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_TOKEN = re.compile(r"\b(shp[a-z]{2,3}_)[0-9A-Za-z_-]{6,}")
_COST = re.compile(r"cost is ([0-9]+)")
_LARGEST = 1e6
"""Points; the largest bucket of a plan has 40,000."""
_LONGEST = 100.0
"""Seconds in which a bucket fills; on every plan it is 20."""
# the server's own trouble, in 200 as well: it may pass
_PASSING = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"})


class Throttled(Retryable):
    """The bucket had too few points; certainly nothing was done."""


# -- outside 2xx -------------------------------------------------------------------------------------


def http_error(answer: Answer, hide: Hide) -> StorelinkError:
    """What an answer outside 2xx means."""
    status = answer.status
    said, ours = _said(answer.body)
    words = hide(said)
    quoted = f' ("{words}")' if words else ""
    if ours and status in _BY_STATUS:
        kind, code, why = _BY_STATUS[status]
        if status == 403 and "on-expiring" in words:
            code, why = "non_expiring", "Shopify no longer takes tokens that do not expire from this app"
        message = f"{answer.url} answered {status}: {why}{quoted}"
        if kind is AuthFailed:
            return AuthFailed(message, code=code, status=status)
        return Misconfigured(message, code=code)
    if status in (402, 404, 423):  # their pages are HTML at times
        _kind, code, why = _BY_STATUS[status]
        return Misconfigured(f"{answer.url} answered {status}: {why}{quoted}", code=code)
    if status in (401, 403, 406, 418):
        return Misconfigured(
            f"{answer.url} answered {status} without Shopify: something in between refuses{quoted}",
            code="firewall",
        )
    return interpret(answer, words, code="security" if status == 430 else None)


_BY_STATUS: dict[int, tuple[type[StorelinkError], str, str]] = {
    401: (AuthFailed, "invalid_token", "Shopify does not accept the access token"),
    402: (Misconfigured, "frozen", "the shop is frozen, as its bill is not paid"),
    403: (AuthFailed, "forbidden", "the app may not use the shop's Admin API"),
    404: (Misconfigured, "unknown_shop", "Shopify knows no shop of this name, or not this API version"),
    423: (Misconfigured, "locked", "the shop is locked"),
}


def unreadable(answer: Answer, hide: Hide) -> Retryable:
    """A 2xx answer that is no JSON object: a challenge, a cut answer, a page. It may pass."""
    body = answer.body.lstrip()
    code, what = "unreadable", "its JSON is cut or damaged"
    if not body:
        code, what = "empty", "the answer is empty"
    elif body[:1] == b"<" or answer.content_type == "text/html":
        code, what = "html", "it is a page, not data"
        if title := hide(_title(answer.body)):
            what += f' ("{title}")'
    return Retryable(f"{answer.url} answered {answer.status}, but {what}", status=answer.status, code=code)


# -- inside 200 --------------------------------------------------------------------------------------


def errors_of(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """GraphQL's errors of an answer; a string or an object makes a list of one."""
    found = data.get("errors")
    if not found:
        return []
    if isinstance(found, list):
        return [one if isinstance(one, dict) else {"message": str(one)} for one in found]
    return [{"message": _flat(found)}]


def code_of(error: Mapping[str, Any]) -> str | None:
    """The error's own code, if it has one."""
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return code[:100] if isinstance(code, str) and code else None


def intolerable(errors: Errors, allow: Collection[str], has_data: bool) -> list[Mapping[str, Any]]:
    """The errors that the caller did not say it can live with; without data it can with none."""
    return [one for one in errors if not has_data or code_of(one) not in allow]


def graphql_error(errors: Errors, url: str, hide: Hide, cost: Cost | None) -> StorelinkError:
    """What a list of errors means: the passing ones first, then the first that lasts."""
    codes = [code_of(one) for one in errors]
    if "THROTTLED" in codes:
        after = (cost.requested - cost.available) / max(cost.restore, 1.0) if cost else 1.0
        return Throttled(
            f"{url}: the shop's query limit is used up",
            after=min(max(after, 0.1), 60.0),
            status=200,
            code="THROTTLED",
        )
    for error, code in zip(errors, codes, strict=True):
        if code in _PASSING or "internal error" in str(error.get("message", "")).lower():
            return Retryable(_words(error, url, hide), status=200, code=code or "INTERNAL_SERVER_ERROR")
    error, code = errors[0], codes[0]
    words = _words(error, url, hide)
    if code == "SHOP_INACTIVE":
        return Misconfigured(f"{words}. The shop is closed or frozen", code="frozen")
    if code == "ACCESS_DENIED" and "not approved" in words:
        return Rejected(words, code="NOT_APPROVED", status=200)
    return Rejected(words, code=code, status=200)


def not_approved(error: Mapping[str, Any]) -> bool:
    """Whether a refusal is for protected customer data, rather than for a scope."""
    return "not approved" in str(error.get("message", ""))


def asked_cost(message: str) -> float | None:
    """The cost that a refused query would have had: `Query cost is 1234, which exceeds …`."""
    match = _COST.search(message)
    return float(match[1]) if match else None


def search_warning(extensions: object, url: str, hide: Hide) -> Rejected | None:
    """A search that Shopify did not understand, and answered with everything there is.

    Docs: https://shopify.dev/docs/api/usage/search-syntax
    """
    searches = extensions.get("search") if isinstance(extensions, dict) else None
    for search in searches if isinstance(searches, list) else []:
        warnings = search.get("warnings") if isinstance(search, dict) else None
        for warning in warnings if isinstance(warnings, list) else []:
            about = warning if isinstance(warning, dict) else {"message": str(warning)}
            words = hide(f"{about.get('field') or 'the search'}: {about.get('message') or 'not understood'}")
            return Rejected(
                f"{url}: Shopify did not understand the search and would answer with everything: {words}",
                code="search_warning",
                status=200,
            )
    return None


def cost_of(extensions: object) -> Cost | None:
    """What the answer says of its cost; None where it says nothing usable.

    What no plan has is not believed: all who draw from the bucket would go by it.
    """
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    status = cost.get("throttleStatus") if isinstance(cost, dict) else None
    if not isinstance(cost, dict) or not isinstance(status, dict):
        return None
    actual = cost.get("actualQueryCost")
    try:
        found = Cost(
            float(cost.get("requestedQueryCost") or 0.0),
            None if actual is None else float(actual),
            float(status["currentlyAvailable"]),
            float(status["maximumAvailable"]),
            float(status["restoreRate"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    known = (
        0 < found.restore <= found.maximum <= min(_LARGEST, _LONGEST * found.restore)
        and abs(found.available) <= found.maximum
        and 0 <= found.requested <= _LARGEST
        and 0 <= (found.actual or 0.0) <= _LARGEST
    )
    return found if known else None


# -- words -------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """One short line without tags, control characters and tokens."""
    line = " ".join(unescape(_TAG.sub(" ", text)).split())
    line = "".join(char for char in line if char.isprintable())
    line = _TOKEN.sub(r"\1…", redact(line))
    return line if len(line) <= 300 else line[:299] + "…"


def _words(error: Mapping[str, Any], url: str, hide: Hide) -> str:
    message = hide(str(error.get("message") or "an error without words"))
    extensions = error.get("extensions")
    details = extensions if isinstance(extensions, dict) else {}
    request = details.get("requestId")
    about = f" (request {plain(str(request))})" if request else ""
    return f'{url} answered {code_of(error) or "an error"}: "{message}"{about}'


def _said(body: bytes) -> tuple[str, bool]:
    """What an answer outside 2xx says, and whether it is Shopify's API that says it."""
    if len(body) > 1_000_000:
        return "", False
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _title(body), False
    if not isinstance(data, dict):
        return "", False
    errors = data.get("errors") or data.get("error_description") or data.get("error")
    return _flat(errors) if errors else "", True


def _flat(value: object) -> str:
    """The words of `errors` in any of its forms: text, list, or field → words."""
    if isinstance(value, dict):
        if isinstance(value.get("message"), str):
            return str(value["message"])
        return "; ".join(f"{name}: {_flat(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(one) for one in value)
    return str(value)


def _title(body: bytes) -> str:
    match = _TITLE.search(body[:20_000])
    return match.group(1).decode("utf-8", "replace") if match else ""
