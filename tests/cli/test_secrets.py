"""`storelink secrets`, as people and scripts use it."""

import base64
import json

import pytest
import structlog
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner

from storelink.cli.secrets import app
from storelink.models import ConnectorConfig
from storelink.secrets.envelope import new_data_key
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import FileProvider
from storelink.sync import keys

KEYS = {name: base64.b64encode(name.encode().ljust(32, b".")).decode() for name in ("k1", "k2")}


@pytest.fixture
def run(database_url, home, monkeypatch):
    """Run `storelink secrets …` in this process; the environment is the test's to change."""
    monkeypatch.setenv("STORELINK_DATABASE_URL", database_url)
    monkeypatch.setenv("STORELINK_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    yield lambda *arguments: CliRunner().invoke(app, arguments)
    structlog.reset_defaults()


@pytest.fixture
def sealed(database, home):
    """A store sealed with a key of the file; returns that key's id."""
    keyring = Keyring(FileProvider(home / "master.keys"))
    with database.session() as session:
        key = keys.current_key(session, keyring)
        row = ConnectorConfig(name="shop", platform="toy", store_url="https://shop.test", auth_mode="keys")
        row.data_key, row.key_id = key.wrap(new_data_key(row.id)), key.id
        session.add(row)
        session.commit()
        return key.id


def test_from_the_first_key_to_the_next(run, sealed, home, database):
    first = run("status")
    assert first.exit_code == 0, first.stderr
    assert sealed in first.stdout and "current" in first.stdout and f"{home}/master.keys" in first.stdout

    added = json.loads(run("add", "--json").stdout)
    assert added["status"] == "added"
    assert "1 store was moved" in run("rotate").stdout
    found = json.loads(run("status", "--json").stdout)
    assert found["current"] == added["key_id"]
    assert [(key["key_id"], key["status"], key["stores"]) for key in found["keys"]] == [
        (added["key_id"], "current", 1),
        (sealed, "added", 0),
    ]
    retired = run("retire", sealed)
    assert retired.exit_code == 0 and "retired" in retired.stdout
    with database.session() as session:
        assert session.exec(select(ConnectorConfig.key_id)).one() == added["key_id"]


def test_status_makes_nothing(run, home):
    result = run("status")
    assert result.exit_code == 0
    assert "no key yet" in result.stdout
    assert list(home.iterdir()) == []


def test_add_without_a_current_key_says_that_it_is_current(run):
    assert "is known and current" in run("add").stdout


def test_a_missing_key_is_shown_and_named_with_exit_code_2(run, sealed, home):
    (home / "master.keys").unlink()
    result = run("status")
    assert result.exit_code == 2
    assert f"Master key '{sealed}' is not in {home}/master.keys; 1 of the stores need it." in result.stdout
    assert "missing" in result.stdout
    script = run("status", "--json")
    assert script.exit_code == 2
    assert sealed in json.loads(script.stdout)["problems"][0]
    refused = run("add")
    assert refused.exit_code == 2 and sealed in refused.stderr and refused.stdout == ""


def test_a_key_lost_for_good(run, sealed, home):
    (home / "master.keys").unlink()
    assert run("add", "--lost").exit_code == 0
    assert run("rotate").exit_code == 2
    result = run("rotate", "--lost")
    assert result.exit_code == 1
    assert "`storelink connectors set-credentials shop`" in result.stdout.replace("\n", "")


def test_a_wrong_key_under_the_right_id_is_named(run, home, monkeypatch, database):
    monkeypatch.setenv("STORELINK_MASTER_KEYS", f"k1:{KEYS['k1']}")
    assert run("add").exit_code == 0
    monkeypatch.setenv("STORELINK_MASTER_KEYS", f"k1:{KEYS['k2']}")
    result = run("status")
    assert result.exit_code == 2
    assert "Master key 'k1' in STORELINK_MASTER_KEYS is not the key" in result.stdout
    assert "k1" in run("rotate", "--to", "k1").stderr
    shown = result.stdout + result.stderr
    assert KEYS["k1"] not in shown and KEYS["k2"] not in shown


def test_a_loose_file_is_refused_with_exit_code_2(run, sealed, home):
    (home / "master.keys").chmod(0o644)
    for command in ("status", "add"):
        result = run(command)
        assert result.exit_code == 2
        assert "chmod 600" in result.stderr


def test_a_failing_key_command_shows_its_complaint(run, monkeypatch):
    monkeypatch.setenv("STORELINK_KEY_COMMAND", "sh -c 'echo k1 secret; echo vault is sealed >&2; exit 3'")
    result = run("status")
    assert result.exit_code == 2
    assert "exit code 3; it says: vault is sealed" in result.stderr
    assert "k1 secret" not in result.stderr + result.stdout


def test_retire_is_refused_while_the_key_is_used(run, sealed, database):
    result = run("retire", sealed, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"]["kind"] == "Misconfigured"
    with database.session() as session:
        session.connection().execute(text("UPDATE master_key SET status = 'added'"))
        session.commit()
    assert "still used by 1 of the stores: shop" in run("retire", sealed).stderr


def test_a_database_that_does_not_answer_is_exit_code_1(run, monkeypatch):
    monkeypatch.setenv("STORELINK_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x")
    result = run("status")
    assert result.exit_code == 1
    assert "hunter2" not in result.stderr + result.stdout


def test_help_tells_what_each_does(run):
    result = run("--help")
    assert result.exit_code == 0
    for command in ("status", "add", "rotate", "retire"):
        assert command in result.stdout
        assert run(command, "--help").exit_code == 0
    assert run().exit_code == 2
