"""What the demo tells: the chapters, and what each claims of the stores and of the tables."""

# ruff: noqa: S608 - nothing in these queries comes from outside

import os
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from storelink.cli import show
from storelink.cli.deeds import Deed, to_be_broken, work_in_shopify, work_in_woocommerce
from storelink.cli.problems import ExitCode
from storelink.cli.words import number

if TYPE_CHECKING:
    from storelink.cli.context import Context
    from storelink.cli.demo import Teller
    from storelink.sandbox.running import Running, RunningShopify

WOO, SHOPIFY = "woo", "shopify"
"""What the stores are registered as."""


class Story:
    """The demo from registering to one query over both stores."""

    def __init__(
        self, context: "Context", woo: "Running", shopify: "RunningShopify", teller: "Teller"
    ) -> None:
        self.context, self.woo, self.shopify, self.teller = context, woo, shopify, teller

    def tell(self) -> None:
        """All chapters. Raises `Untrue` at the first thing that is not as it was said."""
        self._register()
        self._read()
        deeds = self._work_in_the_stores()
        self._verify(deeds)
        self._break_one()
        self._last_ledgers()
        self._look_into_the_tables()
        self._ask_both()

    # -- chapters

    def _register(self) -> None:
        self.teller.chapter(
            "1. Register both stores",
            "Their keys come from the environment here; they are sealed before they are stored.",
        )
        with _environment(self.woo.key, self.woo.secret):
            self.teller.run("connectors", "add", "woocommerce", WOO, "--store-url", self.woo.url)
        with _environment(self.shopify.client_id, self.shopify.client_secret):
            self.teller.run("connectors", "add", "shopify", SHOPIFY, "--store-url", self.shopify.url)
        held = self._one(
            "SELECT string_agg(concat_ws(' ', api_key, secret, credentials), ' ') FROM connector_config"
        )
        secrets = (self.woo.key, self.woo.secret, self.shopify.client_secret)
        self.teller.claim(
            "The database holds no key, secret or token in clear.",
            not any(secret in held for secret in secrets) and "shpat_" not in held,
        )

    def _read(self) -> None:
        self.teller.chapter(
            "2. Read both for the first time",
            "WooCommerce page by page; Shopify by bulk operations, which cost nothing of its rate limit.",
        )
        for name in (WOO, SHOPIFY):
            self.teller.run("sync", name)
            there = self._there(name)
            self.teller.claim(
                f"The tables hold all {number(there['orders'])} orders, {number(there['products'])} products"
                f" and {number(there['customers'])} customers that {name} has.",
                self._held(name) == there,
            )

    def _work_in_the_stores(self) -> list[Deed]:
        self.teller.chapter("3. Somebody works in both")
        deeds = [*work_in_woocommerce(WOO, self.woo), *work_in_shopify(SHOPIFY, self.shopify)]
        before = [self._arrived(deed) for deed in deeds]
        for name in (WOO, SHOPIFY):
            self.teller.run("sync", name)
        after = [self._arrived(deed) for deed in deeds]
        rows: list[list[show.Cell]] = [
            [deed.store, deed.thing, deed.what, _seen(first), _seen(second)]
            for deed, first, second in zip(deeds, before, after, strict=True)
        ]
        show.table(["store", "record", "what happens", "here before", "here after"], rows)
        self.teller.claim("None of it was here before.", not any(before))
        self.teller.claim(
            "All but one arrived with the next pass.", after == [not deed.silent for deed in deeds]
        )
        show.say(
            "That one is what no WooCommerce shop tells: deleting a refund moves no date of its order.",
            indent=4,
        )
        return deeds

    def _verify(self, deeds: list[Deed]) -> None:
        self.teller.chapter("4. Compare every record", "verify lists the whole store, refunds included.")
        self.teller.run("verify", WOO, expect=ExitCode.DRIFT)
        self.teller.run("verify", WOO, "--fix")
        silent = [deed for deed in deeds if deed.silent]
        self.teller.claim(
            "The refund that was deleted is gone here too.", all(self._arrived(deed) for deed in silent)
        )

    def _break_one(self) -> None:
        broken = to_be_broken(self.woo)
        order, total = broken["id"], broken["total"]
        self.teller.chapter(
            "5. A record that makes no sense", f"A plugin breaks order {order}: its total becomes “-”."
        )
        self.woo.admin.edit_order(order, total="-")
        self.teller.run("sync", WOO)
        self.teller.run("quarantine", "list", WOO)
        held = self._one(
            f"SELECT total_amount FROM platform_order WHERE {_OF} AND order_id = :id", WOO, id=str(order)
        )
        self.teller.claim(
            "The order is set aside; what was held of it before is still here.",
            self._state(order) == "quarantined" and held == Decimal(total),
        )
        self.woo.admin.edit_order(order, total=total)
        show.say()
        show.say("The shop mends it, and the order is tried again:")
        self.teller.run("quarantine", "retry", WOO)
        self.teller.claim("It is out of the quarantine.", self._state(order) in ("held", "unsettled"))

    def _last_ledgers(self) -> None:
        self.teller.chapter("6. The last ledgers", "This time with every record read whole.")
        for name in (WOO, SHOPIFY):
            self.teller.run("verify", name, "--deep")
        self.teller.run("status")
        for name in (WOO, SHOPIFY):
            self.teller.claim(
                f"{name} and the tables hold the same number of records.",
                self._held(name) == self._there(name),
            )
            total = self._total_there(name)
            held = self._one(
                f"SELECT sum(total_amount) FROM platform_order WHERE {_OF} AND {_LISTED[name]}", name
            )
            self.teller.claim(f"The sum of all its orders' totals is its own: {total:,.2f}.", held == total)

    def _look_into_the_tables(self) -> None:
        self.teller.chapter("7. Both in the same tables")
        for title, query in TABLES:
            self._show(title, query)

    def _ask_both(self) -> None:
        self.teller.chapter("8. One query over both")
        self._say_query(SAME_SKU)
        found = self._show("", SAME_SKU)
        self.teller.claim(
            "Each of these is sold in both stores.", bool(found) and all(None not in row for row in found)
        )
        email = self._one(BUYS_IN_BOTH)
        self._say_query(HISTORY.replace(":email", f"'{email}'"))
        found = self._show("", HISTORY, email=email)
        self.teller.claim(
            f"{email} has ordered in both; neither store knows of the other.",
            {row[0] for row in found} == {WOO, SHOPIFY},
        )

    # -- the stores' own truth

    def _there(self, name: str) -> dict[str, int]:
        """What of a store counts: WooCommerce has checkouts that were never finished; they are no orders."""
        if name == SHOPIFY:
            counts = self.shopify.admin.counts()
            return {kind: counts[kind] for kind in ("orders", "products", "customers")}
        admin = self.woo.admin
        return {
            "orders": len(self._woo_orders()),
            "products": len(admin.records("products")),
            "customers": len(admin.records("customers")),
        }

    def _woo_orders(self) -> list[dict[str, Any]]:
        return [one for one in self.woo.admin.records("orders") if one["status"] != "checkout-draft"]

    def _total_there(self, name: str) -> Decimal:
        if name == WOO:
            return sum((Decimal(order["total"]) for order in self._woo_orders()), Decimal(0))
        cents = sum(order["totalPriceSet"] for order in self.shopify.admin.records("orders"))
        return Decimal(cents) / 100

    # -- what the tables say

    def _one(self, query: str, store: str = "", **values: Any) -> Any:
        with self.context.database.session() as session:
            return session.connection().execute(text(query), {"name": store, **values}).scalar()

    def _arrived(self, deed: Deed) -> bool:
        query = f"SELECT {deed.arrived} FROM connector_config s WHERE s.name = :name"
        return bool(self._one(query, deed.store, **deed.values))

    def _held(self, name: str) -> dict[str, int]:
        query = (
            f"SELECT count(*) FROM source_record WHERE {_OF} AND resource = :kind"
            " AND state IN ('held', 'unsettled')"
        )
        return {kind: int(self._one(query, name, kind=kind)) for kind in ("orders", "products", "customers")}

    def _state(self, order: int) -> str:
        query = f"SELECT state FROM source_record WHERE {_OF} AND resource = 'orders' AND record_id = :id"
        return str(self._one(query, WOO, id=str(order)))

    @staticmethod
    def _say_query(query: str) -> None:
        show.say()
        for line in query.strip("\n").splitlines():
            show.say(show.Toned(line.strip(), show.INFO), indent=len(line) - len(line.lstrip()))

    def _show(self, title: str, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Show what a query finds as a table, and return it."""
        with self.context.database.session() as session:
            found = session.connection().execute(text(query), values)
            names = list(found.keys())
            rows = [tuple(row) for row in found]
        show.say()
        if title:
            show.say(title)
        cells: list[list[show.Cell]] = [
            ["" if value is None else _cell(value) for value in row] for row in rows
        ]
        show.table(names, cells, right=[name for name in names if name in _NUMERIC], indent=2)
        return rows


class _environment:  # noqa: N801 - reads as what it is
    """The keys of one store in the environment, as `connectors add` reads them."""

    def __init__(self, key: str, secret: str) -> None:
        self._keys: Mapping[str, str] = {"STORELINK_API_KEY": key, "STORELINK_SECRET": secret}

    def __enter__(self) -> None:
        os.environ.update(self._keys)

    def __exit__(self, *_: object) -> None:
        for name in self._keys:
            os.environ.pop(name, None)


def _seen(here: bool) -> show.Cell:
    return show.Toned("yes", show.GOOD) if here else show.Toned("no", show.FAINT)


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return number(value) if isinstance(value, int) else str(value)


_OF = "connector_id = (SELECT id FROM connector_config WHERE name = :name)"
_LISTED = {WOO: "true", SHOPIFY: "deleted_at IS NULL"}
"""WooCommerce's trash is still in the store; what Shopify deletes is not."""
_NUMERIC = (WOO, SHOPIFY, "total", "refunded", "left", "sold", "orders", "amount", "price", "in both")

_COUNT = "SELECT '{0}' AS \"table\", c.name, count(t.connector_id) AS rows FROM connector_config c LEFT JOIN {0} t ON t.connector_id = c.id GROUP BY c.name"  # noqa: E501
_TABLES = (
    "platform_product", "platform_customer", "platform_order", "order_item", "order_refund", "change_event",
)  # fmt: skip
TABLES = (
    (
        "How many rows, deleted ones included:",
        f"""
        SELECT "table", max(rows) FILTER (WHERE name = '{WOO}') AS {WOO},
               max(rows) FILTER (WHERE name = '{SHOPIFY}') AS {SHOPIFY}
        FROM ({" UNION ALL ".join(_COUNT.format(table) for table in _TABLES)}) AS counted
        GROUP BY "table" ORDER BY array_position(ARRAY{list(_TABLES)}, "table")
        """,
    ),
    (
        "The latest orders of each:",
        """
        SELECT name AS store, order_number AS "order", status, financial_status AS paid,
               total_amount AS total, refunded_amount AS refunded, current_total_amount AS "left"
        FROM (
            SELECT c.name, o.*, row_number() OVER (
                PARTITION BY o.connector_id ORDER BY o.source_updated_at DESC NULLS LAST, o.order_id DESC
            ) AS place
            FROM platform_order o JOIN connector_config c ON c.id = o.connector_id
            WHERE o.deleted_at IS NULL
        ) AS latest
        WHERE place <= 3 ORDER BY name DESC, place
        """,
    ),
)

SAME_SKU = f"""
  SELECT sku, w.title, w.price AS {WOO}, s.price AS {SHOPIFY}
  FROM product_by_sku w JOIN product_by_sku s USING (sku)
  WHERE w.platform = 'woocommerce' AND s.platform = 'shopify'
  ORDER BY sku LIMIT 4
"""

HISTORY = """
  SELECT name AS store, order_number AS "order",
         o.created_at::date AS day, o.status,
         total_amount AS total, refunded_amount AS refunded
  FROM platform_order o JOIN connector_config c ON c.id = connector_id
  WHERE lower(email) = :email AND o.deleted_at IS NULL
  ORDER BY o.created_at DESC, name LIMIT 6
"""

BUYS_IN_BOTH = """
  SELECT lower(email) FROM platform_order
  WHERE email IS NOT NULL AND deleted_at IS NULL
  GROUP BY lower(email)
  HAVING count(DISTINCT platform) > 1
  ORDER BY sum(refunded_amount) > 0 AND count(*) BETWEEN 3 AND 6 DESC, count(*), lower(email) LIMIT 1
"""
