"""`storelink connectors`: register stores, check them, change and remove them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import changing, show
from storelink.cli.checkup import check_code, check_document, tell_findings
from storelink.cli.context import Context, JsonFlag, print_json, run
from storelink.cli.credentials import CredentialsOption, read_credentials
from storelink.cli.naming import NameArgument, find_store
from storelink.cli.words import clock, span
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.connectors.protocol import Checkup, Connector

app = typer.Typer(
    name="connectors",
    help="Register stores, check them, change and remove them.\n\nA store that is registered is a connector.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Interval = Annotated[
    int, typer.Option("--interval", metavar="SECONDS", help="Seconds between passes, 10 or more.")
]

ADD_HELP = """\
Register a store.

The store is checked first; if something stands in the way, what it is and how to mend it is said,
and nothing is stored. The credentials are asked for, or come from STORELINK_API_KEY and
STORELINK_SECRET, or as JSON on standard input. They are sealed before they reach the database,
and nobody sees them again.

\b
Examples:
  storelink connectors add woocommerce shop --store-url https://shop.example
  storelink connectors add woocommerce shop --store-url https://shop.example \\
      --credentials - < keys.json
  where keys.json is {"consumer_key": "ck_…", "consumer_secret": "cs_…"}

\b
In WooCommerce keys are made under Settings → Advanced → REST API, for an
administrator, with the permission Read/Write.
"""


@app.command(help=ADD_HELP, short_help="Register a store.")
def add(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="What the store runs on: woocommerce.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it: a-z, 0-9 and hyphens.")],
    store_url: Annotated[str, typer.Option("--store-url", metavar="URL", help="Its address.")],
    interval: Interval = 300,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Accept a store on another machine without https.")
    ] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Register it without looking at it.")] = False,
    credentials: CredentialsOption = None,
    as_json: JsonFlag = False,
) -> None:
    with run(as_json) as context:
        from storelink.connectors import registry
        from storelink.sync import account, entry

        connector = registry.get(platform)
        url = _acceptable(context, connector, name, store_url, interval, allow_http)
        mode = entry.usable_mode(connector, None)
        entered = entry.check_credentials(connector, mode, read_credentials(connector, mode, credentials))
        checkup = None if no_check else _examine(context, connector, name, url, entered, allow_http)
        if checkup is not None and not checkup.healthy:
            _refuse(name, checkup, as_json)
        with context.database.session() as session:
            account.register(
                session, context.keyring, connector, name=name, store_url=url, credentials=entered,
                interval=interval, allow_http=allow_http, settings=_learnt(context, checkup),
            )  # fmt: skip
            session.commit()
        _tell_added(name, url, connector, entered, checkup, as_json)


def _acceptable(
    context: Context, connector: "Connector", name: str, url: str, interval: int, allow_http: bool
) -> str:
    """The URL as it is kept, if all but the credentials will do: nobody types secrets in vain."""
    from storelink.sync import account, entry

    entry.check_name(name)
    entry.check_interval(interval)
    normal = entry.usable_url(connector, url, allow_http=allow_http)
    with context.database.session() as session:
        for store in account.registered(session):
            if store.name == name:
                raise Misconfigured(f"The name {name!r} is taken, by {store.store_url}.")
            if (store.platform, store.store_url) == (connector.platform, normal):
                raise Misconfigured(f"{normal} is registered already, as {store.name!r}.")
    return normal


def _examine(
    context: Context,
    connector: "Connector",
    name: str,
    url: str,
    credentials: dict[str, str],
    allow_http: bool,
) -> "Checkup":
    from storelink.connectors.protocol import Account
    from storelink.sync.opening import examine

    candidate = Account(name, url, next(iter(connector.auth_modes)), credentials, {}, allow_http)
    with show.waiting(f"Looking at {url}"):
        return examine(context.database, connector, candidate, context.settings)


def _learnt(context: Context, checkup: "Checkup | None") -> dict[str, Any]:
    from storelink.sync.opening import measure_clock, remembered

    return {} if checkup is None else remembered(checkup, measure_clock(context.database)())


def _refuse(name: str, checkup: "Checkup", as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "registered": False, "check": check_document(checkup)})
    else:
        show.headline(f"{name} was not registered. Nothing was stored.", show.BAD)
        tell_findings(checkup)
    raise typer.Exit(check_code(checkup))


def _tell_added(
    name: str,
    url: str,
    connector: "Connector",
    credentials: dict[str, str],
    checkup: "Checkup | None",
    as_json: bool,
) -> None:
    from storelink.sync.entry import doubts

    notes = doubts(connector, next(iter(connector.auth_modes)), credentials)
    if as_json:
        check = None if checkup is None else check_document(checkup)
        print_json({"name": name, "registered": True, "store_url": url, "notes": notes, "check": check})
        return
    show.headline(f"{name} is registered: {connector.title}, {url}", show.GOOD)
    if checkup is None:
        show.say("It was not looked at. `storelink connectors check` does that.")
    else:
        tell_findings(checkup)
    for note in notes:
        show.say(show.Toned(note, show.WARN))
    show.say(f"Next: `storelink sync {name}` reads it for the first time.")


# -- seeing ------------------------------------------------------------------------------------------


@app.command("list", short_help="Every registered store.")
def list_stores(as_json: JsonFlag = False) -> None:
    """List every registered store. How each stands is said by `storelink status`."""
    with run(as_json) as context:
        from storelink.sync import account

        with context.database.session() as session:
            stores = [_store_document(store) for store in account.registered(session)]
    if as_json:
        print_json({"stores": stores})
    elif not stores:
        show.say("No store is registered yet. `storelink connectors add` registers one.")
    else:
        rows = [
            [one["name"], one["platform"], one["store_url"], _standing(one["status"]), span(one["interval"])]
            for one in stores
        ]
        show.table(["name", "platform", "address", "status", "read every"], rows)


@app.command("show", short_help="One store: address, intervals, what the check learnt.")
def show_store(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show one store: address, intervals, keys (never the keys themselves), what was learnt of it."""
    with run(as_json) as context:
        from storelink.cli.reading import entered_at, resource_intervals

        with context.database.session() as session:
            store = find_store(session, name)
            document = _store_document(store) | {
                "intervals": resource_intervals(session, store.id),
                "credentials": {"sealed_with": store.key_id, **entered_at(session, store.id)},
                "settings": store.settings,
            }
    if as_json:
        print_json(document)
        return
    entered = document["credentials"]
    show.headline(f"{name} · {document['platform']} · {document['store_url']}")
    own = [f"{resource} {span(seconds)}" for resource, seconds in document["intervals"].items() if seconds]
    show.facts(
        [
            ("status", _standing(document["status"])),
            ("read every", span(document["interval"]) + (f"; {', '.join(own)}" if own else "")),
            ("registered", clock(document["created_at"])),
            ("keys entered", f"{clock(entered['entered_at'])} by {entered['entered_by']}"),
            ("sealed with", f"master key {entered['sealed_with']}"),
            *((key.replace("_", " "), _setting(value)) for key, value in sorted(store.settings.items())),
        ]
    )


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _store_document(store: Any) -> dict[str, Any]:
    return {
        "name": store.name,
        "platform": store.platform,
        "store_url": store.store_url,
        "status": store.status,
        "interval": store.sync_interval,
        "allow_http": store.allow_http,
        "created_at": store.created_at,
    }


def _standing(status: str) -> show.Cell:
    tones = {"active": show.GOOD, "paused": show.INFO, "auth_failed": show.BAD}
    words = {"auth_failed": "key refused"}
    return show.Toned(words.get(status, status), tones.get(status, show.WARN))


# -- checking ----------------------------------------------------------------------------------------


@app.command(short_help="Look at a store and say what is wrong with it.")
def check(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Look at a store and say what is wrong with it and how to mend it, worst first.

    Nothing is changed in the store. Exit code 1 if something stands in the way, 3 if the store
    refuses the keys.
    """
    with run(as_json) as context:
        from storelink.sync.opening import check_again

        with context.database.session() as session:
            find_store(session, name)
        with show.waiting(f"Looking at {name}"):
            checkup = check_again(context.database, context.keyring, name, context.settings)
    if as_json:
        print_json({"name": name, "check": check_document(checkup)})
    else:
        problems = sum(one.level == "problem" for one in checkup.findings)
        if problems:
            show.headline(f"{name} cannot be used as it is.", show.BAD)
        else:
            show.headline(f"{name} is well.", show.GOOD)
        tell_findings(checkup)
    raise typer.Exit(check_code(checkup))


# -- changing ----------------------------------------------------------------------------------------


@app.command("set-credentials", short_help="Enter new keys for a store.")
def set_credentials(
    name: NameArgument,
    no_check: Annotated[bool, typer.Option("--no-check", help="Store them without trying them.")] = False,
    credentials: CredentialsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Enter new keys for a store. They are tried first; keys that do not work are not stored.

    They come in the same three ways as for `connectors add`.
    """
    with run(as_json) as context:
        from storelink.connectors import registry
        from storelink.sync import account, entry

        with context.database.session() as session:
            store = find_store(session, name)
        connector = registry.get(store.platform)
        mode = store.auth_mode
        entered = entry.check_credentials(connector, mode, read_credentials(connector, mode, credentials))
        checkup = None
        if not no_check:
            checkup = _examine(context, connector, name, store.store_url, entered, store.allow_http)
            if not checkup.healthy:
                _refuse_keys(name, checkup, as_json)
        with context.database.session() as session:
            account.set_credentials(session, context.keyring, connector, name, entered)
            if checkup is not None:
                account.remember(session, name, _learnt(context, checkup))
            session.commit()
    if as_json:
        check = None if checkup is None else check_document(checkup)
        print_json({"name": name, "stored": True, "check": check})
        return
    show.headline(f"The new keys of {name} are stored.", show.GOOD)
    if checkup is not None:
        tell_findings(checkup)


def _refuse_keys(name: str, checkup: "Checkup", as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "stored": False, "check": check_document(checkup)})
    else:
        show.headline(f"The keys were not stored; {name} keeps the ones it has.", show.BAD)
        tell_findings(checkup)
    raise typer.Exit(check_code(checkup))


app.command("set", short_help="Change how often a store is read.")(changing.set_)
app.command(short_help="Stop reading a store for a while.")(changing.pause)
app.command(short_help="Read a paused store again.")(changing.resume)
app.command(short_help="Forget a store's keys, and with --purge all that was read.")(changing.remove)
