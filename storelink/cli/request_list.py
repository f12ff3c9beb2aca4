"""Requests of any kind, as `list` takes and reads them."""

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from storelink.cli.context import Context
from storelink.cli.naming import find_store
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storelink.models import AddressUpdateRequest, RefundRequest

R = TypeVar("R", "RefundRequest", "AddressUpdateRequest")

OfStore = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this store.", show_default=False)]
OfOrder = Annotated[
    str | None, typer.Option("--order", metavar="ORDER", help="Only this order.", show_default=False)
]
Stages = Annotated[
    list[str] | None,
    typer.Option("--stage", metavar="S", help="Only these, such as needs_attention.", show_default=False),
]
Most = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many.")]


def read_list(
    context: Context,
    model: type[R],
    name: str | None,
    order: str | None,
    stages: "Sequence[str] | None",
    limit: int,
) -> list[tuple[R, str]]:
    """Requests and the names of their stores, the newest first. Raises `Misconfigured`."""
    from storelink.cli.words import listed
    from storelink.models.request import STAGES
    from storelink.sync import account, request_search
    from storelink.sync.order_search import order_id_of

    if unknown := set(stages or ()) - set(STAGES):
        raise Misconfigured(f"There is no stage {min(unknown)!r}; there are {listed(STAGES)}.")
    with context.database.session() as session:
        store = find_store(session, name) if name else None
        if order and store is None:
            raise Misconfigured("An order is named with its store: `list NAME --order ORDER`.")
        rows = request_search.listed(
            session, model, connector_id=store.id if store else None, limit=limit, stages=stages or (),
            order_id=order_id_of(session, store, order) if store and order else None,
        )  # fmt: skip
        names = {one.id: one.name for one in account.registered(session, removed=True)}
        return [(row, names[row.connector_id]) for row in rows]
