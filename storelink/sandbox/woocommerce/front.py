"""The store behind its faults: what a request meets before and after WordPress sees it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from storelink.sandbox.desk import Desk
from storelink.sandbox.faults import Rule
from storelink.sandbox.woocommerce import pages
from storelink.sandbox.woocommerce.php import encode
from storelink.sandbox.woocommerce.platform import Platform, Reply, Request

_PAGES = {
    "maintenance": (503, pages.MAINTENANCE, "600"),
    "database_down": (500, pages.DATABASE_DOWN, None),
    "fatal": (500, pages.FATAL, None),
}


class Front:
    """Answers requests under the rules that fit them."""

    def __init__(self, platform: Platform, desk: Desk, visited: Callable[[], None]) -> None:
        """`visited` is called after every request: what a visitor's page view sets off."""
        self.platform = platform
        self._visited = visited
        self.clock = platform.store.clock
        self._desk = desk

    def operation(self, _method: str, _path: str, _body: bytes) -> str:
        """The path of a REST request says it all."""
        return ""

    async def serve(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        body: bytes,
        rules: list[Rule],
    ) -> Reply:
        """One request, one answer."""
        request = Request(method, path, query, headers, body)
        try:
            return await self._serve(request, rules)
        finally:
            self._visited()

    async def _serve(self, request: Request, rules: list[Rule]) -> Reply:
        if not rules:
            return await self.platform.handle(request)
        do = {name: value for rule in rules for name, value in rule.do.items()}
        self._desk.run_all(do.get("edits", []))
        request = _before(request, do)
        skew = float(do.get("clock", 0))
        self.clock.advance(skew)
        try:
            reply = self._stood_in(do) or await self.platform.handle(request)
        finally:
            self.clock.advance(-skew)
        return self._after(reply, do, rules)

    def _stood_in(self, do: dict[str, Any]) -> Reply | None:
        """An answer that never came from the endpoint."""
        for name, (status, body, after) in _PAGES.items():
            if do.get(name):
                return self.platform.page(status, body, retry_after=_hint(do, after))
        if do.get("redirect"):
            status, headers, _ = self.platform.page(301, b"")
            return status, [*headers, ("Location", str(do["redirect"]))], b""
        if "status" in do:
            return self._status(do)
        if do.get("html"):
            return self.platform.page(200, pages.HOME)
        return None

    def _status(self, do: dict[str, Any]) -> Reply:
        status = int(do["status"])
        hint = _hint(do, None)
        if do.get("html"):
            return self.platform.page(status, pages.FATAL, retry_after=hint)
        error = {"code": "sandbox_fault", "message": "As scripted.", "data": {"status": status}}
        _, headers, _ = self.platform.page(status, b"", retry_after=hint)
        headers = [h for h in headers if h[0] != "Content-Type"]
        headers.append(("Content-Type", "application/json; charset=UTF-8"))
        return status, headers, encode(error)

    def _after(self, reply: Reply, do: dict[str, Any], rules: list[Rule]) -> Reply:
        status, headers, body = reply
        if "poison" in do and _holds(body, int(do["poison"][1])):
            kind, record = do["poison"]
            status, body = 500, encode(pages.internal_error(f"{kind} {record} is broken"))
            headers = [h for h in headers if h[0] not in ("X-WP-Total", "X-WP-TotalPages")]
        if do.get("duplicate"):
            body = _doubled(body)
        if do.get("stale"):
            status, headers, body = _as_before(rules, (status, headers, body))
        for old, new in do.get("replace", []):
            body = body.replace(str(old).encode(), str(new).encode())
        if do.get("bom"):
            body = pages.BOM + body
        if do.get("notice"):
            body = pages.NOTICE.encode() + body
        return status, headers, body


def _hint(do: dict[str, Any], usual: str | None) -> str | None:
    return str(do["retry_after"]) if "retry_after" in do else usual


def _before(request: Request, do: dict[str, Any]) -> Request:
    if do.get("strip_auth"):
        kept = {name: value for name, value in request.headers.items() if name != "authorization"}
        request = replace(request, headers=kept)
    if do.get("strip_query"):
        request = replace(request, query_string="")
    if do.get("ignore_offset"):
        shorter = re.sub(r"(^|&)(offset|page)=[^&]*", "", request.query_string).lstrip("&")
        request = replace(request, query_string=shorter)
    return request


def _holds(body: bytes, record: int) -> bool:
    """Whether an answer is, or lists, the record of this id."""
    found = json.loads(body)
    records = found if isinstance(found, list) else [found]
    return any(isinstance(part, dict) and part.get("id") == record for part in records)


def _doubled(body: bytes) -> bytes:
    records = json.loads(body)
    if not isinstance(records, list) or not records:
        return body
    return encode([*records, records[0]])


def _as_before(rules: list[Rule], reply: Reply) -> Reply:
    for rule in rules:
        if rule.do.get("stale"):
            return rule.memory.setdefault("reply", reply)  # type: ignore[no-any-return]
    return reply
