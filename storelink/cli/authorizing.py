"""A person lets storelink into a store: out to the browser, and back by what is pasted here."""

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli.context import Context
from storelink.cli.show import say
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.connectors.protocol import Account, Checkup, Connector, Token

AuthOption = Annotated[
    str | None,
    typer.Option(
        "--auth",
        metavar="MODE",
        help="How to sign in, where the platform has several ways; Shopify: client-credentials, token, code.",
        show_default=False,
    ),
]
RedirectOption = Annotated[
    str | None,
    typer.Option(
        "--redirect-url",
        metavar="URL",
        help="With --auth code: one of the redirect addresses that the app allows.",
        show_default=False,
    ),
]
REDIRECT = "redirect_url"
"""The setting that keeps it for `connectors authorize`."""


def check_redirect(connector: "Connector", mode: str, redirect_url: str | None) -> None:
    """Before anybody types a secret. Raises `Misconfigured` where one is missing, or not used."""
    if not _by_consent(connector, mode):
        if redirect_url is not None:
            raise Misconfigured(f"--redirect-url is of no use with --auth {mode}.")
        return
    if not redirect_url:
        raise Misconfigured(
            f"--auth {mode} needs --redirect-url: an address that the app's settings allow to be sent back"
            " to. Nothing need answer there; the browser's address bar is all that is wanted."
        )
    if not redirect_url.startswith(("https://", "http://")):
        raise Misconfigured("--redirect-url must be a whole address, https:// and all.")


def sign_in(
    context: Context, connector: "Connector", candidate: "Account", redirect_url: str | None
) -> "Account":
    """The candidate with a keeper of tokens; where the mode needs it, one that a person let in."""
    from storelink.sync.token import Remembered

    token = None
    if _by_consent(connector, candidate.auth_mode) and redirect_url:
        token = _ask_for_consent(context, connector, candidate, redirect_url)
    return replace(candidate, tokens=Remembered(token))


def look(context: Context, connector: "Connector", candidate: "Account") -> "Checkup":
    """What the doctor says of the candidate."""
    from storelink.cli.show import waiting
    from storelink.sync.opening import examine

    with waiting(f"Looking at {candidate.store_url}"):
        return examine(context.database, connector, candidate, context.settings)


def learnt(context: Context, checkup: "Checkup | None", redirect_url: str | None) -> dict[str, Any]:
    """What to keep in the store's settings."""
    from storelink.sync.opening import measure_clock, remembered

    kept = {} if checkup is None else remembered(checkup, measure_clock(context.database)())
    return kept | ({REDIRECT: redirect_url} if redirect_url else {})


def token_of(candidate: "Account") -> "Token | None":
    """The token that the candidate holds by now."""
    return candidate.tokens.held() if candidate.tokens else None


def _by_consent(connector: "Connector", mode: str) -> bool:
    return connector.authorization is not None and connector.authorization.mode == mode


def _ask_for_consent(
    context: Context, connector: "Connector", candidate: "Account", redirect_url: str
) -> "Token":
    from storelink.sync.opening import limits, measure_clock

    assert connector.authorization is not None
    state = secrets.token_urlsafe(24)
    say(
        f"Open this address in a browser, signed in to {candidate.store_url} as somebody who may install"
        " apps, and approve the app:", err=True,
    )  # fmt: skip
    say(connector.authorization.address(candidate, redirect_url, state), err=True)
    say("The browser then ends at the redirect address. That page may well show an error.", err=True)
    try:
        answered: str = typer.prompt("Paste the whole address here (not shown)", hide_input=True, err=True)
    except typer.Abort:
        raise Misconfigured("No address was pasted; nothing was stored.") from None
    clock = measure_clock(context.database)
    allowed = limits(context.settings, candidate)
    return connector.authorization.accept(candidate, answered, state, allowed, clock)
