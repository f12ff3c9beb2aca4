"""The state of one simulated store: its records as prepared bytes, its clock, its keys."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from storelink.sandbox.clock import Clock
from storelink.sandbox.drawer import Drawer, Row
from storelink.sandbox.money import taxes_in
from storelink.sandbox.shop import Line, Order, Shop
from storelink.sandbox.woocommerce import customers, orders, products, refunds
from storelink.sandbox.woocommerce.ledger import Ledger
from storelink.sandbox.woocommerce.numbers import Numbers
from storelink.sandbox.woocommerce.php import decode, encode
from storelink.sandbox.woocommerce.site import Site

Doc = dict[str, Any]

_ROWS: dict[str, Callable[[Doc], Row]] = {
    "orders": orders.order_row,
    "products": products.product_row,
    "variations": products.product_row,
    "customers": customers.customer_row,
    "refunds": refunds.refund_row,
}
KINDS = tuple(_ROWS)


@dataclass(frozen=True, slots=True)
class Picture:
    """A store's records at one moment."""

    rows: dict[str, dict[int, Row]]
    numbers: Numbers
    webhooks: dict[int, Doc]


class Listener(Protocol):
    """Who is told what happens to records; see `deliveries`."""

    def written(self, kind: str, before: Row | None, after: Row, *, touched: bool) -> None: ...

    def restored(self, kind: str, record: int) -> None: ...

    def removed(self, kind: str, record: int) -> None: ...

    def ping(self, hook: Doc) -> None: ...


class Store:
    """Records of five kinds, each a JSON document whose bytes are made when it changes.

    Variations are kept with the links of their parent's list, refunds with `parent_id`.
    """

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site = site
        self.clock = clock
        self.numbers = Numbers()
        self.drawers = {kind: Drawer() for kind in KINDS}
        self.webhooks: dict[int, Doc] = {}
        self.listener: Listener | None = None
        self._touched: set[int] = set()
        self.ledger = Ledger()

    def close(self) -> None:
        for drawer in self.drawers.values():
            drawer.close()

    def doc(self, kind: str, record: int) -> Doc | None:
        """A record, free to be changed and `put` back; None where there is none."""
        drawer = self.drawers[kind]
        if record not in drawer.rows:
            return None
        found: Doc = decode(drawer.body(record))
        return found

    def put(self, kind: str, doc: Doc, *, quiet: bool = False) -> None:
        """Store a record; unless `quiet`, webhooks may tell of it."""
        drawer, row = self.drawers[kind], _ROWS[kind](doc)
        before = drawer.rows.get(row.id)
        drawer.put(row, encode(doc))
        touched = row.id in self._touched
        self._touched.discard(row.id)
        if self.listener is not None and self.webhooks and not quiet:
            self.listener.written(kind, before, row, touched=touched)

    def remove(self, kind: str, record: int) -> None:
        self.drawers[kind].remove(record)
        if self.listener is not None and self.webhooks:
            self.listener.removed(kind, record)

    def picture(self) -> Picture:
        """All records as they are: old bytes are never overwritten, so this is only an index."""
        rows = {kind: dict(drawer.rows) for kind, drawer in self.drawers.items()}
        return Picture(rows, copy.copy(self.numbers), copy.deepcopy(self.webhooks))

    def put_back(self, picture: Picture) -> None:
        """Be as in the picture again; ids given out since are given out again."""
        for kind, rows in picture.rows.items():
            self.drawers[kind].replace(dict(rows))
        self.numbers = copy.copy(picture.numbers)
        self.webhooks = copy.deepcopy(picture.webhooks)

    def touch(self, doc: Doc, at: int | None = None) -> None:
        """Stamp a record as changed now, or at a given second."""
        local, gmt = self.site.both(self.clock.stamp() if at is None else at)
        doc["date_modified"], doc["date_modified_gmt"] = local, gmt
        if at is None:
            self._touched.add(doc["id"])

    def children(self, parent: int) -> list[int]:
        """The variations of a product, oldest first."""
        return self.drawers["variations"].of_parent(parent)

    def refunds_of(self, order: int) -> list[int]:
        """The refunds of an order, newest first."""
        return self.drawers["refunds"].of_parent(order)[::-1]

    def resum(self, parent: int, *, touch: bool = True) -> None:
        """Bring a variable product up to date with its variations, stamping it unless told not to."""
        doc = self.doc("products", parent)
        if doc is None:
            return
        children = [self.doc("variations", child) for child in self.children(parent)]
        products.sum_up(doc, [child for child in children if child is not None])
        if touch:
            self.touch(doc)
        self.put("products", doc, quiet=True)

    def fill(self, shop: Shop) -> None:
        """Take over a generated shop: people first, then the catalog, then order by order."""
        users = self._fill_customers(shop)
        ids = self._fill_products(shop)
        for sold in shop.orders():
            order = self._in_its_money(sold)
            number = self.numbers.next_post(gap=True)
            customer = 0 if order.customer is None else users[order.customer]
            lines = [self._line(shop, ids, line) for line in order.lines]
            doc = orders.order_doc(self.site, self.numbers, order, number, customer, lines)
            if order.refunds:
                self._add_refunds(doc, order)
            self.put("orders", doc)

    def _fill_customers(self, shop: Shop) -> list[int]:
        users = []
        for person in shop.customers:
            number = self.numbers.next_user()
            users.append(number)
            self.put("customers", customers.customer_doc(self.site, self.numbers, person, number))
        return users

    def _fill_products(self, shop: Shop) -> list[tuple[int, list[int]]]:
        ids: list[tuple[int, list[int]]] = []
        for product in shop.products:
            number = self.numbers.next_post(gap=True)
            doc = products.product_doc(self.site, self.numbers, product, number)
            children = [self.numbers.next_post() for _ in product.variants]
            ids.append((number, children))
            made = [
                products.variation_doc(self.site, product.option, product.created, doc, variant, child)
                for variant, child in zip(product.variants, children, strict=True)
            ]
            for variation in made:
                self.put("variations", variation)
            doc["grouped_products"] = [ids[index][0] for index in product.members]
            products.sum_up(doc, made)
            self.put("products", doc)
        return ids

    def _in_its_money(self, order: Order) -> Order:
        """The order in the store's own currency, and with its taxes in the prices where they are."""
        if order.currency == "USD" != self.site.currency:
            order = replace(order, currency=self.site.currency)
        if not self.site.prices_include_tax:
            return order
        lines = tuple(_with_taxes_inside(line) for line in order.lines)
        state = "done" if order.state == "returned" else order.state
        return replace(order, lines=lines, refunds=(), state=state)

    def _line(self, shop: Shop, ids: list[tuple[int, list[int]]], line: Line) -> Doc:
        number, child, parent_name = 0, 0, None
        if line.product is not None and not line.deleted:
            number, children = ids[line.product]
            if line.variant is not None:
                child = children[line.variant]
                parent_name = shop.products[line.product].title
        return orders.line_doc(self.numbers, line, (number, child), parent_name)

    def _add_refunds(self, doc: Doc, order: Order) -> None:
        for refund in order.refunds:
            made = refunds.generated(self.site, self.numbers, doc, refund, self.numbers.next_post())
            self.put("refunds", made)
            doc["refunds"].insert(0, refunds.short_form(made))


def _with_taxes_inside(line: Line) -> Line:
    taxes = taxes_in(line.subtotal, line.total, tuple(tax.rate for tax in line.taxes))
    return replace(
        line,
        subtotal=line.subtotal - sum(tax.before for tax in taxes),
        total=line.total - sum(tax.after for tax in taxes),
        taxes=taxes,
    )
