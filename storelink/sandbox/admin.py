"""The back office as seen from Python: each call goes over HTTP to the store's desk."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Doc = dict[str, Any]
#: one scripted edit, as fault rules take them: [name, argument, …, {named arguments}]
Edit = list[Any]


class DeskError(Exception):
    """The store's desk refused; the message says why."""


class Admin:
    """Edits, faults, clock and truth of a running store. May be used from any thread."""

    def __init__(self, url: str, token: str, ca_file: Path | None = None) -> None:
        self._address = urlsplit(url)
        self._token = token
        self._tls = None if ca_file is None else ssl.create_default_context(cafile=str(ca_file))

    def __repr__(self) -> str:
        return f"Admin({self._address.geturl()!r})"

    def do(self, name: str, /, *args: Any, **named: Any) -> Any:
        """Any action by its name. Raises `DeskError`."""
        host, port = self._address.hostname or "", self._address.port
        connection: http.client.HTTPConnection
        if self._tls is None:
            connection = http.client.HTTPConnection(host, port, timeout=120)
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=120, context=self._tls)
        body = json.dumps({"name": name, "args": args, "named": named})
        headers = {"X-Sandbox-Token": self._token, "Connection": "close"}
        try:
            connection.request("POST", "/_sandbox/do", body, headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise DeskError(told.get("error", str(answer.status)))
        return told["value"]

    # edits: each moves the dates that it moves in a real store

    def edit_order(self, record: int, /, **fields: Any) -> Doc:
        found: Doc = self.do("edit_order", record, **fields)
        return found

    def edit_product(self, record: int, /, **fields: Any) -> Doc:
        found: Doc = self.do("edit_product", record, **fields)
        return found

    def edit_variation(self, record: int, /, **fields: Any) -> Doc:
        found: Doc = self.do("edit_variation", record, **fields)
        return found

    def edit_customer(self, record: int, /, **fields: Any) -> Doc:
        found: Doc = self.do("edit_customer", record, **fields)
        return found

    def create_order(self, **fields: Any) -> Doc:
        found: Doc = self.do("create_order", **fields)
        return found

    def create_product(self, **fields: Any) -> Doc:
        found: Doc = self.do("create_product", **fields)
        return found

    def create_variation(self, parent: int, /, label: str = "XXL", **fields: Any) -> Doc:
        found: Doc = self.do("create_variation", parent, label, **fields)
        return found

    def create_customer(self, **fields: Any) -> Doc:
        found: Doc = self.do("create_customer", **fields)
        return found

    def trash(self, kind: str, record: int) -> Doc:
        """`kind`: orders, products or variations."""
        found: Doc = self.do("trash", kind, record)
        return found

    def restore(self, kind: str, record: int) -> Doc:
        found: Doc = self.do("restore", kind, record)
        return found

    def delete(self, kind: str, record: int) -> Doc:
        """For good. `kind`: orders, products, variations, customers or refunds."""
        found: Doc = self.do("delete", kind, record)
        return found

    def add_refund(self, order: int, amount: str | None = None, reason: str = "", **named: Any) -> Doc:
        """`amount` None makes the refund that shows as `-`."""
        found: Doc = self.do("add_refund", order, amount, reason, **named)
        return found

    def delete_refund(self, refund: int) -> Doc:
        found: Doc = self.do("delete_refund", refund)
        return found

    def set_field_silently(self, kind: str, record: int, /, **fields: Any) -> Doc:
        """As a plugin writes to the database: no date moves."""
        found: Doc = self.do("set_field_silently", kind, record, **fields)
        return found

    def stamp(self, kind: str, ids: list[int], when: str) -> None:
        """Set `date_modified_gmt` (`2026-11-21T07:58:11`) and its local twin, and nothing else."""
        self.do("stamp", kind, ids, when)

    def churn(self, seed: int | str, count: int, kinds: list[str] | None = None) -> list[Edit]:
        """`count` random edits, creations, trashings, restorings, deletions and refunds at once.

        `kinds` of orders, products and customers; answers `[happening, kind, id]` for each.
        """
        found: list[Edit] = self.do("churn", seed, count, kinds)
        return found

    def back_up(self) -> None:
        self.do("back_up")

    def roll_back(self) -> None:
        """Back to the last `back_up`, as a restored database: dates and highest ids go back."""
        self.do("roll_back")

    # truth

    def counts(self) -> dict[str, int]:
        """How many records of each kind there are, trash and hidden ones counted."""
        found: dict[str, int] = self.do("counts")
        return found

    def truth(self) -> dict[str, list[Doc]]:
        """Per kind: id, date_modified_gmt, status, kind (type or role) and parent of every record."""
        found: dict[str, list[Doc]] = self.do("truth")
        return found

    def records(self, kind: str) -> list[Doc]:
        found: list[Doc] = self.do("records", kind)
        return found

    def record(self, kind: str, record: int) -> Doc:
        found: Doc = self.do("record", kind, record)
        return found

    def ledger(self) -> list[Doc]:
        """What gateways paid back: order, refund, amount (text), currency, reason, gateway, at.

        It never forgets, whatever becomes of the refund in the store.
        """
        found: list[Doc] = self.do("ledger")
        return found

    def turn_gateway(self, says: str = "SUCCESS", order: int | None = None) -> None:
        """How refunds turn out from now on, all or those of one order.

        WooCommerce: SUCCESS, DECLINED, FALSE, DIES_BEFORE, DIES_AFTER, FAILS_AFTER; see `Ledger.turn`.
        Shopify: SUCCESS, PENDING, FAILURE, ERROR, DECLINED, DIES_BEFORE, DIES_AFTER; see `Gateway.turn`.
        """
        self.do("turn_gateway", says, order)

    def slow_gateway(self, seconds: float, order: int | None = None) -> None:
        """How long a gateway takes to pay back, for all orders or for one."""
        self.do("slow_gateway", seconds, order)

    def refund_by_hand(
        self,
        order: int,
        amount: str,
        reason: str = "",
        *,
        gateway: bool = True,
        lines: list[Doc] | None = None,
    ) -> Doc:
        """What a person does on the store's own refund page: through the gateway, or recorded only.

        `lines` are `line_items` as the API takes them. Raises `DeskError` with the store's words.
        """
        found: Doc = self.do("refund_by_hand", order, amount, reason, gateway, lines or [])
        return found

    def payments(self) -> list[Doc]:
        """The same with the amount in cents."""
        found: list[Doc] = self.do("payments")
        return found

    def requests(self) -> list[Doc]:
        """The requests served so far: number, at, method, path, query, status, size, seconds, faults."""
        found: list[Doc] = self.do("requests")
        return found

    def in_hand(self) -> list[Doc]:
        """The requests that the store has taken and is not done with: method, path, operation, age."""
        found: list[Doc] = self.do("in_hand")
        return found

    def clear_requests(self) -> None:
        self.do("clear_requests")

    # faults, clock, switches

    def faults(self, rules: list[Doc]) -> None:
        """Replace the fault rules (see `faults.py` for the words); [] ends all faults."""
        self.do("faults", rules)

    def fired(self) -> list[int]:
        """How often each rule has fired."""
        found: list[int] = self.do("fired")
        return found

    def now(self) -> float:
        """The store's clock, in seconds since 1970."""
        found: float = self.do("now")
        return found

    def advance(self, seconds: float) -> None:
        self.do("advance", seconds)

    def hold_clock(self, at: float | None = None) -> None:
        self.do("hold_clock", at)

    def release_clock(self) -> None:
        self.do("release_clock")

    def set_clock(self, offset: float) -> None:
        """Let the store's clock be wrong by so many seconds."""
        self.do("set_clock", offset)

    def set_site(self, **switches: Any) -> None:
        """mode ("", plain_permalinks, plugin_inactive, maintenance, database_down), has_variations,
        has_refunds, hpos, prices_include_tax, currency, title, check_seconds, gateway_seconds,
        gateway_dies."""
        self.do("set_site", **switches)

    def set_capacity(self, **values: Any) -> None:
        """latency and service_time in seconds, cores (None: no limit)."""
        self.do("set_capacity", **values)

    # webhooks

    def mishaps(self, **values: Any) -> None:
        """What happens to deliveries on their way: see `courier.Mishaps`; nothing given ends them."""
        self.do("mishaps", **values)

    def deliveries(self) -> list[Doc]:
        """What was delivered: about, status (None: no answer), forged, lost, headers, body."""
        found: list[Doc] = self.do("deliveries")
        return found

    def deliveries_waiting(self) -> int:
        """How many deliveries are queued or under way."""
        found: int = self.do("deliveries_waiting")
        return found

    def webhooks(self) -> list[Doc]:
        """The subscriptions, with what no API tells of them."""
        found: list[Doc] = self.do("webhooks")
        return found

    def run_cron(self) -> int:
        """WooCommerce: send what is queued now; says how many."""
        found: int = self.do("run_cron")
        return found
