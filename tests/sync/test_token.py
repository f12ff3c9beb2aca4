"""Tokens that a platform issues: renewed by one process at a time, and never lost."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from storelink.connectors.protocol import CredentialField
from storelink.db import open_database
from storelink.errors import Misconfigured, Retryable
from storelink.models import ConnectorConfig
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import EnvironmentProvider
from storelink.sync import account, keys, token
from storelink.sync.token import Keeper, Remembered, lock_number

MATERIAL = ",".join(f"k{number}:{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))
HOLDER = Path(__file__).parents[1] / "support" / "token_holder.py"
SOON = "2026-11-21T14:00:00+00:00"


class Toy:
    platform, title, resources = "toy", "Toy", ("orders",)
    auth_modes: ClassVar = {
        "app": (
            CredentialField("client_id", "api_key", "Client ID", secret=False),
            CredentialField("client_secret", "secret", "Client secret"),
        ),
        "token": (
            CredentialField("access_token", "api_key", "Access token"),
            CredentialField("client_secret", "secret", "Client secret", optional=True),
        ),
    }

    def normalize_url(self, url):
        return url


TOY = Toy()
ENTERED = {"client_id": "id", "client_secret": "hunter2"}


def issued(number, expires=SOON):
    return {"access_token": f"shpat_{number}", "expires_at": expires, "refresh_token": f"r{number}"}


@pytest.fixture
def keyring():
    return Keyring(EnvironmentProvider(SecretStr(MATERIAL)))


@pytest.fixture
def store(database, keyring):
    with database.session() as session:
        row = account.register(
            session, keyring, TOY, name="shop", store_url="https://s.test", credentials=ENTERED
        )
        session.commit()
    return row


@pytest.fixture
def keeper(database, keyring, store):
    """Opens the store and returns its keeper."""

    def open_():
        with database.session() as session:
            return account.open_account(session, keyring, "shop", database=database).tokens

    return open_


@pytest.fixture
def row(database, store):
    def read():
        with database.session() as session:
            return session.get(ConnectorConfig, store.id)

    return read


@pytest.fixture
def holder(settings, store):
    """Start a process that renews; all are ended at the end of the test."""
    started = []

    def start(stale, *more):
        url = settings.database_url.get_secret_value()
        process = subprocess.Popen(
            [sys.executable, str(HOLDER), "shop", json.dumps(stale), *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "STORELINK_DATABASE_URL": url, "STORELINK_HOME": str(settings.home),
                 "STORELINK_MASTER_KEYS": MATERIAL},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def says(process):
    word, _, document = process.stdout.readline().strip().partition(" ")
    return word, json.loads(document or "null")


def answer(process, document):
    process.stdin.write(json.dumps(document) + "\n")
    process.stdin.flush()


def wait_until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def waiting_for_the_lock(database, number):
    with database.connect() as connection:
        return connection.scalar(
            text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                 " AND (classid::bigint << 32) | objid::bigint = :number"), {"number": number},
        )  # fmt: skip


# -- keeping --------------------------------------------------------------------------------------


def test_a_token_is_kept_sealed_with_the_time_it_ends(keeper, row):
    assert keeper().held() is None
    assert keeper().renew(None, lambda kept: issued(1)) == issued(1)
    assert keeper().held() == issued(1)
    assert row().token_expires_at == datetime(2026, 11, 21, 14, tzinfo=UTC)
    assert row().credentials.startswith("s1.")
    assert "shpat" not in row().credentials
    lasting = issued(2, expires=None)
    assert keeper().renew(issued(1), lambda kept: lasting) == lasting
    assert row().token_expires_at is None
    assert row().updated_at == row().created_at, "ops changed nothing"


def test_one_that_was_renewed_meanwhile_is_taken(keeper):
    keeper().renew(None, lambda kept: issued(1))

    def never(kept):
        raise AssertionError("asked for nothing")

    assert keeper().renew(None, never) == issued(1)
    assert keeper().renew(issued(0), never) == issued(1)
    assert keeper().renew(issued(1), lambda kept: issued(int(kept["access_token"][-1]) + 1)) == issued(2)


def test_what_was_kept_stays_where_the_exchange_fails(keeper):
    keeper().renew(None, lambda kept: issued(1))

    def refuse(kept):
        raise Retryable("later")

    with pytest.raises(Retryable):
        keeper().renew(issued(1), refuse)
    with pytest.raises(ValueError, match="access_token"):
        keeper().renew(issued(1), lambda kept: {"expires_at": SOON})
    with pytest.raises(ValueError, match="zone"):
        keeper().renew(issued(1), lambda kept: issued(2, "2026-11-21T14:00:00"))
    assert keeper().held() == issued(1)
    assert keeper().renew(issued(1), lambda kept: issued(2)) == issued(2), "the lock was let go"


def test_no_transaction_is_open_during_the_exchange(keeper, database):
    def look(kept):
        with database.connect() as connection:
            open_ = connection.scalar(
                text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                     " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL")
            )  # fmt: skip
        assert open_ == 0
        return issued(1)

    keeper().renew(None, look)


def test_threads_of_one_process_exchange_once(keeper):
    shared, asked, found = keeper(), [], []

    def exchange(kept):
        asked.append(kept)
        return issued(len(asked))

    threads = [threading.Thread(target=lambda: found.append(shared.renew(None, exchange))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [None]
    assert found == [issued(1)] * 12


def test_a_repr_shows_nothing(keeper, database, keyring):
    kept = keeper()
    kept.renew(None, lambda _: issued(1))
    with database.session() as session:
        opened = account.open_account(session, keyring, "shop", database=database)
    for shown in (repr(kept), repr(opened), repr(Remembered(issued(1)))):
        assert "shpat" not in shown
        assert "hunter2" not in shown


def test_a_store_that_is_not_registered_keeps_it_in_memory():
    kept = Remembered()
    assert kept.held() is None
    assert kept.renew(None, lambda _: issued(1)) == issued(1)
    assert kept.renew(None, lambda _: issued(2)) == issued(1)
    assert kept.renew(issued(1), lambda _: issued(2)) == kept.held() == issued(2)


# -- several processes ----------------------------------------------------------------------------


def test_two_processes_that_renew_at_once_exchange_once(keeper, holder, database, store):
    keeper().renew(None, lambda kept: issued(1))
    first = holder(issued(1))
    assert says(first) == ("asked", issued(1))
    second = holder(issued(1))
    wait_until(lambda: waiting_for_the_lock(database, lock_number(store.id)) == 1)
    answer(first, issued(2))
    assert says(first) == ("has", issued(2))
    assert says(second) == ("has", issued(2)), "it asked as well, and ended the first one's token"
    assert keeper().held() == issued(2)


def test_a_process_killed_with_the_answer_in_hand_loses_only_that(keeper, holder, database, store):
    keeper().renew(None, lambda kept: issued(1))
    killed = holder(issued(1), "die")
    assert says(killed) == ("asked", issued(1))
    second = holder(issued(1))
    wait_until(lambda: waiting_for_the_lock(database, lock_number(store.id)) == 1)
    answer(killed, issued(2))
    assert killed.wait(60) == -signal.SIGKILL
    assert keeper().held() == issued(1)
    assert says(second) == ("asked", issued(1)), "the lock is free, and what was kept is there"
    answer(second, issued(3))
    assert says(second) == ("has", issued(3))
    assert keeper().held() == issued(3)


def test_a_rotation_meanwhile_changes_nothing(keeper, holder, database, keyring, row):
    process = holder(None)
    assert says(process) == ("asked", None)
    with database.session() as session:
        keys.add(session, keyring, "k2")
        session.commit()
    assert keys.rotate(database.session, keyring, "k2").rewrapped == 1
    answer(process, issued(1))
    assert says(process) == ("has", issued(1))
    assert row().key_id == "k2"
    assert keeper().held() == issued(1)


def test_credentials_entered_meanwhile_keep_no_token_of_the_old_ones(keeper, database, keyring):
    old = keeper()
    old.renew(None, lambda kept: issued(1))

    def exchange(kept):
        with database.session() as session:
            account.set_credentials(session, keyring, TOY, "shop", ENTERED, token=issued(7))
            session.commit()
        return issued(2)

    with pytest.raises(Retryable, match="replaced"):
        old.renew(issued(1), exchange)
    assert keeper().held() == issued(7)
    with pytest.raises(Retryable, match="replaced"):
        old.held()


def test_another_process_that_hangs_is_not_waited_for_for_ever(keeper, holder, monkeypatch):
    process = holder(None)
    assert says(process) == ("asked", None)
    monkeypatch.setattr(token, "WAIT", 0.2)
    with pytest.raises(Retryable, match="too long"):
        keeper().renew(None, lambda kept: issued(1))
    answer(process, issued(2))
    assert says(process) == ("has", issued(2))


# -- modes ----------------------------------------------------------------------------------------


def test_a_store_goes_from_one_mode_to_another(database, keyring, store, keeper, row):
    assert store.auth_mode == "app"
    keeper().renew(None, lambda kept: issued(1))
    with database.session() as session:
        entered = {"access_token": " shpat_static "}
        account.set_credentials(session, keyring, TOY, "shop", entered, auth_mode="token")
        session.commit()
        opened = account.open_account(session, keyring, "shop", database=database)
    assert (opened.auth_mode, dict(opened.credentials)) == ("token", {"access_token": "shpat_static"})
    assert (row().secret, row().credentials, row().token_expires_at) == (None, None, None)
    assert opened.tokens.held() is None
    with database.session() as session, pytest.raises(Misconfigured, match="it has app, token"):
        account.set_credentials(session, keyring, TOY, "shop", ENTERED, auth_mode="keys")


def test_without_a_database_there_is_no_keeper(database, keyring, store):
    with database.session() as session:
        assert account.open_account(session, keyring, "shop").tokens is None
        assert isinstance(account.open_account(session, keyring, "shop", database=database).tokens, Keeper)


def test_as_many_renewals_as_jobs_need_one_connection_beside_those_of_the_passes(settings, keyring, store):
    """Four passes that hold a connection each, and a pool with one more: nobody waits in vain."""
    few = settings.model_copy(update={"database_pool": 5})
    with open_database(few, migrate=False) as database:
        with database.session() as session:
            keepers = [
                account.open_account(session, keyring, "shop", database=database).tokens for _ in range(4)
            ]
        passes = [database.borrow() for _ in keepers]
        done = []

        def renew(number, keeper):
            done.append(keeper.renew(None, lambda kept: issued(number)))

        threads = [threading.Thread(target=renew, args=one) for one in enumerate(keepers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for one in passes:
            one.close()
        assert len(done) == 4
        assert len({one["access_token"] for one in done}) == 1, "one renewed, the others took it"


def test_a_renewal_that_fails_is_noted_until_one_succeeds(keeper, row):
    def fails(_kept):
        raise Retryable("the platform does not answer")

    kept = keeper().renew(None, lambda _: issued(1) | {"refresh_expires_at": "2027-02-19T00:00:00+00:00"})
    assert row().settings["token"] == {"refresh_until": "2027-02-19T00:00:00+00:00"}
    for _ in range(2):
        with pytest.raises(Retryable):
            keeper().renew(kept, fails)
    noted = row().settings["token"]
    assert datetime.fromisoformat(noted["failed_at"]) < datetime.now(UTC)
    assert noted["refresh_until"] == "2027-02-19T00:00:00+00:00"
    keeper().renew(kept, lambda _: issued(2))
    assert row().settings["token"] == {"refresh_until": None}


def test_new_credentials_forget_what_was_noted_of_the_old_ones_token(database, keyring, keeper, row):
    keeper().renew(None, lambda _: issued(1))
    with database.session() as session:
        account.set_credentials(session, keyring, TOY, "shop", ENTERED)
        session.commit()
    assert "token" not in row().settings
