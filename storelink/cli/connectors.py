"""`storelink connectors`: register stores, check them, change and remove them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import authorizing, changing, entering, show
from storelink.cli.authorizing import AuthOption, RedirectOption, learnt, look, sign_in, token_of
from storelink.cli.checkup import check_code, check_document, tell_findings
from storelink.cli.context import Context, JsonFlag, print_json, run
from storelink.cli.credentials import CredentialsOption, read_credentials
from storelink.cli.naming import NameArgument, find_store
from storelink.cli.words import clock, span
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.connectors.protocol import Account, Checkup, Connector

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
and nobody sees them again. What a platform has several ways to sign in by is said by --auth.

\b
Examples:
  storelink connectors add woocommerce shop --store-url https://shop.example
  storelink connectors add woocommerce shop --store-url https://shop.example \\
      --credentials - < keys.json
  where keys.json is {"consumer_key": "ck_…", "consumer_secret": "cs_…"}
  storelink connectors add woocommerce shop --store-url https://shop.example \\
      --orders-since 2025-01-01
  storelink connectors add shopify boutique --store-url boutique.myshopify.com
  storelink connectors add shopify boutique \\
      --store-url boutique.myshopify.com --auth token
  storelink connectors add shopify boutique \\
      --store-url boutique.myshopify.com \\
      --auth code --redirect-url https://app.example/done

\b
In WooCommerce keys are made under Settings → Advanced → REST API, for an
administrator, with the permission Read/Write.

\b
In Shopify an app of the shop's own organisation has a client ID and a client
secret (--auth client-credentials, the usual way). An app made in the admin
before 2026 has an access token (--auth token). Any other app is approved in
the browser (--auth code).
"""


@app.command(help=ADD_HELP, short_help="Register a store.")
def add(
    platform: Annotated[
        str, typer.Argument(metavar="PLATFORM", help="What the store runs on: shopify or woocommerce.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it: a-z, 0-9 and hyphens.")],
    store_url: Annotated[str, typer.Option("--store-url", metavar="URL", help="Its address.")],
    interval: Interval = 300,
    orders_since: changing.SinceOption = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Accept a store on another machine without https.")
    ] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Register it without looking at it.")] = False,
    auth: AuthOption = None,
    redirect_url: RedirectOption = None,
    credentials: CredentialsOption = None,
    as_json: JsonFlag = False,
) -> None:
    with run(as_json) as context:
        from storelink.connectors import registry
        from storelink.connectors.protocol import Account
        from storelink.sync import account, entry, since

        connector = registry.get(platform)
        since.check(connector, since.moment_of(orders_since or since.ALL, {}))
        url = _acceptable(context, connector, name, store_url, interval, allow_http)
        mode = entry.usable_mode(connector, auth)
        authorizing.check_redirect(connector, mode, redirect_url)
        entered = entry.check_credentials(connector, mode, read_credentials(connector, mode, credentials))
        candidate = sign_in(
            context, connector, Account(name, url, mode, entered, {}, allow_http), redirect_url
        )
        checkup = None if no_check else look(context, connector, candidate)
        if checkup is not None and not checkup.healthy:
            _refuse(name, checkup, as_json)
        with context.database.session() as session:
            settings = learnt(context, checkup, redirect_url)
            moment = since.moment_of(orders_since or since.ALL, settings)
            account.register(
                session, context.keyring, connector, name=name, store_url=url, credentials=entered,
                auth_mode=mode, token=token_of(candidate), interval=interval, allow_http=allow_http,
                settings=settings, orders_since=moment,
            )  # fmt: skip
            session.commit()
        _tell_added(candidate, connector, checkup, since.words(moment, settings), as_json)


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


def _refuse(name: str, checkup: "Checkup", as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "registered": False, "check": check_document(checkup)})
    else:
        show.headline(f"{name} was not registered. Nothing was stored.", show.BAD)
        tell_findings(checkup)
    raise typer.Exit(check_code(checkup))


def _tell_added(
    candidate: "Account", connector: "Connector", checkup: "Checkup | None", bound: str | None, as_json: bool
) -> None:
    from storelink.sync.entry import doubts

    name, url = candidate.name, candidate.store_url
    notes = doubts(connector, candidate.auth_mode, candidate.credentials)
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
    if bound:
        show.say(f"Read are {bound}.")
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
            [
                one["name"],
                one["platform"],
                one["store_url"],
                one["auth_mode"],
                _standing(one["status"]),
                span(one["interval"]),
            ]
            for one in stores
        ]
        show.table(["name", "platform", "address", "signs in by", "status", "read every"], rows)


@app.command("show", short_help="One store: address, intervals, what the check learnt.")
def show_store(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show one store: address, intervals, keys (never the keys themselves), what was learnt of it."""
    with run(as_json) as context:
        from storelink.cli.reading import entered_at, resource_intervals
        from storelink.sync import since

        with context.database.session() as session:
            store = find_store(session, name)
            document = _store_document(store) | {
                "intervals": resource_intervals(session, store.id),
                "orders_since": since.of(session, store),
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
            ("reads", since.words(document["orders_since"], store.settings) or ""),
            ("registered", clock(document["created_at"])),
            ("signs in by", document["auth_mode"]),
            ("token until", _ends(store.token_expires_at)),
            ("keys entered", f"{clock(entered['entered_at'])} by {entered['entered_by']}"),
            ("sealed with", f"master key {entered['sealed_with']}"),
            *((key.replace("_", " "), _setting(key, value)) for key, value in sorted(store.settings.items())),
        ]
    )


def _ends(moment: "datetime | None") -> str:
    return "" if moment is None else f"{clock(moment)}, then renewed"


def _setting(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_setting(name, one)}" for name, one in value.items())
    if key.endswith("_at") and isinstance(value, str):
        return clock(datetime.fromisoformat(value))
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _store_document(store: Any) -> dict[str, Any]:
    return {
        "name": store.name,
        "platform": store.platform,
        "store_url": store.store_url,
        "auth_mode": store.auth_mode,
        "token_expires_at": store.token_expires_at,
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
        with context.database.session() as session:
            store = find_store(session, name)
    if as_json:
        signs = {"auth_mode": store.auth_mode, "token_expires_at": store.token_expires_at}
        print_json({"name": name, **signs, "check": check_document(checkup)})
    else:
        problems = sum(one.level == "problem" for one in checkup.findings)
        if problems:
            show.headline(f"{name} cannot be used as it is.", show.BAD)
        else:
            show.headline(f"{name} is well.", show.GOOD)
        tell_findings(checkup)
        show.facts([("signs in by", store.auth_mode), ("token until", _ends(store.token_expires_at))])
    raise typer.Exit(check_code(checkup))


# -- changing ----------------------------------------------------------------------------------------


app.command("set-credentials", short_help="Enter new keys for a store.")(entering.set_credentials)
app.command(short_help="Approve the app in the browser again.")(entering.authorize)
app.command("set", short_help="Change how often a store is read.")(changing.set_)
app.command(short_help="Stop reading a store for a while.")(changing.pause)
app.command(short_help="Read a paused store again.")(changing.resume)
app.command(short_help="Forget a store's keys, and with --purge all that was read.")(changing.remove)
