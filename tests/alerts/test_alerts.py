"""Alerts: found in the tables, told once to a real listener, and once when it is over."""

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from storelink.db import Database
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import alert, telling
from storelink.sync.lane import Psycopg, hold


class Listener:
    """Takes what is posted, or refuses it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.status = 200
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if listener.status == 200:
                    listener.heard.append(body)
                self.send_response(listener.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = SecretStr(f"http://127.0.0.1:{self.server.server_port}/hook/secret-token")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def states(self) -> list[tuple[str, str]]:
        return [(one["kind"], one["state"]) for one in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def store(database: Database) -> uuid.UUID:
    key = uuid.uuid4()
    with database.session() as session:
        session.add(
            ConnectorConfig(id=key, name="shop", platform="toy", store_url="https://s", auth_mode="x")
        )
        session.flush()
        session.add(SyncState(connector_id=key, resource="orders"))
        session.commit()
    return key


@pytest.fixture
def connection(database: Database, store: uuid.UUID) -> Iterator[Psycopg]:
    with hold(database, store, "orders", None) as lane:
        yield lane.connection


def do(connection: Psycopg, statement: str, *values: Any) -> None:
    connection.execute(statement, values)
    connection.commit()


AWAY = (
    "UPDATE connector_config SET settings = jsonb_build_object('webhooks',"
    " jsonb_build_object('public_url', 'https://p',"
    " 'looked_at', (clock_timestamp() - interval '40 s')::text, 'healthy_at', (clock_timestamp() -"
    " interval '1 hour')::text))"
)
TROUBLES = {
    "auth_failed": (
        "UPDATE connector_config SET status = 'auth_failed'",
        "UPDATE connector_config SET status = 'active'",
    ),
    "store_down": (
        "UPDATE sync_state SET consecutive_failures = 3, last_error = 'anna@example.test is no total'",
        "UPDATE sync_state SET consecutive_failures = 0, last_error = NULL",
    ),
    "drift": ("UPDATE sync_state SET last_drift = 2", "UPDATE sync_state SET last_drift = 0"),
    "deletes_withheld": (
        "UPDATE sync_state SET withheld = 30, last_drift = 30",
        "UPDATE sync_state SET withheld = 0, last_drift = 0",
    ),
    "quarantine": (
        "INSERT INTO quarantined_record (connector_id, resource, external_id, payload, error, seen,"
        " first_seen_at,"
        " last_seen_at) SELECT id, 'orders', '1', '{\"email\": \"anna@example.test\"}',"
        " 'anna@example.test', 1, now(),"
        " now() FROM connector_config",
        "UPDATE quarantined_record SET first_seen_at = now() - interval '25 hours'",
    ),
    "subscription_lost": (
        AWAY,
        "UPDATE connector_config SET settings = jsonb_set(settings, '{webhooks,healthy_at}',"
        " to_jsonb(now()::text))",
    ),
    "token_expiring": (
        "UPDATE connector_config SET token_expires_at = now() - interval '301 s'",
        "UPDATE connector_config SET token_expires_at = now() + interval '1 hour'",
    ),
    "needs_attention": (
        "INSERT INTO refund_request (connector_id, order_id, stage, error) SELECT id, '1', 'needs_attention',"
        " 'anna@example.test' FROM connector_config",
        "UPDATE refund_request SET stage = 'failed', status = 'failed'",
    ),
    "over_refunded": (
        "INSERT INTO refund_request (connector_id, order_id, stage, status, alarm) SELECT id, '1', 'settled',"
        " 'processed', 'twin' FROM connector_config",
        "UPDATE refund_request SET alarm_over_at = now()",
    ),
}


# a token that cannot be renewed is told of while it is good, and so is what renews it
TOKENS = [
    (
        "UPDATE connector_config SET token_expires_at = now() + interval '3 minutes', settings ="
        " jsonb_build_object('token', jsonb_build_object('failed_at', now() - interval '121 s'))",
        "cannot be renewed",
    ),
    (
        "UPDATE connector_config SET status = 'paused', settings ="
        " jsonb_build_object('token', jsonb_build_object('refresh_until', now() + interval '13 days'))",
        "what renews the token ends on",
    ),
    ("UPDATE connector_config SET token_expires_at = now() - interval '301 s'", "ended"),
]


@pytest.mark.parametrize("statement, words", TOKENS)
def test_a_token_is_told_of_before_it_ends(connection: Psycopg, statement: str, words: str) -> None:
    do(connection, statement)
    (change,) = alert.sweep(connection)
    assert change.kind == "token_expiring"
    assert words in change.words
    assert alert.sweep(connection) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE connector_config SET token_expires_at = now() + interval '3 minutes', settings ="
        " jsonb_build_object('token', jsonb_build_object('failed_at', now() - interval '100 s'))",
        "UPDATE connector_config SET settings ="
        " jsonb_build_object('token', jsonb_build_object('refresh_until', now() + interval '15 days'))",
        "UPDATE connector_config SET token_expires_at = now() - interval '200 s'",
    ],
)
def test_a_token_with_time_left_is_no_alert(connection: Psycopg, statement: str) -> None:
    do(connection, statement)
    assert alert.sweep(connection) == []


def test_every_kind_has_a_meaning() -> None:
    assert set(TROUBLES) == set(telling.MEANINGS)


@pytest.mark.parametrize("kind", TROUBLES)
def test_once_and_once_when_it_is_over(connection: Psycopg, listener: Listener, kind: str) -> None:
    begin, end = TROUBLES[kind]
    alert.sweep(connection)
    assert telling.tell(connection, listener.url) == 0
    do(connection, begin)
    for _ in range(3):
        alert.sweep(connection)
        telling.tell(connection, listener.url)
    assert listener.states() == [(kind, "open")]
    do(connection, end)
    do(connection, "UPDATE sync_state SET last_success_at = clock_timestamp()")
    for _ in range(3):
        alert.sweep(connection)
        telling.tell(connection, listener.url)
    assert listener.states() == [(kind, "open"), (kind, "over")]
    assert len({one["id"] for one in listener.heard}) == 1
    assert all(one["store"] == "shop" and one["meaning"] for one in listener.heard)
    assert "anna" not in json.dumps(listener.heard), "the store's words stay inside"


def test_a_look_that_is_under_way_is_no_loss(connection: Psycopg) -> None:
    do(connection, AWAY.replace("40 s", "2 s"))
    assert alert.sweep(connection) == []


def test_what_was_not_taken_is_told_again(
    connection: Psycopg, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    do(connection, TROUBLES["drift"][0])
    alert.sweep(connection)
    listener.status = 500
    assert telling.tell(connection, listener.url) == telling.tell(connection, listener.url) == 0
    said = capsys.readouterr()
    assert "secret-token" not in said.out + said.err
    assert (said.out + said.err).count("alert.untold") == 1
    listener.status = 200
    assert telling.tell(connection, listener.url) == 1
    assert listener.states() == [("drift", "open")]


def test_nobody_there_breaks_nothing(connection: Psycopg) -> None:
    do(connection, TROUBLES["drift"][0])
    alert.sweep(connection)
    assert telling.tell(connection, SecretStr("http://127.0.0.1:9/x")) == 0
    assert telling.tell(connection, None) == 0


def test_what_was_over_before_anybody_could_hear_is_no_news(connection: Psycopg, listener: Listener) -> None:
    do(connection, TROUBLES["drift"][0])
    alert.sweep(connection)
    do(connection, TROUBLES["drift"][1])
    alert.sweep(connection)
    assert telling.tell(connection, listener.url) == 0
    assert listener.heard == []


def test_two_processes_tell_once(
    database: Database, connection: Psycopg, store: uuid.UUID, listener: Listener
) -> None:
    do(connection, TROUBLES["drift"][0])
    alert.sweep(connection)
    with hold(database, store, "orders", None) as other:
        other.connection.execute("SELECT pg_advisory_lock(%s)", (telling.TURN,))
        other.connection.commit()
        assert telling.tell(connection, listener.url) == 0
        other.connection.execute("SELECT pg_advisory_unlock(%s)", (telling.TURN,))
        other.connection.commit()
    assert telling.tell(connection, listener.url) == 1


@pytest.mark.parametrize("kind", ["needs_attention", "over_refunded"])
def test_what_people_settled_is_over_though_the_store_is_paused(connection: Psycopg, kind: str) -> None:
    begin, end = TROUBLES[kind]
    do(connection, begin)
    assert [(one.kind, one.over) for one in alert.sweep(connection)] == [(kind, False)]
    do(connection, "UPDATE connector_config SET status = 'paused'")
    assert alert.sweep(connection) == []
    do(connection, end)
    assert [(one.kind, one.over) for one in alert.sweep(connection)] == [(kind, True)]


STUCK = {
    "needs_attention": (
        "INSERT INTO refund_request (connector_id, order_id, stage) SELECT id, %s, 'needs_attention'"
        " FROM connector_config RETURNING id, connector_id, 'refund.needs_attention'",
        "UPDATE refund_request SET stage = 'failed', status = 'failed' WHERE order_id = %s",
    ),
    "over_refunded": (
        "INSERT INTO refund_request (connector_id, order_id, stage, status, alarm) SELECT id, %s, 'settled',"
        " 'processed', 'twin' FROM connector_config RETURNING id, connector_id, 'refund.twin'",
        "UPDATE refund_request SET alarm_over_at = now() WHERE order_id = %s",
    ),
}


@pytest.mark.parametrize("kind", STUCK)
def test_one_more_that_needs_a_person_is_told_of_though_the_first_is_known(
    connection: Psycopg, listener: Listener, kind: str
) -> None:
    begin, end = STUCK[kind]

    def come(order: str) -> None:
        row = connection.execute(begin, [order]).fetchone()
        assert row is not None
        do(
            connection, "INSERT INTO audit_event (actor, subject, connector_id, action, detail)"
            " VALUES ('storelink', %s, %s, %s, '{}')", str(row[0]), *row[1:],
        )  # fmt: skip

    def pass_by(seconds: int) -> None:
        by = (f"{seconds} s",)
        do(connection, "UPDATE alert SET opened_at = opened_at - %s::interval", *by)
        do(connection, "UPDATE audit_event SET at = at - %s::interval", *by)

    def told() -> list[str]:
        found = [change.words.split()[0] for change in alert.sweep(connection)]
        telling.tell(connection, listener.url)
        return found

    come("1")
    assert told() == ["1"]
    come("2")
    assert told() == [], "one at a time"
    pass_by(61)
    assert told() == ["2"]
    pass_by(61)
    assert told() == [], "both are known"
    do(connection, end, "1")
    assert told() == [], "one less is no news"
    assert connection.execute("SELECT words FROM alert WHERE closed_at IS NULL").fetchone()[0][0] == "1"  # type: ignore[index]
    do(connection, end, "2")
    come("3")
    pass_by(61)
    assert told() == ["1"], "another one, though no more"
    do(connection, end, "3")
    assert told() == ["1"]
    assert listener.states() == [(kind, "open")] * 3 + [(kind, "over")]
    assert len({one["id"] for one in listener.heard}) == 3
    assert [" 1 re" in one["text"] for one in listener.heard] == [True, False, True, False]
