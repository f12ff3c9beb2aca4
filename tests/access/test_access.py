"""Tokens, people, sessions: what is kept, what is accepted, and what is slow on purpose."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlmodel import Session

from storelink.access import person, session, token
from storelink.access.role import ROLES, Right
from storelink.db import Database
from storelink.errors import Misconfigured

PASSWORD = "correct horse battery"


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    with database.session() as opened:
        yield opened


def later(db: Session, table: str, column: str, span: str) -> None:
    db.execute(text(f"UPDATE {table} SET {column} = {column} - interval '{span}'"))


def test_a_token_is_kept_as_a_digest_and_accepted_by_what_it_is(db: Session) -> None:
    row, secret = token.create(db, "analytics", "reader", days=1)
    caller = token.accept(db, secret)
    assert caller is not None and (caller.actor, caller.role) == ("token:analytics", "reader")
    assert caller.may(Right.READ) and not caller.may(Right.ACT)
    everything = db.execute(text("SELECT to_jsonb(t)::text FROM api_token t")).scalar_one()
    audit = db.execute(text("SELECT string_agg(to_jsonb(a)::text, '') FROM audit_event a")).scalar_one()
    assert secret not in everything + audit and secret[4:20] not in everything + audit
    assert row.used_at is not None


def test_passwords_are_dear_to_try() -> None:
    """In a process as users have it: the tests hash theirs cheaply."""
    program = (
        "from storelink.access.person import hash_password; print(hash_password('five grey geese', 'ada'))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$", told)
    assert found and int(found[1]) >= 64 * 1024 and int(found[2]) >= 3


@pytest.mark.parametrize("change", ["other", "revoked", "over", "shorter"])
def test_a_token_that_does_not_work(db: Session, change: str) -> None:
    _, secret = token.create(db, "analytics", "reader", days=1)
    if change == "revoked":
        token.revoke(db, "analytics")
    if change == "over":
        later(db, "api_token", "ends_at", "25 hours")
    tried = {"other": secret[:-1] + ("a" if secret[-1] != "a" else "b"), "shorter": secret[:-1]}
    assert token.accept(db, tried.get(change, secret)) is None


def test_a_token_needs_a_name_of_its_own_a_role_and_days_that_can_be(db: Session) -> None:
    token.create(db, "one", "ops")
    for name, role, days in (("one", "ops", 1), (" ", "ops", 1), ("two", "boss", 1), ("two", "ops", 0)):
        with pytest.raises(Misconfigured):
            token.create(db, name, role, days=days)


def test_every_role_reads_and_only_one_administers() -> None:
    assert all(Right.READ in rights for rights in ROLES.values())
    assert [role for role, rights in ROLES.items() if Right.ADMINISTER in rights] == ["admin"]
    assert Right.OPERATE not in ROLES["support"] and Right.ACT not in ROLES["ops"]


def test_signing_in_by_a_one_time_link_and_a_password(db: Session) -> None:
    row, link = person.create(db, "Ines@Example.test", "ops", full_name="Ines Okafor")
    assert row.name == "ines@example.test" and link is not None
    assert person.check_password(db, "ines@example.test", "") is None
    found = person.invited(db, link)
    assert found is not None and found.id == row.id
    person.set_password(db, found, PASSWORD)
    assert person.invited(db, link) is None, "the link is good once"
    assert person.check_password(db, " INES@example.test ", PASSWORD) is not None
    assert person.check_password(db, "ines@example.test", PASSWORD + "!") is None
    assert person.check_password(db, "nobody", PASSWORD) is None


def test_a_link_ends(db: Session) -> None:
    _, link = person.create(db, "ines", "ops")
    later(db, "console_user", "invitation_ends_at", "4 days")
    assert link is not None and person.invited(db, link) is None


@pytest.mark.parametrize("password", ["short", "a" * 40, "my-ines-password-here", "x" * 300])
def test_weak_passwords_are_refused(db: Session, password: str) -> None:
    with pytest.raises(Misconfigured):
        person.create(db, "ines", "ops", password=password)


def test_a_session_ends_by_hand_by_idleness_by_age_and_with_the_account(db: Session) -> None:
    row, _ = person.create(db, "ines", "admin", password=PASSWORD)
    person.create(db, "tomas", "admin", password=PASSWORD)

    def signed_in() -> str:
        cookie = session.begin(db, row)
        assert session.accept(db, cookie) is not None
        return cookie

    by_hand = signed_in()
    session.end(db, by_hand)
    assert session.accept(db, by_hand) is None
    idle = signed_in()
    later(db, "console_session", "seen_at", "13 hours")
    assert session.accept(db, idle) is None
    old = signed_in()
    later(db, "console_session", "ends_at", "8 days")
    assert session.accept(db, old) is None
    shut_out = signed_in()
    person.disable(db, row)
    assert session.accept(db, shut_out) is None
    assert person.check_password(db, "ines", PASSWORD) is None


def test_cookies_are_kept_as_digests_and_forms_are_bound_to_them(db: Session) -> None:
    row, _ = person.create(db, "ines", "admin", password=PASSWORD)
    cookie, other = session.begin(db, row), session.begin(db, row)
    kept = db.execute(text("SELECT string_agg(to_jsonb(s)::text, '') FROM console_session s")).scalar_one()
    assert cookie not in kept
    assert session.is_form_key(cookie, session.form_key(cookie))
    assert not session.is_form_key(cookie, session.form_key(other))
    assert not session.is_form_key(cookie, "é")


def test_a_new_password_ends_all_sessions(db: Session) -> None:
    row, _ = person.create(db, "ines", "admin", password=PASSWORD)
    cookie = session.begin(db, row)
    person.set_password(db, row, PASSWORD + " staple")
    assert session.accept(db, cookie) is None


def test_guessing_is_stopped_by_name_and_by_address_and_goes_on_later(db: Session) -> None:
    for _ in range(session.BY_NAME):
        assert session.tries_left(db, "ines", "203.0.113.1") > 0
        session.note_try(db, "Ines", "203.0.113.1")
    assert session.tries_left(db, "ines", "198.51.100.7") == 0
    assert session.tries_left(db, "tomas", "203.0.113.1") == session.BY_NAME
    assert session.tries_left(db, None, "203.0.113.1") == session.BY_ADDRESS - session.BY_NAME
    for number in range(session.BY_ADDRESS):
        session.note_try(db, f"name{number}", "203.0.113.1")
    assert session.tries_left(db, "tomas", "203.0.113.1") < 1
    assert session.tries_left(db, "tomas", "198.51.100.7") == session.BY_NAME
    later(db, "sign_in_failure", "at", "16 minutes")
    assert session.tries_left(db, "ines", "203.0.113.1") == session.BY_NAME


def test_getting_in_forgives_what_was_mistyped_and_no_more(db: Session) -> None:
    session.note_try(db, "ines", "203.0.113.1")
    session.note_try(db, "tomas", "203.0.113.1")
    session.forgive(db, "ines", session.note_try(db, "ines", "203.0.113.1"))
    assert session.tries_left(db, "ines", "198.51.100.7") == session.BY_NAME
    assert session.tries_left(db, "tomas", "198.51.100.7") == session.BY_NAME - 1
    assert session.tries_left(db, None, "203.0.113.1") == session.BY_ADDRESS - 2


def test_the_last_admin_stays(db: Session) -> None:
    row, _ = person.create(db, "ines", "admin", password=PASSWORD)
    with pytest.raises(Misconfigured):
        person.disable(db, row)
    with pytest.raises(Misconfigured):
        person.set_role(db, row, "ops")
    person.create(db, "tomas", "admin", password=PASSWORD)
    person.set_role(db, row, "ops")
