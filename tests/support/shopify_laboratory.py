"""A Shopify store for the conformance kit: the sandbox, and the truth in our tables' words."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from typing import Any

import shopify_records

from storelink.conformance import Ability, Fault, Laboratory
from storelink.connectors.protocol import Account, Limits
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.sandbox.running import RunningShopify, start_shopify

_TEXT = {"orders": "note", "customers": "firstName", "products": "title"}
_LISTS = "(Order|Customer|Product)(List|Page)|Destroyed"
_NODES = "(Order|Customer|Product)Nodes"
_ERROR = '{"errors":"As scripted"}'
_NOTHING = '{"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":null}}'
_EMPTY_LISTS = f'{{"data":{{"page":{_NOTHING},"events":{_NOTHING}}}}}'
_FAULTS: dict[Fault, dict[str, Any]] = {
    Fault.THROTTLED: {"status": 429, "retry_after": 1},
    Fault.THROTTLED_SILENTLY: {"status": 429},
    Fault.REFUSED: {"status": 401},
    Fault.FAILED: {"status": 500, "html": True},
    Fault.HANGS: {"slow": 3.0},
    Fault.CUT: {"truncate": 0.5},
    Fault.NOT_THERE: {"status": 404, "html": True},
}


def account_of(shop: RunningShopify, **more: Any) -> Account:
    """The account of a sandbox store, with a token that may read everything."""
    return Account("shop", shop.url, "token", {"access_token": shop.token}, **more)


class ShopifyLaboratory(Laboratory):
    """A sandbox store; its clock stands still but for `pass_time`."""

    connector = CONNECTOR
    page = 100
    abilities = frozenset(Ability)
    limits = Limits(timeout=1.5, retries=2, width=2)  # what it answers is large, and takes its time

    def __init__(self, records: int, **plan: Any) -> None:
        # an order in eight is a cart that was never paid for, which is no order here
        usual = {"orders": records + records // 4 + 8, "products": records + 4, "customers": records}
        self._running = ExitStack()
        # points do not flow back while the clock stands: a bucket that lasts
        self.shop = self._running.enter_context(start_shopify(**{"plan": "enterprise", **usual, **plan}))
        self.admin, self.account = self.shop.admin, account_of(self.shop)
        self.admin.hold_clock()
        app = {"client_id": self.shop.client_id, "client_secret": self.shop.client_secret}
        self.issued = Account("shop", self.shop.url, "client-credentials", app)

    def close(self) -> None:
        self._running.close()

    def create(self, resource: str) -> str:
        return str(self.admin.do(f"create_{resource[:-1]}")["id"])

    def edit(self, resource: str, key: str, text: str, amount: Decimal | None = None) -> None:
        self.admin.do(f"edit_{resource[:-1]}", int(key), **{_TEXT[resource]: text})
        if amount is not None and resource == "orders":
            self.admin.do("add_line", int(key), price=str(amount))
        if amount is not None and resource == "products":
            unit = next(one for one in self.admin.records("variations") if one["_product"] == int(key))
            self.admin.edit_variation(unit["id"], price=str(amount))

    def delete(self, resource: str, key: str) -> None:
        """A customer who ordered cannot be deleted; merged into another, they are gone as well."""
        if resource == "customers" and self.admin.record(resource, int(key))["_orders"]:
            others = [one["id"] for one in self.admin.records(resource) if one["id"] != int(key)]
            self.admin.merge_customers(max(others), int(key))
        else:
            self.admin.delete(resource, int(key))

    def spoil(self, key: str, *, spoilt: bool = True) -> None:
        self.admin.edit_order(int(key), email="x" * 600 if spoilt else "well@example.test")

    def limit(self, ability: Ability) -> None:
        """Orders of more than 60 days need a permission of their own, as personal fields do."""
        if ability is Ability.HIDES:
            self.admin.set_site(all_orders=False)
        else:
            self.admin.set_site(protected="level1")

    def unlimit(self) -> None:
        self.admin.set_site(all_orders=True, protected="granted")

    def expire_tokens(self) -> None:
        self.admin.expire_tokens()

    def pass_time(self, seconds: float) -> None:
        self.admin.advance(seconds)

    def fault(self, fault: Fault, *, nth: int = 1, times: int | None = 1) -> None:
        if fault is Fault.EMPTY:
            self.admin.faults(_empty(times))
            return
        do = _FAULTS[fault]
        if times is not None:
            rules = [{"match": {"nth": at}, "do": do} for at in range(nth, nth + times)]
        elif nth == 1:
            rules = [{"do": do}]
        else:  # the request before switches it on for good
            rules = [{"match": {"nth": nth - 1}, "do": {"edits": [["faults", [{"do": do}]]]}}]
        self.admin.faults(rules)

    def heal(self) -> None:
        self.admin.faults([])

    def truth(self, resource: str) -> Mapping[str, Mapping[str, Any]]:
        found = {"orders": order_facts, "customers": customer_facts, "products": unit_facts}[resource]
        kind = "variations" if resource == "products" else resource
        return {str(doc["id"]): found(doc) for doc in self.admin.records(kind)}

    @classmethod
    def payloads(cls) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "orders", shopify_records.order()
        yield "orders", shopify_records.refunded_order()
        yield "products", shopify_records.product()
        yield "products", shopify_records.simple_product()
        yield "customers", shopify_records.customer()


def read_by_pages(lab: ShopifyLaboratory) -> None:
    """Let bulk operations be denied, and pages have a few dozen records."""
    lab.admin.set_site(bulk_fault="access_denied", max_cost=330)


def _empty(times: int | None) -> list[dict[str, Any]]:
    """Rules by which lists, records by id and the result of a bulk operation come empty."""
    told = {
        _LISTS: _EMPTY_LISTS,
        _NODES: '{"data":{"nodes":[]}}',
    }
    often = {} if times is None else {"times": times}
    rules: list[dict[str, Any]] = [
        {"match": {"operation": name, **often}, "do": {"status": 200, "replace": [[_ERROR, body]]}}
        for name, body in told.items()
    ]
    bulk = {"match": {"path": "^/_bulk/", **often}, "do": {"status": 200, "replace": [[_ERROR, ""]]}}
    return [*rules, bulk]


def order_facts(doc: Mapping[str, Any]) -> dict[str, Any]:
    """What the tables must say of an order."""
    back = [
        part["amountSet"] for part in doc["_transactions"]
        if (part["kind"], part["status"]) == ("REFUND", "SUCCESS")
    ]  # fmt: skip
    total, given = money(doc["totalPriceSet"]), money(sum(back))
    state = "cancelled" if doc["cancelledAt"] else "closed" if doc["closedAt"] else "open"
    return {
        "deleted": False,
        "order_number": doc["name"].removeprefix("#"),
        "platform_status": state,
        "total_amount": total,
        "refunded_amount": given,
        "current_total_amount": total - given,
        "tax_amount": money(doc["totalTaxSet"]),
        "currency": doc["currencyCode"],
        "customer_id": str(doc["_customer"]) if doc["_customer"] else None,
        "email": doc["email"] or None,
        "source_updated_at": moment(doc["updatedAt"]),
        "created_at": moment(doc["createdAt"]),
    }


def unit_facts(doc: Mapping[str, Any]) -> dict[str, Any]:
    """What the tables must say of a variant."""
    return {
        "deleted": False,
        "product_id": str(doc["_product"]),
        "sku": doc["sku"] or None,
        "price": money(doc["price"]),
        "source_created_at": moment(doc["createdAt"]),
    }


def customer_facts(doc: Mapping[str, Any]) -> dict[str, Any]:
    """What the tables must say of a customer."""
    name = f"{doc['firstName'] or ''} {doc['lastName'] or ''}".strip()
    return {
        "deleted": False,
        "email": doc["_email"] or None,
        "name": name or None,
        "source_updated_at": moment(doc["updatedAt"]),
    }


def money(cents: int) -> Decimal:
    return Decimal(cents) / 100


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
