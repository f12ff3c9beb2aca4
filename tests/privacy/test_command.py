"""`storelink privacy` as people run it."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from private_store import Store

from storelink.cli.main import app


@pytest.fixture
def platform() -> str:
    return "woocommerce"


@pytest.fixture
def cli(
    shop: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv(
        "STORELINK_DATABASE_URL", shop.database.engine.url.render_as_string(hide_password=False)
    )
    monkeypatch.setenv("STORELINK_HOME", str(tmp_path))

    def run(*words: str, stdin: str = "") -> tuple[int, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            typer.main.get_command(app)(list(words), prog_name="storelink")
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def test_it_shows_what_will_be_blanked_and_asks(shop: Store, cli: Callable[..., tuple[int, str]]) -> None:
    person = shop.somebody()
    code, said = cli("privacy", "erase", "shop", "--email", person["email"], stdin="n\n")
    assert code == 1 and f"1: {person['customer_id']}" in said
    assert person["email"] in shop.dump()
    code, said = cli("privacy", "erase", "shop", "--email", person["email"], stdin="y\n")
    assert code == 0 and "Erased" in said, said
    assert person["email"].casefold() not in shop.dump().casefold()


def test_for_scripts(shop: Store, cli: Callable[..., tuple[int, str]]) -> None:
    person = shop.somebody()
    code, said = cli("privacy", "export", "shop", "--customer", person["customer_id"])
    assert code == 0 and json.loads(said)["customers"][0]["email"] == person["email"]
    assert cli("privacy", "erase", "shop", "--customer", person["customer_id"], "--json")[0] == 2
    code, said = cli("privacy", "erase", "shop", "--customer", person["customer_id"], "--yes", "--json")
    assert code == 0 and json.loads(said)["erased"]["customers"] == [person["customer_id"]]
    actions = [one["action"] for one in shop.select("SELECT action FROM audit_event ORDER BY id")]
    assert actions[-2:] == ["privacy.export", "privacy.erase"]


@pytest.mark.parametrize("words", [(), ("--customer", "1", "--email", "a@b.example"), ("--order", "none")])
def test_who_is_meant_must_be_said(words: tuple[str, ...], cli: Callable[..., tuple[int, str]]) -> None:
    assert cli("privacy", "erase", "shop", *words, "--yes")[0] == 2
