"""A WooCommerce store for the conformance kit: the sandbox, and the truth in our tables' words."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from recording import recorded

from storelink.conformance import Fault, Laboratory
from storelink.connectors.protocol import Account
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.sandbox.running import Running, start

_TEXT = {"orders": "customer_note", "customers": "first_name", "products": "name"}
_ERROR = '{"code":"sandbox_fault","message":"As scripted.","data":{"status":200}}'
_FAULTS: dict[Fault, dict[str, Any]] = {
    Fault.THROTTLED: {"status": 429, "retry_after": 1},
    Fault.THROTTLED_SILENTLY: {"status": 429},
    Fault.REFUSED: {
        "status": 401,
        "replace": [
            ["sandbox_fault", "woocommerce_rest_authentication_error"],
            ["As scripted.", "Consumer key is invalid."],
        ],
    },
    Fault.FAILED: {"status": 500, "html": True},
    Fault.HANGS: {"slow": 2.0},
    Fault.CUT: {"truncate": 0.5},
    Fault.NOT_THERE: {"status": 404, "html": True},
    Fault.EMPTY: {"status": 200, "replace": [[_ERROR, "[]"]]},
}


def account_of(store: Running, **more: Any) -> Account:
    """The account of a sandbox store, with its full keys."""
    keys = {"consumer_key": store.key, "consumer_secret": store.secret}
    return Account("shop", store.url, "keys", keys, **more)


class WooLaboratory(Laboratory):
    """A sandbox store; its clock stands still but for `pass_time`."""

    connector = CONNECTOR
    page = 100
    trash_cans = frozenset({"products", "orders"})

    def __init__(self, records: int, **plan: Any) -> None:
        usual = {"orders": records + 8, "products": records + 4, "customers": records}
        self._running = ExitStack()
        self._take(self._running.enter_context(start(**{**usual, **plan})))
        self.admin.hold_clock()

    @classmethod
    def over(cls, store: Running) -> "WooLaboratory":
        """A laboratory over a store that runs already."""
        lab = cls.__new__(cls)
        lab._running = ExitStack()
        lab._take(store)
        return lab

    def _take(self, store: Running) -> None:
        self.store, self.admin, self.account = store, store.admin, account_of(store)

    def close(self) -> None:
        self._running.close()

    def create(self, resource: str) -> str:
        return str(self.admin.do(f"create_{resource[:-1]}")["id"])

    def edit(self, resource: str, key: str, text: str, amount: Decimal | None = None) -> None:
        fields: dict[str, Any] = {_TEXT[resource]: text}
        if amount is not None and resource != "customers":
            fields["total" if resource == "orders" else "regular_price"] = str(amount)
        self.admin.do(f"edit_{resource[:-1]}", int(key), **fields)

    def delete(self, resource: str, key: str) -> None:
        self.admin.delete(resource, int(key))

    def trash(self, resource: str, key: str) -> None:
        self.admin.trash(resource, int(key))

    def restore(self, resource: str, key: str) -> None:
        self.admin.restore(resource, int(key))

    def spoil(self, key: str, *, spoilt: bool = True) -> None:
        self.admin.edit_order(int(key), customer_note="touched")
        self.admin.set_field_silently("orders", int(key), total="-" if spoilt else "10.00")

    def pass_time(self, seconds: float) -> None:
        self.admin.advance(seconds)

    def fault(self, fault: Fault, *, nth: int = 1, times: int | None = 1) -> None:
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
        return dict(getattr(self, f"_{resource}")())

    def _orders(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for doc in self.admin.records("orders"):
            if doc["status"] not in ("checkout-draft", "auto-draft"):
                yield str(doc["id"]), order_facts(doc)

    def _customers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for doc in self.admin.records("customers"):
            name = f"{doc['first_name']} {doc['last_name']}".strip()
            yield str(doc["id"]), {"deleted": False, "email": doc["email"] or None, "name": name or None}

    def _products(self) -> Iterator[tuple[str, dict[str, Any]]]:
        units: dict[int, list[Any]] = {}
        for unit in self.admin.records("variations"):
            units.setdefault(unit["parent_id"], []).append(unit)
        for doc in self.admin.records("products"):
            trashed = doc["status"] == "trash"
            if doc["type"] == "variable":
                rows = [
                    unit for unit in units.get(doc["id"], ()) if unit["status"] != "trash" and not trashed
                ]
            else:
                rows = [doc] if doc["type"] != "grouped" else []
            for row in rows:
                yield str(row["id"]), {"deleted": trashed, **unit_facts(row, doc)}

    @classmethod
    def payloads(cls) -> Iterator[tuple[str, dict[str, Any]]]:
        order = recorded("order-full-with-refunds.json").json
        refunds = recorded("refunds-list.json.txt").json
        details = [
            {**refunds[number % len(refunds)], "id": short["id"]}
            for number, short in enumerate(order["refunds"])
        ]
        yield "orders", {**order, "refund_details": details}
        yield "orders", recorded("order-create-rich.json.txt").json
        yield "orders", recorded("order-JPY.json").json
        yield "products", recorded("product-simple.json.txt").json[0]
        variable = recorded("product-variable.json.txt").json[0]
        yield "products", {**variable, "variation_details": recorded("product-variations.json.txt").json}
        yield "customers", recorded("customer-full.json.txt").json


def order_facts(doc: Mapping[str, Any]) -> dict[str, Any]:
    """What the tables must say of an order."""
    total = Decimal(doc["total"])
    given = sum((Decimal(part["total"][1:] or 0) for part in doc["refunds"]), Decimal(0))
    return {
        "deleted": doc["status"] == "trash",
        "platform_status": doc["status"],
        "total_amount": total,
        "refunded_amount": given,
        "current_total_amount": total - given,
        "tax_amount": Decimal(doc["total_tax"]),
        "shipping_amount": Decimal(doc["shipping_total"]),
        "currency": doc["currency"],
        "email": doc["billing"]["email"] or None,
        "source_updated_at": moment(doc["date_modified_gmt"]),
        "created_at": moment(doc["date_created_gmt"]),
    }


def unit_facts(unit: Mapping[str, Any], product: Mapping[str, Any]) -> dict[str, Any]:
    """What the tables must say of a sellable unit."""
    return {
        "product_id": str(product["id"]),
        "sku": unit["sku"] or None,
        "price": Decimal(unit["price"]) if unit["price"] else None,
        "source_created_at": moment(unit["date_created_gmt"]),
    }


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
