"""From the name somebody typed to a store, and from resources typed to those it has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli.words import listed, nearest
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from sqlmodel import Session

    from storelink.models import ConnectorConfig

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The store, as `connectors list` has it.")]
ResourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--resource",
        "-r",
        metavar="RESOURCE",
        help="Only this: products, customers or orders. May be given more than once.",
        show_default=False,
    ),
]


def find_store(session: "Session", name: str) -> "ConnectorConfig":
    """The registered store `name`. Raises `Misconfigured` with the nearest name there is."""
    from storelink.sync import account

    stores = {store.name: store for store in account.registered(session)}
    if name in stores:
        return stores[name]
    known = sorted(stores)
    if not known:
        raise Misconfigured(
            f"No store is called {name!r}; none is registered yet."
            " `storelink connectors add` registers one, `storelink demo` shows what then happens."
        )
    shown = listed(known) if len(known) <= 10 else f"{', '.join(known[:10])} and {len(known) - 10} more"
    raise Misconfigured(f"No store is called {name!r}.{nearest(name, known)} Registered: {shown}.")


def pick_resources(known: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Those wanted, or all, in the platform's own order. Raises `Misconfigured` for others."""
    for name in wanted or ():
        if name not in known:
            raise Misconfigured(
                f"There is no resource {name!r}.{nearest(name, known)} There are {listed(known)}."
            )
    return [name for name in known if not wanted or name in wanted]
