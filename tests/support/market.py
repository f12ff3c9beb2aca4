"""Two shops with money, daemons that are killed, colleagues who ask for refunds, and a gateway's ledger.

Everything that is decided (who asks for what, which request of a store goes wrong and how, when a daemon
dies) comes from one seed; what then happens first is left to the machine.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from fleet import Fleet, Process
from sqlmodel import select

from storelink.connectors.action import Wish, WishedLine, reference_in
from storelink.errors import StorelinkError
from storelink.models import RefundRequest
from storelink.sandbox.running import Running, RunningShopify
from storelink.scheduler.acting import enqueue_order
from storelink.sync import refund, refund_decision
from storelink.sync.limit import Asker, Limits
from storelink.sync.opening import open_subject
from storelink.sync.refund import Particulars
from storelink.sync.subject import Subject

ASKER, JUDGE = Asker("support", "support"), Asker("lead", "lead")
FREE = Limits(None, {}, {})
STALLED = 12.0
"""Seconds from writing down that it is sent to its arrival, at the most: after ten nothing is sent."""
ENVIRONMENT = {
    "STORELINK_REFUND_LOOK": "0.3",
    "STORELINK_HTTP_TIMEOUT": "1",
    "STORELINK_HTTP_RETRIES": "2",
    "STORELINK_LOG_LEVEL": "error",
}

# What befalls every so-manieth refund on its way: the numbers have no common factor.
MISHAPS: tuple[tuple[int, dict[str, Any]], ...] = (
    (7, {"drop": "before"}),
    (8, {"drop": "after"}),
    (9, {"truncate": 0.5}),
    (11, {"status": 429, "retry_after": "1"}),
    (13, {"status": 500}),
    (17, {"status_after": 502}),
    (19, {"slow": None}),  # as long as `Market.late`
    (23, {"slow_after": None}),
)
WOO_GATEWAY = ("DECLINED", "FALSE", "DIES_BEFORE", "DIES_AFTER", "FAILS_AFTER")
SHOPIFY_GATEWAY = ("PENDING", "FAILURE", "ERROR", "DECLINED", "DIES_BEFORE", "DIES_AFTER")


@dataclass(frozen=True)
class Ask:
    """What somebody wants; `twice`: they press the button twice."""

    store: str
    order: str
    wish: Wish
    key: str
    twice: bool


@dataclass
class Market:
    """The whole of it. `shops` by the name that storelink has for them."""

    fleet: Fleet
    woo: Running
    shopify: RunningShopify
    chance: Random
    orders: dict[str, list[str]] = field(default_factory=dict)
    units: dict[tuple[str, str], str] = field(default_factory=dict)
    daemons: list[Process] = field(default_factory=list)
    kills: int = 0
    grace: float = 2.0
    """Seconds that storelink waits for a refund to show."""
    late: float = 4.5
    """Seconds that a held-up request stands in the queue: longer than any timeout, and the grace after it."""
    between_kills: int = 4
    """Sends after which the next daemon dies; on a busy machine they are slow to come back."""
    next_kill: int = 3
    most: int | None = None
    """So many daemons die, and so many refunds are made by hand; None: as many as there is time for."""
    tried: threading.Event = field(default_factory=threading.Event)
    """All was sent once: nobody waits for further sends to kill a daemon."""
    by_hand: int = 0
    mishaps: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)

    @property
    def shops(self) -> dict[str, Any]:
        return {"woo": self.woo, "shopify": self.shopify}

    # -- before ------------------------------------------------------------------------------------

    def open(self, most: int) -> None:
        """Register both shops, and choose orders that can be paid back by their gateways."""
        self.fleet.more |= ENVIRONMENT | {"STORELINK_REFUND_GRACE": str(self.grace)}
        self.fleet.add_woo(self.woo, "woo")
        self.fleet.add_shopify(self.shopify, "shopify")
        for name in self.shops:
            with self.subject(name) as subject:
                self.orders[name] = self._payable(name, subject, most)
            assert len(self.orders[name]) >= most // 2, f"{name} has hardly any order to pay back"

    def subject(self, name: str) -> Any:
        fleet = self.fleet
        return open_subject(fleet.database, fleet.keyring, name, fleet.settings)

    def _payable(self, name: str, subject: Subject, most: int) -> list[str]:
        found: list[str] = []
        for row in reversed(self.shops[name].admin.records("orders")):
            order = str(row["id"])
            if row.get("status", "processing") not in ("processing", "completed"):
                continue
            made = refund.preview(self.fleet.database, subject, order, Wish(amount=Decimal("0.50")), ASKER)
            plan = made.document
            automatic = plan["payments"] and all(one["automatic"] for one in plan["payments"])
            if plan["refusals"] or not automatic or Decimal(plan["left"]) < 40 or plan["presentment"]:
                continue
            lines = [line for line in plan["lines"] if line["left"]]
            if lines:
                self.units[name, order] = lines[0]["item_id"]
            found.append(order)
            if len(found) == most:
                break
        return found

    def asks(self, count: int) -> list[Ask]:
        """So many wishes, half of them to each shop, many to the same orders."""
        return [self._ask(number) for number in range(count)]

    def _ask(self, number: int) -> Ask:
        name = ("woo", "shopify")[number % 2]
        order = self.chance.choice(self.orders[name])
        kind = self.chance.random()
        if kind < 0.15 and (name, order) in self.units:
            wish = Wish(lines=(WishedLine(self.units[name, order], 1),), restock=self.chance.random() < 0.5)
        elif kind < 0.22:
            wish = Wish(whole_shipping=True)
        elif kind < 0.25:
            wish = Wish(everything=True)
        else:
            amount = Decimal(self.chance.randrange(50, 400)) / 100
            wish = Wish(amount=amount, by_hand=self.chance.random() < 0.08)
        return Ask(name, order, wish, f"case-{number}", self.chance.random() < 0.2)

    def go_wrong(self, *, once: bool) -> None:
        """From now on refunds meet mishaps, each `once` or again and again; and so do a few reads."""
        sends = {
            "woo": ({"method": "POST", "path": "refunds$"}, {"maintenance": True}),
            "shopify": ({"operation": "RefundCreate"}, {"throttled": True}),
        }
        for name, (match, turned_away) in sends.items():
            rules = [
                {"match": match | ({"nth": 1 + place} if once else {"every": every}),
                 "do": {name: self.late if value is None else value for name, value in do.items()}}
                for place, (every, do) in enumerate([*MISHAPS, (29, turned_away)])
            ]  # fmt: skip
            rules.append({"match": {"method": "GET", "every": 41}, "do": {"status": 503}})
            self.shops[name].admin.faults(rules)

    def go_well(self) -> None:
        """Nothing goes wrong any more; what hangs at a gateway ends one way or the other."""
        for shop in self.shops.values():
            self.mishaps += sum(shop.admin.fired())
            shop.admin.faults([])
            shop.admin.turn_gateway()
            for name, orders in self.orders.items():
                if self.shops[name] is shop:
                    for order in orders:
                        shop.admin.turn_gateway("SUCCESS", int(order))

    # -- meanwhile ---------------------------------------------------------------------------------

    def ask_all(self, asks: Sequence[Ask], hands: int) -> None:
        """Colleagues ask for all of it, several at once; some press twice."""
        with self.subject("woo") as woo, self.subject("shopify") as shopify:
            subjects = {"woo": woo, "shopify": shopify}
            with ThreadPoolExecutor(hands) as pool:
                work = [one for ask in asks for one in ([ask, ask] if ask.twice else [ask])]
                for outcome in [pool.submit(self._request, subjects[ask.store], ask) for ask in work]:
                    outcome.result()

    def _request(self, subject: Subject, ask: Ask) -> None:
        try:
            made = refund.preview(self.fleet.database, subject, ask.order, ask.wish, ASKER)
            with self.fleet.database.session() as session:
                refund.create(
                    session, made.id, Particulars("Damaged", again=True, idempotency_key=ask.key),
                    asker=ASKER, limits=FREE, enqueue=enqueue_order,
                )  # fmt: skip
                session.commit()
        except StorelinkError as error:
            self.refused[type(error).__name__] += 1

    def disturb(self, pause: float) -> None:
        """Until it is over: daemons die, gateways turn, and somebody refunds in the shop's own admin.

        Two daemons die at least, however soon all has been sent.
        """
        turned: list[tuple[Any, str]] = []
        deeds: list[Callable[[], None]] = [self._kill, lambda: self._turn(turned), self._refund_by_hand]
        try:
            while not self.over.wait(pause) or self.kills < 2:
                deeds[0]()
                deeds.append(deeds.pop(0))
        except BaseException as error:
            self.failures.append(error)

    def _kill(self) -> None:
        """One of the daemons, once they have done something since the last time."""
        if self.most is not None and self.kills >= self.most:
            return
        sent = sum(one["attempts"] for one in self.requests())
        if sent < self.next_kill and not self.tried.is_set():
            return
        self.next_kill = sent + self.between_kills
        number = self.chance.randrange(len(self.daemons))
        self.daemons[number].kill()
        self.kills += 1
        self.daemons[number] = self.start_daemon(serve=number == 0)

    def start_daemon(self, *, serve: bool) -> Process:
        return self.fleet.start(*(("serve", "--port", "0") if serve else ("worker",)))

    def _turn(self, turned: list[tuple[Any, str]]) -> None:
        """One order's gateway gets moody; the one before that is well again."""
        name = self.chance.choice(("woo", "shopify"))
        admin, order = self.shops[name].admin, self.chance.choice(self.orders[name])
        admin.turn_gateway(self.chance.choice(WOO_GATEWAY if name == "woo" else SHOPIFY_GATEWAY), int(order))
        turned.append((admin, order))
        if len(turned) > 4:
            well, before = turned.pop(0)
            well.turn_gateway("SUCCESS", int(before))
        if self.chance.random() < 0.5:
            self.shopify.admin.settle_pending(self.chance.choice(("SUCCESS", "FAILURE")))

    def _refund_by_hand(self) -> None:
        if self.most is not None and self.by_hand >= self.most:
            return
        order = int(self.chance.choice(self.orders["woo"]))
        try:
            self.woo.admin.refund_by_hand(order, f"{self.chance.randrange(50, 400) / 100:.2f}", "By hand")
        except Exception:
            return
        self.by_hand += 1

    # -- afterwards --------------------------------------------------------------------------------

    def wait_until_tried(self, left: int, patience: float) -> None:
        """Until no more than `left` requests have not been sent yet; a person judges meanwhile."""
        deadline = time.monotonic() + patience
        while len(waiting := self.requests("r.status = 'pending' AND r.attempts = 0")) > left:
            assert time.monotonic() < deadline, Counter((one["stage"], one["error"]) for one in waiting)
            self._judge(self.requests("r.stage = 'needs_attention'"))
            time.sleep(0.5)
        self.tried.set()

    def rest(self, patience: float) -> None:
        """Wait until every request has ended; a person judges, by the ledger, what needs one."""
        deadline = time.monotonic() + patience
        for one in self.requests("r.stage = 'requested'"):  # a store in maintenance asks for ten minutes
            self._hurry(one["id"])
        while True:
            self.shopify.admin.settle_pending(self.chance.choice(("SUCCESS", "FAILURE")))
            waiting = self.requests("r.status = 'pending' OR (r.stage = 'settled' AND r.read_at IS NULL)")
            if not waiting:
                return
            assert time.monotonic() < deadline, Counter((one["stage"], one["error"]) for one in waiting)
            self._judge([one for one in waiting if one["stage"] == "needs_attention"])
            time.sleep(0.3)

    def _hurry(self, request_id: Any) -> None:
        with self.fleet.database.session() as session:
            try:
                refund_decision.retry(session, request_id, None, asker=JUDGE, enqueue=enqueue_order)
                session.commit()
            except StorelinkError:
                session.rollback()  # it goes on by itself

    def _judge(self, rows: Sequence[dict[str, Any]]) -> None:
        """Nobody judges while what may be the request's send stands in the store's queue."""
        oldest = max(self._oldest_send(), self._oldest_send()) if rows else 0.0
        paid = self.paid()
        for row in rows:
            if oldest and oldest > row["age"] - STALLED:
                continue
            with self.fleet.database.session() as session:
                try:
                    refund_decision.resolve(
                        session, row["id"], moved=bool(paid[row["reference"]]), why="seen at the gateway",
                        asker=JUDGE, enqueue=enqueue_order,
                    )  # fmt: skip
                    session.commit()
                except StorelinkError:
                    session.rollback()  # it came to light just now

    def _oldest_send(self) -> float:
        """The age of the oldest refund that a shop has taken and is not done with; 0.0 without one."""
        found = [one for shop in self.shops.values() for one in shop.admin.in_hand()]
        sends = [one for one in found if one["operation"] == "RefundCreate" or (
            one["method"] == "POST" and one["path"].endswith("refunds"))]  # fmt: skip
        return max((float(one["age"]) for one in sends), default=0.0)

    def requests(self, where: str = "true") -> list[dict[str, Any]]:
        return self.fleet.select(
            "SELECT r.*, extract(epoch FROM clock_timestamp() - sent_at)::float AS age, c.name AS store,"
            " EXISTS (SELECT 1 FROM audit_event a WHERE a.subject = r.id::text"
            "         AND a.action = 'refund.resolved') AS judged,"
            " EXISTS (SELECT 1 FROM audit_event a WHERE a.subject = r.id::text"
            "         AND a.action = 'refund.needs_attention') AS unclear"
            " FROM refund_request r JOIN connector_config c ON c.id = r.connector_id WHERE " + where
        )

    def ledgers(self) -> list[dict[str, Any]]:
        return [{**row, "store": name} for name, shop in self.shops.items() for row in shop.admin.ledger()]

    def paid(self) -> dict[str | None, list[Decimal]]:
        """Our mark → what the gateways paid under it; None: what was not ours."""
        found: dict[str | None, list[Decimal]] = {}
        for row in self.ledgers():
            found.setdefault(reference_in(row["reason"] or ""), []).append(Decimal(row["amount"]))
        return _Listing(found)

    def one_request(self, request_id: Any) -> RefundRequest:
        with self.fleet.database.session() as session:
            return session.exec(select(RefundRequest).where(RefundRequest.id == request_id)).one()


class _Listing(dict[str | None, list[Decimal]]):
    def __missing__(self, key: str | None) -> list[Decimal]:
        return []
