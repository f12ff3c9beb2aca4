"""WooCommerce orders and refunds without a store: what a request's body makes of an order."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from storelink.connectors.action import Plan, Standing, Wish, WishedLine, Words
from storelink.connectors.protocol import Read
from storelink.connectors.woocommerce.refund_body import body_of
from storelink.connectors.woocommerce.refund_plan import Gateways, plan_of
from storelink.connectors.woocommerce.standing import standing_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
READ = Read(NOW, NOW, NOW)
WORDS = Words("Damaged", "7F3A9C1B2D")
GATEWAYS = Gateways({"fakepay": True, "cod": False})
_GROUPS = ("line_items", "shipping_lines", "fee_lines")
Doc = dict[str, Any]


def money(units: int, places: int) -> str:
    return f"{Decimal(units).scaleb(-places):.{places}f}"


def make_order(places: int = 2, **more: Any) -> Doc:
    """A paid order without anything in it."""
    return {
        "id": 7,
        "number": "1007",
        "status": "processing",
        "currency": "USD",
        "total": money(0, places),
        "date_created_gmt": "2026-11-01T10:00:00",
        "date_modified_gmt": "2026-11-01T10:00:00",
        "date_paid_gmt": "2026-11-01T10:00:00",
        "payment_method": "fakepay",
        "payment_method_title": "Credit card",
        "billing": {"country": "US", "email": "a@example.test"},
        "shipping": {"country": "US"},
        "meta_data": [],
        "coupon_lines": [],
        **{group: [] for group in _GROUPS},
        **more,
    }


def part(number: int, total: int, taxes: dict[int, int], places: int = 2, **more: Any) -> Doc:
    """A line, a shipping line or a fee; money in the smallest units."""
    return {
        "id": number,
        "total": money(total, places),
        "total_tax": money(sum(taxes.values()), places),
        "taxes": [{"id": rate, "total": money(tax, places), "subtotal": ""} for rate, tax in taxes.items()],
        **more,
    }


def line(number: int, quantity: int, total: int, taxes: dict[int, int], places: int = 2) -> Doc:
    return part(number, total, taxes, places, name=f"Shirt {number}", sku=f"S-{number}", quantity=quantity)


def add_up(order: Doc, places: int = 2, drift: int = 0) -> Doc:
    """The order with the total of its parts, or so many units beside it."""
    parts = [one for group in _GROUPS for one in order[group]]
    whole = sum((Decimal(one["total"]) + Decimal(one["total_tax"]) for one in parts), Decimal(0))
    return {**order, "total": f"{whole + Decimal(drift).scaleb(-places):.{places}f}"}


@st.composite
def orders(draw: st.DrawFn) -> tuple[Doc, int]:
    """Orders with discounts, fees, any taxes, and a total that may be a few units beside its parts."""
    places = draw(st.sampled_from([0, 2, 3]))
    rates = draw(st.lists(st.integers(1, 9), max_size=3, unique=True))
    cents = st.integers(0, 40_000)

    def taxes(total: int) -> dict[int, int]:
        return {rate: draw(st.integers(0, max(abs(total), 1))) * (1 if total >= 0 else -1) for rate in rates}

    made = make_order(places)
    totals = draw(st.lists(cents, min_size=1, max_size=4))
    made["line_items"] = [
        line(10 + at, draw(st.integers(1, 7)), total, taxes(total), places) for at, total in enumerate(totals)
    ]
    made["shipping_lines"] = [
        part(20 + at, total, taxes(total), places, method_title="Flat")
        for at, total in enumerate(draw(st.lists(cents, max_size=2)))
    ]
    made["fee_lines"] = [
        part(30 + at, total, taxes(total), places, name="Fee")
        for at, total in enumerate(draw(st.lists(st.integers(-50, 900), max_size=2)))
    ]
    if draw(st.booleans()):  # a store that rounds taxes as a whole keeps more places than it shows
        for one in made["line_items"]:
            for tax in one["taxes"]:
                tax["total"] = str(
                    Decimal(tax["total"]) + Decimal(draw(st.integers(-4, 4))).scaleb(-places - 1)
                )
    return add_up(made, places, draw(st.integers(-2, 2))), places


@st.composite
def wishes(draw: st.DrawFn, order: Doc, places: int) -> Wish:
    """What somebody may want of an order; much of it cannot be."""
    chosen = draw(st.lists(st.sampled_from(order["line_items"]), max_size=3, unique_by=lambda one: one["id"]))
    lines = tuple(WishedLine(str(one["id"]), draw(st.integers(1, one["quantity"]))) for one in chosen)
    amounts = st.none() | st.integers(1, 30_000).map(lambda units: Decimal(money(units, places)))
    return Wish(
        lines=lines,
        shipping=draw(amounts),
        whole_shipping=draw(st.booleans()),
        amount=draw(amounts),
        restock=draw(st.booleans()),
    )


def standing(order: Doc, refunds: list[Doc]) -> Standing:
    return standing_of(order, refunds, READ, {})


def plan(order: Doc, refunds: list[Doc], wish: Wish, gateways: Gateways = GATEWAYS) -> Plan:
    return plan_of(order, refunds, gateways, standing(order, refunds), wish, {})


def sent(planned: Plan) -> Doc:
    """The request's body, numbers exact."""
    found: Doc = json.loads(body_of(planned, WORDS), parse_float=Decimal, parse_int=Decimal)
    return found


def sum_of(body: Doc) -> Decimal:
    """What the body's parts come to."""
    return sum(
        (
            one["refund_total"] + sum(tax["refund_total"] for tax in one["refund_tax"])
            for one in body["line_items"]
        ),
        Decimal(0),
    )


def refunded(order: Doc, body: Doc, number: int) -> Doc:
    """The refund that WooCommerce makes of a body: everything of the other sign."""
    made: Doc = {
        "id": number,
        "amount": body["amount"],
        "reason": body["reason"],
        "refunded_payment": body["api_refund"],
        "date_created_gmt": "2026-11-20T10:00:00",
        **{group: [] for group in _GROUPS},
    }
    wanted = {int(one["id"]): one for one in body["line_items"]}
    for group in _GROUPS:
        for source in order[group]:
            if (one := wanted.get(source["id"])) is None:
                continue
            tax = sum((tax["refund_total"] for tax in one["refund_tax"]), Decimal(0))
            made[group].append(
                {
                    "id": 1000 * number + source["id"],
                    **({"quantity": -int(one["quantity"])} if group == "line_items" else {}),
                    "total": str(-one["refund_total"]),
                    "total_tax": str(-tax),
                    "taxes": [
                        {"id": int(tax["id"]), "total": str(-tax["refund_total"])}
                        for tax in one["refund_tax"]
                    ],
                    "meta_data": [{"key": "_refunded_item_id", "value": str(source["id"])}],
                }
            )
    return made
