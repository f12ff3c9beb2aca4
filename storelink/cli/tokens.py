"""`storelink tokens`: what programs send to the API."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json, run
from storelink.cli.words import ago

if TYPE_CHECKING:
    from datetime import datetime

    from storelink.models import ApiToken

app = typer.Typer(
    name="tokens",
    help="Tokens: what programs send to the API. Each is shown once, and kept only as a digest.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Role = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="reader sees; support also refunds and changes addresses; ops also connects stores; admin all.",
        show_default=False,
    ),
]
TokenName = Annotated[str, typer.Argument(metavar="TOKEN", help="As `tokens list` has it.")]


@app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(metavar="TOKEN", help="What it is for.")],
    role: Role,
    connector: Annotated[
        list[str] | None,
        typer.Option("--connector", metavar="NAME", help="Only for this store; may be repeated."),
    ] = None,
    days: Annotated[int, typer.Option("--days", help="How long it works.", min=1, max=3650)] = 90,
    as_json: JsonFlag = False,
) -> None:
    """Make a token for the API, and show it: once.

    \b
    Example:
      storelink tokens create recommendations --role reader --connector shop
    """
    with run(as_json) as context:
        from storelink.access import token
        from storelink.sync import account

        with context.database.session() as session:
            ids = None if connector is None else [account.find(session, one).id for one in connector]
            row, secret = token.create(session, name, role, connectors=ids, days=days)
            session.commit()
    if as_json:
        print_json({"name": row.name, "role": row.role, "ends_at": row.ends_at, "token": secret})
        return
    show.headline(f"The token {row.name!r} works for {days} days. It is shown this once:", show.GOOD)
    typer.echo(secret)


@app.command("list")
def list_tokens(as_json: JsonFlag = False) -> None:
    """List all tokens, those that work no more too."""
    with run(as_json) as context:
        from storelink.access import token
        from storelink.sync import account

        with context.database.session() as session:
            now = token.now_of(session)
            names = {str(one.id): one.name for one in account.registered(session, removed=True)}
            rows = [_token_document(row, names, now) for row in token.tokens(session)]
    if as_json:
        print_json({"tokens": rows})
    elif not rows:
        show.say("There is no token yet. `storelink tokens create` makes one.")
    else:
        show.table(
            ["token", "role", "stores", "ends in", "works", "last used"],
            [
                [one["name"], one["role"], ", ".join(one["stores"]) if one["stores"] else "all",
                 f"…{one['hint']}", one["standing"], ago(one["used_at"], now) if one["used_at"] else "never"]
                for one in rows
            ],
        )  # fmt: skip


@app.command("revoke")
def revoke_token(name: TokenName, as_json: JsonFlag = False) -> None:
    """Have a token work no more, at once."""
    with run(as_json) as context:
        from storelink.access import token

        with context.database.session() as session:
            token.revoke(session, name)
            session.commit()
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        show.say(f"The token {name!r} works no more.")


def _token_document(row: "ApiToken", names: dict[str, str], now: "datetime") -> dict[str, Any]:
    over = row.ends_at is not None and row.ends_at <= now
    return {
        "name": row.name, "role": row.role, "hint": row.hint,
        "stores": None if row.connectors is None else [names.get(one, one) for one in row.connectors],
        "standing": "revoked" if row.revoked_at else "over" if over else "yes",
        "created_at": row.created_at, "created_by": row.created_by, "ends_at": row.ends_at,
        "used_at": row.used_at,
    }  # fmt: skip
