"""What happens in the shop behind the API: edits by people, apps and time.

Each moves `updatedAt` as it does in a real shop; `set_field_silently` moves nothing. Fields have the
names of the Admin API, ids are the bare numbers, money is text like `"12.50"`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from storelink.sandbox.shopify import customers, products
from storelink.sandbox.shopify.amounts import read_minor
from storelink.sandbox.shopify.order_edits import OrderEdits
from storelink.sandbox.shopify.site import read_stamp
from storelink.sandbox.shopify.store import KINDS, Doc, Picture, Store

#: what the desks of other platforms call our kinds
_NAMES = {"variations": "variants"}
#: plain names → ours, where a value is written otherwise
_CUSTOMER = {"email": "_email", "phone": "_phone", "marketingState": "_marketing"}
_VARIANT = {"tracked": "_tracked", "requiresShipping": "_ships", "weight": "_weight", "enabled": "_enabled"}
_PRODUCT = {"image": "_image", "metafields": "_metafields"}
_MONEY = frozenset(("price", "compareAtPrice"))


class Edits:
    """The actions of the back office, each under its own name."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.orders = OrderEdits(store)
        self._backup: Picture | None = None

    def actions(self) -> dict[str, Callable[..., Any]]:
        """All of them by name; each holds the store while it works."""
        names = (
            "edit_product", "edit_variation", "edit_customer", "create_product", "create_variation",
            "create_many_variants", "create_customer", "delete", "merge_customers", "redact_customer",
            "set_field_silently", "stamp", "counts", "truth", "records", "record", "set_shop",
            "back_up", "roll_back",
        )  # fmt: skip
        found = {name: getattr(self, name) for name in names} | self.orders.actions()
        return {name: _held(self.store, action) for name, action in found.items()}

    # what is there

    def counts(self) -> dict[str, int]:
        return {kind: len(self.store.drawers[kind].rows) for kind in KINDS}

    def truth(self) -> dict[str, list[Doc]]:
        """Every record's id, `updatedAt` (Z text), status and parent."""
        store = self.store
        return {
            kind: [
                {
                    "id": row.id,
                    "updatedAt": store.stamp_of(row),
                    "status": row.status,
                    "parent": row.parent,
                    "name": row.name,
                }
                for row in sorted(store.drawers[kind].rows.values(), key=lambda row: row.id)
            ]
            for kind in KINDS
        }

    def records(self, kind: str) -> list[Doc]:
        """All records of a kind, whole, by id; money in whole cents, `_` before what is ours."""
        kind = _NAMES.get(kind, kind)
        return list(self.store.docs(kind, sorted(self.store.drawers[kind].rows)))

    def record(self, kind: str, record: int) -> Doc:
        kind = _NAMES.get(kind, kind)
        found = self.store.doc(kind, record)
        if found is None:
            raise ValueError(f"no {record} among the {kind}")
        return found

    # products and variants

    def edit_product(self, record: int, /, **fields: Any) -> Doc:
        doc = self.record("products", record)
        _change(doc, fields, _PRODUCT)
        self.store.touch(doc)
        self.store.put("products", doc)
        return doc

    def edit_variation(self, record: int, /, **fields: Any) -> Doc:
        """A variant's edit stamps its product, too."""
        doc = self.record("variants", record)
        _change(doc, fields, _VARIANT, self.store.site.currency)
        products.judge_variant(doc)
        self.store.touch(doc)
        self.store.put("variants", doc)
        self.store.resum(doc["_product"])
        return doc

    def create_product(self, title: str = "New", **fields: Any) -> Doc:
        """With its default variant, which takes price, sku, inventoryQuantity and the like."""
        store = self.store
        number, at = store.next_id("products"), store.clock.stamp()
        doc = products.blank_product(store.site, title, number, at)
        variant = products.blank_variant(doc, products.DEFAULT, store.next_id("variants"), 1, at)
        own = {name: value for name, value in fields.items() if name in doc or name in _PRODUCT}
        _change(doc, own, _PRODUCT)
        rest = {name: value for name, value in fields.items() if name not in own}
        _change(variant, rest, _VARIANT, store.site.currency)
        products.judge_variant(variant)
        products.sum_up(doc, [variant])
        store.put("variants", variant)
        store.put("products", doc)
        store.happen("create", "products", number)
        return doc

    def create_variation(self, parent: int, /, label: str = "XXL", **fields: Any) -> Doc:
        """A new variant stamps its product; the default one gives way to the first with a name."""
        store = self.store
        owner = self.record("products", parent)
        held = store.variants_of(parent)
        if owner["hasOnlyDefaultVariant"]:
            for number in held:
                store.remove("variants", number)
            owner["_options"][0]["name"], held = "Size", []
            store.put("products", owner)
        doc = products.blank_variant(
            owner, label, store.next_id("variants"), len(held) + 1, store.clock.stamp()
        )
        _change(doc, fields, _VARIANT, store.site.currency)
        products.judge_variant(doc)
        store.put("variants", doc)
        store.resum(parent)
        return doc

    def create_many_variants(self, parent: int, /, count: int = 2_048, prefix: str = "MANY") -> Doc:
        """Give a product so many variants instead of those it has, with SKUs PREFIX-1, PREFIX-2, …"""
        store = self.store
        if not 1 <= count <= store.site.max_variants:
            raise ValueError(f"a product has 1 to {store.site.max_variants} variants")
        owner = self.record("products", parent)
        for number in store.variants_of(parent):
            store.remove("variants", number)
        owner["_options"][0]["name"] = "Number"
        for position in range(1, count + 1):
            doc = products.blank_variant(
                owner, f"No. {position}", store.next_id("variants"), position, store.clock.stamp()
            )
            doc.update(sku=f"{prefix}-{position}", price=100 + position)
            store.put("variants", doc)
        store.put("products", owner)
        store.resum(parent)
        return self.record("products", parent)

    # customers

    def edit_customer(self, record: int, /, **fields: Any) -> Doc:
        """`addresses` replaces them all; `address` changes fields of the default one."""
        doc = self.record("customers", record)
        _change_customer(doc, fields)
        self.store.touch(doc)
        self.store.put("customers", doc)
        return doc

    def create_customer(self, **fields: Any) -> Doc:
        store = self.store
        doc = customers.blank_customer(store.next_id("customers"), store.clock.stamp())
        if "email" not in fields:
            doc["_email"] = f"new{doc['id']}@example.test"
        _change_customer(doc, fields)
        store.put("customers", doc)
        return doc

    def merge_customers(self, kept: int, gone: int) -> Doc:
        """One customer takes over another's orders and addresses; the other is no more."""
        store = self.store
        doc, other = self.record("customers", kept), self.record("customers", gone)
        for order in store.docs("orders", list(store.orders_of(gone))):
            order["_customer"] = kept
            store.touch(order)
            store.put("orders", order)
        for address in other["_addresses"]:
            customers.add_address(doc, address)
        doc["_orders"] += other["_orders"]
        doc["_spent"] += other["_spent"]
        doc["tags"] = sorted({*doc["tags"], *other["tags"]})
        store.touch(doc)
        store.put("customers", doc)
        store.remove("customers", gone)
        if store.listener is not None:
            store.listener.merged(kept, gone)
        return doc

    def redact_customer(self, record: int) -> Doc:
        """Erase who a customer is, on the customer and on the orders."""
        doc = self.record("customers", record)
        doc.update(firstName=None, lastName=None, note=None, _email=None, _phone=None, _addresses=[])
        self.store.touch(doc)
        self.store.put("customers", doc)
        for order in self.store.docs("orders", list(self.store.orders_of(record))):
            order.update(email=None, phone=None, _shipping=None, _billing=None)
            self.store.touch(order)
            self.store.put("orders", order)
        return doc

    # the end

    def delete(self, kind: str, record: int) -> Doc:
        """For good, which the events tell.

        A customer with orders cannot be deleted, nor a refund. Lines of what is gone lose their link by
        themselves, and no date of their orders moves.
        """
        kind = _NAMES.get(kind, kind)
        if kind not in ("products", "variants", "customers", "orders"):
            raise ValueError(f"Shopify lets nobody delete {kind}")
        doc = self.record(kind, record)
        if kind == "customers" and self.store.orders_of(record):
            raise ValueError(f"customer {record} has orders and cannot be deleted")
        if kind == "variants" and len(self.store.variants_of(doc["_product"])) < 2:
            raise ValueError(f"variant {record} is the last of its product")
        self.store.remove(kind, record)
        if kind == "products":
            for variant in list(self.store.variants_of(record)):
                self.store.remove("variants", variant)
        elif kind == "variants":
            self.store.resum(doc["_product"])
        elif kind == "orders" and doc["_customer"] is not None:
            self.orders.count_again(doc["_customer"])
        return doc

    # dates and switches

    def set_field_silently(self, kind: str, record: int, /, **fields: Any) -> Doc:
        """What no date tells of."""
        kind = _NAMES.get(kind, kind)
        doc = self.record(kind, record)
        if kind == "orders":
            self.orders.change(doc, fields)
        elif kind == "customers":
            _change_customer(doc, fields)
        else:
            names = _VARIANT if kind == "variants" else _PRODUCT
            _change(doc, fields, names, self.store.site.currency)
        self.store.put(kind, doc)
        if kind == "variants":
            self.store.resum(doc["_product"], touch=False)
        return doc

    def stamp(self, kind: str, ids: list[int], when: str) -> None:
        """Set `updatedAt` (`2026-11-21T07:58:11Z`) of records, and nothing else."""
        kind = _NAMES.get(kind, kind)
        at = read_stamp(when)
        for record in ids:
            doc = self.record(kind, record)
            self.store.touch(doc, at)
            self.store.put(kind, doc)

    def set_shop(self, **values: Any) -> None:
        """Turn a switch of the `Site`: index_lag, plan, title, currency, presentment, …"""
        for name, value in values.items():
            if name == "zone" or not hasattr(self.store.site, name):
                raise ValueError(f"the shop has no switch {name}")
            setattr(self.store.site, name, tuple(value) if isinstance(value, list) else value)

    def back_up(self) -> None:
        """Remember everything as it is now."""
        self._backup = self.store.picture()

    def roll_back(self) -> None:
        """Put the backup back: what happened since never did, and dates run backwards."""
        if self._backup is None:
            raise ValueError("there is no backup")
        self.store.put_back(self._backup)


def _held(store: Store, action: Callable[..., Any]) -> Callable[..., Any]:
    def act(*args: Any, **named: Any) -> Any:
        with store.lock:
            return action(*args, **named)

    return act


def _change(doc: Doc, fields: Mapping[str, Any], names: Mapping[str, str], currency: str = "") -> None:
    """Put fields into a document, under our names for them. Raises ValueError for one it has not."""
    for name, value in fields.items():
        own = names.get(name, name)
        if own not in doc or own in ("id", "__typename", "_product", "_variants"):
            raise ValueError(f"{doc['__typename']} has no {name} to edit")
        doc[own] = read_minor(value, currency) if own in _MONEY and value is not None else value


def _change_customer(doc: Doc, fields: Mapping[str, Any]) -> None:
    rest = dict(fields)
    if "addresses" in rest:
        doc["_addresses"] = []
        for address in rest.pop("addresses"):
            customers.add_address(doc, customers.make_address(**address))
    if "address" in rest:
        changed = rest.pop("address")
        if doc["_addresses"]:
            first = doc["_addresses"][0]
            doc["_addresses"][0] = {**customers.changed_address(first, changed), "id": first["id"]}
        else:
            customers.add_address(doc, customers.make_address(**changed))
    _change(doc, rest, _CUSTOMER)
