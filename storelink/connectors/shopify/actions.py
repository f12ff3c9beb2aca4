"""What can be done in a Shopify shop: see `action.Actions`.

A refund is sent with the request's id as its idempotency key: within a day the same key and body are
done once, however often they are sent. A change of address has no such key.
Docs: https://shopify.dev/docs/api/usage/idempotent-requests
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from storelink.connectors.action import SHIPPING, Plan, Remark, SeenRefund, Standing, Wish, Words
from storelink.connectors.http import Answer
from storelink.connectors.protocol import Limits
from storelink.connectors.shopify import address_change, outcome, queries
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.kind import KINDS, Kind, Nested
from storelink.connectors.shopify.money import currency_of
from storelink.connectors.shopify.nested import Completion, Unread
from storelink.connectors.shopify.refund_body import body_of, keyed
from storelink.connectors.shopify.refund_plan import plan_of, refused
from storelink.connectors.shopify.refund_question import Moved, Questions
from storelink.connectors.shopify.refund_wish import refusals_of
from storelink.connectors.shopify.shape import Record, an_object, flag
from storelink.connectors.shopify.standing import seen_refund, standing_of
from storelink.connectors.unfit import Unfit
from storelink.errors import AuthFailed, Misconfigured, NotFound, OutcomeUnknown, Rejected, Retryable

ATTEMPTS = 3
"""Reads of an order that changes while it is read."""
LINES = 20
PATIENCE = 2
"""How many times as long as for a page is waited for the answer to a refund: gateways take their time."""
POINTS = 60.0
"""More than any of our mutations costs."""
_ORDER = Kind(
    "orders",
    "Order",
    "orders",
    (Nested("lineItems", "more_refundable_lines"),),
    listed={
        "refunds": (
            Nested("refundLineItems", "more_refund_line_items"),
            Nested("transactions", "more_refund_transactions"),
        )
    },
)


class ShopifyActions:
    """One shop's. Safe to use from several threads."""

    resends_within: timedelta | None = timedelta(hours=23)
    address_kinds: frozenset[str] = frozenset({SHIPPING})

    def __init__(self, client: Client, settings: Mapping[str, Any], limits: Limits) -> None:
        self._client, self._settings = client, settings
        self._timeout = PATIENCE * limits.timeout

    def look(self, order_id: str) -> Standing:
        """See `action.Actions`."""
        return self._read(order_id)[0]

    def plan_refund(self, order_id: str, wish: Wish) -> Plan:
        """See `action.Actions`."""
        for _ in range(ATTEMPTS):
            standing, order = self._read(order_id)
            try:
                refusals = refusals_of(order, standing, wish)
                if refusals:
                    return refused(order, standing, wish, refusals)
                asked, said = Questions(self._client, order, standing, wish).ask()
                return plan_of(order, standing, wish, said, asked)
            except Unfit as error:
                raise _junk(order_id, error) from None
            except Moved:
                continue
        raise Retryable(f"order {order_id} changes each time while it is read", code="moved")

    def compose_refund(self, plan: Plan, words: Words) -> str:
        """See `action.Actions`."""
        return body_of(plan, words)

    def send_refund(self, order_id: str, key: str, body: str) -> SeenRefund:
        """See `action.Actions`; what each answer means is in `outcome`."""
        answer = self._send(keyed(body, key))
        payload = outcome.told(answer, "refundCreate", self._client.hidden)
        raw = outcome.made(answer, payload, "refund", self._client.hidden)
        try:
            found = _made(raw, payload)
        except (Unfit, LookupError, TypeError) as error:
            raise OutcomeUnknown(
                f"{answer.url} answered with a refund of order {order_id} that cannot be read: {error}",
                answered=True,
            ) from None
        return found

    def provinces(self, country: str) -> Mapping[str, str] | None:
        """See `action.Actions`."""
        return address_change.provinces(country)

    def address_remarks(
        self,
        standing: Standing,  # noqa: ARG002 - Shopify does the same for any
        kind: str,  # noqa: ARG002 - there is one
        changes: Mapping[str, str],
    ) -> tuple[Remark, ...]:
        """See `action.Actions`."""
        return address_change.remarks(changes)

    def compose_address(self, standing: Standing, kind: str, changes: Mapping[str, str]) -> str:
        """See `action.Actions`. Raises `Rejected` where the present address is not shown to us."""
        if kind not in standing.addresses:
            raise Rejected(
                "Shopify does not show this app the addresses of customers: changing a part of one would"
                " erase the rest",
                code="NOT_APPROVED",
            )
        return address_change.compose(
            KINDS["orders"].gid(standing.order_id), standing.addresses[kind], changes
        )

    def send_address(self, order_id: str, body: str) -> None:
        """See `action.Actions`."""
        answer = self._send(body)
        payload = outcome.told(answer, "orderUpdate", self._client.hidden)
        try:
            address_change.judge({"orderUpdate": payload})
        except ValueError as error:
            raise OutcomeUnknown(f"{answer.url}, asked to change order {order_id}: {error}") from None

    # -- the wire --------------------------------------------------------------------------------------

    def _send(self, body: str) -> Answer:
        try:
            return self._client.write(body, points=POINTS, timeout=self._timeout)
        except Misconfigured as error:  # said before anything is sent
            raise AuthFailed(str(error), code=error.code) from error

    def _read(self, order_id: str) -> tuple[Standing, Record]:
        """The order, whole and of one time."""
        if not (order_id.isascii() and order_id.isdigit() and len(order_id) < 19):
            raise NotFound(
                f"Shopify has no order {order_id[:40]!r}: its ids are numbers", code="order_not_found"
            )
        why = ""
        for _ in range(ATTEMPTS):
            answer = self._client.ask(
                queries.load("order_standing"), {"id": _ORDER.gid(order_id), "lines": LINES}
            )
            node = answer.data.get("order")
            if not isinstance(node, dict):
                raise self._absent(order_id)
            completion = Completion(self._client, _ORDER, answer.read)
            try:
                order = completion.whole(node)
                return standing_of(order, completion.read, self._settings), order
            except Unread as error:
                why = str(error)
            except Unfit as error:
                raise _junk(order_id, error) from None
        raise Retryable(f"order {order_id} could not be read whole: {why}", code="moved")

    def _absent(self, order_id: str) -> Rejected:
        """Null for an order: without `read_all_orders` it may only be too old to be shown."""
        scopes = self._settings.get("scopes")
        if isinstance(scopes, Sequence) and "read_all_orders" not in scopes:
            words = f"Shopify shows no order {order_id} to this app, which may see those of 60 days only"
            return Rejected(words, code="out_of_sight")
        return NotFound(f"Shopify has no order {order_id}", code="order_not_found")


def _made(raw: Mapping[str, Any], payload: Mapping[str, Any]) -> SeenRefund:
    """The refund of an answer; its lines only where all of them came with it."""
    lines, parts = raw["refundLineItems"], raw["transactions"]
    if parts["pageInfo"]["hasNextPage"]:
        raise Unfit("it has more transactions than came with it")
    whole = {**raw, "transactions": parts["nodes"]}
    whole["refundLineItems"] = [] if lines["pageInfo"]["hasNextPage"] else lines["nodes"]
    currency = currency_of(whole, "totalRefundedSet", "shopMoney")
    if currency is None:
        raise Unfit("totalRefundedSet is missing")
    return seen_refund(whole, currency, taxes_included=flag(an_object(payload, "order"), "taxesIncluded"))


def _junk(order_id: str, error: Unfit) -> Retryable:
    return Retryable(f"what Shopify says of order {order_id} cannot be used: {error}", code="shape")
