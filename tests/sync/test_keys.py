"""Which master key is current, and the way from one to the next, over the real database."""

import base64
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import select

from storelink.errors import Misconfigured
from storelink.models import AuditEvent, ConnectorConfig, KeyReport, MasterKey
from storelink.secrets.envelope import new_data_key
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import EnvironmentProvider, FileProvider
from storelink.sync import keys
from storelink.sync.key_status import status
from storelink.sync.process import Process, report, reported, this_process, withdraw

SECRET = "cs_do-not-print-me-0123456789"
MATERIAL = {name: base64.b64encode(name.encode().ljust(32, b".")).decode() for name in ("k1", "k2", "k3")}
ELSEWHERE = Process("elsewhere:7:1", "elsewhere", 7)


def environment(*names: str, **materials: str) -> Keyring:
    """A keyring of a process that was started with these keys."""
    entries = [f"{name}:{MATERIAL[name]}" for name in names]
    entries += [f"{name}:{MATERIAL[other]}" for name, other in materials.items()]
    return Keyring(EnvironmentProvider(SecretStr(",".join(entries))))


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
def seal(done):
    """Register a store by hand, its secret sealed with the current key."""

    def run(keyring, name="shop"):
        def write(session):
            key = keys.current_key(session, keyring)
            row = ConnectorConfig(
                name=name, platform="toy", store_url=f"https://{name}.test", auth_mode="keys"
            )
            data_key = new_data_key(row.id)
            row.secret = data_key.seal("secret", SECRET)
            row.data_key, row.key_id = key.wrap(data_key), key.id
            session.add(row)
            return key.id

        return done(write)

    return run


@pytest.fixture
def opened(done):
    """Open a store's secret, and say under which key it lay."""

    def run(keyring, name="shop"):
        def read(session):
            row = session.exec(select(ConnectorConfig).where(ConnectorConfig.name == name)).one()
            data_key = keys.opening_key(session, keyring, row.key_id).unwrap(row.id, row.data_key)
            return data_key.open("secret", row.secret), row.key_id

        return done(read)

    return run


@pytest.fixture
def stand(done):
    """Status by key id."""

    def read(session):
        return {row.key_id: row.status for row in session.exec(select(MasterKey)).all()}

    return lambda: done(read)


def audit(session):
    return session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()


# -- the first key --------------------------------------------------------------------------------


def test_the_providers_first_key_becomes_current(seal, opened, stand):
    keyring = environment("k2", "k1")
    assert seal(keyring) == "k2"
    assert opened(keyring) == (SECRET, "k2")
    assert stand() == {"k2": "current"}


def test_a_file_gets_its_first_key_when_something_is_sealed(seal, opened, home, done):
    keyring = Keyring(FileProvider(home / "master.keys"))
    assert done(status, keyring).keys == ()
    assert not (home / "master.keys").exists()  # looking makes none
    made = seal(keyring)
    assert opened(Keyring(FileProvider(home / "master.keys"))) == (SECRET, made)


def test_a_key_made_for_a_transaction_that_failed_is_used_by_the_next(database, seal, home):
    keyring = Keyring(FileProvider(home / "master.keys"))
    with database.session() as session:
        made = keys.current_key(session, keyring).id
        session.rollback()
    assert seal(Keyring(FileProvider(home / "master.keys"))) == made


def test_no_key_is_made_while_something_is_sealed(seal, home, done):
    keyring = Keyring(FileProvider(home / "master.keys"))
    made = seal(keyring)
    (home / "master.keys").unlink()
    lost = Keyring(FileProvider(home / "master.keys"))
    with pytest.raises(Misconfigured, match=made):
        seal(lost, "second")
    with pytest.raises(Misconfigured, match=made):
        done(keys.add, lost)
    assert not (home / "master.keys").exists()


def test_no_key_is_made_while_something_is_sealed_and_the_keys_table_is_lost(seal, home, done, opened):
    keyring = Keyring(FileProvider(home / "master.keys"))
    made = seal(keyring)
    saved = (home / "master.keys").read_text()
    (home / "master.keys").unlink()
    done(lambda session: session.connection().execute(text("DELETE FROM master_key")))
    lost = Keyring(FileProvider(home / "master.keys"))
    for attempt in (lambda: seal(lost, "second"), lambda: done(keys.add, lost), lambda: opened(lost)):
        with pytest.raises(Misconfigured, match=made):
            attempt()
    assert not (home / "master.keys").exists()

    (home / "master.keys").touch(0o600)
    (home / "master.keys").write_text(saved)
    assert done(keys.add, lost) == keys.Added(made, "current")
    assert opened(lost) == (SECRET, made)


def test_a_current_key_that_nobody_has_and_nothing_needs_is_replaced(database, done, seal, stand):
    done(keys.current_key, environment("k1"))
    assert seal(environment("k2")) == "k2"
    assert stand() == {"k1": "retired", "k2": "current"}


def test_a_current_key_that_a_running_process_has_is_not_replaced(done, seal, stand):
    done(keys.current_key, environment("k1"))
    done(report, environment("k1"), ELSEWHERE)
    with pytest.raises(Misconfigured, match="'k1' is not in STORELINK_MASTER_KEYS, which holds k2"):
        seal(environment("k2"))
    assert stand() == {"k1": "current"}


def test_of_two_processes_that_bring_the_first_key_one_wins(database, done, home):
    """Each has a key file of its own, as on two machines that share an outer database."""
    start = threading.Barrier(2)
    results: dict[str, str] = {}

    def bring(name: str) -> None:
        keyring = Keyring(FileProvider(home / name / "master.keys"))
        with database.session() as session:
            start.wait(30)
            try:
                key = keys.current_key(session, keyring)
                row = ConnectorConfig(name=name, platform="toy", store_url=name, auth_mode="keys")
                data_key = new_data_key(row.id)
                row.data_key, row.key_id = key.wrap(data_key), key.id
                session.add(row)
                session.commit()
                results[name] = key.id
            except Misconfigured as error:
                results[name] = str(error)

    together(lambda: bring("one"), lambda: bring("two"))
    (current,) = [row.key_id for row in done(lambda session: session.exec(select(MasterKey)).all())]
    loser = next(words for words in results.values() if words != current)
    assert current in results.values()
    assert repr(current) in loser and "which holds none" in loser


# -- wrong and missing keys -----------------------------------------------------------------------


def test_another_key_under_the_same_id_neither_seals_nor_opens(seal, opened, done):
    seal(environment("k1"))
    impostor = environment(k1="k2")
    for attempt in (lambda: seal(impostor, "second"), lambda: opened(impostor)):
        with pytest.raises(Misconfigured, match="'k1' in STORELINK_MASTER_KEYS is not the key"):
            attempt()
    assert "'k1'" in done(status, impostor).problems[0]


def test_a_missing_key_is_named(seal, opened, done):
    seal(environment("k1"))
    with pytest.raises(Misconfigured, match="'k1' is not in STORELINK_MASTER_KEYS, which holds k2"):
        opened(environment("k2"))
    (problem,) = done(status, environment("k2")).problems
    assert "'k1' is not in STORELINK_MASTER_KEYS" in problem


def test_a_key_id_that_the_database_does_not_know_is_misconfigured(seal, opened, done):
    seal(environment("k1"))
    done(lambda session: session.connection().execute(text("UPDATE connector_config SET key_id = 'k9'")))
    with pytest.raises(Misconfigured, match="does not know master key 'k9'"):
        opened(environment("k1"))
    problems = done(status, environment("k1")).problems
    assert any("'k9'" in problem for problem in problems)


def test_sealing_with_a_key_that_is_not_current_is_refused(seal, done, database):
    both = environment("k1", "k2")
    seal(both)
    done(keys.add, both, "k2")
    keys.rotate(database.session, both)
    with pytest.raises(Misconfigured, match="'k2' is not in"):
        seal(environment("k1"), "second")


def test_what_is_sealed_while_the_current_key_changes_is_moved_too(database, seal, done):
    both = environment("k1", "k2")
    seal(both, "first")
    done(keys.add, both, "k2")
    with database.session() as session:
        assert keys.current_key(session, both).id == "k1"
        row = ConnectorConfig(name="late", platform="toy", store_url="late", auth_mode="keys")
        data_key = new_data_key(row.id)
        row.data_key = keys.current_key(session, both).wrap(data_key)
        row.key_id = "k1"
        session.add(row)
        session.flush()
        rotating = threading.Thread(target=keys.rotate, args=(database.session, both))
        rotating.start()
        wait_for_blocked(database)
        session.commit()
    rotating.join(30)
    with database.session() as session:
        assert set(session.exec(select(ConnectorConfig.key_id)).all()) == {"k2"}


# -- add ------------------------------------------------------------------------------------------


def test_a_file_gets_a_second_key(home, seal, done, database, opened, stand):
    keyring = Keyring(FileProvider(home / "master.keys"))
    first = seal(keyring)
    added = done(keys.add, keyring)
    assert added.status == "added"
    assert stand() == {first: "current", added.key_id: "added"}
    assert seal(keyring, "second") == first  # known is not current
    assert keys.rotate(database.session, keyring) == keys.Rotation(added.key_id, 2)
    assert opened(keyring) == (SECRET, added.key_id)


def test_a_key_that_is_in_the_file_already_is_taken_before_one_is_made(home, seal, done):
    keyring = Keyring(FileProvider(home / "master.keys"))
    seal(keyring)
    waiting = FileProvider(home / "master.keys").make(first=False)  # or: add was killed half way
    assert done(keys.add, keyring).key_id == waiting.id
    assert len(keyring.keys) == 2


def test_other_providers_have_to_offer_the_new_key(seal, done):
    seal(environment("k1"))
    with pytest.raises(Misconfigured, match=r"holds no new key\..*openssl rand"):
        done(keys.add, environment("k1"))
    with pytest.raises(Misconfigured, match="'k2' is not in STORELINK_MASTER_KEYS"):
        done(keys.add, environment("k1"), "k2")
    with pytest.raises(Misconfigured, match="several new keys, k2, k3"):
        done(keys.add, environment("k1", "k2", "k3"))
    assert done(keys.add, environment("k1", "k2")) == keys.Added("k2", "added")
    with pytest.raises(Misconfigured, match="known already: added"):
        done(keys.add, environment("k1", "k2"), "k2")
    with pytest.raises(Misconfigured, match=r"'k2' in .* is not the key"):
        done(keys.add, environment("k1", k2="k3"), "k2")


def test_a_key_that_does_not_open_what_lies_under_its_id_is_not_added(seal, done):
    seal(environment("k1"))
    done(lambda session: session.connection().execute(text("DELETE FROM master_key")))
    with pytest.raises(Misconfigured, match="'k1' does not open"):
        done(keys.add, environment(k1="k2"))
    assert done(keys.add, environment("k2", "k1")) == keys.Added("k1", "current")


# -- rotate ---------------------------------------------------------------------------------------


def test_rotation_moves_every_store_and_leaves_the_secrets_as_they_are(seal, opened, done, database, stand):
    both = environment("k1", "k2")
    for name in ("a", "b", "c"):
        seal(both, name)
    done(keys.add, both, "k2")
    assert keys.rotate(database.session, both) == keys.Rotation("k2", 3)
    only = environment("k2")
    assert [opened(only, name) for name in "abc"] == [(SECRET, "k2")] * 3
    assert seal(only, "d") == "k2"
    assert stand() == {"k1": "added", "k2": "current"}
    events = done(audit)
    assert [event.action for event in events] == ["key.begin", "key.add", "key.rotate"]
    assert events[-1].subject == "k2" and events[-1].detail == {"before": "k1"}
    assert all(event.actor.startswith("cli:") for event in events)


def test_without_a_new_key_there_is_nothing_to_rotate_to(seal, done, database):
    both = environment("k1", "k2")
    with pytest.raises(Misconfigured, match="no new master key"):
        keys.rotate(database.session, both)
    seal(both)
    with pytest.raises(Misconfigured, match="no new master key"):
        keys.rotate(database.session, both)
    done(keys.add, both, "k2")
    keys.rotate(database.session, both)
    with pytest.raises(Misconfigured, match="no new master key"):
        keys.rotate(database.session, both)  # not back to k1
    assert keys.rotate(database.session, both, "k1") == keys.Rotation("k1", 1)  # unless told to


def test_rotation_to_a_key_that_is_not_known_or_not_here_is_refused(seal, database, done):
    seal(environment("k1"))
    with pytest.raises(Misconfigured, match="does not know master key 'k2'"):
        keys.rotate(database.session, environment("k1", "k2"), "k2")
    done(keys.add, environment("k1", "k2"))
    with pytest.raises(Misconfigured, match="'k2' is not in"):
        keys.rotate(database.session, environment("k1"))
    with pytest.raises(Misconfigured, match="'k1' is not in"):
        keys.rotate(database.session, environment("k2"))


def test_rotation_is_refused_while_a_running_process_cannot_follow(seal, done, database, stand):
    both = environment("k1", "k2")
    seal(both)
    done(keys.add, both, "k2")
    done(report, environment("k1"), ELSEWHERE)
    with pytest.raises(Misconfigured, match="cannot open master key 'k2': 7 on elsewhere"):
        keys.rotate(database.session, both)
    assert stand() == {"k1": "current", "k2": "added"}

    done(report, environment("k1", k2="k3"), ELSEWHERE)  # it has a key of that id, but not the key
    with pytest.raises(Misconfigured, match="7 on elsewhere"):
        keys.rotate(database.session, both)

    done(report, both, ELSEWHERE)
    assert keys.rotate(database.session, both).rewrapped == 1


@pytest.mark.parametrize("silent_for", ["299 seconds", "301 seconds"])
def test_a_report_counts_for_five_minutes(seal, done, database, silent_for):
    both = environment("k1", "k2")
    seal(both)
    done(keys.add, both, "k2")
    done(report, environment("k1"), ELSEWHERE)
    age = text(f"UPDATE key_report SET seen_at = now() - interval '{silent_for}'")
    done(lambda session: session.connection().execute(age))
    if silent_for == "299 seconds":
        with pytest.raises(Misconfigured, match="elsewhere"):
            keys.rotate(database.session, both)
    else:
        assert keys.rotate(database.session, both).rewrapped == 1


def test_a_process_that_ends_takes_its_report_back(done, database):
    def reports(session):
        return session.exec(select(KeyReport)).all()

    with reported(database.session, environment("k1")):
        (row,) = done(reports)
        assert (row.pid, row.key_ids) == (os.getpid(), ["k1"])
        done(report, environment("k1", "k2"))
        (row,) = done(reports)
        assert row.key_ids == ["k1", "k2"]
    assert done(reports) == []
    done(withdraw, ELSEWHERE)  # nothing there: no error
    assert this_process() == this_process()


def test_a_store_that_does_not_open_does_not_stop_the_others(seal, opened, done, database):
    both = environment("k1", "k2")
    for name in ("a", "b", "c"):
        seal(both, name)
    damage = text("UPDATE connector_config SET data_key = decode('01ff', 'hex') WHERE name = 'b'")
    done(lambda session: session.connection().execute(damage))
    done(keys.add, both, "k2")
    result = keys.rotate(database.session, both)
    assert (result.rewrapped, list(result.failed)) == (2, ["b"])
    assert "'k1' does not open" in result.failed["b"]
    assert [opened(both, name)[1] for name in "ac"] == ["k2", "k2"]


def test_a_key_lost_for_good_is_left_behind_only_when_told_so(seal, done, database, stand):
    seal(environment("k1"))
    rest = environment("k2")
    with pytest.raises(Misconfigured, match="'k1' is not in"):
        done(keys.add, rest)
    done(keys.add, rest, lost=True)
    with pytest.raises(Misconfigured, match="'k1' is not in"):
        keys.rotate(database.session, rest)
    assert stand() == {"k1": "current", "k2": "added"}
    result = keys.rotate(database.session, rest, lost=True)
    assert result.rewrapped == 0 and "'k1' is not in" in result.failed["shop"]
    assert seal(rest, "second") == "k2"
    assert "'k1'" in done(status, rest).problems[0]


def test_a_rotation_killed_between_two_stores_is_finished_by_the_next(
    seal, opened, done, database, database_url
):
    both = environment("k1", "k2")
    for name in ("a", "b", "c", "d"):
        seal(both, name)
    done(keys.add, both, "k2")
    script = (
        "from storelink.cli.context import open_context\n"
        "from storelink.sync import keys\n"
        "with open_context() as context:\n"
        "    keys.rotate(context.database.session, context.keyring)\n"
    )
    given = ",".join(f"{name}:{MATERIAL[name]}" for name in ("k1", "k2"))
    variables = os.environ | {"STORELINK_DATABASE_URL": database_url, "STORELINK_MASTER_KEYS": given}
    with database.session() as session:
        session.exec(select(ConnectorConfig).where(ConnectorConfig.name == "c").with_for_update()).one()
        rotating = subprocess.Popen([sys.executable, "-c", script], env=variables)
        try:
            wait_for_blocked(database)
        finally:
            rotating.send_signal(signal.SIGKILL)
            rotating.wait(30)
        session.rollback()
    assert [opened(both, name) for name in "abcd"] == [(SECRET, key) for key in ("k2", "k2", "k1", "k1")]
    assert seal(both, "e") == "k2"
    with pytest.raises(Misconfigured, match="still used by 2 of the stores: c, d"):
        done(keys.retire, "k1")
    assert keys.rotate(database.session, both) == keys.Rotation("k2", 2)
    assert [opened(environment("k2"), name) for name in "abcde"] == [(SECRET, "k2")] * 5


def test_two_rotations_at_once_end_under_one_key(seal, done, database):
    three = environment("k1", "k2", "k3")
    for name in ("a", "b", "c", "d"):
        seal(three, name)
    done(keys.add, three, "k2")
    done(keys.add, three, "k3")

    def rotate(target):
        try:
            keys.rotate(database.session, three, target)
        except Misconfigured as error:
            assert "Another rotation" in str(error)

    together(lambda: rotate("k2"), lambda: rotate("k3"))
    last = done(status, three).current
    keys.rotate(database.session, three, last)
    assert done(lambda session: set(session.exec(select(ConnectorConfig.key_id)).all())) == {last}


# -- retire ---------------------------------------------------------------------------------------


def test_a_key_is_retired_when_nothing_uses_it(seal, done, database, stand):
    both = environment("k1", "k2")
    seal(both)
    with pytest.raises(Misconfigured, match="'k1' is the current one"):
        done(keys.retire, "k1")
    done(keys.add, both, "k2")
    keys.rotate(database.session, both)
    done(keys.retire, "k1")
    done(keys.retire, "k1")  # once more changes nothing
    assert stand() == {"k1": "retired", "k2": "current"}
    assert [event.action for event in done(audit)].count("key.retire") == 1
    with pytest.raises(Misconfigured, match="'k1' is retired"):
        keys.rotate(database.session, both, "k1")
    with pytest.raises(Misconfigured, match="known already: retired"):
        done(keys.add, both, "k1")
    with pytest.raises(Misconfigured, match="does not know master key 'k9'"):
        done(keys.retire, "k9")


# -- status ---------------------------------------------------------------------------------------


def test_status_shows_what_is_known_held_and_used(seal, done):
    seal(environment("k1"), "a")
    seal(environment("k1"), "b")
    done(keys.add, environment("k1", "k2"))
    done(report, environment("k1"), ELSEWHERE)
    found = done(status, environment("k1", "k3"))
    assert (found.source, found.current) == ("STORELINK_MASTER_KEYS", "k1")
    assert [(key.key_id, key.status, key.held, key.stores) for key in found.keys] == [
        ("k1", "current", "right", 2),
        ("k2", "added", "missing", 0),
        ("k3", "new", "right", 0),
    ]
    (process,) = found.processes
    assert (process.host, process.pid, process.key_ids) == ("elsewhere", 7, ("k1",))
    assert found.problems == ()
    assert not any(material in repr(found) for material in MATERIAL.values())


# -- helpers --------------------------------------------------------------------------------------


def together(*functions) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def wait_for_blocked(database) -> None:
    """Until some session of this database waits for a lock."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 60
    while True:
        with database.connect() as connection:
            if connection.scalar(query):
                return
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.02)
