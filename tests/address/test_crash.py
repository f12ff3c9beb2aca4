"""One change of address, killed at every commit and every call: it is done, once, whatever was half done."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storelink.config import Settings
from storelink.connectors import registry
from storelink.db import Database
from storelink.sandbox.running import start, start_shopify
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import account

SOAK = bool(os.environ.get("STORELINK_SOAK"))
RUNNER = Path(__file__).parents[1] / "support" / "address_crash.py"


def _order(platform: str, store: Any) -> str:
    """One that may be changed."""
    if platform == "woocommerce":
        found = [one for one in store.admin.records("orders") if one["status"] == "processing"]
        store.admin.edit_order(found[0]["id"], shipping=dict(GOOD_WOO))
        return str(found[0]["id"])
    orders = store.admin.records("orders")
    ready = [
        one for one in orders
        if one["displayFulfillmentStatus"] == "UNFULFILLED" and not one["cancelledAt"] and one["_shipping"]
        and one["displayFinancialStatus"] == "PAID"
    ]  # fmt: skip
    return str(ready[0]["id"])


GOOD_WOO = {
    "first_name": "Jo", "last_name": "Park", "address_1": "1 Main St", "city": "Austin", "state": "TX",
    "postcode": "78701", "country": "US",
}  # fmt: skip


@pytest.mark.parametrize("platform", ["woocommerce", "shopify"])
def test_every_crash_ends_in_one_change(platform: str, database: Database, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    keyring = Keyring(provider_of(settings))
    open_shop: Any = start if platform == "woocommerce" else start_shopify
    with open_shop(orders=12, products=6, customers=6) as store:
        credentials = (
            {"consumer_key": store.key, "consumer_secret": store.secret}
            if platform == "woocommerce"
            else {"access_token": store.token, "client_secret": store.client_secret}
        )
        with database.session() as session:
            account.register(
                session, keyring, registry.get(platform), name="shop", store_url=store.url,
                credentials=credentials, auth_mode="keys" if platform == "woocommerce" else "token",
                allow_http=True,
            )  # fmt: skip
            session.commit()
        order = _order(platform, store)
        which = "all" if SOAK else {"woocommerce": "writing"}.get(platform, "sending")
        found = _run(database, tmp_path, order, which)
        record = next(one for one in store.admin.records("orders") if str(one["id"]) == order)
    assert {one["was"] for one in found} >= {"after commit", "after write"}
    for one in found:
        assert (one["stage"], one["error"]) == ("settled", None), one
        assert one["attempts"] <= 2, one
        # only one that died between the commit and the write is sent again, after a look
        assert one["attempts"] == 1 or one["was"] == "after commit", one
    assert sum(one["attempts"] == 2 for one in found) == 1, "killed just before the call"
    held = record["shipping" if platform == "woocommerce" else "_shipping"]
    assert held["city"] == found[-1]["city"]


def _run(database: Database, home: Path, order: str, which: str) -> list[dict[str, Any]]:
    url = database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    env = {**os.environ, "STORELINK_DATABASE_URL": url, "STORELINK_HOME": str(home),
           "PYTHONPATH": str(RUNNER.parent)}  # fmt: skip
    done = subprocess.run(
        [sys.executable, RUNNER, "shop", order, which], check=False, capture_output=True, text=True,
        timeout=250, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
