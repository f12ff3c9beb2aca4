"""One generated shop, the same for every platform that serves it.

Everything here is platform-neutral: products with variants, people, orders with lines, taxes,
discounts and refunds. Money is whole cents of the order's currency, times are whole seconds since
1970 (UTC), references are indexes into the shop's own lists. The same `Plan` always gives the same
shop.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: the newest generated date, 2026-10-01T00:00:00Z: what a test edits later is always newer
ENDS = 1_790_812_800
#: how far back the shop's history reaches
SPAN = 2 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a shop, and which one. `items_per_order` None means about three."""

    orders: int = 200
    products: int = 60
    customers: int = 80
    seed: int = 1
    items_per_order: int | None = None
    refunded_share: float = 0.06
    variable_share: float = 0.30


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `state` is the platform-independent short code, "" where there is none."""

    first: str
    last: str
    company: str
    line1: str
    line2: str
    city: str
    state: str
    postcode: str
    country: str
    phone: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One sellable unit of a variable product, named by its option value."""

    label: str
    sku: str
    price: int | None
    sale: int | None
    stock: int | None
    modified: int
    weight: str
    image: int = 0
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Product:
    """A product. `kind`: simple, virtual, variable, external or grouped.

    `state`: published, draft, pending, private or trashed. `image` is a picture number, 0 for none.
    """

    title: str
    kind: str
    state: str
    sku: str
    price: int | None
    sale: int | None
    stock: int | None
    created: int
    modified: int
    description: str
    summary: str
    category: int
    weight: str
    sold: int
    image: int
    option: str = ""
    variants: tuple[Variant, ...] = ()
    members: tuple[int, ...] = ()
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with an account. `role`: customer, manager, admin or subscriber.

    `modified` is None for an account that the shop system itself never wrote.
    """

    first: str
    last: str
    email: str
    login: str
    role: str
    created: int
    modified: int | None
    billing: Address | None
    shipping: Address | None
    paying: bool
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class TaxRate:
    """`share` is in thousandths of a percent: 8250 is 8.25 %."""

    number: int
    country: str
    state: str
    label: str
    share: int
    compound: bool = False


@dataclass(frozen=True, slots=True)
class Tax:
    """What one rate takes of one line: on its price before and after order discounts."""

    rate: TaxRate
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order. `product` None: a custom line. `deleted`: the product is gone for good."""

    product: int | None
    variant: int | None
    deleted: bool
    title: str
    sku: str
    quantity: int
    subtotal: int
    total: int
    taxes: tuple[Tax, ...]
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Fee:
    title: str
    total: int
    taxes: tuple[Tax, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    title: str
    total: int
    taxes: tuple[Tax, ...]


@dataclass(frozen=True, slots=True)
class Coupon:
    code: str
    percent: int
    discount: int
    discount_tax: int


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What of an order's line `line` (an index) is given back; cents are positive."""

    line: int
    quantity: int
    total: int
    taxes: tuple[tuple[TaxRate, int], ...]


@dataclass(frozen=True, slots=True)
class Refund:
    """`amount` None: a refund made with no amount at all, which real shops let happen."""

    amount: int | None
    reason: str
    created: int
    paid_back: bool
    lines: tuple[RefundLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A sale. `state`: unpaid, waiting, paid, done, cancelled, failed, returned, special, hidden, draft.

    `special` and `hidden` stand for states that a plugin added; `trashed` lies over any of them.
    """

    state: str
    trashed: bool
    currency: str
    customer: int | None
    created: int
    modified: int
    paid: int | None
    done: int | None
    billing: Address
    shipping: Address
    email: str
    note: str
    gateway: str
    source: str
    token: str
    lines: tuple[Line, ...]
    deliveries: tuple[Delivery, ...]
    fees: tuple[Fee, ...]
    coupons: tuple[Coupon, ...]
    refunds: tuple[Refund, ...]
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Shop:
    """The generated shop: lists of products and customers, and orders one after the other."""

    plan: Plan
    products: tuple[Product, ...] = field(repr=False)
    customers: tuple[Customer, ...] = field(repr=False)

    def orders(self) -> Iterator[Order]:
        """Every order, oldest first, made on the way: a shop of any size fits in memory."""
        from storelink.sandbox.sales import make_orders

        return make_orders(self)


def make_shop(plan: Plan) -> Shop:
    """The shop of this plan."""
    from storelink.sandbox.catalog import make_products
    from storelink.sandbox.people import make_customers

    return Shop(plan, tuple(make_products(plan)), tuple(make_customers(plan)))
