"""`storelink db`: the database, from outside."""

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json, run
from storelink.cli.words import count

if TYPE_CHECKING:
    from storelink.db import Database

app = typer.Typer(
    name="db",
    help="The database: bring its tables up to date, say where it is.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command(short_help="Bring the tables up to date.")
def upgrade(as_json: JsonFlag = False) -> None:
    """Bring the tables up to date after an update of storelink.

    The private database does this by itself; one named by STORELINK_DATABASE_URL waits for it.
    """
    with run(as_json, migrate=False) as context:
        from storelink.db import pending
        from storelink.db import upgrade as apply

        missing = pending(context.database.engine)
        apply(context.database.engine)
        where = _url(context.database, reveal=False)
    if as_json:
        print_json({"applied": missing, "url": where})
    elif missing:
        show.say(f"{count(len(missing), 'migrations')} applied to {where}")
    else:
        show.say(f"Nothing to do: the tables are up to date in {where}")


@app.command(short_help="Say where the database is.")
def url(
    reveal: Annotated[bool, typer.Option("--reveal", help="With its password.")] = False,
    hold: Annotated[
        bool, typer.Option("--hold", help="Keep the private database running until Ctrl-C.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say where the database is, as psql and other programs take it.

    The private database runs while a storelink process does. To look into it with psql, keep it
    running in one terminal and connect from another.

    \b
    Examples:
      storelink db url --hold
      psql "$(storelink db url --reveal)"
    """
    with run(as_json, migrate=False) as context:
        shown = _url(context.database, reveal=reveal)
        private = context.settings.database_url is None
        if as_json:
            print_json({"url": shown, "private": private})
        else:
            show.say(shown)
        if hold and private:
            show.say("The private database runs until Ctrl-C.", err=True)
            threading.Event().wait()


def _url(database: "Database", *, reveal: bool) -> str:
    """In the form that libpq reads."""
    from storelink.db import masked

    known = database.engine.url.set(drivername="postgresql")
    return known.render_as_string(hide_password=False) if reveal else masked(known)
