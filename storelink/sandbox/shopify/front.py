"""The shop on HTTP: GraphQL, OAuth and the results of bulk operations, behind the faults that fit.

Statuses and bodies: https://shopify.dev/docs/api/usage/response-codes
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from storelink.sandbox.desk import Desk
from storelink.sandbox.faults import Rule
from storelink.sandbox.shopify import mishaps
from storelink.sandbox.shopify.answering import Answers, Headers
from storelink.sandbox.shopify.bulk import Bulk
from storelink.sandbox.shopify.gate import App, Gate, Refused
from storelink.sandbox.shopify.gateway import Gateway
from storelink.sandbox.shopify.idempotency import Keys, Name, asked_key
from storelink.sandbox.shopify.ids import split_gid
from storelink.sandbox.shopify.switches import Switches
from storelink.sandbox.web import FilePart, Reply

_GRAPHQL = re.compile(r"/admin/api/([^/]+)/graphql\.json")
_OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")
_TOKEN = "x-shopify-access-token"  # noqa: S105
#: the longest body that is read
LARGEST = 10 << 20
#: how a shop that does not answer as a shop answers
_CLOSED = {
    "unknown": (404, "Not Found"),
    "frozen": (402, "Unavailable Shop"),
    "locked": (423, "Unavailable Shop"),
    "security": (430, "Shopify Security Rejection"),
    "forbidden": (403, "Forbidden"),
    "maintenance": (503, "Service Unavailable"),
}
_GONE = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code>"
    b"<Message>The provided token has expired.</Message></Error>"
)
_DENIED = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code>"
    b"<Message>Access denied.</Message></Error>"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Front:
    """Answers requests under the rules that fit them."""

    def __init__(
        self,
        answers: Answers,
        gate: Gate,
        bulk: Bulk,
        switches: Switches,
        desk: Desk,
        keys: Keys,
        gateway: Gateway,
    ) -> None:
        self.clock = answers.store.clock
        self._answers = answers
        self._gate = gate
        self._bulk = bulk
        self._switches = switches
        self._desk = desk
        self._keys, self._gateway = keys, gateway

    def operation(self, method: str, path: str, body: bytes) -> str:
        """The name of the GraphQL operation, or "" where there is none."""
        if method != "POST" or not _GRAPHQL.fullmatch(path):
            return ""
        try:
            asked = read_body({}, body)
        except ValueError:
            return ""
        named = asked.get("operationName")
        if isinstance(named, str) and named:
            return named
        found = _OPERATION.search(str(asked.get("query", "")))
        return found[1] if found else ""

    async def serve(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, rules: list[Rule]
    ) -> Reply:
        """One request, one answer."""
        request = Request(method, path, query, headers, body)
        if not rules:
            return await self._handle(request)
        do = {name: value for rule in rules for name, value in rule.do.items()}
        self._desk.run_all(do.get("edits", []))
        if do.get("strip_auth"):
            shown = {name: value for name, value in headers.items() if name != _TOKEN}
            request = replace(request, headers=shown)
        if do.get("ignore_offset"):
            request = replace(request, body=mishaps.from_the_start(body))
        skew = float(do.get("clock", 0))
        self.clock.advance(skew)
        try:
            reply = mishaps.stood_in(do, self._headers()) or await self._handle(request, do)
        finally:
            self.clock.advance(-skew)
        return mishaps.spoiled(reply, do, rules)

    def _headers(self, version: str | None = None) -> Headers:
        found = [("Date", self.clock.date_header()), ("X-Request-Id", self._answers.request_id())]
        if version is not None:
            found.append(("X-Shopify-API-Version", version))
        if self._switches.deprecated:
            found.append(("X-Shopify-API-Deprecated-Reason", self._switches.deprecated))
        return found

    async def _handle(self, request: Request, do: Mapping[str, Any] | None = None) -> Reply:
        if request.path.startswith("/_bulk/"):
            return self._download(request)
        mode = self._switches.mode
        if mode == "moved":
            joint = f"?{request.query}" if request.query else ""
            there = f"{self._switches.moved_to.rstrip('/')}{request.path}{joint}"
            return 303, [*self._headers(), ("Location", there), ("Content-Length", "0")], b""
        if mode in _CLOSED:
            status, words = _CLOSED[mode]
            return self._json(status, {"errors": words})
        graphql = _GRAPHQL.fullmatch(request.path)
        if graphql and request.method == "POST":
            return await self._graphql(request, graphql[1], do or {})
        pages = {
            ("GET", "/admin/oauth/authorize"): self._authorize,
            ("POST", "/admin/oauth/access_token"): self._exchange,
            ("GET", "/admin/oauth/access_scopes.json"): self._scopes,
        }
        page = pages.get((request.method, request.path))
        return self._json(404, {"errors": "Not Found"}) if page is None else page(request)

    def _json(self, status: int, value: Any, headers: Headers | None = None) -> Reply:
        return json_reply(status, value, self._headers() if headers is None else headers)

    # GraphQL

    async def _graphql(self, request: Request, asked: str, do: Mapping[str, Any]) -> Reply:
        version = self._answers.served(asked)
        if version is None:
            return self._json(404, {"errors": "Not Found"})
        token, status, words = self._gate.admit(request.headers.get(_TOKEN, ""))
        if token is None:
            return self._json(status, {"errors": words})
        if len(request.body) > LARGEST:
            return self._json(413, {"errors": "Request Entity Too Large"})
        try:
            body = read_body(request.headers, request.body)
        except ValueError:
            return self._json(400, {"errors": "Bad Request"})
        text = body.get("query")
        if not isinstance(text, str) or not text.strip():
            return self._json(400, {"errors": {"query": "Required parameter missing or invalid"}})
        if "ulkOperation" in text and self._bulk.busy():
            # a look finds finished what takes no time at all
            await asyncio.to_thread(self._bulk.wait, 3.0)
        headers = self._headers(version)
        name = await self._begin(token.app, body, text)
        try:
            self._keys.holder = name
            answer, deprecated = self._answers.answer(version, token.app, body, dict(headers), do)
        finally:
            self._keys.holder = None
            if name is not None:
                self._keys.let_go(name)
        if deprecated and not self._switches.deprecated:
            headers.append(("X-Shopify-API-Deprecated-Reason", deprecated))
        return self._json(200, answer, headers)

    async def _begin(self, app: App, body: Mapping[str, Any], text: str) -> Name | None:
        """Take the time that a gateway takes, while the request's key is in use; None: it is not ours."""
        if "@idempotent" not in text:
            return None
        found = asked_key(body)
        if found is None or (seconds := self._gateway.seconds(_order_in(body))) <= 0:
            return None
        name = (app.name, *found)
        if not self._keys.hold(name):
            return None
        await asyncio.sleep(seconds)
        return name

    # OAuth

    def _authorize(self, request: Request) -> Reply:
        try:
            there = self._gate.authorize(dict(parse_qsl(request.query, keep_blank_values=True)))
        except Refused as refused:
            return self._refused(refused)
        return 302, [*self._headers(), ("Location", there), ("Content-Length", "0")], b""

    def _exchange(self, request: Request) -> Reply:
        try:
            asked = read_form(request.headers, request.query, request.body)
            return self._json(200, self._gate.exchange(asked))
        except ValueError:
            return self._json(
                400, {"error": "invalid_request", "error_description": "The body is unreadable"}
            )
        except Refused as refused:
            return self._refused(refused)

    def _refused(self, refused: Refused) -> Reply:
        told = {"error": refused.error, "error_description": refused.description}
        return self._json(refused.status, told)

    def _scopes(self, request: Request) -> Reply:
        token, status, words = self._gate.admit(request.headers.get(_TOKEN, ""))
        if token is None:
            return self._json(status, {"errors": words})
        scopes = [{"handle": scope} for scope in self._switches.granted()]
        return self._json(200, {"access_scopes": scopes})

    # results

    def _download(self, request: Request) -> Reply:
        """A result, or the rest of one from a byte on. No token is asked for: the link is signed."""
        name = request.path.removeprefix("/_bulk/")
        status, path, size = self._bulk.download(name, dict(parse_qsl(request.query)))
        headers = [("Date", self.clock.date_header())]
        if path is None:
            body = _GONE if status == 400 else _DENIED
            more = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            return status, headers + more, body
        headers += [("Content-Type", "application/jsonl"), ("Accept-Ranges", "bytes")]
        start, end = 0, size
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if found:
            start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
            if start >= end:
                return 416, [*headers, ("Content-Range", f"bytes */{size}"), ("Content-Length", "0")], b""
            status = 206
            headers.append(("Content-Range", f"bytes {start}-{end - 1}/{size}"))
        return status, [*headers, ("Content-Length", str(end - start))], FilePart(path, start, end - start)


def json_reply(status: int, value: Any, headers: Headers) -> Reply:
    """An answer in JSON."""
    body = orjson.dumps(value)
    more = [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body)))]
    return status, headers + more, body


def _order_in(body: Mapping[str, Any]) -> int:
    """The order that a mutation's `input` names; 0 for none."""
    variables = body.get("variables")
    given = variables.get("input") if isinstance(variables, dict) else None
    found = split_gid(str(given.get("orderId"))) if isinstance(given, dict) else None
    return found[1] if found else 0


def read_body(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A GraphQL request: JSON, or the bare document. Raises ValueError."""
    if headers.get("content-type", "").partition(";")[0].strip() == "application/graphql":
        return {"query": body.decode()}
    asked = orjson.loads(body)
    if not isinstance(asked, dict):
        raise ValueError("a request is one object")
    return asked


def read_form(headers: Mapping[str, str], query: str, body: bytes) -> dict[str, Any]:
    """Parameters from the query string and a form or JSON body. Raises ValueError."""
    asked: dict[str, Any] = dict(parse_qsl(query))
    if headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        more = orjson.loads(body)
        if not isinstance(more, dict):
            raise ValueError("a request is one object")
        return {**asked, **more}
    return {**asked, **dict(parse_qsl(body.decode()))}
