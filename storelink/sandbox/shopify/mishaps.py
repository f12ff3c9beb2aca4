"""What fault rules do to a request and its answer."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from storelink.sandbox.faults import Rule
from storelink.sandbox.shopify.answering import Headers, internal_error
from storelink.sandbox.shopify.ids import TYPES
from storelink.sandbox.web import FilePart, Reply

BOM = b"\xef\xbb\xbf"
_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Something went wrong</title></head>"
    b"<body><h1>There's a problem loading this page</h1></body></html>\n"
)
_WORDS = {429: "Exceeded the rate limit. Please slow down.", 500: "Internal Server Error", 503: "Unavailable"}


def stood_in(do: Mapping[str, Any], headers: Headers) -> Reply | None:
    """An answer that never came from the shop."""
    if do.get("redirect"):
        return 301, [*headers, ("Location", str(do["redirect"])), ("Content-Length", "0")], b""
    status = int(do.get("status", 503 if do.get("maintenance") else 200))
    if do.get("maintenance") or do.get("html"):
        return _sent(status, "text/html; charset=utf-8", _PAGE, do, headers)
    if "status" in do:
        body = orjson.dumps({"errors": _WORDS.get(status, "As scripted")})
        return _sent(status, "application/json; charset=utf-8", body, do, headers)
    return None


def _sent(status: int, kind: str, body: bytes, do: Mapping[str, Any], headers: Headers) -> Reply:
    more = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    if "retry_after" in do:
        more.append(("Retry-After", str(do["retry_after"])))
    return status, headers + more, body


def from_the_start(body: bytes) -> bytes:
    """A request as if it asked for the first page: a list that never ends."""
    try:
        asked = orjson.loads(body)
    except ValueError:
        return body
    if isinstance(asked, dict) and isinstance(asked.get("variables"), dict):
        asked["variables"].pop("after", None)
        return orjson.dumps(asked)
    return body


def spoiled(reply: Reply, do: Mapping[str, Any], rules: list[Rule]) -> Reply:
    """The answer as it arrives. Files are left as they are."""
    status, headers, body = reply
    if isinstance(body, FilePart):
        return reply
    if "poison" in do and _holds(body, str(do["poison"][0]), int(do["poison"][1])):
        request_id = dict(headers).get("X-Request-Id", "")
        body = orjson.dumps(internal_error(request_id))
    if do.get("duplicate"):
        body = _doubled(body)
    if do.get("stale"):
        for rule in rules:
            if rule.do.get("stale"):
                status, headers, body = rule.memory.setdefault("reply", (status, headers, body))
    for old, new in do.get("replace", []):
        body = body.replace(str(old).encode(), str(new).encode())
    if do.get("bom"):
        body = BOM + body
    if do.get("notice"):
        body = b"upstream notice\n" + body
    headers = [part for part in headers if part[0] != "Content-Length"]
    padding = int(do.get("big", 0))
    return status, [*headers, ("Content-Length", str(len(body) + padding))], body


def _holds(body: bytes, kind: str, record: int) -> bool:
    return f'"gid://shopify/{TYPES[kind]}/{record}"'.encode() in body


def _doubled(body: bytes) -> bytes:
    found = orjson.loads(body)
    for page in _pages(found.get("data")):
        for name in ("nodes", "edges"):
            if page.get(name):
                page[name].append(page[name][0])
    return orjson.dumps(found)


def _pages(data: Any) -> Iterator[dict[str, Any]]:
    """The connections at the root of an answer."""
    for value in (data or {}).values():
        if isinstance(value, dict):
            yield value
