"""Registered stores and their credentials, over the real database."""

import base64
import json
import threading
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, text
from sqlmodel import select

from storelink.connectors.protocol import CredentialField
from storelink.errors import AuthFailed, Misconfigured
from storelink.models import AuditEvent, ConnectorConfig, PlatformCustomer, PlatformOrder, SyncState
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import EnvironmentProvider
from storelink.sync import account, entry, keys, sealed

KEY = "ck_do-not-print-me-0123456789"
SECRET = "cs_do-not-print-me-0123456789"
CREDENTIALS = {"consumer_key": KEY, "consumer_secret": SECRET}
MATERIAL = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


@dataclass(frozen=True)
class Toy:
    """As much of a connector as registering needs."""

    platform: str = "toy"
    title: str = "Toy"
    resources: tuple[str, ...] = ("products", "customers", "orders")
    listed_whole: frozenset[str] = frozenset({"customers"})
    capabilities: frozenset[str] = frozenset()
    auth_modes: ClassVar[Mapping[str, tuple[CredentialField, ...]]] = {
        "keys": (
            CredentialField("consumer_key", "api_key", "consumer key", pattern="ck_.*"),
            CredentialField("consumer_secret", "secret", "consumer secret", pattern="cs_.*"),
        )
    }

    def normalize_url(self, url: str) -> str:
        if "://" not in url:
            raise Misconfigured("That is no URL.")
        return url.rstrip("/").lower()


@dataclass(frozen=True)
class Bounded(Toy):
    """One whose orders can be read from a time on."""

    capabilities: frozenset[str] = frozenset({"since"})


TOY, BOUNDED = Toy(), Bounded()


@pytest.fixture
def keyring():
    return Keyring(EnvironmentProvider(SecretStr(f"k1:{MATERIAL}")))


@pytest.fixture
def done(database):
    """Run a function of (session, …) in a transaction of its own."""

    def run(function, *arguments, **options):
        with database.session() as session:
            result = function(session, *arguments, **options)
            session.commit()
            return result

    return run


@pytest.fixture
def register(done, keyring):
    """Register a store."""

    def run(name="shop", **changes):
        options = {"store_url": f"https://{name}.test/", "credentials": CREDENTIALS} | changes
        return done(account.register, keyring, TOY, name=name, **options)

    return run


@pytest.fixture
def states(done):
    """The `sync_state` rows of a store, by resource."""

    def read(session, row):
        found = session.exec(select(SyncState).where(SyncState.connector_id == row.id)).all()
        return {state.resource: state for state in found}

    return lambda row: done(read, row)


@pytest.fixture
def audit(done):
    """Action, subject and detail of every audit row."""

    def read(session):
        rows = session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()
        return [(row.action, row.subject, row.detail) for row in rows if not row.action.startswith("key.")]

    return lambda: done(read)


def refusal(function, *arguments, **options) -> str:
    with pytest.raises(Misconfigured) as caught:
        function(*arguments, **options)
    assert not isinstance(caught.value, AuthFailed)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for secret in (KEY, SECRET, "hunter2"):
        assert secret not in shown
    return str(caught.value)


# -- registering ----------------------------------------------------------------------------------


def test_a_store_is_registered_and_opens(register, done, keyring, states, audit):
    row = register(interval=60, settings={"currency": "EUR"})
    opened = done(account.open_account, keyring, "shop")
    assert opened == done(account.open_account, keyring, row.id)
    assert (opened.name, opened.store_url, opened.auth_mode) == ("shop", "https://shop.test", "keys")
    assert dict(opened.credentials) == CREDENTIALS
    assert opened.settings == {"currency": "EUR"} and opened.allow_http is False
    assert (row.status, row.sync_interval, row.key_id, row.platform) == ("active", 60, "k1", "toy")
    now = done(lambda session: session.exec(select(func.now())).one())
    assert set(states(row)) == set(TOY.resources)
    for state in states(row).values():
        assert (state.phase, state.watermark, state.interval) == ("new", None, None)
        assert now - timedelta(minutes=1) < state.next_due_at <= now
    assert audit() == [("connector.add", "shop", {"store_url": "https://shop.test", "taken_up": False})]


def test_nothing_secret_lies_in_the_database_or_shows_itself(register, done, keyring, database, caplog):
    register()
    done(account.set_credentials, keyring, TOY, "shop", {**CREDENTIALS, "consumer_key": KEY + "2"})
    opened = done(account.open_account, keyring, "shop")
    shown = f"{opened!r} {opened} {account.find(database.session(), 'shop')!r} {caplog.text}"
    tables = ("connector_config", "audit_event", "sync_state", "master_key", "key_report")
    with database.connect() as connection:
        for table in tables:
            shown += str(connection.execute(text(f"SELECT t::text FROM {table} t")).all())
    for secret in (KEY, SECRET, MATERIAL, bytes(range(32)).hex()):
        assert secret not in shown
    assert "s1." in shown


@given(
    st.dictionaries(st.sampled_from(sorted(CREDENTIALS)), st.text(st.characters(), min_size=1), min_size=2)
)
def test_whatever_is_entered_comes_back_less_the_blanks_around_it(entered):
    if not all(value.strip() for value in entered.values()):
        with pytest.raises(Misconfigured, match="is missing"):
            entry.check_credentials(TOY, "keys", entered)
        return
    values = entry.check_credentials(TOY, "keys", entered)
    assert values == {name: value.strip() for name, value in entered.items()}
    data_key = account.new_data_key(uuid.uuid4())
    columns = sealed.seal_credentials(TOY, "keys", data_key, values)
    opened = {}
    for column, body in columns.items():
        opened |= json.loads(data_key.open(column, body))
    assert opened == values


@pytest.mark.parametrize("name", ["a", "0", "my-shop-2", "a" * 63])
def test_names_that_are_taken(register, name):
    assert register(name, store_url="https://x.test").name == name


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a b", "a" * 64, "ü", "a\n", "../a"])
def test_names_that_are_refused(register, name):
    assert "cannot be a store's name" in refusal(register, name, store_url="https://x.test")


@pytest.mark.parametrize("interval", [9, 0, -1, 366 * 24 * 3600 + 1])
def test_intervals_that_are_refused(register, done, interval):
    assert f"{interval} s is not possible" in refusal(register, interval=interval)
    register()
    assert "is not possible" in refusal(done, account.set_interval, "shop", interval)
    assert "is not possible" in refusal(done, account.set_resource_interval, "shop", "orders", interval)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://[::1]:80",
        "http://LOCALHOST.",
    ],
)
def test_plain_http_on_this_machine_needs_no_consent(register, done, keyring, url):
    row = register(store_url=url)
    assert row.allow_http is False
    assert done(account.open_account, keyring, "shop").allow_http is True


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.test",
        "http://127.evil.test",
        "http://localhost.evil.test",
        "http://10.0.0.1",
        "http://[::2]",
    ],
)
def test_plain_http_elsewhere_needs_consent(register, done, keyring, url):
    assert "--allow-http" in refusal(register, store_url=url)
    register(store_url=url, allow_http=True)
    assert done(account.open_account, keyring, "shop").allow_http is True


def test_a_url_with_a_password_is_refused_without_showing_it(register):
    assert "user name or password" in refusal(register, store_url="https://me:hunter2@shop.test")


def test_the_platform_judges_its_urls(register):
    assert refusal(register, store_url="shop") == "That is no URL."


@pytest.mark.parametrize(
    ("credentials", "says"),
    [
        ({}, "consumer_key (consumer key) is missing"),
        ({"consumer_key": KEY}, "consumer_secret (consumer secret) is missing"),
        ({"consumer_key": " \n", "consumer_secret": SECRET}, "consumer_key (consumer key) is missing"),
        ({"consumer_key": 7, "consumer_secret": SECRET}, "consumer_key must be text"),
        ({**CREDENTIALS, SECRET: "swapped"}, "takes the credentials consumer_key, consumer_secret; 1 more"),
    ],
)
def test_credentials_that_are_not_whole_are_refused_without_showing_them(register, done, credentials, says):
    assert says in refusal(register, credentials=credentials)
    assert done(account.registered) == []


def test_credentials_of_an_odd_look_are_doubted_without_showing_them():
    assert entry.doubts(TOY, "keys", CREDENTIALS) == ()
    swapped = {"consumer_key": SECRET, "consumer_secret": KEY}
    doubts = entry.doubts(TOY, "keys", swapped)
    assert len(doubts) == 2 and "consumer key" in doubts[0]
    assert KEY not in str(doubts) and SECRET not in str(doubts)


def test_a_name_and_a_url_are_registered_once(register):
    register()
    assert "'shop' is taken, by https://shop.test" in refusal(register, store_url="https://other.test")
    assert "registered already, as 'shop'" in refusal(register, "other", store_url="https://SHOP.test/")


def test_of_two_that_register_one_name_at_once_one_wins(register, done):
    start = threading.Barrier(2)
    results = []

    def run(url):
        start.wait(30)
        try:
            results.append(register(store_url=url).store_url)
        except Misconfigured as error:
            results.append(str(error))

    threads = [threading.Thread(target=run, args=(f"https://{name}.test",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (row,) = done(account.registered)
    assert row.store_url in results
    assert any("'shop' is taken" in words for words in results)


# -- opening --------------------------------------------------------------------------------------


def test_a_store_that_is_not_there_is_named_with_those_that_are(register, done, keyring):
    assert "none is registered yet" in refusal(done, account.open_account, keyring, "shop")
    register("one")
    register("two")
    assert "'shop'; registered are one, two" in refusal(done, account.open_account, keyring, "shop").replace(
        " is called", ""
    )
    assert "No store" in refusal(done, account.open_account, keyring, uuid.uuid4())


def test_a_name_that_looks_like_an_id_is_a_name_first(register, done):
    one = register("one")
    twin = register(str(one.id), store_url="https://two.test")
    assert done(account.find, str(one.id)).id == twin.id
    assert done(account.find, one.id).id == one.id


@pytest.mark.parametrize(
    "damage",
    [
        "secret = api_key",
        "secret = (SELECT secret FROM connector_config WHERE name = 'other')",
        "secret = left(secret, 40)",
        "secret = 'cs_plain'",
        "data_key = (SELECT data_key FROM connector_config WHERE name = 'other')",
        "(secret, data_key) = (SELECT secret, data_key FROM connector_config WHERE name = 'other')",
        "data_key = ''",
    ],
)
def test_what_was_moved_or_damaged_in_the_database_does_not_open(register, done, keyring, damage):
    register()
    register("other")
    statement = text(f"UPDATE connector_config SET {damage} WHERE name = 'shop'")
    done(lambda session: session.connection().execute(statement))
    assert "does not open" in refusal(done, account.open_account, keyring, "shop")
    assert dict(done(account.open_account, keyring, "other").credentials) == CREDENTIALS


def test_a_missing_or_wrong_master_key_is_misconfigured_and_named(register, done):
    register()
    missing = Keyring(EnvironmentProvider(SecretStr(f"k2:{OTHER}")))
    wrong = Keyring(EnvironmentProvider(SecretStr(f"k1:{OTHER}")))
    assert "'k1' is not in STORELINK_MASTER_KEYS" in refusal(done, account.open_account, missing, "shop")
    assert "'k1' in STORELINK_MASTER_KEYS is not the key" in refusal(
        done, account.open_account, wrong, "shop"
    )


# -- credentials ----------------------------------------------------------------------------------


def test_new_credentials_take_the_place_of_the_old(register, done, keyring, audit):
    before = register()
    row = done(account.set_credentials, keyring, TOY, "shop", {**CREDENTIALS, "consumer_secret": " cs_new\n"})
    assert done(account.open_account, keyring, "shop").credentials["consumer_secret"] == "cs_new"
    assert row.data_key != before.data_key and row.updated_at > before.updated_at
    assert row.created_at == before.created_at
    fields = {"auth_mode": "keys", "fields": ["consumer_key", "consumer_secret"]}
    assert audit()[-1] == ("connector.set_credentials", "shop", fields)


def test_new_credentials_drop_what_belonged_to_the_old(register, done, keyring):
    """The old data key is gone, so what it sealed would only be in the way."""
    register()
    old = text(
        "UPDATE connector_config SET credentials = 's1.x', webhook_secrets = 's1.x', token_expires_at = now()"
    )
    done(lambda session: session.connection().execute(old))
    row = done(account.set_credentials, keyring, TOY, "shop", CREDENTIALS)
    assert (row.credentials, row.webhook_secrets, row.token_expires_at) == (None, None, None)
    assert dict(done(account.open_account, keyring, "shop").credentials) == CREDENTIALS


def test_new_credentials_start_a_store_that_had_refused_the_old_ones(register, done, keyring, states):
    row = register()

    def refuse(session):
        session.connection().execute(text("UPDATE connector_config SET status = 'auth_failed'"))
        session.connection().execute(text("UPDATE sync_state SET next_due_at = now() + interval '1 day'"))

    done(refuse)
    assert done(account.set_credentials, keyring, TOY, "shop", CREDENTIALS).status == "active"
    now = done(lambda session: session.exec(select(func.now())).one())
    assert all(state.next_due_at <= now for state in states(row).values())


def test_new_credentials_leave_a_paused_store_paused(register, done, keyring):
    register()
    done(account.pause, "shop")
    assert done(account.set_credentials, keyring, TOY, "shop", CREDENTIALS).status == "paused"


def test_new_credentials_mend_a_master_key_that_is_lost(register, done, database):
    register()
    rest = Keyring(EnvironmentProvider(SecretStr(f"k2:{OTHER}")))
    done(keys.add, rest, lost=True)
    assert list(keys.rotate(database.session, rest, lost=True).failed) == ["shop"]
    done(account.set_credentials, rest, TOY, "shop", CREDENTIALS)
    assert dict(done(account.open_account, rest, "shop").credentials) == CREDENTIALS
    done(keys.retire, "k1")


def test_credentials_of_another_platform_are_refused(register, done, keyring):
    register()
    other = Toy(platform="other", title="Other")
    assert "is a toy store" in refusal(done, account.set_credentials, keyring, other, "shop", CREDENTIALS)


# -- settings -------------------------------------------------------------------------------------


def test_a_shorter_interval_counts_at_once_and_a_longer_one_from_the_next_pass(register, done, states, audit):
    row = register(interval=3600)
    later = text("UPDATE sync_state SET next_due_at = now() + interval '1 hour'")
    done(lambda session: session.connection().execute(later))
    done(account.set_resource_interval, "shop", "orders", 600)
    done(account.set_interval, "shop", 60)
    now = done(lambda session: session.exec(select(func.now())).one())
    due = {name: state.next_due_at - now for name, state in states(row).items()}
    assert due["products"] <= timedelta(seconds=60) and due["customers"] <= timedelta(seconds=60)
    assert timedelta(seconds=500) < due["orders"] <= timedelta(seconds=600)
    before = states(row)["products"].next_due_at
    assert done(account.set_interval, "shop", 7200).sync_interval == 7200
    assert states(row)["products"].next_due_at == before
    assert [detail for _, _, detail in audit()][1:] == [
        {"resource": "orders", "interval": [None, 600]},
        {"interval": [3600, 60]},
        {"interval": [60, 7200]},
    ]


def test_a_resource_has_an_interval_of_its_own_until_it_is_taken_away(register, done, states):
    row = register()
    done(account.set_resource_interval, "shop", "orders", 10)
    assert {name: state.interval for name, state in states(row).items()} == {
        "products": None, "customers": None, "orders": 10,
    }  # fmt: skip
    done(account.set_resource_interval, "shop", "orders", None)
    assert states(row)["orders"].interval is None
    words = refusal(done, account.set_resource_interval, "shop", "refunds", 10)
    assert "no resource 'refunds'; it has customers, orders, products" in words


def test_what_a_check_learnt_is_added(register, done):
    register(settings={"currency": "EUR", "version": "10"})
    row = done(account.remember, "shop", {"version": "11"})
    assert row.settings == {"currency": "EUR", "version": "11"}


def test_pause_and_resume(register, done, audit, states):
    row = register()
    assert done(account.pause, "shop").status == "paused"
    assert done(account.pause, "shop").status == "paused"
    later = text("UPDATE sync_state SET next_due_at = now() + interval '1 day'")
    done(lambda session: session.connection().execute(later))
    assert done(account.resume, "shop").status == "active"
    assert done(account.resume, "shop").status == "active"
    now = done(lambda session: session.exec(select(func.now())).one())
    assert all(state.next_due_at <= now for state in states(row).values())
    assert [action for action, _, _ in audit()] == ["connector.add", "connector.pause", "connector.resume"]


# -- removing -------------------------------------------------------------------------------------


def hold_something(session, row):
    """A customer, an order and a drawn-up sync, as a pass would have left them."""
    now = func.now()
    session.add(
        PlatformCustomer(connector_id=row.id, customer_id="7", platform="toy", attributes={}, synced_at=now)
    )
    session.flush()
    session.add(
        PlatformOrder(
            connector_id=row.id, order_id="1", platform="toy", order_number="1", customer_id="7",
            status="open", total_amount=1, refunded_amount=0, current_total_amount=1, currency="EUR",
            line_items=[], attributes={}, synced_at=now,
        )
    )  # fmt: skip
    session.connection().execute(text("UPDATE sync_state SET phase = 'live', watermark = now()"))


def test_a_removed_store_loses_its_credentials_and_keeps_what_was_read(
    register, done, keyring, states, audit
):
    row = register()
    done(hold_something, row)
    assert done(account.remove, "shop") == account.Removed("shop", purged=False)
    assert done(account.remove, "shop") == account.Removed("shop", purged=False)
    assert done(account.registered) == []
    (kept,) = done(account.registered, removed=True)
    assert (kept.id, kept.name, kept.status) == (row.id, "shop", "uninstalled")
    wiped = (kept.api_key, kept.secret, kept.credentials, kept.webhook_secrets, kept.data_key, kept.key_id)
    assert wiped == (None,) * 6
    assert all(state.next_due_at is None for state in states(row).values())
    assert done(lambda session: len(session.exec(select(PlatformOrder)).all())) == 1
    assert audit()[-1] == ("connector.remove", "shop", {"purged": False, "counts": {}})
    assert len(audit()) == 2
    for attempt in (
        lambda: done(account.open_account, keyring, "shop"),
        lambda: done(account.set_credentials, keyring, TOY, "shop", CREDENTIALS),
        lambda: done(account.resume, "shop"),
        lambda: done(account.pause, "shop"),
        lambda: done(account.set_interval, "shop", 60),
    ):
        assert "removed" in refusal(attempt)


def test_a_removed_store_is_taken_up_again_where_it_was(register, done, keyring, states, audit):
    row = register(settings={"currency": "EUR"})
    done(hold_something, row)
    watermark = states(row)["orders"].watermark
    done(account.remove, "shop")
    again = register("shop-2", store_url="https://shop.test", interval=60)
    assert (again.id, again.name, again.status, again.sync_interval) == (row.id, "shop-2", "active", 60)
    assert dict(done(account.open_account, keyring, "shop-2").credentials) == CREDENTIALS
    state = states(row)["orders"]
    assert (state.phase, state.watermark) == ("live", watermark)
    assert state.next_due_at is not None
    assert audit()[-1][2]["taken_up"] is True
    assert register("shop", store_url="https://new.test").id != row.id  # the old name is free


def test_a_store_that_is_taken_up_again_is_read_as_far_back_as_is_said_now(done, keyring, states):
    """Wider than before, the rest is missing: all is read once more."""

    def register(since):
        options = {"name": "shop", "store_url": "https://shop.test", "credentials": CREDENTIALS}
        return done(account.register, keyring, BOUNDED, orders_since=since, **options)

    moment = datetime(2026, 1, 1, tzinfo=UTC)
    row = register(moment)
    assert {name: one.reads_from for name, one in states(row).items() if one.reads_from} == {"orders": moment}
    for since, phase in ((moment + timedelta(days=9), "live"), (moment, "backfill"), (None, "backfill")):
        done(lambda session: session.execute(text("UPDATE sync_state SET phase = 'live', cursor = '{}'")))
        done(account.remove, "shop")
        register(since)
        orders = states(row)["orders"]
        assert (orders.reads_from, orders.phase) == (since, phase)
        assert states(row)["customers"].phase == "live"


def test_a_platform_without_a_filter_is_always_read_whole(register, done):
    options = {"name": "shop", "store_url": "https://shop.test"}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert "always read whole" in refusal(register, orders_since=moment, **options)
    register()
    assert "always read whole" in refusal(done, account.set_orders_since, TOY, "shop", moment)
    assert not done(account.set_orders_since, TOY, "shop", None).wider


def test_another_store_may_have_the_name_of_a_removed_one(register, done):
    row = register("a" * 63, store_url="https://old.test")
    done(account.remove, "a" * 63)
    new = register("a" * 63, store_url="https://new.test")
    assert new.id != row.id
    old = done(account.find, row.id)
    assert old.name == "a" * 46 + f"-removed-{row.id.hex[:8]}"
    assert entry.NAME.fullmatch(old.name)
    assert done(account.remove, old.name, purge=True).purged


def test_a_purged_store_leaves_only_its_audit_trail(register, done, database, audit):
    row, other = register(), register("other")
    done(hold_something, row)
    done(lambda session: hold_something(session, other))
    removed = done(account.remove, "shop", purge=True)
    assert (removed.name, removed.purged) == ("shop", True)
    assert {table: count for table, count in removed.counts.items() if count} == {
        "connector_config": 1, "platform_customer": 1, "platform_order": 1, "sync_state": 3,
    }  # fmt: skip
    with database.connect() as connection:
        for table in removed.counts:
            column = "id" if table == "connector_config" else "connector_id"
            query = text(f"SELECT count(*) FILTER (WHERE {column} = :id) FROM {table}")
            assert connection.scalar(query, {"id": row.id}) == 0
    assert done(lambda session: len(session.exec(select(PlatformOrder)).all())) == 1
    assert audit()[-1][:2] == ("connector.remove", "shop")
    assert audit()[-1][2]["counts"]["platform_order"] == 1
    assert "No store" in refusal(done, account.find, "shop")
    register()  # both name and URL are free


def test_every_table_that_belongs_to_a_store_is_purged(register, done):
    from storelink.models import metadata

    register()
    purged = set(done(account.remove, "shop", purge=True).counts)
    belonging = {table.name for table in metadata.sorted_tables if "connector_id" in table.c}
    assert purged == belonging - {"audit_event"} | {"connector_config"}


def test_functions_leave_the_commit_to_their_caller(register, database, keyring, done):
    register()
    with database.session() as session:
        account.pause(session, "shop")
        account.set_interval(session, "shop", 77)
        account.set_credentials(session, keyring, TOY, "shop", CREDENTIALS)
        account.register(session, keyring, TOY, name="x", store_url="https://x.test", credentials=CREDENTIALS)
        account.remove(session, "shop", purge=True)
        session.rollback()
    (row,) = done(account.registered)
    assert (row.name, row.status, row.sync_interval) == ("shop", "active", 300)


def test_rows_read_before_are_seen_as_they_are_now(register, database, done):
    """A session that has looked at a row earlier must not decide on what it remembers."""
    register()
    with database.session() as session:
        seen = account.find(session, "shop")  # held, so that the session remembers it
        assert seen.status == "active"
        session.commit()
        done(account.remove, "shop")
        assert account.find(session, "shop").status == "uninstalled"
        assert session.exec(select(ConnectorConfig.status)).one() == "uninstalled"
