"""`storelink secrets`: the master keys that credentials are sealed with."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storelink.cli.context import ExitCode, JsonFlag, plain, print_json, run
from storelink.sync import keys
from storelink.sync.key_status import Status
from storelink.sync.key_status import status as key_status

app = typer.Typer(
    name="secrets",
    help="Master keys that the stores' credentials are sealed with: see them, add, rotate, retire.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

Lost = Annotated[bool, typer.Option("--lost", help="The old key is gone for good; go on without it.")]


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """Show which keys there are, which is current, and who holds them. Exit code 2 if one is amiss."""
    with run(as_json) as context:
        with context.database.session() as session:
            found = key_status(session, context.keyring)
        if as_json:
            print_json(found)
        else:
            _show(context.console, found)
        if found.problems:
            raise typer.Exit(ExitCode.USAGE)


@app.command()
def add(
    key_id: Annotated[
        str | None, typer.Argument(help="Which key of the provider; needed if it holds several new ones.")
    ] = None,
    lost: Lost = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a new master key known. storelink makes one itself where it keeps the key file."""
    with run(as_json) as context:
        with context.database.session() as session:
            added = keys.add(session, context.keyring, key_id, lost=lost)
            session.commit()
        if as_json:
            print_json(added)
        elif added.status == "current":
            context.console.print(f"Master key {added.key_id} is known, and current: there was none.")
        else:
            context.console.print(
                f"Master key {added.key_id} is known. `storelink secrets rotate` makes it current."
            )


@app.command()
def rotate(
    to: Annotated[str | None, typer.Option("--to", help="The key to make current; else the newest.")] = None,
    lost: Lost = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a new key current and wrap every store's key with it. Can be stopped and run again."""
    with run(as_json) as context:
        done = keys.rotate(context.database.session, context.keyring, to, lost=lost)
        if as_json:
            print_json(done)
        else:
            context.console.print(
                f"Master key {done.key_id} is current; {done.rewrapped} of the stores were moved to it."
            )
            for name, reason in done.failed.items():
                context.console.print(
                    Text(f"{name}: {plain(reason)} `storelink connectors set-credentials {name}`", "red")
                )
        if done.failed:
            raise typer.Exit(ExitCode.FAILED)


@app.command()
def retire(
    key_id: Annotated[str, typer.Argument(help="The key that is needed no more.")],
    as_json: JsonFlag = False,
) -> None:
    """Say that a key is needed no more. Refused while a store is sealed with it."""
    with run(as_json) as context:
        with context.database.session() as session:
            keys.retire(session, key_id)
            session.commit()
        if as_json:
            print_json({"key_id": key_id})
        else:
            context.console.print(
                f"Master key {key_id} is retired. It may be taken out of {context.keyring.source}; backups "
                "of the database from before the rotation open only with it.",
                markup=False,
            )


def _show(console: Console, found: Status) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("key", "status", "held here", "stores", "current since", "added"):
        table.add_column(title, justify="right" if title == "stores" else "left")
    for key in found.keys:
        times = [f"{at:%Y-%m-%d %H:%M} UTC" if at else "" for at in (key.current_since, key.added_at)]
        table.add_row(key.key_id, key.status, key.held, str(key.stores), *times)
    console.print(Text(f"Keys come from {plain(found.source)}."))
    if found.keys:
        console.print(table)
    else:
        console.print("There is no key yet; the first store's registration brings one.")
    for process in found.processes:
        held = ", ".join(process.key_ids) or "none"
        console.print(Text(f"Process {process.pid} on {process.host} holds {held}."))
    for problem in found.problems:
        console.print(Text(plain(problem), "red"), soft_wrap=True)
