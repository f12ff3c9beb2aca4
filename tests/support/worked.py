"""Stores that people work in while they are read: what may happen there, platform by platform."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from random import Random
from typing import Any, ClassVar

from shopify_laboratory import ShopifyLaboratory, read_by_pages
from woo_laboratory import WooLaboratory

from storelink.conformance import Laboratory
from storelink.connectors.protocol import Limits
from storelink.sandbox.admin import DeskError

Edit = list[Any]
Parts = tuple[str, str, dict[str, set[str]]]
"""A table, its key, and the keys that it should have for each order."""


class Worked(ABC):
    """One store and its staff. `spared` are records that are never deleted, so that edits may be
    scripted ahead."""

    lab: Laboratory
    lag: float = 0.0
    """Seconds after which a change is in the store's lists."""

    def __init__(self, lab: Any, chance: Random) -> None:
        self.lab, self.admin, self.chance = lab, lab.admin, chance
        truth = self.admin.truth()
        kinds = {kind: [row["id"] for row in rows] for kind, rows in truth.items()}
        self.spared = {
            kind: sorted(chance.sample(ids, len(ids) * 2 // 3)) for kind, ids in kinds.items() if ids
        }
        parents = self.parents(truth)
        self.spared["variations"] = [key for key, parent in parents.items() if self.is_spared(parent)]

    def is_spared(self, product: int) -> bool:
        return product in self.spared["products"]

    @abstractmethod
    def parents(self, truth: Mapping[str, Any]) -> dict[int, int]:
        """The product of each variation."""

    @abstractmethod
    def edit(self) -> Edit:
        """Something that may happen at any moment from now."""

    @abstractmethod
    def work(self, resource: str, *, listed: bool) -> None:
        """Between two pages of a resource: deletions, mostly of what was read. `listed`: its last
        list was made."""

    @abstractmethod
    def work_unseen(self) -> None:
        """What moves no date, and what no list shows any more."""

    @abstractmethod
    def parts(self) -> Iterator[Parts]:
        """Lines and refunds of the orders."""

    def close(self) -> None:
        self.lab.close()

    def script(self, requests: int) -> list[dict[str, Any]]:
        """Fault rules: just before the n-th request is answered, some of this happens."""
        rules = []
        for nth in range(1, requests):
            edits = [self.edit() for _ in range(self.chance.choice((0, 1, 1, 2, 4)))]
            edits.append(["advance", self.chance.choice((0, 0, 0.5, 1, 3))])
            rules.append({"match": {"nth": nth}, "do": {"edits": edits}})
        return rules

    def rest(self) -> None:
        """Nobody works any more."""
        self.admin.faults([])

    def anyone(self, kind: str) -> int:
        """A record that stays."""
        found: int = self.chance.choice(self.spared[kind])
        return found

    def lost(self, kind: str, known: list[int]) -> Iterator[int]:
        """A few records to be deleted, rather early ones; a few of them stay."""
        for _ in range(self.chance.choice((1, 2, 3))):
            left = [key for key in known if key not in self.spared[kind]]
            if len(left) > 10:
                key = left[int(self.chance.random() ** 2 * len(left))]
                known.remove(key)
                yield key


class WorkedWoo(Worked):
    """A WooCommerce store."""

    lab: WooLaboratory
    STATUSES: ClassVar = ("pending", "processing", "on-hold", "completed", "cancelled", "failed")

    def __init__(self, seed: int) -> None:
        plan: dict[str, Any] = {"orders": 320, "products": 110, "customers": 140, "seed": seed}
        if seed % 3 == 0:  # an older WooCommerce, without lists over all refunds and variations
            plan |= {"has_refunds": False, "has_variations": False, "hpos": False}
        plan["time_zone"] = ("America/New_York", "Asia/Kolkata")[seed % 2]
        super().__init__(WooLaboratory(0, **plan), Random(seed))

    def parents(self, truth: Mapping[str, Any]) -> dict[int, int]:
        return {row["id"]: row["parent"] for row in truth["variations"]}

    def edit(self) -> Edit:
        chance = self.chance
        order, product, variation, customer = (
            self.anyone(kind) for kind in ("orders", "products", "variations", "customers")
        )
        return chance.choice(
            [
                ["edit_order", order, {"status": chance.choice(self.STATUSES)}],
                ["edit_order", order, {"customer_note": f"note {chance.random()}"}],
                ["edit_product", product, {"name": f"Renamed {chance.randrange(999)}"}],
                ["edit_variation", variation, {"regular_price": f"{chance.randrange(1, 99)}.95"}],
                ["edit_customer", customer, {"first_name": f"Ann{chance.randrange(999)}"}],
                ["trash", "orders", order],
                ["restore", "orders", order],
                ["trash", "products", product],
                ["restore", "products", product],
                ["add_refund", order, "0.37", {"reason": "late"}],
                ["create_order"],
                ["create_product"],
                ["create_customer"],
            ]
        )

    def work(self, resource: str, *, listed: bool) -> None:
        if listed:
            return  # of what is deleted now no list tells
        chance, admin = self.chance, self.admin
        self.lab.pass_time(chance.choice((0, 1, 2)))
        truth = {kind: [row["id"] for row in rows] for kind, rows in admin.truth().items()}
        for key in self.lost(resource, truth[resource]):
            admin.delete(resource, key)
        if resource == "products":
            parents = self.parents(admin.truth())
            free = [key for key, parent in parents.items() if not self.is_spared(parent)]
            if free:
                admin.create_variation(parents[chance.choice(free)])
                admin.delete("variations", chance.choice(free))
        for kind in ("orders", "products"):
            first = chance.randrange(len(self.spared[kind]))
            for key in self.spared[kind][first : first + chance.choice((1, 1, 25))]:  # a few, or a whole run
                chance.choice((admin.trash, admin.restore))(kind, key)

    def work_unseen(self) -> None:
        chance, admin = self.chance, self.admin
        for refund in chance.sample(admin.records("refunds"), 4):
            admin.delete_refund(refund["id"])
        orders = [doc for doc in admin.records("orders") if doc["status"] in self.STATUSES]
        for doc in chance.sample(orders, 5):
            admin.set_field_silently("orders", doc["id"], status="completed", total="1.23")
        for kind in ("orders", "products", "customers"):
            admin.delete(kind, chance.choice(admin.truth()[kind])["id"])
        admin.delete("variations", chance.choice(admin.truth()["variations"])["id"])

    def parts(self) -> Iterator[Parts]:
        orders = [doc for doc in self.admin.records("orders") if doc["status"] != "checkout-draft"]
        for table, column, part in (
            ("order_item", "item_id", "line_items"),
            ("order_refund", "refund_id", "refunds"),
        ):
            yield table, column, {str(doc["id"]): {str(one["id"]) for one in doc[part]} for doc in orders}


class WorkedShopify(Worked):
    """A Shopify store; `by_pages`: the token may not run bulk operations."""

    lab: ShopifyLaboratory

    def __init__(self, seed: int, *, by_pages: bool = False) -> None:
        sizes = (190, 70, 90) if by_pages else (320, 110, 140)
        plan = dict(zip(("orders", "products", "customers"), sizes, strict=True))
        lab = ShopifyLaboratory(0, **plan, seed=seed)
        lab.limits = Limits(timeout=30, retries=2, width=2)  # type: ignore[misc]  # a constant of the class
        super().__init__(lab, Random(seed))
        self.lag = (0.0, 40.0, 600.0)[seed % 3]
        lab.admin.set_site(index_lag=self.lag)
        if by_pages:
            read_by_pages(lab)
        else:
            lab.admin.set_site(bulk_seconds=self.chance.choice((0, 1, 2)))

    def parents(self, truth: Mapping[str, Any]) -> dict[int, int]:
        return {row["id"]: row["parent"] for row in truth["variants"]}

    def script(self, requests: int) -> list[dict[str, Any]]:
        # an operation is waited for: the clock must not stand still then
        passing = {"match": {"operation": "BulkStatus"}, "do": {"edits": [["advance", 1], self.edit()]}}
        return [*super().script(requests), passing]

    def rest(self) -> None:
        super().rest()
        self.admin.set_site(bulk_seconds=0)

    def edit(self) -> Edit:
        chance = self.chance
        order, product, variation, customer = (
            self.anyone(kind) for kind in ("orders", "products", "variations", "customers")
        )
        return chance.choice(
            [
                ["edit_order", order, {"note": f"note {chance.random()}"}],
                ["edit_order", order, {"email": f"late{chance.randrange(999)}@example.test"}],
                ["add_line", order, {"price": f"{chance.randrange(1, 99)}.95"}],
                ["close_order", order],
                ["reopen_order", order],
                ["fulfill_order", order],
                ["cancel_order", order],
                ["add_refund", order, "0.00", {"reason": "late"}],
                ["edit_product", product, {"title": f"Renamed {chance.randrange(999)}"}],
                ["edit_variation", variation, {"price": f"{chance.randrange(1, 99)}.95"}],
                ["create_variation", product, f"size {chance.random()}"],
                ["edit_customer", customer, {"firstName": f"Ann{chance.randrange(999)}"}],
                ["create_order", {"customer": customer}],
                ["create_product"],
                ["create_customer"],
            ]
        )

    def work(self, resource: str, *, listed: bool) -> None:
        """Shopify's events tell of what was destroyed, so it may happen at any time."""
        chance, admin = self.chance, self.admin
        self.lab.pass_time(chance.choice((0, 1, 2)))
        truth = {kind: [row["id"] for row in rows] for kind, rows in admin.truth().items()}
        for key in self.lost(resource, truth[resource]):
            self.lab.delete(resource, str(key))
        if resource == "products":
            self._delete_a_variant(self.is_spared)
        for doc in chance.sample(admin.records("orders"), 3):
            if doc["_left"] > 10:
                with suppress(DeskError):  # a request under way may just have cancelled it
                    admin.add_refund(doc["id"], "0.10", "in between")
        first = chance.randrange(len(self.spared["orders"]))
        for key in self.spared["orders"][first : first + chance.choice((1, 1, 25))]:
            admin.edit_order(key, note="a run of rows")

    def _delete_a_variant(self, spared: Any) -> None:
        parents = self.parents(self.admin.truth())
        several = [
            key for key, parent in parents.items()
            if not spared(parent) and list(parents.values()).count(parent) > 1
        ]  # fmt: skip
        if several:
            self.admin.delete("variations", self.chance.choice(several))

    def work_unseen(self) -> None:
        chance, admin = self.chance, self.admin
        for doc in chance.sample(admin.records("orders"), 5):
            admin.set_field_silently("orders", doc["id"], email="silent@example.test")
        for unit in chance.sample(admin.records("variations"), 3):
            admin.set_field_silently("variations", unit["id"], price="1.23")
        for kind in ("orders", "products", "customers"):
            self.lab.delete(kind, str(chance.choice(admin.truth()[kind])["id"]))
        self._delete_a_variant(lambda parent: False)

    def parts(self) -> Iterator[Parts]:
        orders = self.admin.records("orders")
        for table, column, part in (
            ("order_item", "item_id", "_lines"),
            ("order_refund", "refund_id", "_refunds"),
        ):
            yield table, column, {str(doc["id"]): {str(one["id"]) for one in doc[part]} for doc in orders}


SHOPS = {
    "woocommerce": WorkedWoo,
    "shopify by bulk": WorkedShopify,
    "shopify by windows": WorkedShopify,
    "shopify by pages": lambda seed: WorkedShopify(seed, by_pages=True),
}
