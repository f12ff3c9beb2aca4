"""`/metrics` says how it is, from the database alone."""

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text

from storelink.config import Settings
from storelink.db import Database
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import alert
from storelink.web.app import create_app
from storelink.web.metrics import FAMILIES, Metrics, names
from storelink.web.services import Services

ROOT = Path(__file__).parents[2]
ONE = (("store", "shop"),)


@pytest.fixture
def store(database: Database) -> uuid.UUID:
    """A Shopify store that has lived: passes, hints, something set aside, a token."""
    key = uuid.uuid4()
    run(
        database,
        "INSERT INTO connector_config (id, name, platform, store_url, auth_mode, status, sync_interval,"
        " allow_http,"
        " settings, token_expires_at) VALUES (:id, 'shop', 'shopify', 'https://s', 'token', 'active',"
        " 300, false,"
        " '{\"api_version\": \"2026-07\"}', clock_timestamp() + interval '1 hour')",
        id=key,
    )
    run(
        database,
        "INSERT INTO sync_state (connector_id, resource, phase, last_success_at, next_due_at, last_drift,"
        " last_verified_at, quiet_passes, interval) VALUES"
        " (:id, 'orders', 'live', clock_timestamp() - interval '90 s', clock_timestamp() - interval '30"
        " s', 3,"
        "  clock_timestamp() - interval '1 day', 7, 60)",
        id=key,
    )
    run(
        database,
        "INSERT INTO sync_run (id, connector_id, resource, kind, status, started_at, finished_at,"
        " fetched, inserted,"
        " updated, unchanged, deleted, quarantined, requests, bytes, throttled_seconds) SELECT"
        " gen_random_uuid(), :id,"
        " 'orders', 'incremental', 'done', clock_timestamp() - age, clock_timestamp() - age + interval '4"
        " s', 5, 2, 1,"
        " 1, 0, 1, 3, 100, 2.5 FROM unnest(ARRAY[interval '10 min', interval '3 hours']) age",
        id=key,
    )
    run(
        database,
        "INSERT INTO quarantined_record (connector_id, resource, external_id, error, seen, first_seen_at,"
        " last_seen_at)"
        " VALUES (:id, 'orders', '1', 'x', 1, now(), now()), (:id, 'orders', '2', 'x', 1, now(), now())",
        id=key,
    )
    run(
        database,
        "INSERT INTO webhook_delivery (connector_id, topic, resource, external_id, received_at, status,"
        " attempts)"
        " VALUES (:id, 't', 'orders', '1', clock_timestamp() - interval '40 s', 'received', 0),"
        " (:id, 't', 'orders', '1', clock_timestamp() - interval '4000 s', 'done', 0)",
        id=key,
    )
    run(
        database,
        "INSERT INTO alert (connector_id, kind, words, opened_at, closed_at, attempts) VALUES"
        " (:id, 'drift', 'x', now(), NULL, 0), (:id, 'store_down', 'x', now(), now(), 0)",
        id=key,
    )
    return key


def run(database: Database, statement: str, **values: Any) -> None:
    with database.connect() as connection:
        connection.execute(text(statement), values)
        connection.commit()


def scrape(database: Database) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(Metrics(database).render().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_it_says_how_it_is(database: Database, store: uuid.UUID) -> None:
    now = scrape(database)
    orders = (("resource", "orders"), ("store", "shop"))
    assert now["storelink_freshness_seconds"][orders] == pytest.approx(90, abs=20)
    assert now["storelink_overdue_seconds"][orders] == pytest.approx(30, abs=20)
    assert now["storelink_interval_seconds"][orders] == 60
    assert now["storelink_drift"][orders] == 3
    assert now["storelink_quiet_passes_total"][orders] == 7
    passes = (("kind", "incremental"), ("resource", "orders"), ("store", "shop"))
    assert now["storelink_pass_seconds_max"][passes] == pytest.approx(4)
    assert now["storelink_records_last_hour"][(("outcome", "inserted"), ("store", "shop"))] == 2
    assert now["storelink_passes_last_hour"][(("status", "done"), ("store", "shop"))] == 1
    assert now["storelink_throttled_seconds_last_hour"][ONE] == 2.5
    assert now["storelink_quarantined"][orders] == 2
    assert now["storelink_webhook_waiting"][ONE] == 1
    assert now["storelink_webhook_lag_seconds"][ONE] == pytest.approx(40, abs=20)
    assert now["storelink_token_seconds_left"][ONE] == pytest.approx(3600, abs=60)
    assert now["storelink_alerts_open"] == {(("kind", "drift"), ("store", "shop")): 1}
    ends = now["storelink_api_version_seconds_left"][(("platform", "shopify"), ("store", "shop"))]
    assert ends == pytest.approx(scrape_end(database), abs=60)
    assert now["storelink_database_up"][()] == 1


def scrape_end(database: Database) -> float:
    with database.connect() as connection:
        query = "SELECT extract(epoch FROM timestamptz '2027-07-01 00:00Z' - clock_timestamp())"
        return float(connection.execute(text(query)).scalar_one())


def test_jobs_that_wait_are_counted(database: Database) -> None:
    run(
        database,
        "INSERT INTO storelink_jobs.procrastinate_jobs (queue_name, task_name, status) VALUES ('poll',"
        " 'x', 'todo')",
    )
    assert scrape(database)["storelink_queue_jobs"][(("kind", "x"), ("status", "todo"))] == 1


def test_no_large_table_is_read(database: Database, store: uuid.UUID) -> None:
    """The cost must not grow with the records: none of their tables is named in a query."""
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    Metrics(database).render()
    assert len(asked) >= len(FAMILIES)
    large = r"platform_order|platform_product|platform_customer|order_item|order_refund|source_record"
    assert not re.search(large, " ".join(asked))


def test_many_questions_at_once_are_one(database: Database) -> None:
    time = [0.0]
    metrics = Metrics(database, clock=lambda: time[0])
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    metrics.render()
    once = len(asked)
    metrics.render()
    assert len(asked) == once
    time[0] = 5.0
    metrics.render()
    assert len(asked) == 2 * once


def test_the_application_serves_it(database: Database, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    services = Services(settings, database, Keyring(provider_of(settings)), lambda: True)
    app = create_app(services)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get("/metrics")

    answer = asyncio.run(ask())
    assert answer.status_code == 200 and "storelink_database_up 1.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_forged_deliveries_and_unknown_topics_are_counted(database: Database) -> None:
    counts = {("shop", "accepted"): 3, ("shop", "unsigned"): 2, ("shop", "unknown_topic"): 1}
    (family,) = [
        one
        for one in text_string_to_metric_families(Metrics(database, counts).render().decode())
        if one.name == "storelink_webhook_deliveries"
    ]
    assert {(one.labels["store"], one.labels["outcome"]): one.value for one in family.samples} == counts


def test_every_metric_of_the_dashboard_exists_and_is_shown() -> None:
    board = json.loads((ROOT / "docs" / "grafana.json").read_text())
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    assert set(re.findall(r"storelink_\w+", asked)) == set(names())


def test_every_alert_is_explained() -> None:
    kinds = set(re.findall(r"'(\w+)'", re.findall(r"a\.kind IN \(([^)]+)\)", alert._CLOSED)[0]))
    assert "store_down" in kinds
    explained = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert set(explained) >= kinds
