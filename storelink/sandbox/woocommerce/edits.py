"""What happens in the shop behind the API: edits by people, plugins and databases.

Which edits move `date_modified` is what facts §3 measured; `set_field_silently` moves nothing.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from storelink.sandbox.clock import read, written
from storelink.sandbox.money import amount, cents
from storelink.sandbox.woocommerce import blanks, products, refunds
from storelink.sandbox.woocommerce.orders import judge, trash_notes
from storelink.sandbox.woocommerce.store import KINDS, Doc, Picture, Store

_NESTED = ("billing", "shipping", "dimensions")


class Edits:
    """The actions of the back office, each under its own name."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._before_trash: dict[tuple[str, int], str] = {}
        self._backup: Picture | None = None

    def actions(self) -> dict[str, Callable[..., Any]]:
        """All of them by name."""
        names = (
            "edit_order", "edit_product", "edit_variation", "edit_customer", "create_order",
            "create_product", "create_variation", "create_customer", "trash", "restore", "delete",
            "add_refund", "delete_refund", "set_field_silently", "stamp", "counts", "truth",
            "records", "record", "set_site", "payments", "ledger", "back_up", "roll_back",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    # what is there

    def counts(self) -> dict[str, int]:
        return {kind: len(self.store.drawers[kind].rows) for kind in KINDS}

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        """Every record's id, status, parent and date of change (UTC text or None), trash and all."""
        return {
            kind: [
                {
                    "id": row.id,
                    "date_modified_gmt": None if row.modified is None else written(row.modified),
                    "status": row.status,
                    "kind": row.kind,
                    "parent": row.parent,
                }
                for row in sorted(self.store.drawers[kind].rows.values(), key=lambda row: row.id)
            ]
            for kind in KINDS
        }

    def records(self, kind: str) -> list[Doc]:
        """All records of a kind, whole, by id."""
        found = (self.store.doc(kind, record) for record in sorted(self.store.drawers[kind].rows))
        return [doc for doc in found if doc is not None]

    def record(self, kind: str, record: int) -> Doc:
        found = self.store.doc(kind, record)
        if found is None:
            raise ValueError(f"no {record} among the {kind}")
        return found

    def payments(self) -> list[dict[str, Any]]:
        """What the payment gateway has paid back, in cents, oldest first."""
        return [asdict(payment) for payment in self.store.ledger.payments]

    def ledger(self) -> list[dict[str, Any]]:
        """The same with amounts as text, as every sandbox store tells it."""
        return self.store.ledger.rows()

    # edits

    def _edit(self, kind: str, record: int, fields: Doc) -> Doc:
        doc = self.record(kind, record)
        change(doc, fields)
        self.store.touch(doc)
        self.store.put(kind, doc)
        return doc

    def edit_order(self, record: int, /, **fields: Any) -> Doc:
        doc = self.record("orders", record)
        change(doc, fields)
        judge(doc)
        self.store.touch(doc)
        self.store.put("orders", doc)
        return doc

    def edit_product(self, record: int, /, **fields: Any) -> Doc:
        doc = self.record("products", record)
        change(doc, fields)
        reprice(doc, fields)
        self.store.touch(doc)
        self.store.put("products", doc)
        return doc

    def edit_variation(self, record: int, /, **fields: Any) -> Doc:
        """A variation's edit stamps its parent, too."""
        doc = self.record("variations", record)
        change(doc, fields)
        reprice(doc, fields)
        self.store.touch(doc)
        self.store.put("variations", doc)
        self.store.resum(doc["parent_id"])
        return doc

    def edit_customer(self, record: int, /, **fields: Any) -> Doc:
        return self._edit("customers", record, fields)

    def set_field_silently(self, kind: str, record: int, /, **fields: Any) -> Doc:
        """What a plugin writes straight into the database: no date moves."""
        doc = self.record(kind, record)
        change(doc, fields)
        self.store.put(kind, doc)
        return doc

    def stamp(self, kind: str, ids: list[int], when: str) -> None:
        """Set the date of change (UTC, `2026-11-21T07:58:11`) of records, and nothing else."""
        for record in ids:
            doc = self.record(kind, record)
            self.store.touch(doc, read(when))
            self.store.put(kind, doc)

    # births

    def create_order(self, **fields: Any) -> Doc:
        """A new order, by default a small one that is paid."""
        store = self.store
        doc = blanks.order(store.site, store.numbers, store.clock.stamp())
        doc.update(blanks.small_sale(store.numbers))
        change(doc, fields)
        judge(doc)
        store.put("orders", doc)
        return doc

    def create_product(self, **fields: Any) -> Doc:
        store = self.store
        doc = blanks.product(store.site, store.numbers, store.clock.stamp(), fields.get("name", "New"))
        change(doc, fields)
        reprice(doc, fields)
        store.put("products", doc)
        return doc

    def create_variation(self, parent: int, /, label: str = "XXL", **fields: Any) -> Doc:
        """A new variation stamps its parent and shows up in its list."""
        store = self.store
        owner = self.record("products", parent)
        doc = blanks.variation(store.site, store.numbers, store.clock.stamp(), owner, label)
        change(doc, fields)
        reprice(doc, fields)
        store.put("variations", doc)
        self.store.resum(parent)
        return doc

    def create_customer(self, **fields: Any) -> Doc:
        store = self.store
        doc = blanks.customer(store.site, store.numbers, store.clock.stamp())
        change(doc, fields)
        store.put("customers", doc)
        return doc

    # trash and the end

    def trash(self, kind: str, record: int) -> Doc:
        """Orders, products and variations; trashing a variable product takes its variations along."""
        doc = self.record(kind, record)
        if doc["status"] == "trash":
            return doc
        self._before_trash[(kind, record)] = doc["status"]
        if kind == "orders":
            doc["meta_data"] += products.metadata(
                self.store.numbers, trash_notes(doc["status"], self.store.clock.stamp())
            )
        if kind == "products":
            doc["slug"] += "__trashed"
        doc["status"] = "trash"
        self.store.touch(doc)
        self.store.put(kind, doc)
        self._along(kind, doc, self.trash)
        return doc

    def restore(self, kind: str, record: int) -> Doc:
        """Out of the trash, as it was before."""
        doc = self.record(kind, record)
        if doc["status"] != "trash":
            return doc
        doc["status"] = self._before_trash.pop((kind, record), _noted(doc))
        if kind == "orders":
            notes = ("_wp_trash_meta_status", "_wp_trash_meta_time")
            doc["meta_data"] = [part for part in doc["meta_data"] if part["key"] not in notes]
            judge(doc)
        if kind == "products":
            doc["slug"] = doc["slug"].removesuffix("__trashed")
        self.store.touch(doc)
        self.store.put(kind, doc)
        if self.store.listener is not None:
            self.store.listener.restored(kind, record)
        self._along(kind, doc, self.restore)
        return doc

    def _along(self, kind: str, doc: Doc, act: Callable[[str, int], Doc]) -> None:
        if kind == "products":
            for child in self.store.children(doc["id"]):
                act("variations", child)
            self.store.resum(doc["id"])
        elif kind == "variations" and doc["parent_id"] in self.store.drawers["products"].rows:
            parent = self.record("products", doc["parent_id"])
            self.store.resum(doc["parent_id"], touch=parent["status"] != "trash")

    def delete(self, kind: str, record: int) -> Doc:
        """For good: nothing tells that it was ever there."""
        doc = self.record(kind, record)
        self.store.remove(kind, record)
        if kind == "orders":
            for refund in self.store.refunds_of(record):
                self.store.remove("refunds", refund)
        elif kind == "products":
            for child in self.store.children(record):
                self.store.remove("variations", child)
            self._orphan("product_id", record)
        elif kind == "variations":
            self.store.resum(doc["parent_id"])
            self._orphan("variation_id", record)
        elif kind == "customers":
            self._forget_customer(record)
        elif kind == "refunds":
            self._without_refund(doc)
        return doc

    def _orphan(self, column: str, record: int) -> None:
        """Lines of a product that is gone show product 0 and no SKU; the orders' dates stay."""
        drawer = self.store.drawers["orders"]
        mark = f'"{column}":{record},'.encode()
        for number in [n for n in drawer.rows if mark in drawer.body(n)]:
            doc = self.record("orders", number)
            for line in doc["line_items"]:
                if line[column] == record:
                    line.update(product_id=0, variation_id=0, sku=None, global_unique_id=None)
                    line["image"] = {"id": 0, "src": ""}
            self.store.put("orders", doc)

    def _forget_customer(self, record: int) -> None:
        rows = self.store.drawers["orders"].rows.values()
        for number in [row.id for row in rows if row.parent == record]:
            doc = self.record("orders", number)
            doc["customer_id"] = 0
            doc["_links"].pop("customer", None)
            self.store.put("orders", doc)

    # refunds

    def add_refund(
        self,
        order: int,
        amount: str | None = None,
        reason: str = "",
        lines: list[Doc] | None = None,
        paid_back: bool = False,
    ) -> Doc:
        """A refund, which stamps its order. `lines` are ready refund lines; amount None shows as `-`."""
        return self._refund(order, amount, reason, lines or [], paid_back)

    def _refund(self, order: int, money: str | None, reason: str, lines: list[Doc], paid_back: bool) -> Doc:
        store = self.store
        doc = self.record("orders", order)
        given = sum(cents(part["total"]) for part in doc["refunds"])
        left = cents(doc["total"]) + given - cents(money or "0")
        made = refunds.refund_doc(
            store.site,
            store.numbers,
            doc,
            store.numbers.next_post(),
            money="" if money is None else _plain(money),
            reason=reason,
            at=store.clock.stamp(),
            paid_back=paid_back,
            lines=lines,
            taxes={},
            kind="full" if left <= 0 and money is not None else "partial",
        )
        store.put("refunds", made)
        doc["refunds"].insert(0, refunds.short_form(made))
        if left <= 0 and money is not None and doc["status"] != "trash":
            doc["status"] = "refunded"
            judge(doc)
        store.touch(doc)
        store.put("orders", doc)
        return made

    def delete_refund(self, refund: int) -> Doc:
        """No date of the order moves (facts §3)."""
        return self.delete("refunds", refund)

    def _without_refund(self, refund: Doc) -> None:
        doc = self.store.doc("orders", refund["parent_id"])
        if doc is not None:
            doc["refunds"] = [part for part in doc["refunds"] if part["id"] != refund["id"]]
            self.store.put("orders", doc)

    # the whole store

    def back_up(self) -> None:
        """Remember everything as it is now."""
        self._backup = self.store.picture()

    def roll_back(self) -> None:
        """Put the backup back: what happened since never did, and dates run backwards."""
        if self._backup is None:
            raise ValueError("there is no backup")
        self.store.put_back(self._backup)

    def set_site(self, **values: Any) -> None:
        """Turn a switch of the site: mode, has_variations, has_refunds, hpos, …"""
        for name, value in values.items():
            if name in ("base", "zone", "store_id") or not hasattr(self.store.site, name):
                raise ValueError(f"the site has no switch {name}")
            setattr(self.store.site, name, value)


def change(doc: Doc, fields: Doc) -> None:
    """Put fields into a record; addresses are merged key by key."""
    for name, value in fields.items():
        if name in _NESTED and isinstance(value, dict) and isinstance(doc.get(name), dict):
            doc[name].update(value)
        else:
            doc[name] = value


def reprice(doc: Doc, fields: Doc) -> None:
    """The price that is asked follows the regular and the sale price."""
    if not {"regular_price", "sale_price"} & set(fields):
        return
    sale = doc["sale_price"]
    doc["price"] = sale or doc["regular_price"]
    doc["on_sale"] = bool(sale)
    if "price_html" in doc:
        doc["price_html"] = products.price_html(doc["price"])


def _noted(doc: Doc) -> str:
    for part in doc["meta_data"]:
        if part["key"] == "_wp_trash_meta_status":
            return str(part["value"]).removeprefix("wc-")
    return "publish"


def _plain(money: str) -> str:
    return amount(cents(money))
