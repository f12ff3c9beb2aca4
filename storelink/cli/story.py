"""What the demo tells: the chapters, and what each claims of the store and of the tables."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from storelink.cli import show
from storelink.cli.problems import ExitCode
from storelink.cli.words import number

if TYPE_CHECKING:
    from storelink.cli.context import Context
    from storelink.cli.demo import Teller
    from storelink.sandbox.running import Running

NAME = "demo"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The records that are worked on: store ids."""

    completed: int
    price: int
    refunded: int
    trashed: int
    refund_gone: int
    order_of_refund: int
    broken: int


class Story:
    """The demo from registering to the last ledger."""

    def __init__(self, context: "Context", store: "Running", teller: "Teller") -> None:
        self.context, self.store, self.teller = context, store, teller

    def tell(self) -> None:
        """All chapters. Raises `Untrue` at the first thing that is not as it was said."""
        self._register()
        self._read()
        chosen = choose(self.store)
        self._work_in_the_store(chosen)
        self._verify(chosen)
        self._break_one(chosen.broken)
        self._last_ledger()
        self._look_into_the_tables()

    # -- chapters

    def _register(self) -> None:
        self.teller.chapter(
            "1. Register the store",
            "Its keys come from the environment here; they are sealed before they are stored.",
        )
        self.teller.run("connectors", "add", "woocommerce", NAME, "--store-url", self.store.url)
        held = self._one("SELECT api_key || secret FROM connector_config WHERE name = :name")
        self.teller.claim(
            "The database holds neither the key nor the secret in clear.",
            self.store.key not in held and self.store.secret not in held,
        )

    def _read(self) -> None:
        self.teller.chapter("2. Read it for the first time")
        self.teller.run("sync", NAME)
        there = {kind: len(rows) for kind, rows in self._visible().items()}
        self.teller.claim(
            f"The tables hold all {number(there['orders'])} orders, {number(there['products'])} products and"
            f" {number(there['customers'])} customers that the store has.",
            self._held() == there,
        )

    def _work_in_the_store(self, chosen: Chosen) -> None:
        admin = self.store.admin
        self.teller.chapter("3. Somebody works in the store")
        price = str(Decimal(admin.record("products", chosen.price)["regular_price"]) + 5)
        admin.edit_order(chosen.completed, status="completed")
        admin.edit_product(chosen.price, regular_price=price)
        person = admin.create_customer(first_name="Ada", last_name="Byron", email="ada@example.test")
        refund = admin.add_refund(chosen.refunded, "5.00", "Arrived scratched")
        admin.trash("orders", chosen.trashed)
        admin.delete_refund(chosen.refund_gone)
        before = [
            ("order", chosen.completed, "status becomes completed", self._completed(chosen.completed)),
            ("product", chosen.price, f"price becomes {price}", self._price(chosen.price, price)),
            ("customer", person["id"], "is new", self._customer(person["id"])),
            ("order", chosen.refunded, "gets a refund of 5.00", self._refund(refund["id"])),
            ("order", chosen.trashed, "goes to the trash", self._trashed(chosen.trashed)),
            ("order", chosen.order_of_refund, "loses a refund", self._lost(chosen.refund_gone)),
        ]
        self.teller.run("sync", NAME)
        after = [
            self._completed(chosen.completed), self._price(chosen.price, price), self._customer(person["id"]),
            self._refund(refund["id"]), self._trashed(chosen.trashed), self._lost(chosen.refund_gone),
        ]  # fmt: skip
        rows: list[list[show.Cell]] = [
            [f"{thing} {record}", what, _seen(first), _seen(second)]
            for (thing, record, what, first), second in zip(before, after, strict=True)
        ]
        show.table(["in the store", "what happens", "here before", "here after"], rows)
        self.teller.claim("None of it was here before.", not any(first for *_, first in before))
        self.teller.claim("Five of six arrived with the next pass.", after == [True] * 5 + [False])
        show.say(
            "The sixth is what no WooCommerce shop tells: deleting a refund moves no date of its order.",
            indent=4,
        )

    def _verify(self, chosen: Chosen) -> None:
        self.teller.chapter("4. Compare every record", "verify lists the whole store, refunds included.")
        self.teller.run("verify", NAME, expect=ExitCode.DRIFT)
        self.teller.run("verify", NAME, "--fix")
        self.teller.claim("The refund that was deleted is gone here too.", self._lost(chosen.refund_gone))

    def _break_one(self, order: int) -> None:
        self.teller.chapter(
            "5. A record that makes no sense", f"A plugin breaks order {order}: its total becomes “-”."
        )
        total = self.store.admin.record("orders", order)["total"]
        self.store.admin.edit_order(order, total="-")
        self.teller.run("sync", NAME)
        self.teller.run("quarantine", "list", NAME)
        self.teller.claim(
            "The order is set aside; what was held of it before is still here.",
            self._state(order) == "quarantined" and self._total(order) == Decimal(total),
        )
        self.store.admin.edit_order(order, total=total)
        show.say()
        show.say("The shop mends it, and the order is tried again:")
        self.teller.run("quarantine", "retry", NAME)
        self.teller.claim("It is out of the quarantine.", self._state(order) in ("held", "unsettled"))

    def _last_ledger(self) -> None:
        self.teller.chapter("6. The last ledger", "This time with every record read whole.")
        self.teller.run("verify", NAME, "--deep")
        self.teller.run("status")
        there = {kind: len(rows) for kind, rows in self._visible().items()}
        self.teller.claim("Store and tables hold the same number of records.", self._held() == there)
        totals = sum((Decimal(order["total"]) for order in self._visible()["orders"]), Decimal(0))
        held = self._one("SELECT sum(total_amount) FROM platform_order")
        self.teller.claim(f"The sum of all orders' totals is the store's own: {totals:,.2f}.", held == totals)

    def _look_into_the_tables(self) -> None:
        self.teller.chapter("7. What is in the tables")
        for title, query in QUERIES:
            show.say()
            show.say(title)
            with self.context.database.session() as session:
                found = session.connection().execute(text(query))
                names = list(found.keys())
                rows = [["" if value is None else _cell(value) for value in row] for row in found]
            right = [name for name in names if name in _NUMERIC]
            show.table(names, rows, right=right, indent=2)

    # -- the store's own truth

    def _visible(self) -> dict[str, list[dict[str, Any]]]:
        """What of the store counts: a checkout that was never finished is no order."""
        admin = self.store.admin
        orders = [order for order in admin.records("orders") if order["status"] != "checkout-draft"]
        return {
            "orders": orders,
            "products": admin.records("products"),
            "customers": admin.records("customers"),
        }

    # -- what the tables say

    def _one(self, query: str, **values: Any) -> Any:
        with self.context.database.session() as session:
            return session.connection().execute(text(query), {"name": NAME, **values}).scalar()

    def _held(self) -> dict[str, int]:
        query = "SELECT count(*) FROM source_record WHERE resource = :kind AND state IN ('held', 'unsettled')"
        return {kind: int(self._one(query, kind=kind)) for kind in ("orders", "products", "customers")}

    def _state(self, order: int) -> str:
        query = "SELECT state FROM source_record WHERE resource = 'orders' AND record_id = :id"
        return str(self._one(query, id=str(order)))

    def _total(self, order: int) -> Decimal:
        return Decimal(
            self._one("SELECT total_amount FROM platform_order WHERE order_id = :id", id=str(order))
        )

    def _completed(self, order: int) -> bool:
        query = "SELECT platform_status = 'completed' FROM platform_order WHERE order_id = :id"
        return bool(self._one(query, id=str(order)))

    def _price(self, product: int, price: str) -> bool:
        query = "SELECT price = :price FROM platform_product WHERE variant_id = :id"
        return bool(self._one(query, id=str(product), price=Decimal(price)))

    def _customer(self, customer: int) -> bool:
        query = "SELECT email IS NOT NULL FROM platform_customer WHERE customer_id = :id"
        return bool(self._one(query, id=str(customer)))

    def _refund(self, refund: int) -> bool:
        return bool(self._one("SELECT count(*) FROM order_refund WHERE refund_id = :id", id=str(refund)))

    def _lost(self, refund: int) -> bool:
        return not self._refund(refund)

    def _trashed(self, order: int) -> bool:
        query = "SELECT deleted_at IS NOT NULL FROM platform_order WHERE order_id = :id"
        return bool(self._one(query, id=str(order)))


def choose(store: "Running") -> Chosen:
    """Records that are right for each deed, the same for the same seed."""
    admin = store.admin
    orders = [one for one in admin.records("orders") if one["currency"] == "USD"]
    paid = [one["id"] for one in orders if one["status"] == "processing" and not one["refunds"]]
    done = [one["id"] for one in orders if one["status"] == "completed" and not one["refunds"]]
    large = [
        one["id"] for one in orders
        if one["id"] in set(done) and Decimal(one["total"]) > 20
    ]  # fmt: skip
    parents = {one["id"] for one in orders if one["status"] in ("completed", "processing", "refunded")}
    refund = next(one for one in reversed(admin.records("refunds")) if one["parent_id"] in parents)
    product = next(one for one in admin.records("products") if _simple(one))
    refunded = large[-1]
    trashed = next(one for one in reversed(done) if one != refunded)
    return Chosen(
        completed=paid[-1],
        price=product["id"],
        refunded=refunded,
        trashed=trashed,
        refund_gone=refund["id"],
        order_of_refund=refund["parent_id"],
        broken=paid[-2],
    )


def _simple(product: dict[str, Any]) -> bool:
    """For sale, at one price."""
    plain = product["type"] == "simple" and product["status"] == "publish"
    return bool(plain and product["regular_price"] and not product["sale_price"])


def _seen(here: bool) -> show.Cell:
    return show.Toned("yes", show.GOOD) if here else show.Toned("no", show.FAINT)


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return number(value) if isinstance(value, int) else str(value)


_NUMERIC = ("rows", "total", "refunded", "left", "sold", "orders", "amount")
QUERIES = (
    (
        "How many rows:",
        """
        SELECT * FROM (
            SELECT 'platform_product' AS "table", count(*) AS rows, 'one for each unit that can be sold' AS what
            FROM platform_product UNION ALL
            SELECT 'platform_customer', count(*), 'accounts' FROM platform_customer UNION ALL
            SELECT 'platform_order', count(*), 'those in the trash marked as deleted' FROM platform_order UNION ALL
            SELECT 'order_item', count(*), 'what was bought' FROM order_item UNION ALL
            SELECT 'order_refund', count(*), 'what was given back' FROM order_refund UNION ALL
            SELECT 'change_event', count(*), 'every change since, for other programs' FROM change_event
        ) AS counted
        """,  # noqa: E501 - a line a table reads best
    ),
    (
        "The latest orders:",
        """
        SELECT order_number AS "order", status, financial_status AS paid, total_amount AS total,
               refunded_amount AS refunded, current_total_amount AS "left", currency
        FROM platform_order ORDER BY source_updated_at DESC NULLS LAST, order_id DESC LIMIT 3
        """,
    ),
    (
        "What sells best:",
        """
        SELECT i.sku, max(i.title) AS title, sum(i.quantity)::int AS sold,
               count(DISTINCT i.order_id) AS orders
        FROM order_item i JOIN platform_order o USING (connector_id, order_id)
        WHERE i.sku IS NOT NULL AND o.deleted_at IS NULL
        GROUP BY i.sku ORDER BY sold DESC, i.sku LIMIT 3
        """,
    ),
)
