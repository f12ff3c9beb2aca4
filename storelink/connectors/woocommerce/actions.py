"""What can be done in a WooCommerce store: see `action.Actions`.

WooCommerce has no idempotency and no lock: two equal requests refund twice, and a client that gave up does
not stop the first. So nothing here is ever sent again; what became of it is read.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#order-refunds
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from storelink.connectors.action import (
    BILLING,
    SHIPPING,
    Plan,
    Remark,
    SeenRefund,
    Standing,
    Wish,
    Words,
    reference_in,
)
from storelink.connectors.http import Answer
from storelink.connectors.protocol import Limits, Read
from storelink.connectors.text import text
from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce import address_change
from storelink.connectors.woocommerce.client import Client
from storelink.connectors.woocommerce.jsontext import Unreadable, parse_json
from storelink.connectors.woocommerce.outcome import outcome
from storelink.connectors.woocommerce.refund_body import body_of
from storelink.connectors.woocommerce.refund_plan import Gateways, plan_of
from storelink.connectors.woocommerce.shape import Record, a_list, records
from storelink.connectors.woocommerce.standing import refund_of, standing_of
from storelink.errors import AuthFailed, Misconfigured, NotFound, OutcomeUnknown, Rejected

PAGE = 100
PATIENCE = 2
"""How many times as long as for a page is waited for the answer to a refund: gateways take their time."""


_NO_COUNTRY = frozenset(("woocommerce_rest_data_invalid_location", "rest_no_route"))


class WooCommerceActions:
    """One store's. Safe to use from several threads."""

    resends_within: timedelta | None = None
    address_kinds: frozenset[str] = frozenset({SHIPPING, BILLING})

    def __init__(self, client: Client, settings: Mapping[str, Any], limits: Limits) -> None:
        self._client, self._settings = client, settings
        self._timeout = PATIENCE * limits.timeout

    def look(self, order_id: str) -> Standing:
        """See `action.Actions`."""
        return self._read(order_id)[0]

    def plan_refund(self, order_id: str, wish: Wish) -> Plan:
        """See `action.Actions`."""
        standing, order, refunds = self._read(order_id)
        gateways = Gateways(None if wish.by_hand else self._gateways())
        try:
            return plan_of(order, refunds, gateways, standing, wish, self._settings)
        except Unfit as error:
            raise _junk(order_id, error) from None

    def compose_refund(self, plan: Plan, words: Words) -> str:
        """See `action.Actions`."""
        return body_of(plan, words)

    def send_refund(self, order_id: str, key: str, body: str) -> SeenRefund:  # noqa: ARG002 - no use for a key
        """See `action.Actions`; what each answer means is in `outcome.TABLE`."""
        answer = self._client.write("POST", f"{_path(order_id)}/refunds", body, timeout=self._timeout)
        sent = orjson.loads(body)
        if not 200 <= answer.status < 300:
            raise outcome(answer, self._client.hidden, asked_gateway=sent.get("api_refund") is not False)
        return self._made(answer, reference_in(str(sent.get("reason") or "")))

    def provinces(self, country: str) -> Mapping[str, str] | None:
        """See `action.Actions`. The codes are the store's own, `CA` as well as `DE-BW` and `JP13`."""
        if not (len(country) == 2 and country.isascii() and country.isalpha()):
            return None
        try:
            found = self._client.get(f"data/countries/{country.upper()}").data
        except (Rejected, Misconfigured) as error:
            if error.code in _NO_COUNTRY:
                return None
            raise
        except AuthFailed as error:
            if error.code == "woocommerce_rest_cannot_view":  # keys that may do orders, but not settings
                return None
            raise
        states = records(found.get("states") if isinstance(found, dict) else None, "states")
        names = {text(one.get("code"), "code"): text(one.get("name"), "name") or "" for one in states}
        return {code: name for code, name in names.items() if code} or None

    def address_remarks(
        self,
        standing: Standing,
        kind: str,  # noqa: ARG002 - both kinds recalculate
        changes: Mapping[str, str],
    ) -> tuple[Remark, ...]:
        """See `action.Actions`."""
        return address_change.remarks(standing, changes)

    def compose_address(
        self,
        standing: Standing,  # noqa: ARG002 - a PUT merges
        kind: str,
        changes: Mapping[str, str],
    ) -> str:
        """See `action.Actions`."""
        return address_change.compose(kind, changes)

    def send_address(self, order_id: str, body: str) -> None:
        """See `action.Actions`."""
        answer = self._client.write("PUT", _path(order_id), body, timeout=self._timeout)
        if not 200 <= answer.status < 300:
            raise outcome(answer, self._client.hidden, asked_gateway=False)
        if not _shows(answer, order_id):
            raise OutcomeUnknown(f"{answer.url} answered {answer.status}, but does not show the order")

    # -- reading ---------------------------------------------------------------------------------------

    def _read(self, order_id: str) -> tuple[Standing, Record, list[Record]]:
        """The order, then its refunds: one made meanwhile is seen."""
        path = _path(order_id)
        found = self._client.get(path)
        refunds, last = self._refunds(path)
        first = found.answer.read
        read = Read(first.started, (last or first).finished, first.store_time)
        try:
            if not isinstance(found.data, dict):
                raise Unfit(f"it is no object: {type(found.data).__name__}")
            return standing_of(found.data, refunds, read, self._settings), found.data, refunds
        except Unfit as error:
            raise _junk(order_id, error) from None

    def _refunds(self, path: str) -> tuple[list[Record], Read | None]:
        """All refunds of an order. They are few, but a page holds no more than a hundred."""
        found: dict[str, Record] = {}
        page, last = 1, None
        while True:
            asked = self._client.get(f"{path}/refunds", {"per_page": PAGE, "page": page})
            rows = _rows(asked.data)
            fresh = {str(row.get("id")): row for row in rows if str(row.get("id")) not in found}
            found |= fresh
            last, page = asked.answer.read, page + 1
            if len(rows) < PAGE or not fresh:
                return list(found.values()), last

    def _gateways(self) -> dict[str, bool] | None:
        """Whether each gateway can pay back; None where these keys may not ask that."""
        try:
            asked = self._client.get("payment_gateways", {"_fields": "id,enabled,method_supports"})
        except (AuthFailed, Rejected, Misconfigured):
            return None
        return {
            str(row.get("id")): "refunds" in a_list(row.get("method_supports"), "method_supports")
            for row in _rows(asked.data)
        }

    def _made(self, answer: Answer, reference: str | None) -> SeenRefund:
        """The refund in a 2xx answer, if it is ours."""
        try:
            data = parse_json(answer.body)
            if not isinstance(data, dict) or "refunded_payment" not in data:
                raise Unfit("it shows no refund")
            seen = refund_of(data, "")
        except (Unreadable, Unfit) as error:
            raise OutcomeUnknown(f"{answer.url} answered {answer.status}, but {error}") from None
        if seen.reference != reference:
            raise OutcomeUnknown(f"{answer.url} answered {answer.status} with another refund, {seen.id}")
        return seen


def _path(order_id: str) -> str:
    if not (order_id.isascii() and order_id.isdigit()):
        raise NotFound(f"no order has the id {order_id!r}", code="woocommerce_rest_shop_order_invalid_id")
    return f"orders/{order_id}"


def _shows(answer: Answer, order_id: str) -> bool:
    try:
        data = parse_json(answer.body)
    except Unreadable:
        return False
    return isinstance(data, dict) and str(data.get("id")) == order_id


def _rows(data: Any) -> list[Record]:
    try:
        return list(records(data, "list"))
    except Unfit as error:
        raise Rejected(f"the store's list cannot be read: {error}", code="unfit") from None


def _junk(order_id: str, error: Unfit) -> Rejected:
    return Rejected(f"order {order_id} cannot be read: {error}", code="unfit")
