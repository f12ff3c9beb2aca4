"""What happens to orders: notes, edits of their lines, payments, refunds, cancellations, exchanges."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storelink.sandbox.shopify import order_parts, refunds
from storelink.sandbox.shopify.amounts import RATES, rate_of, read_minor
from storelink.sandbox.shopify.customers import changed_address
from storelink.sandbox.shopify.gateway import Gateway
from storelink.sandbox.shopify.payments import receive, rooms, spread
from storelink.sandbox.shopify.settle import settle
from storelink.sandbox.shopify.site import read_stamp, stamp_text
from storelink.sandbox.shopify.store import Doc, Store

#: what may be set as it is
_PLAIN = frozenset(
    (
        "note", "tags", "email", "phone", "poNumber", "sourceName", "test", "customAttributes",
        "customerLocale", "processedAt", "closedAt", "cancelledAt", "cancelReason", "returnStatus",
        "discountCode", "discountCodes", "createdAt", "name", "number", "taxesIncluded",
    )
)  # fmt: skip
_OURS = {"shipped": "_shipped", "customer": "_customer", "expired": "_expired", "metafields": "_metafields"}
_ADDRESSES = {"shippingAddress": "_shipping", "billingAddress": "_billing"}
#: the tax on lines that are added by hand, in thousandths of a percent
_TAX = 8_250


class OrderEdits:
    """The actions on orders, each under its own name."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.gateway = Gateway()

    def actions(self) -> dict[str, Callable[..., Any]]:
        names = (
            "edit_order", "create_order", "add_line", "remove_line", "remove_shipping", "add_refund",
            "settle_transaction", "cancel_order", "close_order", "reopen_order", "fulfill_order",
            "pay_order", "exchange", "settle_pending", "refund_by_hand",
        )  # fmt: skip
        found = {name: getattr(self, name) for name in names}
        gateway = self.gateway
        found |= {"ledger": gateway.ledger, "turn_gateway": gateway.turn, "slow_gateway": gateway.slow_down}
        return found

    def order(self, record: int) -> Doc:
        found = self.store.doc("orders", record)
        if found is None:
            raise ValueError(f"no {record} among the orders")
        return found

    def keep(self, doc: Doc) -> Doc:
        """Settle, stamp and store an order, and count its customer's orders again."""
        settle(doc)
        self.store.touch(doc)
        self.store.put("orders", doc)
        if doc["_customer"] is not None:
            self.count_again(doc["_customer"])
        return doc

    def count_again(self, customer: int) -> None:
        """A customer's count and sum of orders; the date moves only when they did."""
        doc = self.store.doc("customers", customer)
        if doc is None:
            return
        found = list(self.store.docs("orders", self.store.orders_of(customer)))
        before = doc["_orders"], doc["_spent"]
        doc["_orders"], doc["_spent"] = len(found), sum(order["netPaymentSet"] for order in found)
        if before != (doc["_orders"], doc["_spent"]):
            self.store.touch(doc)
            self.store.put("customers", doc)

    def change(self, doc: Doc, fields: Mapping[str, Any]) -> None:
        """Put fields into an order and settle it. Raises ValueError for what follows from the rest."""
        for name, value in fields.items():
            if name in _ADDRESSES:
                place = _ADDRESSES[name]
                doc[place] = None if value is None else changed_address(doc[place], value)
            elif name in _OURS:
                doc[_OURS[name]] = value
            elif name == "presentmentCurrencyCode":
                if value not in RATES:
                    raise ValueError(f"the shop has no rate for {value}")
                doc[name], doc["_rate"] = value, rate_of(doc["currencyCode"], value)
            elif name in _PLAIN:
                doc[name] = value
            else:
                raise ValueError(f"an order has no {name} to edit")
        settle(doc)

    def edit_order(self, record: int, /, **fields: Any) -> Doc:
        """Note, tags, email, addresses and the like."""
        doc = self.order(record)
        self.change(doc, fields)
        return self.keep(doc)

    def create_order(self, lines: Sequence[Mapping[str, Any]] | None = None, **fields: Any) -> Doc:
        """A new order, by default a small one of a guest that is paid.

        `lines` are {variant or title, price, quantity, sku}; `shipping` is a price; `paid` False leaves
        it open to be paid, else `payments` are {gateway, amount}: the last one pays the rest.
        """
        store = self.store
        at = read_stamp(fields["createdAt"]) if "createdAt" in fields else store.clock.stamp()
        paid, payments = fields.pop("paid", True), fields.pop("payments", None) or [{}]
        shipping, count = fields.pop("shipping", None), store.next_name
        store.next_name += 1
        doc = order_parts.blank_order(store.site, store.next_id("orders"), count, at)
        buyer = self.store.doc("customers", fields["customer"]) if fields.get("customer") else None
        doc["email"] = buyer["_email"] if buyer else f"guest{count}@example.test"
        if lines is None:
            order_parts.small_sale(doc)
        for line in lines or ():
            self._add(doc, **line)
        if shipping is not None:
            price = read_minor(shipping, doc["currencyCode"])
            doc["_deliveries"].append(order_parts.make_delivery(doc, "Flat rate", price, _TAX))
        self.change(doc, fields)
        doc["_original"] = doc["totalPriceSet"]
        if paid and doc["totalPriceSet"]:
            receive(doc, at, [(one.get("gateway", "fakepay"), one.get("amount")) for one in payments])
        settle(doc)
        store.put("orders", doc)
        store.happen("create", "orders", doc["id"])
        for line in doc["_lines"]:
            self.take_stock(line["_variant"], line["quantity"])
        if doc["_customer"] is not None:
            self.count_again(doc["_customer"])
        return doc

    def take_stock(self, variant: int | None, quantity: int) -> None:
        """What an order takes from the stock stamps the product, too (facts §4)."""
        doc = None if variant is None else self.store.doc("variants", variant)
        if doc is not None and doc["_tracked"]:
            doc["inventoryQuantity"] -= quantity
            self.store.touch(doc)
            self.store.put("variants", doc)
            self.store.resum(doc["_product"])

    # edits of lines

    def _add(
        self,
        doc: Doc,
        title: str = "Something",
        price: str = "25.00",
        quantity: int = 1,
        variant: int | None = None,
        sku: str | None = None,
        discount: str = "0.00",
    ) -> Doc:
        found = None if variant is None else self.store.doc("variants", variant)
        owner = self.store.doc("products", found["_product"]) if found else None
        unit = found["price"] if found else read_minor(price, doc["currencyCode"])
        less = read_minor(discount, doc["currencyCode"])
        line = order_parts.make_line(
            doc,
            owner["title"] if owner else title,
            unit,
            quantity,
            sku=found["sku"] if found else sku,
            _taxes=order_parts.one_tax(doc, unit * quantity - less, _TAX),
            _discount=less,
        )
        if found and owner:
            line.update(
                name=found["displayName"],
                variantTitle=found["title"],
                vendor=owner["vendor"],
                _product=owner["id"],
                _variant=found["id"],
                restockable=True,
            )
        doc["_lines"].append(line)
        return line

    def add_line(self, record: int, /, **line: Any) -> Doc:
        """Order edit: one more line ({variant or title, price, quantity, sku, discount})."""
        doc = self.order(record)
        self._add(doc, **line)
        doc["edited"] = True
        return self.keep(doc)

    def remove_line(self, record: int, line: int, quantity: int | None = None) -> Doc:
        """Order edit: take off pieces of a line, all unless told; its `quantity` stays as it was."""
        doc = self.order(record)
        part = _line(doc, line)
        left = part["quantity"] - part["_removed"] - part["_returned"]
        count = left if quantity is None else quantity
        if not 0 < count <= left:
            raise ValueError(f"line {line} has {left} pieces to take off")
        part["_removed"] += count
        doc["edited"] = True
        return self.keep(doc)

    def remove_shipping(self, record: int) -> Doc:
        """Order edit: the shipping lines are removed, and not listed any more."""
        doc = self.order(record)
        for delivery in doc["_deliveries"]:
            delivery["isRemoved"] = True
        doc["edited"] = True
        return self.keep(doc)

    def exchange(self, record: int, line: int, variant: int, quantity: int = 1) -> Doc:
        """A piece comes back and another goes out: a return without money, and a new line."""
        doc = self.order(record)
        refunds.add_refund(doc, self._now(), lines={line: quantity}, amount=0, restock="RETURN")
        doc["_refunds"][-1]["_adjustments"] = []
        self._add(doc, variant=variant, quantity=quantity)
        doc["edited"], doc["returnStatus"] = True, "RETURNED"
        return self.keep(doc)

    # money

    def _now(self) -> int:
        return self.store.clock.stamp()

    def add_refund(
        self,
        order: int,
        amount: str | None = None,
        reason: str = "",
        lines: Sequence[Mapping[str, int]] | None = None,
        shipping: str = "0.00",
        restock: str = "",
        status: str = "SUCCESS",
    ) -> Doc:
        """A refund, which stamps its order.

        `lines` are {id, quantity}; `amount` None pays back what they and the shipping are worth.
        `status` PENDING or FAILURE: the money has not moved.
        """
        doc = self.order(order)
        settle(doc)
        wanted = {int(part["id"]): int(part["quantity"]) for part in lines or ()}
        for line, count in wanted.items():
            if not 0 < count <= _line(doc, line)["refundableQuantity"]:
                raise ValueError(f"line {line} has not {count} pieces to refund")
        money = None if amount is None else read_minor(amount, doc["currencyCode"])
        if money is not None and money > doc["_left"]:
            raise ValueError(f"order {order} has {doc['_left']} cents to refund")
        made = refunds.add_refund(
            doc,
            self._now(),
            note=reason or None,
            lines=wanted,
            shipping=read_minor(shipping, doc["currencyCode"]),
            amount=money,
            restock=restock,
            status=status,
        )
        self._record(doc, made)
        self.keep(doc)
        return made

    def refund_by_hand(
        self,
        order: int,
        amount: str,
        reason: str = "",
        gateway: bool = True,
        lines: Sequence[Mapping[str, int]] | None = None,
    ) -> Doc:
        """What a person does in the admin: through the gateway, or recorded only."""
        doc = self.order(order)
        if gateway:
            status = next((self.gateway.status(order, room.part) for room in rooms(doc)), "SUCCESS")
            return self.add_refund(order, amount, reason, lines, status=status)
        money = read_minor(amount, doc["currencyCode"])
        if money > doc["_left"]:
            raise ValueError(f"order {order} has {doc['_left']} cents to refund")
        at = self._now()
        made = refunds.blank_refund(doc, at, reason or None)
        wanted = {int(part["id"]): int(part["quantity"]) for part in lines or ()}
        worth = sum(refunds.refund_line(doc, made, line, count, "") for line, count in wanted.items())
        for part in spread(doc, money, at, "SUCCESS"):
            part.update(gateway="manual", formattedGateway="Manual", manualPaymentGateway=True)
            made["_transactions"].append(part["id"])
        refunds.adjust(doc, made, worth - money)
        doc["_refunds"].append(made)
        self.keep(doc)
        return made

    def _record(self, doc: Doc, refund: Doc) -> None:
        """Put what a refund moved into the ledger."""
        for part in doc["_transactions"]:
            if part["id"] in refund["_transactions"]:
                self.gateway.record(doc, refund, part, self.store.clock.seconds())

    def settle_transaction(self, order: int, transaction: int, status: str) -> Doc:
        """A pending transaction ends, well or not."""
        doc = self.order(order)
        part = next((part for part in doc["_transactions"] if part["id"] == transaction), None)
        if part is None:
            raise ValueError(f"order {order} has no transaction {transaction}")
        if part["status"] == "SUCCESS":
            raise ValueError(f"transaction {transaction} has succeeded already")
        part["status"], part["processedAt"] = status, stamp_text(self._now())
        for refund in doc["_refunds"]:
            if transaction in refund["_transactions"]:
                refund["updatedAt"] = part["processedAt"]
                self.gateway.record(doc, refund, part, self.store.clock.seconds())
        return self.keep(doc)

    def settle_pending(self, status: str = "SUCCESS") -> int:
        """Every refund that is pending ends, well or not; says how many."""
        waiting = [
            (doc["id"], part["id"])
            for doc in self.store.docs("orders", list(self.store.drawers["orders"].rows))
            for part in doc["_transactions"]
            if (part["kind"], part["status"]) == ("REFUND", "PENDING")
        ]
        for order, transaction in waiting:
            self.settle_transaction(order, transaction, status)
        return len(waiting)

    def pay_order(self, record: int) -> Doc:
        """What is outstanding is paid."""
        doc = self.order(record)
        settle(doc)
        if doc["totalOutstandingSet"] > 0:
            at, money = self._now(), doc["totalOutstandingSet"]
            order_parts.make_transaction(doc, "SALE", "SUCCESS", money, at, "fakepay")
        return self.keep(doc)

    # the rest of an order's life

    def cancel_order(self, record: int, reason: str = "CUSTOMER", refund: bool = True) -> Doc:
        """Everything open is taken back; what was received is paid back unless told not to."""
        doc = self.order(record)
        settle(doc)
        if doc["cancelledAt"]:
            return doc
        at, left = self._now(), doc["_left"]
        made = refunds.take_back(doc, at)
        if refund and left > 0:
            made["_transactions"] = [part["id"] for part in spread(doc, left, at, "SUCCESS")]
            self._record(doc, made)
        doc["cancelledAt"] = doc["closedAt"] = stamp_text(at)
        doc["cancelReason"] = reason
        return self.keep(doc)

    def close_order(self, record: int) -> Doc:
        doc = self.order(record)
        doc["closedAt"] = stamp_text(self._now())
        return self.keep(doc)

    def reopen_order(self, record: int) -> Doc:
        doc = self.order(record)
        doc["closedAt"] = None
        return self.keep(doc)

    def fulfill_order(self, record: int, line: int | None = None, quantity: int | None = None) -> Doc:
        """All lines are sent, or one, or so many pieces of it."""
        doc = self.order(record)
        settle(doc)
        for part in doc["_lines"]:
            if line is None or part["id"] == line:
                left = part["unfulfilledQuantity"]
                part["_fulfilled"] += left if quantity is None else min(quantity, left)
        doc["_shipped"] = None
        return self.keep(doc)


def _line(doc: Doc, number: int) -> Doc:
    for part in doc["_lines"]:
        if part["id"] == number:
            found: Doc = part
            return found
    raise ValueError(f"order {doc['id']} has no line {number}")
