"""The commands of `storelink connectors` that change or remove a store."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json, run
from storelink.cli.naming import NameArgument, find_store
from storelink.cli.words import listed, span
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from sqlmodel import Session

    from storelink.models import ConnectorConfig
    from storelink.sync.since import Moved

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--orders-since",
        metavar="DAY",
        help="Read orders made since this day, as 2025-01-01, and older ones when they change; or all.",
        show_default=False,
    ),
]


def set_(
    name: NameArgument,
    interval: Annotated[
        int | None,
        typer.Option("--interval", metavar="SECONDS", help="Seconds between passes.", show_default=False),
    ] = None,
    resource_interval: Annotated[
        list[str] | None,
        typer.Option(
            "--resource-interval",
            metavar="RESOURCE=SECONDS",
            help="The same for one resource; RESOURCE=default goes back to the store's.",
            show_default=False,
        ),
    ] = None,
    orders_since: SinceOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change how often a store is read, and from when on its orders are.

    Nothing that is held goes. With an earlier day, or all, every order since then is read once more.

    \b
    Examples:
      storelink connectors set shop --interval 600
      storelink connectors set shop --orders-since 2025-01-01
      storelink connectors set shop --orders-since all
      storelink connectors set shop --resource-interval orders=60
      storelink connectors set shop --resource-interval orders=default
    """
    with run(as_json) as context:
        from storelink.cli.reading import resource_intervals
        from storelink.sync import account, since

        if interval is None and not resource_interval and orders_since is None:
            raise Misconfigured("Say what to set: --interval, --resource-interval or --orders-since.")
        own = [_resource_interval(text) for text in resource_interval or ()]
        with context.database.session() as session:
            store = find_store(session, name)
            moved = None if orders_since is None else _set_since(session, store, orders_since)
            if interval is not None:
                account.set_interval(session, name, interval)
            for resource, seconds in own:
                account.set_resource_interval(session, name, resource, seconds)
            session.commit()
            store = find_store(session, name)
            intervals = resource_intervals(session, store.id)
            bound = since.of(session, store)
    if as_json:
        print_json(
            {"name": name, "interval": store.sync_interval, "intervals": intervals, "orders_since": bound}
        )
        return
    told = [f"{resource} every {span(seconds)}" for resource, seconds in intervals.items() if seconds]
    show.say(f"{name} is read every {span(store.sync_interval)}{'; ' + listed(told) if told else ''}.")
    if moved is not None:
        show.say(since.said(moved, store.settings))
        if moved.wider:
            show.say(f"`storelink sync {name}` reads them now.")


def _set_since(session: "Session", store: "ConnectorConfig", text: str) -> "Moved":
    from storelink.connectors import registry
    from storelink.sync import account, since

    moment = since.moment_of(text, store.settings)
    return account.set_orders_since(session, registry.get(store.platform), store.id, moment)


def _resource_interval(text: str) -> tuple[str, int | None]:
    resource, sign, seconds = text.partition("=")
    if sign and seconds == "default":
        return resource, None
    if not sign or not seconds.isascii() or not seconds.isdigit():
        raise Misconfigured(f"{text!r} is not of the form RESOURCE=SECONDS, as in orders=60.")
    return resource, int(seconds)


def pause(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Stop reading a store until `connectors resume`. What was read stays as it is."""
    with run(as_json) as context:
        from storelink.sync import account

        with context.database.session() as session:
            find_store(session, name)
            account.pause(session, name)
            session.commit()
    if as_json:
        print_json({"name": name, "status": "paused"})
    else:
        show.say(f"{name} is paused: it is not read until `storelink connectors resume {name}`.")


def resume(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Read a store again that was paused, or whose keys were refused and work now."""
    with run(as_json) as context:
        from storelink.sync import account

        with context.database.session() as session:
            find_store(session, name)
            account.resume(session, name)
            session.commit()
    if as_json:
        print_json({"name": name, "status": "active"})
    else:
        show.say(f"{name} is read again; `storelink sync {name}` does it now.")


def remove(
    name: NameArgument,
    purge: Annotated[bool, typer.Option("--purge", help="Delete all that was read from it, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Forget a store's keys and stop reading it. Nothing changes in the store itself.

    What was read from it stays in the tables, and registering the same address again goes on
    from there. With --purge it is deleted; that cannot be undone.
    """
    with run(as_json) as context:
        from storelink.cli.reading import held_records
        from storelink.sync import account

        with context.database.session() as session:
            store = find_store(session, name)
            held = held_records(session, store.id)
        if not yes:
            _confirm(name, purge, held)
        with context.database.session() as session:
            removed = account.remove(session, name, purge=purge)
            session.commit()
    if as_json:
        counts = {str(table): rows for table, rows in removed.counts.items()}
        print_json({"name": name, "removed": True, "purged": purge, "deleted_rows": counts})
    elif purge:
        show.say(f"{name} is removed, and with it all that was read from it.")
    else:
        show.say(f"{name} is removed, its keys are forgotten. What was read from it stays in the tables.")


def _confirm(name: str, purge: bool, held: dict[str, int]) -> None:
    """Ask before what cannot be taken back. Raises `Misconfigured` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Misconfigured(f"Removing {name} needs a yes: run it in a terminal, or add --yes.")
    records = listed(f"{count:,} {resource}" for resource, count in held.items()) if held else "no records"
    if purge:
        show.say(f"{name} will no longer be read, and its {records} here are deleted for good.", err=True)
        typed = typer.prompt(f"Type {name} to delete them", err=True)
        if typed.strip() != name:
            raise Misconfigured("That is another name. Nothing was removed.")
        return
    show.say(f"{name} will no longer be read. Its {records} here stay.", err=True)
    if not typer.confirm(f"Remove {name}?", err=True):
        raise Misconfigured("Nothing was removed.")
