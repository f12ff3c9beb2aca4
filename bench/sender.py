"""Sends webhooks at a constant rate, whatever becomes of the ones before: run as a process of its own.

Each delivery has a connection of its own. WooCommerce posts so (`Connection: close`), and so does a
proxy without kept upstreams; few kept connections would flatter us. A delivery's time counts from when
it was due, not from when it was sent: a sender that is late, or waits, makes the figures worse, not
better.

Reads a plan as JSON on standard input, writes what became of it as JSON on standard output.
"""

import asyncio
import base64
import gc
import hmac
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import uvloop

PATIENCE = 20.0
"""Seconds that a delivery is waited for; then it counts as unanswered."""


@dataclass(frozen=True)
class Target:
    """A store's address with us, and how it signs."""

    path: str
    platform: str
    secret: str


@dataclass(frozen=True)
class Plan:
    """`rate` deliveries a second for `seconds`, to the targets in turn.

    `body` is a record's JSON object without its id; ids count up from `first`, and begin anew after
    `ids` of them.
    """

    host: str
    port: int
    targets: list[Target]
    rate: float
    seconds: float
    body: str
    first: int
    ids: int


class Delivery(asyncio.Protocol):
    """One connection, one request, one answer."""

    def __init__(self, request: bytes, due: float, sender: "Sender") -> None:
        self._request, self._due, self._sender = request, due, sender
        self._transport: Any = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send it."""
        self._transport = transport
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """The status line is all that counts."""
        if self._due:
            self._head += data
            if b"\r\n" in self._head:
                self._sender.answered(int(self._head.split(None, 2)[1]), self._due)
                self._due = 0.0

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Without an answer: lost on the way, as far as a store can tell."""
        if self._due:
            self._sender.answered(0, self._due)


class Sender:
    """Sends a plan, and keeps what became of it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.statuses: Counter[int] = Counter()
        self.took: list[float] = []
        self.late = 0.0
        self._open = 0
        self._over = asyncio.Event()

    async def send(self) -> None:
        """All of it; returns when each was answered, or has been waited for long enough."""
        plan, loop = self._plan, asyncio.get_running_loop()
        count = int(plan.rate * plan.seconds)
        begin = time.monotonic() + 0.5
        for at in range(count):
            due = begin + at / plan.rate
            ahead = due - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
            self.late = max(self.late, time.monotonic() - due)
            self._open += 1
            loop.create_task(self._one(at, due))
        deadline = time.monotonic() + PATIENCE
        while self._open and time.monotonic() < deadline:
            await asyncio.sleep(0.05)

    async def _one(self, at: int, due: float) -> None:
        plan, loop = self._plan, asyncio.get_running_loop()
        request = wrapped(plan, at)
        try:
            await loop.create_connection(lambda: Delivery(request, due, self), plan.host, plan.port)
        except OSError:
            self.answered(0, due)

    def answered(self, status: int, due: float) -> None:
        """0 is no answer at all."""
        self._open -= 1
        self.statuses[status] += 1
        self.took.append(time.monotonic() - due)


def wrapped(plan: Plan, at: int) -> bytes:
    """The request of delivery number `at`."""
    target = plan.targets[at % len(plan.targets)]
    body = f'{{"id":{plan.first + at % plan.ids},{plan.body[1:]}'.encode()
    signature = base64.b64encode(hmac.digest(target.secret.encode(), body, "sha256")).decode()
    if target.platform == "shopify":
        own = f"X-Shopify-Topic: orders/updated\r\nX-Shopify-Hmac-Sha256: {signature}"
        own += f"\r\nX-Shopify-Webhook-Id: {at}"
    else:
        own = f"X-WC-Webhook-Topic: order.updated\r\nX-WC-Webhook-Signature: {signature}"
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {plan.host}\r\nContent-Type: application/json\r\n{own}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def main() -> None:
    """Standard input to standard output."""
    told = json.load(sys.stdin)
    plan = Plan(**told | {"targets": [Target(**one) for one in told["targets"]]})
    gc.disable()
    began = time.process_time()

    async def run() -> Sender:
        sender = Sender(plan)
        await sender.send()
        return sender

    sender = uvloop.run(run())
    json.dump(
        {"statuses": sender.statuses, "took": sender.took, "late": sender.late,
         "cpu": time.process_time() - began},
        sys.stdout,
    )  # fmt: skip


if __name__ == "__main__":
    main()
