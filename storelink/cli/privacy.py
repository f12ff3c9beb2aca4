"""`storelink privacy`: what is held of one person, and away with it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json, run
from storelink.cli.naming import NameArgument
from storelink.cli.words import count
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.sync.person import Held

app = typer.Typer(
    name="privacy",
    help="What is held of one person: hand it out, or erase it.\n\nA person is named by a customer's id, an"
    " e-mail address, or one of their orders; orders they placed as a guest belong to them too.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

ByCustomer = Annotated[
    str | None, typer.Option("--customer", metavar="ID", help="The account of this id.", show_default=False)
]
ByEmail = Annotated[
    str | None, typer.Option("--email", metavar="E", help="Whoever has this address.", show_default=False)
]
ByOrder = Annotated[
    str | None,
    typer.Option(
        "--order", metavar="ID", help="Whoever placed this order (id or number).", show_default=False
    ),
]


@app.command(short_help="All that is held of a person, as JSON.")
def export(
    name: NameArgument,
    customer: ByCustomer = None,
    email: ByEmail = None,
    order: ByOrder = None,
    as_json: JsonFlag = False,
) -> None:
    """Print all that is held of a person, by table, as one JSON document.

    It is written down that this was done, and by whom.
    """
    with run(as_json) as context:
        from storelink.sync import account, audit, privacy
        from storelink.sync.person import find

        with context.database.session() as session:
            store = account.find(session, name)
            person = find(session, store, customer=customer, email=email, order=order)
            document = privacy.export(session, store, person)
            audit.record(
                session, "privacy.export", connector_id=store.id, subject=store.name,
                customers=sorted(person.customers), orders=sorted(person.orders),
            )  # fmt: skip
            session.commit()
    print_json(document)


@app.command(short_help="Erase a person from every table, for good.")
def erase(
    name: NameArgument,
    customer: ByCustomer = None,
    email: ByEmail = None,
    order: ByOrder = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Erase everything personal of a person: names, addresses, e-mail, phone, notes, raw records.

    What was bought and paid stays, and so do ids. No later read brings the person back, though the
    store may still have them: erase them there too. Nothing brings erased data back.
    """
    with run(as_json) as context:
        from storelink.sync import account, privacy
        from storelink.sync.person import count as count_held
        from storelink.sync.person import find

        with context.database.session() as session:
            store = account.find(session, name)
            person = find(session, store, customer=customer, email=email, order=order)
            held = count_held(session, store, person)
            session.rollback()
            if not yes:
                _confirm(name, held, as_json)
            held = privacy.erase(session, context.keyring, store, person)
            session.commit()
    if as_json:
        print_json({"name": name, "erased": _document(held)})
        return
    show.headline("Erased." if not held.nothing else "Nothing was held; it stays that way.", show.GOOD)
    _show(held)
    show.say("A read of the store brings nothing of it back. What the store itself holds is not touched.")


@app.command(short_help="Go on after the master key was lost for good.")
def rekey(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Make a new key to know erased people by, where the master key of the old one is lost for good.

    Accounts and orders that were erased are known again; e-mail addresses and phone numbers are not,
    so erase once more who must stay unknown. Refused while the old key still opens.
    """
    with run(as_json) as context:
        from storelink.sync import account, audit, erased

        with context.database.session() as session:
            store = account.find(session, name)
            known = erased.renew_lost_key(session, context.keyring, store.id)
            audit.record(session, "privacy.rekey", connector_id=store.id, subject=name, known=known)
            session.commit()
    if as_json:
        print_json({"name": name, "known": known})
        return
    show.headline(f"{count(known, 'accounts and orders')} are known again.", show.GOOD)


def _confirm(name: str, held: "Held", as_json: bool) -> None:
    if as_json:
        raise Misconfigured("With --json nobody can be asked: add --yes.")
    show.headline(f"To be erased from what was read of {name}:", show.WARN)
    _show(held)
    show.say("Amounts, states, dates, lines and ids stay. This cannot be undone.")
    if not typer.confirm("Erase?", err=True):
        raise typer.Exit(1)


def _show(held: "Held") -> None:
    show.facts(
        [
            ("customers", _ids(held.customers)),
            ("orders", _ids(held.orders)),
            ("refund notes", str(held.refunds)),
            ("in quarantine", count(held.quarantined, "records")),
            ("mentioned in", count(held.mentions, "other records")),
        ]
    )


def _ids(ids: Any) -> str:
    shown = ", ".join(ids[:8])
    more = f" and {len(ids) - 8} more" if len(ids) > 8 else ""
    return f"{len(ids)}: {shown}{more}" if ids else "none"


def _document(held: "Held") -> dict[str, Any]:
    return {
        "customers": list(held.customers),
        "orders": list(held.orders),
        "refunds": held.refunds,
        "quarantined": held.quarantined,
        "mentions": held.mentions,
    }
