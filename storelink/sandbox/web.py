"""The store on the wire: an ASGI application that lets faults and the queue act on each request."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from storelink.sandbox.capacity import Capacity
from storelink.sandbox.clock import Clock
from storelink.sandbox.desk import Desk
from storelink.sandbox.faults import Rule, Script
from storelink.sandbox.journal import Entry, Journal, tidy

_PART = 1 << 20
_BROKEN = b"<html><head><title>Bad Gateway</title></head><body>Bad Gateway</body></html>"


@dataclass(frozen=True, slots=True)
class FilePart:
    """A stretch of a file as the body of an answer, read while it is sent."""

    path: Path
    start: int
    size: int

    def __len__(self) -> int:
        return self.size


Reply = tuple[int, list[tuple[str, str]], bytes | FilePart]


class Shopfront(Protocol):
    """What a simulated platform offers to the wire."""

    clock: Clock

    def operation(self, method: str, path: str, body: bytes) -> str:
        """What the request asks for, where its path does not say: a GraphQL operation's name."""

    async def serve(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, rules: list[Rule]
    ) -> Reply: ...


class Web:
    """ASGI application of one store; `/_sandbox/` goes to its desk, all else to the shop."""

    def __init__(
        self, shop: Shopfront, desk: Desk, script: Script, capacity: Capacity, journal: Journal
    ) -> None:
        self.shop = shop
        self.desk = desk
        self.script = script
        self.capacity = capacity
        self.journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        body = await _body(receive)
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0]
        query = scope["query_string"].decode("latin-1")
        if path.startswith("/_sandbox/"):
            client = scope["client"][0] if scope.get("client") else ""
            await _send(send, self.desk.answer(client, path, headers, body))
            return
        await self._visit(scope["method"], path, query, headers, body, receive, send)

    async def _visit(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes,
        receive: Receive, send: Send,
    ) -> None:  # fmt: skip
        operation = self.shop.operation(method, path, body)
        rules = self.script.pick(method, path, query, operation, body)
        do = {name: value for rule in rules for name, value in rule.do.items()}
        number, at = self.journal.number(), self.shop.clock.seconds()
        entry = Entry(number, at, method, path, tidy(query), 0, 0, 0.0, tuple(do), operation)
        self.journal.add(entry)
        with self.journal.working(entry):
            await self._work(entry, do, (query, headers, body, rules), receive, send)

    async def _work(
        self, entry: Entry, do: dict[str, Any], asked: tuple[str, dict[str, str], bytes, list[Rule]],
        receive: Receive, send: Send,
    ) -> None:  # fmt: skip
        """Through the queue into the shop and out again, as far as the faults let it come."""
        started = time.perf_counter()
        await self.capacity.pass_through()
        if do.get("slow"):
            await asyncio.sleep(float(do["slow"]))
        if do.get("drop") == "before":
            await _drop(receive, send)
            return
        reply = await self.shop.serve(entry.method, entry.path, *asked)
        if do.get("slow_after"):
            await asyncio.sleep(float(do["slow_after"]))
        if "status_after" in do:
            reply = int(do["status_after"]), [("Content-Type", "text/html")], _BROKEN
        if do.get("drop") == "after":
            await _drop(receive, send)
            return
        entry.status, entry.size = reply[0], len(reply[2])
        if "truncate" in do:
            await _cut(receive, send, reply, float(do["truncate"]))
        else:
            await _send(send, reply, padding=int(do.get("big", 0)))
        entry.seconds = time.perf_counter() - started


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


async def _start(send: Send, reply: Reply) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply[1]]
    await send({"type": "http.response.start", "status": reply[0], "headers": headers})


async def _send(send: Send, reply: Reply, padding: int = 0) -> None:
    """An answer, with spaces after it for as long as somebody reads them."""
    await _start(send, reply)
    if isinstance(reply[2], FilePart):
        await _stream(send, reply[2])
        return
    await send({"type": "http.response.body", "body": reply[2], "more_body": padding > 0})
    while padding > 0:
        part = b" " * min(padding, 1 << 20)
        padding -= len(part)
        await asyncio.sleep(0)  # others want to be served meanwhile
        if _exchange(send).disconnected or _exchange(send).transport.is_closing():
            return
        await send({"type": "http.response.body", "body": part, "more_body": padding > 0})


async def _stream(send: Send, wanted: FilePart, share: float = 1.0) -> None:
    """Send the first part of a file, or all of it: then the answer is complete."""
    left = int(wanted.size * share)
    with wanted.path.open("rb") as file:
        file.seek(wanted.start)
        while left > 0 and (part := file.read(min(left, _PART))):
            left -= len(part)
            await asyncio.sleep(0)
            if _exchange(send).disconnected or _exchange(send).transport.is_closing():
                return
            await send({"type": "http.response.body", "body": part, "more_body": True})
    if share >= 1.0:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _exchange(send: Send) -> Any:
    """What uvicorn's `send` belongs to, with its connection: the only way to break that as networks do."""
    return getattr(send, "__self__")  # noqa: B009


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drop(receive: Receive, send: Send) -> None:
    _exchange(send).transport.abort()
    await _gone(receive)


async def _cut(receive: Receive, send: Send, reply: Reply, share: float) -> None:
    """Send the first part of the body, then close the connection without the end."""
    await _start(send, reply)
    if isinstance(reply[2], FilePart):
        await _stream(send, reply[2], share)
    else:
        part = reply[2][: int(len(reply[2]) * share)]
        await send({"type": "http.response.body", "body": part, "more_body": True})
    _exchange(send).transport.close()
    await _gone(receive)
