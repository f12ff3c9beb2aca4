"""The state of one simulated Shopify shop: its records as prepared bytes, its clock, its search index."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from storelink.sandbox.clock import Clock
from storelink.sandbox.drawer import Drawer, Row
from storelink.sandbox.shop import Line, Shop
from storelink.sandbox.shopify import customers, orders, products
from storelink.sandbox.shopify.ids import BASES, TYPES
from storelink.sandbox.shopify.site import Site, read_stamp, stamp_text
from storelink.sandbox.woocommerce.numbers import Numbers

Doc = dict[str, Any]
KINDS = ("products", "variants", "customers", "orders", "events")
#: what `events` calls the kinds
SUBJECTS = {
    "products": "PRODUCT",
    "variants": "PRODUCT_VARIANT",
    "customers": "CUSTOMER",
    "orders": "ORDER",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A shop's records at one moment."""

    rows: dict[str, dict[int, Row]]
    names: int
    last: dict[str, int]


class Listener(Protocol):
    """Who is told what happens to records; see `deliveries`."""

    def written(self, kind: str, before: Doc | None, after: Doc, *, touched: bool) -> None: ...

    def removed(self, kind: str, record: int) -> None: ...

    def merged(self, kept: int, gone: int) -> None: ...


class Store:
    """Records of five kinds. Hold `lock` while reading or editing from more than one thread.

    `row.parent` is a variant's product and an order's customer (0 for none), `row.status` a
    product's status, an order's financial status or an event's action, `row.kind` an event's subject.
    """

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site = site
        self.clock = clock
        self.lock = threading.RLock()
        self.drawers = {kind: Drawer() for kind in KINDS}
        self.last = dict(BASES)
        self.next_name = 1_001
        self._behind: dict[str, dict[int, list[tuple[float, Row | None]]]] = {kind: {} for kind in KINDS}
        self._filling = False
        self.listener: Listener | None = None
        self._touched: set[int] = set()

    def close(self) -> None:
        for drawer in self.drawers.values():
            drawer.close()

    # records

    def doc(self, kind: str, record: int) -> Doc | None:
        """A record, free to be changed and `put` back; None where there is none."""
        drawer = self.drawers[kind]
        if record not in drawer.rows:
            return None
        found: Doc = orjson.loads(drawer.body(record))
        return found

    def docs(self, kind: str, records: Iterable[int]) -> Iterator[Doc]:
        """Those of the records that there are."""
        for record in records:
            found = self.doc(kind, record)
            if found is not None:
                yield found

    def put(self, kind: str, doc: Doc) -> None:
        """Store or replace a record as it is: no date moves."""
        drawer = self.drawers[kind]
        self._lag(kind, doc["id"], drawer.rows.get(doc["id"]))
        listener = self.listener if kind != "events" else None
        before = None if listener is None else self.doc(kind, doc["id"])
        drawer.put(_row(kind, doc), orjson.dumps(doc))
        touched = doc["id"] in self._touched
        self._touched.discard(doc["id"])
        if listener is not None:
            listener.written(kind, before, doc, touched=touched)

    def remove(self, kind: str, record: int) -> None:
        """Take a record away, and say so in the events."""
        row = self.drawers[kind].rows[record]
        self._lag(kind, record, row)
        self.drawers[kind].remove(record)
        self.happen("destroy", kind, record)
        if self.listener is not None:
            self.listener.removed(kind, record)

    def touch(self, doc: Doc, at: int | None = None) -> None:
        """Stamp a record as changed now, or at a given second."""
        doc["updatedAt"] = stamp_text(self.clock.stamp() if at is None else at)
        if at is None:
            self._touched.add(doc["id"])

    @staticmethod
    def stamp_of(row: Row) -> str:
        """A row's date of change, as the API writes it."""
        return stamp_text(row.modified or 0)

    def next_id(self, kind: str) -> int:
        self.last[kind] += 1
        return self.last[kind]

    def happen(self, action: str, kind: str, record: int) -> None:
        """Write an event of a record."""
        number = self.next_id("events")
        self.put(
            "events",
            {
                "__typename": "BasicEvent",
                "id": number,
                "action": action,
                "subjectId": f"gid://shopify/{TYPES[kind]}/{record}",
                "subjectType": SUBJECTS[kind],
                "createdAt": stamp_text(self.clock.stamp()),
                "message": "",
                "appTitle": None,
                "attributeToApp": False,
                "attributeToUser": True,
                "criticalAlert": False,
            },
        )

    def variants_of(self, product: int) -> list[int]:
        """The variants of a product, oldest first."""
        return self.drawers["variants"].of_parent(product)

    def orders_of(self, customer: int) -> list[int]:
        return self.drawers["orders"].of_parent(customer)

    def resum(self, product: int, *, touch: bool = True) -> None:
        """Bring a product in line with its variants, stamping it unless told not to."""
        doc = self.doc("products", product)
        if doc is None:
            return
        products.sum_up(doc, list(self.docs("variants", self.variants_of(product))))
        if touch:
            self.touch(doc)
        self.put("products", doc)

    # the search index

    def _lag(self, kind: str, record: int, before: Row | None) -> None:
        """Let the index go on showing what was there before a write, until it has caught up."""
        if self._filling or self.site.index_lag <= 0:
            return
        until = self.clock.seconds() + self.site.index_lag
        self._behind[kind].setdefault(record, []).append((until, before))

    def indexed(self, kind: str) -> dict[int, Row]:
        """The rows as the search index has them: the latest writes are not in it yet."""
        rows, behind = self.drawers[kind].rows, self._behind[kind]
        if not behind:
            return rows
        now = self.clock.seconds()
        late = {}
        for record, writes in list(behind.items()):
            waiting = [write for write in writes if write[0] > now]
            if waiting:
                behind[record] = waiting
                late[record] = waiting[0][1]
            else:
                del behind[record]
        if not late:
            return rows
        shown = {number: row for number, row in rows.items() if number not in late}
        shown.update({number: row for number, row in late.items() if row is not None})
        return shown

    def is_behind(self, kind: str) -> bool:
        return bool(self._behind[kind])

    # the whole

    def picture(self) -> Picture:
        """All records as they are: old bytes are never overwritten, so this is only an index."""
        rows = {kind: dict(drawer.rows) for kind, drawer in self.drawers.items()}
        return Picture(rows, self.next_name, dict(self.last))

    def put_back(self, picture: Picture) -> None:
        """Be as in the picture again; ids given out since are given out again."""
        for kind, rows in picture.rows.items():
            self.drawers[kind].replace(dict(rows))
            self._behind[kind].clear()
        self.next_name, self.last = picture.names, dict(picture.last)

    def fill(self, shop: Shop) -> None:
        """Take over a generated shop. Orders are named by the numbers that WooCommerce's have."""
        self._filling = True
        people = self._fill_customers(shop)
        numbers = Numbers()
        goods = self._fill_products(shop, numbers)
        spent: dict[int, list[int]] = {}
        for order in shop.orders():
            name = numbers.next_post(gap=True)
            numbers.post += len(order.refunds)
            if order.state == "draft":
                continue  # a checkout that was never finished is no order here
            customer = None if order.customer is None else people[order.customer]
            lines = [self._goods(goods, line) for line in order.lines]
            doc = orders.order_doc(self.site, order, self.next_id("orders"), name, customer, lines)
            self.put("orders", doc)
            if customer is not None:
                sums = spent.setdefault(customer, [0, 0])
                sums[0] += 1
                sums[1] += doc["netPaymentSet"]
        self.next_name = numbers.post + 1
        for customer, (count, money) in spent.items():
            found = self.doc("customers", customer)
            assert found is not None
            found["_orders"], found["_spent"] = count, money
            self.put("customers", found)
        self._filling = False

    def _fill_customers(self, shop: Shop) -> list[int]:
        made = []
        for person in shop.customers:
            doc = customers.customer_doc(person, self.next_id("customers"))
            self.put("customers", doc)
            made.append(doc["id"])
        return made

    def _fill_products(self, shop: Shop, numbers: Numbers) -> list[tuple[int, list[int], str]]:
        made = []
        for index, product in enumerate(shop.products):
            numbers.next_post(gap=True)
            numbers.post += len(product.variants)
            doc = products.product_doc(self.site, product, self.next_id("products"), index)
            variants = [
                products.variant_doc(product, doc, unit, self.next_id("variants"), position)
                for position, unit in enumerate(products.units_of(product), 1)
            ]
            products.sum_up(doc, variants)
            for variant in variants:
                self.put("variants", variant)
            self.put("products", doc)
            made.append((doc["id"], [variant["id"] for variant in variants], doc["vendor"]))
        return made

    def _goods(self, goods: Sequence[tuple[int, list[int], str]], line: Line) -> orders.Goods:
        if line.product is None:
            return None, None, None
        product, variants, vendor = goods[line.product]
        if line.deleted:
            return None, None, vendor
        return product, variants[line.variant or 0], vendor


def _row(kind: str, doc: Doc) -> Row:
    created = read_stamp(doc["createdAt"])
    row = Row(doc["id"], created, read_stamp(doc["updatedAt"]) if "updatedAt" in doc else created)
    if kind == "products":
        row.status, row.name = doc["status"], doc["title"]
    elif kind == "variants":
        row.parent, row.sku, row.name = doc["_product"], doc["sku"] or "", doc["title"]
    elif kind == "customers":
        row.email = doc["_email"] or ""
        row.name = " ".join(part for part in (doc["lastName"], doc["firstName"]) if part)
    elif kind == "orders":
        row.parent, row.email = doc["_customer"] or 0, doc["email"] or ""
        row.status, row.name = doc["displayFinancialStatus"] or "", doc["name"]
        row.kind = doc["processedAt"]
    else:
        row.status, row.kind, row.email = doc["action"], doc["subjectType"], doc["subjectId"]
    return row
