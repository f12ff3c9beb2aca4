"""Signing in to a store in several ways, with tokens that the platform issues."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from storelink.db import Database
from storelink.sandbox.running import start_shopify

REDIRECT = "https://app.example/done"


@pytest.fixture(scope="module")
def boutique() -> Iterator[Any]:
    with start_shopify(orders=6, products=3, customers=4) as running:
        yield running


def add(cli: Any, shop: Any, *more: str, **options: Any) -> Any:
    return cli("connectors", "add", "shopify", "boutique", "--store-url", shop.url, *more, **options)


def as_json(**values: str) -> dict[str, str]:
    return {"stdin": json.dumps(values)}


def kept(database: Database) -> tuple[Any, ...]:
    with database.connect() as connection:
        return tuple(
            connection.execute(
                text("SELECT auth_mode, credentials IS NOT NULL, token_expires_at FROM connector_config")
            ).one()
        )


def test_the_usual_mode_keeps_the_token_it_was_given(cli: Any, boutique: Any, database: Database) -> None:
    entered = as_json(client_id=boutique.client_id, client_secret=boutique.client_secret)
    done = add(cli, boutique, "--credentials", "-", **entered)
    assert done.code == 0, done.flat
    mode, sealed, ends = kept(database)
    assert (mode, sealed) == ("client-credentials", True)
    assert ends is not None
    assert "client-credentials" in cli("connectors", "list").out
    shown = cli("connectors", "show", "boutique")
    assert "client-credentials" in shown.out
    assert "token until" in shown.out
    checked = cli("connectors", "check", "boutique", "--json").json
    assert checked["auth_mode"] == "client-credentials"
    assert checked["token_expires_at"]
    assert boutique.client_secret not in shown.out


def test_a_token_needs_nothing_beside_it(
    cli: Any, boutique: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORELINK_API_KEY", boutique.token)
    done = add(cli, boutique, "--auth", "token")
    assert done.code == 0, done.flat
    assert kept(database) == ("token", False, None)
    assert "token until" not in cli("connectors", "show", "boutique").out


def test_from_one_mode_to_another(
    cli: Any, boutique: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORELINK_API_KEY", boutique.token)
    assert add(cli, boutique, "--auth", "token").code == 0
    entered = as_json(client_id=boutique.client_id, client_secret=boutique.client_secret)
    done = cli(
        "connectors", "set-credentials", "boutique", "--auth", "client-credentials", "--credentials", "-",
        **entered,
    )  # fmt: skip
    assert done.code == 0, done.flat
    assert kept(database)[:2] == ("client-credentials", True)


def test_a_mode_that_there_is_not(cli: Any, boutique: Any, store: Any) -> None:
    done = add(cli, boutique, "--auth", "password", "--credentials", "-")
    assert done.code != 0
    assert "client-credentials, token, code" in done.flat
    done = cli("connectors", "add", "woocommerce", "shop", "--store-url", store.url, "--auth", "code")
    assert done.code != 0
    assert "it has keys" in done.flat


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--auth", "code"), "needs --redirect-url"),
        (("--auth", "code", "--redirect-url", "app.example"), "a whole address"),
        (("--auth", "token", "--redirect-url", REDIRECT), "of no use"),
    ],
)
def test_redirect_addresses_that_will_not_do(
    cli: Any, boutique: Any, words: tuple[str, ...], said: str
) -> None:
    done = add(cli, boutique, *words)
    assert done.code != 0
    assert said in done.flat


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody who opens the address that is shown, approves, and pastes where the browser ended."""
    shown: list[str] = []
    opened: list[str] = []

    def say(text: Any = "", **_: Any) -> None:
        shown.append(str(text))

    def paste(*_: Any, **named: Any) -> str:
        assert named["hide_input"]
        address = next(line for line in reversed(shown) if line.startswith("http"))
        opened.append(address)
        answer = httpx.get(address, follow_redirects=False)
        assert answer.is_redirect, answer.text
        return answer.headers["location"]

    monkeypatch.setattr("storelink.cli.authorizing.say", say)
    monkeypatch.setattr("storelink.cli.authorizing.typer.prompt", paste)
    return opened


def test_by_consent_in_the_browser_and_again(
    cli: Any, boutique: Any, database: Database, monkeypatch: pytest.MonkeyPatch, person: list[str]
) -> None:
    monkeypatch.setenv("STORELINK_API_KEY", boutique.client_id)
    monkeypatch.setenv("STORELINK_SECRET", boutique.client_secret)
    done = add(cli, boutique, "--auth", "code", "--redirect-url", REDIRECT)
    assert done.code == 0, done.flat
    assert kept(database)[:2] == ("code", True)
    again = cli("connectors", "authorize", "boutique")
    assert again.code == 0, again.flat
    states = [re.findall(r"state=([^&]+)", address)[0] for address in person]
    assert len(set(states)) == 2, "each question has a state of its own"
    assert cli("connectors", "check", "boutique").code == 0


def test_an_answer_to_another_question_stores_nothing(
    cli: Any, boutique: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORELINK_API_KEY", boutique.client_id)
    monkeypatch.setenv("STORELINK_SECRET", boutique.client_secret)
    monkeypatch.setattr(
        "storelink.cli.authorizing.typer.prompt", lambda *_, **__: f"{REDIRECT}?code=stolen&state=other"
    )
    done = add(cli, boutique, "--auth", "code", "--redirect-url", REDIRECT)
    assert done.code != 0
    assert "stolen" not in done.flat
    with database.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM connector_config")) == 0


def test_authorize_is_for_stores_that_sign_in_so(
    cli: Any, boutique: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORELINK_API_KEY", boutique.token)
    assert add(cli, boutique, "--auth", "token").code == 0
    done = cli("connectors", "authorize", "boutique")
    assert done.code != 0
    assert "set-credentials" in done.flat
