"""Who asks, and what one request may see and has met so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql.pyutils import Path

if TYPE_CHECKING:
    from storelink.sandbox.shopify.graph import Graph

#: how far back orders are shown without `read_all_orders`
SIXTY_DAYS = 60 * 86_400
ALL_SCOPES = frozenset(
    (
        "read_products", "write_products", "read_inventory", "read_locations", "read_customers",
        "write_customers", "read_orders", "write_orders", "read_all_orders", "write_order_edits",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """The app that asks. `protected`: granted, level1 (names, addresses … are null) or none.

    `unlimited` lets connections return all they have, for bulk operations; `only` are then the
    records of the root connection to serve, as `Graph.root_ids` listed them.
    """

    scopes: frozenset[str] = ALL_SCOPES
    all_orders: bool = True
    protected: str = "granted"
    app: str = "storelink"
    unlimited: bool = False
    only: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One field of a request: on what it is asked, where in the answer, with which arguments."""

    run: "Run"
    source: Any
    path: Path
    args: Mapping[str, Any]


@dataclass(slots=True)
class Run:
    """One request being executed.

    `oldest` is the first second of orders that may be seen, `roots` how many root fields are asked
    for, `single` whether the only one is a product.
    """

    graph: "Graph"
    context: Context
    oldest: int
    roots: int = 1
    single: bool = False
    searches: list[dict[str, Any]] = field(default_factory=list)
