"""What somebody does in the demo's stores, and by what the tables show that it has arrived."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storelink.sandbox.running import Running, RunningShopify

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done in a store. `arrived` is a condition in SQL on the rows of that store, `s`."""

    store: str
    thing: str
    what: str
    arrived: str
    values: Mapping[str, Any] = field(default_factory=dict)
    silent: bool = False
    """No list of the store tells of it; verify finds it."""


_ROW = "EXISTS (SELECT FROM {} t WHERE t.connector_id = s.id AND {})"
_STATUS = _ROW.format("platform_order", "order_id = :id AND status = :is")
_PRICE = _ROW.format("platform_product", "variant_id = :id AND price = :is")
_CUSTOMER = _ROW.format("platform_customer", "customer_id = :id AND email = :is")
_REFUND = _ROW.format("order_refund", "refund_id = :id")
_GONE = _ROW.format("platform_order", "order_id = :id AND deleted_at IS NOT NULL")


def work_in_woocommerce(name: str, store: "Running") -> list[Deed]:
    """An order sent, a price, a customer, a refund, an order thrown away, and a refund taken back."""
    admin = store.admin
    orders = [one for one in admin.records("orders") if one["currency"] == "USD"]
    plain = [one for one in orders if not one["refunds"] and Decimal(one["total"]) > 20]
    done = [one["id"] for one in plain if one["status"] == "completed"]
    paid = [one["id"] for one in plain if one["status"] == "processing"]
    valid = {one["id"] for one in orders if one["status"] in ("completed", "processing", "refunded")}
    lost = next(one for one in reversed(admin.records("refunds")) if one["parent_id"] in valid)
    product = next(one for one in admin.records("products") if _simple(one))
    price = Decimal(product["regular_price"]) + 5
    admin.edit_order(paid[-1], status="completed")
    admin.edit_product(product["id"], regular_price=str(price))
    person = admin.create_customer(first_name="Ada", last_name="Byron", email="ada@example.test")
    refund = admin.add_refund(done[-1], "5.00", "Arrived scratched")
    admin.trash("orders", done[-2])
    admin.delete_refund(lost["id"])
    return [
        Deed(name, f"order {paid[-1]}", "is completed", _STATUS, {"id": str(paid[-1]), "is": "completed"}),
        Deed(name, f"product {product['id']}", f"costs {price}", _PRICE,
             {"id": str(product["id"]), "is": price}),
        Deed(name, f"customer {person['id']}", "is new", _CUSTOMER,
             {"id": str(person["id"]), "is": "ada@example.test"}),
        Deed(name, f"order {done[-1]}", "gets a refund of 5.00", _REFUND, {"id": str(refund["id"])}),
        Deed(name, f"order {done[-2]}", "goes to the trash", _GONE, {"id": str(done[-2])}),
        Deed(name, f"order {lost['parent_id']}", "loses a refund", f"NOT {_REFUND}",
             {"id": str(lost["id"])}, silent=True),
    ]  # fmt: skip


def work_in_shopify(name: str, store: "RunningShopify") -> list[Deed]:
    """The same in Shopify's words; there an order is deleted, and nobody can take back a refund."""
    admin = store.admin
    orders = [
        one for one in admin.records("orders")
        if one["displayFinancialStatus"] == "PAID" and not one["_refunds"]
        and one["totalPriceSet"] > 2000 and not one["cancelledAt"]
    ]  # fmt: skip
    waiting = [one for one in orders if one["displayFulfillmentStatus"] == "UNFULFILLED"]
    sent = [one for one in orders if one["displayFulfillmentStatus"] == "FULFILLED"]
    variant = next(one for one in admin.records("variants") if one["compareAtPrice"] is None)
    price = Decimal(variant["price"]) / 100 + 5
    admin.do("fulfill_order", waiting[-1]["id"])
    admin.edit_variation(variant["id"], price=str(price))
    person = admin.create_customer(firstName="Ada", lastName="Byron", email="ada@example.test")
    refund = admin.add_refund(sent[-1]["id"], "5.00", "Arrived scratched")
    admin.delete("orders", sent[-2]["id"])
    return [
        Deed(name, f"order {waiting[-1]['name']}", "is sent", _STATUS,
             {"id": str(waiting[-1]["id"]), "is": "completed"}),
        Deed(name, f"variant {variant['sku'] or variant['id']}", f"costs {price}", _PRICE,
             {"id": str(variant["id"]), "is": price}),
        Deed(name, f"customer {person['id']}", "is new", _CUSTOMER,
             {"id": str(person["id"]), "is": "ada@example.test"}),
        Deed(name, f"order {sent[-1]['name']}", "gets a refund of 5.00", _REFUND, {"id": str(refund["id"])}),
        Deed(name, f"order {sent[-2]['name']}", "is deleted for good", _GONE, {"id": str(sent[-2]["id"])}),
    ]  # fmt: skip


def to_be_broken(store: "Running") -> Doc:
    """A WooCommerce order for a plugin to break: one that is paid."""
    orders = [one for one in store.admin.records("orders") if one["currency"] == "USD"]
    return [one for one in orders if one["status"] == "processing" and not one["refunds"]][-1]


def _simple(product: Doc) -> bool:
    """For sale, at one price."""
    plain = product["type"] == "simple" and product["status"] == "publish"
    return bool(plain and product["regular_price"] and not product["sale_price"])
