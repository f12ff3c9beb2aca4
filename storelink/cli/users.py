"""`storelink users`: people who sign in to the console."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json, run
from storelink.cli.tokens import Role
from storelink.cli.words import ago
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.models import ConsoleUser

app = typer.Typer(
    name="users",
    help="People who sign in to the console.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

UserName = Annotated[str, typer.Argument(metavar="USER", help="As `users list` has it.")]


@app.command("create")
def create_user(
    name: Annotated[str, typer.Argument(metavar="USER", help="To sign in with; an e-mail address will do.")],
    role: Role,
    full_name: Annotated[str, typer.Option("--full-name", help="What colleagues read.")] = "",
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password now, or read it from standard input.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make an account for the console. Without --password a link is shown by which one is chosen, once.

    \b
    Example:
      storelink users create ines@shop.example --role admin
    """
    with run(as_json) as context:
        from storelink.access import person

        chosen = _password() if password else None
        with context.database.session() as session:
            row, link = person.create(session, name, role, full_name=full_name, password=chosen)
            session.commit()
    _tell_account(row, link, as_json)


@app.command("invite")
def invite(name: UserName, as_json: JsonFlag = False) -> None:
    """Show a new link by which a person chooses a password, once, within three days."""
    with run(as_json) as context:
        from storelink.access import person

        with context.database.session() as session:
            row = person.find(session, name)
            link = person.invite(session, row)
            session.commit()
    _tell_account(row, link, as_json)


@app.command("list")
def list_users(as_json: JsonFlag = False) -> None:
    """List all accounts, those that are disabled too."""
    with run(as_json) as context:
        from storelink.access import person, token

        with context.database.session() as session:
            now = token.now_of(session)
            rows = person.people(session)
    if as_json:
        print_json({"users": [_user_document(row) for row in rows]})
    elif not rows:
        show.say("There is no account yet. `storelink users create NAME --role admin` makes the first.")
    else:
        show.table(
            ["user", "called", "role", "standing", "last signed in"],
            [
                [row.name, row.full_name, row.role, _standing(row),
                 ago(row.signed_in_at, now) if row.signed_in_at else "never"]
                for row in rows
            ],
        )  # fmt: skip


@app.command("set-role")
def set_role(name: UserName, role: Role, as_json: JsonFlag = False) -> None:
    """Give a person another role."""
    with run(as_json) as context:
        from storelink.access import person

        with context.database.session() as session:
            person.set_role(session, row := person.find(session, name), role)
            session.commit()
    _tell(row, as_json, f"{row.full_name} is {role} now.")


@app.command("disable")
def disable(name: UserName, as_json: JsonFlag = False) -> None:
    """Sign a person out everywhere and let them in no more. What they did stays in the audit log."""
    with run(as_json) as context:
        from storelink.access import person

        with context.database.session() as session:
            person.disable(session, row := person.find(session, name))
            session.commit()
    _tell(row, as_json, f"{row.full_name} cannot sign in any more.")


@app.command("enable")
def enable(name: UserName, as_json: JsonFlag = False) -> None:
    """Let a person in again who was disabled."""
    with run(as_json) as context:
        from storelink.access import person

        with context.database.session() as session:
            person.enable(session, row := person.find(session, name))
            session.commit()
    _tell(row, as_json, f"{row.full_name} can sign in again.")


@app.command("unlink")
def unlink(name: UserName, as_json: JsonFlag = False) -> None:
    """Forget who signs in as this person by single sign-on; whoever brings the address next is them.

    For an address that passed to somebody else.
    """
    with run(as_json) as context:
        from storelink.access import person, sign_on

        with context.database.session() as session:
            sign_on.unlink(session, row := person.find(session, name))
            session.commit()
    _tell(row, as_json, f"{row.full_name} is linked to nobody at the provider any more, and signed out.")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = typer.prompt("Password", hide_input=True, err=True)
    if first != typer.prompt("Once more", hide_input=True, err=True):
        raise Misconfigured("The two passwords differ.")
    return str(first)


def _tell_account(row: "ConsoleUser", link: str | None, as_json: bool) -> None:
    path = None if link is None else f"/console/welcome?key={link}"
    if as_json:
        print_json(_user_document(row) | {"link": path})
        return
    show.headline(f"{row.full_name} may sign in as {row.name}, role {row.role}.", show.GOOD)
    if path is not None:
        show.say("Where `storelink serve` answers, this page lets them choose a password, once, for 3 days:")
        typer.echo(path)


def _tell(row: "ConsoleUser", as_json: bool, words: str) -> None:
    if as_json:
        print_json(_user_document(row))
    else:
        show.say(words)


def _standing(row: "ConsoleUser") -> str:
    if row.disabled_at is not None:
        return "disabled"
    return "active" if row.password_hash or row.oidc_subject else "invited"


def _user_document(row: "ConsoleUser") -> dict[str, Any]:
    return {
        "name": row.name, "full_name": row.full_name, "role": row.role, "standing": _standing(row),
        "created_at": row.created_at, "signed_in_at": row.signed_in_at,
    }  # fmt: skip
