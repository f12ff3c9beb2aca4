"""`storelink changes`: the change feed, for other applications and for the curious."""

import json
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli import show
from storelink.cli.context import Context, run
from storelink.cli.words import clock

if TYPE_CHECKING:
    from storelink.sync.feed import Event, Psycopg, Standing

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

LOOK = 1.0
"""Seconds between looks where nobody notifies, because no `serve` runs."""

HELP = """\
What changed in the unified tables, in an order that never changes.

A reader that keeps the last number it saw, and asks for what comes after it, misses nothing and
sees nothing twice. Exit code 4 if that cannot be so any more: with --epoch, because the database
was restored; without, because events were deleted since. Then read the tables whole once.

With --json each event is one line.

\b
Examples:
  storelink changes --after 48200
  storelink changes --after 48200 --follow --json
"""


@app.command(help=HELP, short_help="What changed in the unified tables, in order.")
def changes(
    after: Annotated[int, typer.Option("--after", metavar="SEQ", min=0, help="Only later ones.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until stopped.")] = False,
    epoch: Annotated[
        str | None,
        typer.Option("--epoch", help="Of the numbers you know; end if it changed.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="End after so many.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    known = None if epoch is None else _parse(epoch)
    with run(as_json) as context:
        _tell(context, after, known, limit, follow=follow, as_json=as_json)


def _parse(epoch: str) -> uuid.UUID:
    try:
        return uuid.UUID(epoch)
    except ValueError:
        raise typer.BadParameter("an epoch is a UUID, as --json prints it") from None


def _tell(
    context: Context,
    after: int,
    epoch: uuid.UUID | None,
    limit: int | None,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    from storelink.sync import feed

    left = limit
    with context.database.connect() as pooled, context.database.translated():
        connection: Psycopg = pooled.connection.driver_connection  # type: ignore[assignment]  # psycopg's
        if follow:
            connection.execute(f"LISTEN {feed.CHANNEL}")
            connection.commit()
        while True:
            while feed.publish(connection) == feed.BATCH:
                continue
            now = feed.standing(connection)
            epoch = epoch or now.epoch
            for event in feed.read(connection, after, epoch=epoch):
                _line(event, now, as_json)
                after, left = event.seq, left and left - 1
                if left == 0:
                    return
            if not follow:
                return
            for _ in connection.notifies(timeout=LOOK, stop_after=1):
                pass


def _line(event: "Event", now: "Standing", as_json: bool) -> None:
    if as_json:
        document = {
            "seq": event.seq, "epoch": str(now.epoch), "store": event.store,
            "connector_id": str(event.connector_id), "entity": event.entity, "key": event.key,
            "op": event.op, "at": event.at.isoformat(),
        }  # fmt: skip
        typer.echo(json.dumps(document))
    else:
        typer.echo(
            show.plain(
                f"{event.seq}  {clock(event.at)}  {event.store}  {event.entity} {event.key}  {event.op}"
            )
        )
