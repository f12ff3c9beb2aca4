"""`storelink webhooks`, as ops type it."""

import json
from typing import Any

import pytest
import typer.main
from webhook_house import Shop

from storelink.cli.main import app


@pytest.fixture
def cli(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    assert shop.house.settings.database_url is not None
    monkeypatch.setenv("STORELINK_DATABASE_URL", shop.house.settings.database_url.get_secret_value())
    monkeypatch.setenv("STORELINK_HOME", str(shop.house.settings.home))

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            typer.main.get_command(app)(["webhooks", *words], prog_name="storelink")
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def test_from_install_to_remove(shop: Shop, cli: Any) -> None:
    code, said = cli("status", shop.name)
    assert code == 0
    assert "no webhooks are installed" in said
    code, said = cli("install", shop.name, "--public-url", shop.house.url)
    assert code == 0, said
    assert f"/webhooks/{shop.id}" in said.replace("\n", "")
    shop.admin.create_order()
    shop.pull()
    code, said = cli("status", shop.name, "--json")
    found = json.loads(said)
    assert code == 0
    assert found["missing"] == []
    assert {"orders"} <= {road["resource"] for road in found["roads"] if road["kind"] == "webhook"}
    assert any(one["status"] == "done" for one in found["deliveries"])
    secret = shop.admin.webhooks()[0].get("secret")
    assert secret is None or secret not in said
    code, said = cli("remove", shop.name)
    assert code == 0
    assert shop.admin.webhooks() == []


def test_what_is_missing_is_drift(shopify: Shop, shop: Shop, cli: Any) -> None:
    if shop.platform != "shopify":
        pytest.skip("once is enough")
    cli("install", shop.name, "--public-url", shop.house.url)
    shop.admin.do("drop_webhooks")
    code, said = cli("status", shop.name)
    assert code == 4
    assert "ORDERS_UPDATED" in said


def test_an_address_that_cannot_be(shop: Shop, cli: Any) -> None:
    code, said = cli("install", shop.name, "--public-url", "http://sync.example")
    assert code == 2
    assert "https://" in said
    assert shop.admin.webhooks() == []
