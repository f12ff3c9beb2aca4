"""What the reader must know of each resource: its type, its documents, and what is nested in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storelink.connectors.shopify.jsonl import Layout


@dataclass(frozen=True, slots=True)
class Nested:
    """A connection inside a record: its key there, and the document that reads on in it."""

    key: str
    more: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource. Documents are named as in `queries`."""

    resource: str
    type: str
    scope: str
    """Without `read_`."""
    nested: tuple[Nested, ...]
    listed: Mapping[str, tuple[Nested, ...]] = field(default_factory=dict)
    """Plain lists of the record, and the connections inside their items."""
    rows: Mapping[str, str] = field(default_factory=dict)
    """Of a bulk result: type of a nested row → key in the record."""
    lines: int = 25
    """How many of a record's nested rows come with it."""
    exact: bool = True
    """Whether `updated_at` filters by the second; else by the day."""

    @property
    def layout(self) -> Layout:
        return Layout(self.type, self.rows)

    @property
    def nodes(self) -> str:
        return f"{self.type.lower()}_nodes"

    @property
    def page(self) -> str:
        return f"{self.type.lower()}_page"

    @property
    def list(self) -> str:
        return f"{self.type.lower()}_list"

    @property
    def bulk(self) -> str:
        return f"bulk_{self.resource}"

    @property
    def bulk_list(self) -> str:
        return f"bulk_{self.type.lower()}_list"

    def gid(self, key: str) -> str:
        """Shopify's own form of an id of ours."""
        return f"gid://shopify/{self.type}/{key}"


KINDS = {
    "products": Kind(
        "products",
        "Product",
        "products",
        (Nested("variants", "more_variants"),),
        rows={"ProductVariant": "variants"},
        lines=50,
    ),
    "customers": Kind(
        "customers",
        "Customer",
        "customers",
        (Nested("addresses", "more_addresses"),),
        rows={"MailingAddress": "addresses"},
        lines=10,
        exact=False,
    ),
    "orders": Kind(
        "orders",
        "Order",
        "orders",
        (Nested("lineItems", "more_line_items"), Nested("shippingLines", "more_shipping_lines")),
        listed={
            "refunds": (
                Nested("refundLineItems", "more_refund_line_items"),
                Nested("refundShippingLines", "more_refund_shipping_lines"),
                Nested("orderAdjustments", "more_order_adjustments"),
                Nested("transactions", "more_refund_transactions"),
            )
        },
        rows={"LineItem": "lineItems", "ShippingLine": "shippingLines"},
    ),
}


def key_of(gid: str) -> str:
    """Our id for one of Shopify's: its numeric tail."""
    return gid.rpartition("/")[2].partition("?")[0]
