"""`storelink orders`: find an order, and see all that belongs to it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json, run
from storelink.cli.naming import NameArgument, find_store
from storelink.cli.words import clock

if TYPE_CHECKING:
    from storelink.models import OrderRefund, PlatformOrder
    from storelink.sync.order_search import Found, Story

app = typer.Typer(
    name="orders",
    help="Orders as they were read: find one by e-mail, number or SKU, and see its story.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command(short_help="Orders by e-mail, number or SKU, over all stores.")
def find(
    email: Annotated[
        str | None, typer.Option("--email", metavar="E", help="Who ordered.", show_default=False)
    ] = None,
    number: Annotated[
        str | None, typer.Option("--number", metavar="N", help="The order's number.", show_default=False)
    ] = None,
    sku: Annotated[
        str | None, typer.Option("--sku", metavar="S", help="Something in it.", show_default=False)
    ] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", metavar="NAME", help="Only this store.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Find orders to which all of that applies, the newest first."""
    with run(as_json) as context:
        from storelink.sync import order_search, since

        with context.database.session() as session:
            store = find_store(session, connector) if connector else None
            found = order_search.find(
                session, email=email, number=number, sku=sku, connector_id=store.id if store else None,
                limit=limit,
            )  # fmt: skip
            bounds = since.told(session, [store.id] if store else None)
    if as_json:
        print_json({"orders": [_found_document(one) for one in found]})
        return
    if not found:
        show.say("No order that was read is like that.")
        for one in bounds:
            show.say(f"Not all orders are here: {one}.")
        return
    show.table(
        ["store", "number", "id", "placed", "status", "payment", "shipping", "total", "refunded", "email"],
        [_line(one) for one in found], right=["total", "refunded"],
    )  # fmt: skip


def _line(one: "Found") -> list[show.Cell]:
    from storelink.cli.refund_words import money

    order = one.order
    return [
        one.store, order.order_number, order.order_id, clock(order.created_at), _status(order),
        order.financial_status or "", order.fulfillment_status or "",
        money(order.total_amount, order.currency),
        money(order.refunded_amount) if order.refunded_amount else "", order.email or "",
    ]  # fmt: skip


@app.command("show", short_help="One order: items, money, refunds, addresses, story.")
def show_(
    name: NameArgument,
    order: Annotated[
        str, typer.Argument(metavar="ORDER", help="Its number or id; `id:17` is certainly an id.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show an order as it was last read, with its refunds, requests, addresses and story."""
    with run(as_json) as context:
        from storelink.sync import order_search

        with context.database.session() as session:
            store = find_store(session, name)
            story = order_search.story(session, store, order_search.order_id_of(session, store, order))
    if as_json:
        print_json(_story_document(name, story))
        return
    _show_money(name, story)
    _show_refunds(story)
    _show_addresses(story.order)
    show.say("")
    show.say("What happened:")
    show.table(
        ["when", "what", "who"],
        [[clock(one.at), one.what, one.who] for one in story.timeline], indent=2,
    )  # fmt: skip


def _show_money(name: str, story: "Story") -> None:
    from storelink.cli.refund_words import money

    order = story.order
    show.headline(f"Order {order.order_number} of {name}: {_status(order)}.")
    show.table(
        ["line", "sku", "title", "ordered", "refunded", "price", "total", "tax"],
        [
            [item.item_id, item.sku or "", item.title, _units(item.quantity),
             _units(item.refunded_quantity) if item.refunded_quantity else "", money(item.price),
             money(item.total_amount), money(item.tax_amount)]
            for item in story.items
        ],
        right=["ordered", "refunded", "price", "total", "tax"], indent=2,
    )  # fmt: skip
    show.facts(
        [
            ("id", order.order_id),
            ("email", order.email or ""),
            ("placed", clock(order.created_at)),
            ("payment", order.financial_status or ""),
            ("shipping", order.fulfillment_status or ""),
            ("subtotal", money(order.subtotal_amount)),
            ("shipping cost", money(order.shipping_amount)),
            ("fees", money(order.fee_amount) if order.fee_amount else ""),
            ("discounts", money(order.discount_amount) if order.discount_amount else ""),
            ("tax", money(order.tax_amount)),
            ("total", money(order.total_amount, order.currency)),
            ("refunded", money(order.refunded_amount, order.currency)),
            ("left", money(order.current_total_amount, order.currency)),
        ],
        indent=2,
    )


def _show_refunds(story: "Story") -> None:
    from storelink.cli.refund_words import money, short_id, stage_words

    if story.refunds:
        show.say("")
        show.say("Refunds in the store:")
        show.table(
            ["refund", "amount", "made", "by", "reason"],
            [
                [one.refund_id, money(one.amount, one.currency), clock(one.created_at),
                 f"request {short_id(one.refund_request_id)}" if one.refund_request_id else "elsewhere",
                 _reason(one)]
                for one in story.refunds
            ],
            right=["amount"], indent=2,
        )  # fmt: skip
    if story.requests:
        show.say("")
        show.say("Requested through storelink:")
        show.table(
            ["request", "what", "amount", "stage", "requested", "by", "why"],
            [
                [short_id(one.id), *_what(one), stage_words(one.stage), clock(one.requested_at),
                 one.requested_by or "", one.error or ""]
                for one in story.requests
            ],
            right=["amount"], indent=2,
        )  # fmt: skip


def _reason(one: "OrderRefund") -> str:
    """Public words; of ours without the marks that we find it by."""
    words = one.reason or ""
    if one.refund_request_id is None:
        return words
    key = len(str(one.refund_request_id))
    parts = [part for part in words.split(" · ") if not part.startswith("ref ")]
    return " · ".join(part for part in parts if len(part) != key or part.count("-") != 4)


def _what(one: Any) -> tuple[str, str]:
    from storelink.cli.refund_words import money

    amount = getattr(one, "amount", None)
    if amount is None:
        return f"{one.kind} address", ""
    return "refund", money(amount, one.currency)


def _show_addresses(order: "PlatformOrder") -> None:
    for what, address in (("Shipped to", order.shipping_address), ("Billed to", order.billing_address)):
        if address:
            show.say("")
            show.say(f"{what}:")
            show.facts(_address(address), indent=2)


def _address(address: Mapping[str, Any]) -> list[tuple[str, show.Cell]]:
    """The store's own words, those that say something."""
    return [(key, str(value)) for key, value in address.items() if isinstance(value, str) and value]


def _status(order: "PlatformOrder") -> str:
    own = order.platform_status
    word = f"{order.status} ({own})" if own and own.lower() != order.status else order.status
    return f"{word}, gone from the store" if order.deleted_at else word


def _units(quantity: Any) -> str:
    return f"{quantity.normalize():f}"


# -- for scripts -------------------------------------------------------------------------------------


def _found_document(one: "Found") -> dict[str, Any]:
    from storelink.cli.refund_words import money

    order = one.order
    return {
        "store": one.store, "order_id": order.order_id, "order_number": order.order_number,
        "status": order.status, "financial_status": order.financial_status,
        "fulfillment_status": order.fulfillment_status, "total_amount": money(order.total_amount),
        "refunded_amount": money(order.refunded_amount), "currency": order.currency,
        "email": order.email, "created_at": order.created_at,
    }  # fmt: skip


def _story_document(name: str, story: "Story") -> dict[str, Any]:
    from storelink.cli.refund_words import money
    from storelink.sync.order_search import Found

    order = story.order
    return {
        **_found_document(Found(name, order)),
        "current_total_amount": money(order.current_total_amount),
        "items": [
            {"item_id": one.item_id, "sku": one.sku, "title": one.title, "quantity": _units(one.quantity),
             "refunded_quantity": _units(one.refunded_quantity), "total_amount": money(one.total_amount),
             "tax_amount": money(one.tax_amount)}
            for one in story.items
        ],
        "refunds": [
            {"refund_id": one.refund_id, "amount": money(one.amount), "currency": one.currency,
             "reason": one.reason, "created_at": one.created_at, "request": one.refund_request_id}
            for one in story.refunds
        ],
        "requests": [
            {"id": one.id, "kind": "refund" if hasattr(one, "amount") else "address",
             "status": one.status, "stage": one.stage, "requested_at": one.requested_at,
             "requested_by": one.requested_by, "error": one.error}
            for one in story.requests
        ],
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "timeline": [
            {"at": one.at, "what": one.what, "who": one.who, "request": one.request}
            for one in story.timeline
        ],
    }  # fmt: skip
