"""New keys for a store that is registered: entered again, or approved again in the browser."""

from typing import TYPE_CHECKING, Annotated

import typer

from storelink.cli import authorizing, show
from storelink.cli.authorizing import AuthOption, RedirectOption, learnt, look, sign_in, token_of
from storelink.cli.checkup import check_code, check_document, tell_findings
from storelink.cli.context import Context, JsonFlag, print_json, run
from storelink.cli.credentials import CredentialsOption, read_credentials
from storelink.cli.naming import NameArgument, find_store
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.connectors.protocol import Checkup, Connector
    from storelink.models import ConnectorConfig

NoTry = Annotated[bool, typer.Option("--no-check", help="Store them without trying them.")]


def set_credentials(
    name: NameArgument,
    no_check: NoTry = False,
    auth: AuthOption = None,
    redirect_url: RedirectOption = None,
    credentials: CredentialsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Enter new keys for a store. They are tried first; keys that do not work are not stored.

    They come in the same three ways as for `connectors add`. With --auth the store is signed in to
    in another way from now on.
    """
    with run(as_json) as context:
        from storelink.sync import entry

        store, connector = _registered(context, name)
        mode = entry.usable_mode(connector, auth or store.auth_mode)
        redirect_url = redirect_url or _redirect_kept(store, mode)
        authorizing.check_redirect(connector, mode, redirect_url)
        entered = entry.check_credentials(connector, mode, read_credentials(connector, mode, credentials))
        checkup = _replace_keys(context, store, connector, mode, entered, redirect_url, no_check, as_json)
    _tell_stored(name, f"The new keys of {name} are stored.", checkup, as_json)


def authorize(
    name: NameArgument,
    no_check: NoTry = False,
    redirect_url: RedirectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Approve the app in the browser again, for a store that was registered with --auth code.

    For when the shop withdrew its consent, or the app is to see more. The keys stay as they are.
    """
    with run(as_json) as context:
        from storelink.sync import account

        store, connector = _registered(context, name)
        if connector.authorization is None or store.auth_mode != connector.authorization.mode:
            raise Misconfigured(
                f"{name} does not sign in by consent in the browser (it has {store.auth_mode});"
                f" `storelink connectors set-credentials {name}` enters new keys."
            )
        redirect_url = redirect_url or _redirect_kept(store, store.auth_mode)
        authorizing.check_redirect(connector, store.auth_mode, redirect_url)
        with context.database.session() as session:
            entered = dict(account.open_account(session, context.keyring, name).credentials)
        checkup = _replace_keys(
            context, store, connector, store.auth_mode, entered, redirect_url, no_check, as_json
        )
    _tell_stored(name, f"{name} has let the app in; its new token is stored.", checkup, as_json)


def _registered(context: Context, name: str) -> "tuple[ConnectorConfig, Connector]":
    from storelink.connectors import registry

    with context.database.session() as session:
        store = find_store(session, name)
    return store, registry.get(store.platform)


def _redirect_kept(store: "ConnectorConfig", mode: str) -> str | None:
    return store.settings.get(authorizing.REDIRECT) if store.auth_mode == mode else None


def _replace_keys(
    context: Context,
    store: "ConnectorConfig",
    connector: "Connector",
    mode: str,
    entered: dict[str, str],
    redirect_url: str | None,
    no_check: bool,
    as_json: bool,
) -> "Checkup | None":
    """Try them, and keep them with what is learnt. Ends the command where they do not work."""
    from storelink.connectors.protocol import Account
    from storelink.sync import account

    candidate = Account(store.name, store.store_url, mode, entered, {}, store.allow_http)
    candidate = sign_in(context, connector, candidate, redirect_url)
    checkup = None if no_check else look(context, connector, candidate)
    if checkup is not None and not checkup.healthy:
        _refuse_keys(store.name, checkup, as_json)
    with context.database.session() as session:
        account.set_credentials(
            session, context.keyring, connector, store.name, entered,
            auth_mode=mode, token=token_of(candidate),
        )  # fmt: skip
        account.remember(session, store.name, learnt(context, checkup, redirect_url))
        session.commit()
    return checkup


def _tell_stored(name: str, words: str, checkup: "Checkup | None", as_json: bool) -> None:
    if as_json:
        check = None if checkup is None else check_document(checkup)
        print_json({"name": name, "stored": True, "check": check})
        return
    show.headline(words, show.GOOD)
    if checkup is not None:
        tell_findings(checkup)


def _refuse_keys(name: str, checkup: "Checkup", as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "stored": False, "check": check_document(checkup)})
    else:
        show.headline(f"The keys were not stored; {name} keeps the ones it has.", show.BAD)
        tell_findings(checkup)
    raise typer.Exit(check_code(checkup))
