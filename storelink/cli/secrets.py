"""`storelink secrets`: the master keys that credentials are sealed with."""

from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli import show
from storelink.cli.context import ExitCode, JsonFlag, print_json, run
from storelink.cli.words import count

if TYPE_CHECKING:
    from storelink.sync.key_status import Status

app = typer.Typer(
    name="secrets",
    help="Master keys that the stores' credentials are sealed with: see them, add, rotate, retire.\n\n"
    "A rotation goes `secrets add`, `secrets rotate`, and, when the old key is needed no more,"
    " `secrets retire`.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Lost = Annotated[bool, typer.Option("--lost", help="The old key is gone for good; go on without it.")]


@app.command(short_help="Which keys there are, which is current, who holds them.")
def status(as_json: JsonFlag = False) -> None:
    """Show which keys there are, which is current, and who holds them.

    Exit code 2 if one is amiss.
    """
    with run(as_json) as context:
        from storelink.sync.key_status import status as key_status

        with context.database.session() as session:
            found = key_status(session, context.keyring)
        if as_json:
            print_json(found)
        else:
            _show(found)
        if found.problems:
            raise typer.Exit(ExitCode.USAGE)


@app.command(short_help="Make a new master key known.")
def add(
    key_id: Annotated[
        str | None, typer.Argument(help="Which key of the provider; needed if it holds several new ones.")
    ] = None,
    lost: Lost = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a new master key known. storelink makes one itself where it keeps the key file."""
    with run(as_json) as context:
        from storelink.sync import keys

        with context.database.session() as session:
            added = keys.add(session, context.keyring, key_id, lost=lost)
            session.commit()
        if as_json:
            print_json(added)
        elif added.status == "current":
            show.say(f"Master key {added.key_id} is known and current: what is sealed is sealed with it.")
        else:
            mend = "storelink secrets rotate --lost" if lost else "storelink secrets rotate"
            show.say(f"Master key {added.key_id} is known. `{mend}` makes it current.")


@app.command(short_help="Make a new key current and wrap every store's key with it.")
def rotate(
    to: Annotated[str | None, typer.Option("--to", help="The key to make current; else the newest.")] = None,
    lost: Lost = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a new key current and wrap every store's key with it. Can be stopped and run again."""
    with run(as_json) as context:
        from storelink.sync import keys

        done = keys.rotate(context.database.session, context.keyring, to, lost=lost)
        if as_json:
            print_json(done)
        else:
            moved = f"{count(done.rewrapped, 'stores')} {'was' if done.rewrapped == 1 else 'were'} moved"
            show.say(f"Master key {done.key_id} is current; {moved} to it.")
            for name, reason in done.failed.items():
                mend = f"`storelink connectors set-credentials {name}`"
                show.say(show.Toned(f"{name}: {reason} {mend}", show.BAD))
        if done.failed:
            raise typer.Exit(ExitCode.FAILED)


@app.command(short_help="Say that a key is needed no more.")
def retire(
    key_id: Annotated[str, typer.Argument(help="The key that is needed no more.")],
    as_json: JsonFlag = False,
) -> None:
    """Say that a key is needed no more. Refused while a store is sealed with it."""
    with run(as_json) as context:
        from storelink.sync import keys

        with context.database.session() as session:
            keys.retire(session, key_id)
            session.commit()
        if as_json:
            print_json({"key_id": key_id})
        else:
            show.say(
                f"Master key {key_id} is retired. It may be taken out of {context.keyring.source}; backups"
                " of the database from before the rotation open only with it."
            )


def _show(found: "Status") -> None:
    show.say(f"Keys come from {found.source}.")
    if not found.keys:
        show.say("There is no key yet; the first store's registration brings one.")
    else:
        rows = [
            [
                key.key_id, key.status, key.held, str(key.stores),
                *(f"{at:%Y-%m-%d %H:%M} UTC" if at else "" for at in (key.current_since, key.added_at)),
            ]
            for key in found.keys
        ]  # fmt: skip
        show.table(["key", "status", "held here", "stores", "current since", "added"], rows, right=["stores"])
    for process in found.processes:
        held = ", ".join(process.key_ids) or "none"
        show.say(f"Process {process.pid} on {process.host} holds {held}.")
    for problem in found.problems:
        show.say(show.Toned(problem, show.BAD))
