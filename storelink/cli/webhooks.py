"""`storelink webhooks`: have stores tell us of changes, and see whether they do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import Context, ExitCode, JsonFlag, print_json, run
from storelink.cli.naming import NameArgument, find_store
from storelink.cli.problems import about
from storelink.cli.words import ago, count, listed

if TYPE_CHECKING:
    from storelink.sync.guardian import Report, Standing
    from storelink.sync.subject import Subject

app = typer.Typer(
    name="webhooks",
    help="Webhooks: have stores tell of changes at once, and see whether they do.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

UrlOption = Annotated[
    str,
    typer.Option(
        "--public-url",
        metavar="URL",
        help="Where stores reach `storelink serve`, as https://sync.example.",
        show_default=False,
    ),
]


@app.command()
def install(
    name: NameArgument,
    public_url: UrlOption,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Have deliveries signed with a new secret from now on.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Subscribe to a store's webhooks. Doing it again changes only what has to be changed.

    `storelink serve` must be reachable at the address; from then on it looks every five minutes
    whether the subscriptions are still there, and makes anew what the store switched off. Polling
    goes on beside it: webhooks are not certain to come.

    With --new-secret, what was signed with the one before is accepted for a day. Shopify signs with
    the app's own secret; `connectors set-credentials` enters a new one.

    \b
    Example:
      storelink webhooks install shop --public-url https://sync.example
    """
    with run(as_json) as context, about(name), _subject(context, name) as subject:
        from storelink.sync import guardian

        report = guardian.install(
            context.database, context.keyring, subject, public_url, new_secret=new_secret
        )
    if as_json:
        print_json({"name": name, **_report_document(report)})
    else:
        _tell_report(name, report)
    raise typer.Exit(ExitCode.FAILED if report.refused else ExitCode.DONE)


def _report_document(report: "Report") -> dict[str, Any]:
    return {
        "delivery_url": report.url,
        "present": report.present,
        "created": report.created,
        "replaced": report.replaced,
        "removed": report.removed,
        "refused": report.refused,
    }


def _tell_report(name: str, report: "Report") -> None:
    there = len(report.present) + len(report.created) + len(report.replaced)
    show.headline(f"{name} tells of its changes: {count(there, 'webhooks')}.", show.GOOD)
    show.say(f"They are delivered to {report.url}", indent=2)
    for words, topics in (
        ("made", report.created),
        ("made anew, since they were switched off", report.replaced),
    ):
        if topics:
            show.say(f"{words}: {', '.join(topics)}", indent=2, hang=2)
    for topic, why in report.refused.items():
        show.say(show.Toned(f"refused: {topic}: {why}", show.BAD), indent=2, hang=2)


@app.command()
def status(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Whether a store tells of its changes, what it told lately, and by which road changes came.

    It asks the store and changes nothing. Exit code 4 where webhooks are missing or switched off.
    A store with nothing to tell is silent: WooCommerce delivers only when somebody visits it.
    """
    with run(as_json) as context, about(name), _subject(context, name) as subject:
        from storelink.sync import delivery, guardian

        standing = guardian.look(context.database, subject)
        with context.database.session() as session:
            roads = delivery.roads(session, subject.id)
            told = delivery.traffic(session, subject.id)
        clock = _now(context)
    ill = standing.url is not None and bool(standing.missing or standing.inactive)
    if as_json:
        print_json(
            {
                "name": name,
                "delivery_url": standing.url,
                "active": standing.active,
                "inactive": standing.inactive,
                "missing": standing.missing,
                "others": standing.others,
                "healthy_at": standing.healthy_at,
                "deliveries": told,
                "roads": roads,
            }
        )
    else:
        _tell_standing(name, standing, clock)
        if told:
            rows = [(one.topic, one.status, f"{one.count:,}", ago(one.last, clock)) for one in told]
            show.table(("delivered in 24 h", "state", "times", "last"), rows)
        if roads:
            ways = [(one.resource, one.kind, f"{one.changes:,}", ago(one.last, clock)) for one in roads]
            show.table(("changed in 24 h", "seen by", "records", "last"), ways)
    raise typer.Exit(ExitCode.DRIFT if ill else ExitCode.DONE)


def _tell_standing(name: str, standing: "Standing", clock: Any) -> None:
    if standing.url is None:
        show.headline(f"{name} is polled; no webhooks are installed.")
        show.say(f"`storelink webhooks install {name} --public-url URL` has it tell of changes.", indent=2)
        return
    ill = standing.missing or standing.inactive
    words = f"{count(len(standing.active), 'webhooks')} active"
    show.headline(f"{name}: {words}.", show.WARN if ill else show.GOOD)
    show.say(f"They are delivered to {standing.url}", indent=2)
    if standing.inactive:
        show.say(f"Switched off by the store: {listed(standing.inactive)}.", indent=2, hang=2)
    if standing.missing:
        show.say(f"Missing: {listed(standing.missing)}.", indent=2, hang=2)
    if ill:
        show.say("`storelink serve` makes them anew within five minutes; so does `install`, now.", indent=2)
    if standing.healthy_at is not None:
        show.say(f"Last found or made whole {ago(standing.healthy_at, clock)}.", indent=2)


@app.command()
def remove(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Delete our webhooks in a store, wherever they deliver to. Webhooks of others stay; so does polling."""
    with run(as_json) as context, about(name), _subject(context, name) as subject:
        from storelink.sync import guardian

        removed = guardian.remove(context.database, subject)
    if as_json:
        print_json({"name": name, "removed": removed})
    else:
        show.say(f"{count(removed, 'webhooks')} of {name} removed; it is polled as before.")


@contextmanager
def _subject(context: Context, name: str) -> "Iterator[Subject]":
    from storelink.sync.opening import open_subject

    with context.database.session() as session:
        find_store(session, name)
    with open_subject(context.database, context.keyring, name, context.settings) as subject:
        yield subject


def _now(context: Context) -> Any:
    from storelink.sync.opening import measure_clock

    return measure_clock(context.database)()
