"""From what somebody typed to a wish, and from a wish to a preview."""

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import Context
from storelink.cli.naming import find_store
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storelink.connectors.action import Wish
    from storelink.models import ConnectorConfig
    from storelink.sync.refund import Preview

Lines = Annotated[
    list[str] | None,
    typer.Option(
        "--line", metavar="ITEM:QTY", help="Units of a line, by its id or SKU. May be repeated.",
        show_default=False,
    ),
]  # fmt: skip
Amount = Annotated[
    str | None,
    typer.Option(
        "--amount", metavar="A", help="So much, taxes included; with --line at most their sum.",
        show_default=False,
    ),
]  # fmt: skip
Shipping = Annotated[
    str | None,
    typer.Option(
        "--shipping", metavar="full|A", help="The shipping, or so much of it, taxes included.",
        show_default=False,
    ),
]  # fmt: skip
All = Annotated[bool, typer.Option("--all", help="All that is left of the order.")]
Restock = Annotated[
    bool, typer.Option("--restock/--no-restock", help="Whether the units go back into stock.")
]
Location = Annotated[
    str | None,
    typer.Option("--location", metavar="ID", help="Where they go back to (Shopify).", show_default=False),
]
ByHand = Annotated[bool, typer.Option("--by-hand", help="Record it in the store without moving money.")]


def read_wish(
    lines: "Sequence[str] | None",
    amount: str | None,
    shipping: str | None,
    everything: bool,
    restock: bool,
    location: str | None,
    by_hand: bool,
) -> "Wish":
    """The wish, its lines left to `_with_lines`, which knows the order."""
    from storelink.connectors.action import Wish

    if everything and (lines or amount or shipping):
        raise Misconfigured("--all is everything that is left: leave out --line, --amount and --shipping.")
    if not (everything or lines or amount or shipping):
        raise Misconfigured("Say what to give back: --line, --shipping, --amount or --all.")
    whole = shipping == "full"
    return Wish(
        everything=everything, whole_shipping=whole, restock=restock, location=location, by_hand=by_hand,
        shipping=None if whole or shipping is None else _money(shipping, "--shipping"),
        amount=None if amount is None else _money(amount, "--amount"),
    )  # fmt: skip


def _money(text: str, option: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value <= 0 or -int(value.as_tuple().exponent) > 4:
        raise Misconfigured(f"{option} is an amount such as 5.00, not {text!r}.")
    return value


def with_lines(
    session: Any, store: "ConnectorConfig", order_id: str, wish: "Wish", lines: "Sequence[str] | None"
) -> "Wish":
    """The same wish with lines as they were typed, `ITEM:QTY`. Raises `Misconfigured`."""
    from dataclasses import replace

    from storelink.connectors.action import WishedLine
    from storelink.sync.order_search import item_id_of

    wished: dict[str, int] = {}
    for text in lines or ():
        item, colon, number = text.rpartition(":")
        if not colon or not item or not number.isdecimal() or not int(number):
            raise Misconfigured(f"A line is written ITEM:QTY, such as TEE-M:1, not {text!r}.")
        item_id = item_id_of(session, store, order_id, item)
        if item_id in wished:
            raise Misconfigured(f"The line {item!r} is named twice.")
        wished[item_id] = int(number)
    return replace(wish, lines=tuple(WishedLine(*one) for one in wished.items())) if wished else wish


def make_preview(
    context: Context, name: str, order: str, wish: "Wish", lines: "Sequence[str] | None"
) -> "tuple[Preview, ConnectorConfig]":
    """Ask the store; the preview is written down."""
    from storelink.cli.carrying import asker_here
    from storelink.sync import refund
    from storelink.sync.opening import open_subject
    from storelink.sync.order_search import order_id_of

    with context.database.session() as session:
        store = find_store(session, name)
        order_id = order_id_of(session, store, order)
        wish = with_lines(session, store, order_id, wish, lines)
    with (
        show.waiting("Asking the store"),
        open_subject(context.database, context.keyring, name, context.settings, refresh=False) as subject,
    ):
        return refund.preview(context.database, subject, order_id, wish, asker_here(context)), store


def demand_same(
    session: Any, store: Any, earlier: Any, order: str, wish: "Wish", lines: "Sequence[str] | None"
) -> None:
    """Raises `Misconfigured` where the key's request was for something else."""
    from storelink.sync.order_search import order_id_of
    from storelink.sync.plan_document import wish_document

    order_id = order_id_of(session, store, order)
    named = wish_document(with_lines(session, store, order_id, wish, lines))
    if (earlier.order_id, earlier.wish) != (order_id, named):
        raise Misconfigured(f"This idempotency key belongs to another request, {earlier.id}.")
