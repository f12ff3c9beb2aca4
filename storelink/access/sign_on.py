"""Whom single sign-on lets in, and as what.

An account is linked to issuer and subject, which never change; the e-mail address counts once, at the first
sign-in, and must be verified. Accounts that an admin made keep the role they were given. Where a group or a
mail domain has a role, accounts are made at the first sign-in and follow the provider at each.
Functions do not commit; the outermost caller does.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session, select

from storelink.access import person
from storelink.access.asking import NotSignedOn
from storelink.access.provider import Identity
from storelink.access.role import check_role
from storelink.errors import Misconfigured
from storelink.models import ConsoleUser
from storelink.sync import audit

_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:of, 1717))")
"""One at a time, of one person in two browsers."""


@dataclass(frozen=True, slots=True)
class Rules:
    """(group, or @ and a mail domain, and its role), in the order in which they count."""

    rules: tuple[tuple[str, str], ...] = ()

    def role_of(self, identity: Identity) -> str | None:
        """The role of the first rule that fits."""
        domain = f"@{identity.email.rpartition('@')[2]}" if identity.email else None
        for name, role in self.rules:
            if name.lower() == domain if name.startswith("@") else name in identity.groups:
                return role
        return None


def read_rules(given: str | None) -> Rules:
    """`group=role, @mail.domain=role`, or with semicolons. Raises `Misconfigured`."""
    rules = []
    for part in (given or "").split(";" if ";" in (given or "") else ","):
        if not part.strip():
            continue
        name, _, role = (one.strip() for one in part.rpartition("="))
        if not name or name == "@":
            raise Misconfigured(f"STORELINK_OIDC_ROLES: write group=role or @mail.domain=role, not {part!r}.")
        try:
            rules.append((name, check_role(role)))
        except Misconfigured as error:
            raise Misconfigured(f"STORELINK_OIDC_ROLES: {error}") from None
    return Rules(tuple(rules))


def admit(session: Session, identity: Identity, rules: Rules) -> ConsoleUser:
    """Whose account it is, linked or made now if it may be. Raises `NotSignedOn`.

    What it wrote until then is meant to be kept then too: whom no group lets in any more is signed out.
    """
    subject = f"{identity.issuer} {identity.subject}"
    session.execute(_TURN, {"of": f"subject {subject}"})
    role = rules.role_of(identity)
    row = session.exec(select(ConsoleUser).where(ConsoleUser.oidc_subject == subject)).first()
    if row is None:
        row = _first(session, identity, subject, role)
    elif row.follows_provider and row.disabled_at is None:
        _follow(session, row, role, identity)
    if row.disabled_at is not None:
        raise NotSignedOn("disabled", f"the account {row.name!r} is disabled")
    return row


def unlink(session: Session, row: ConsoleUser, *, actor: str | None = None) -> None:
    """Forget who signs in with it by single sign-on; the next one with its address may. Sessions end."""
    was, row.oidc_subject = row.oidc_subject, None
    session.add(row)
    person.end_sessions(session, row.id)
    session.flush()
    audit.record(session, "user.unlink", actor=actor, subject=row.name, was=was)


def _first(session: Session, identity: Identity, subject: str, role: str | None) -> ConsoleUser:
    if identity.email is None:
        raise NotSignedOn("unverified", "the provider gives no verified e-mail address, and nobody is linked")
    # two subjects may bring one address at once
    session.execute(_TURN, {"of": f"e-mail {identity.email}"})
    row = session.exec(select(ConsoleUser).where(ConsoleUser.name == identity.email)).first()
    if row is None:
        return _make(session, identity, subject, role)
    if row.disabled_at is not None:
        return row
    if row.oidc_subject is not None and row.oidc_subject.startswith(f"{identity.issuer} "):
        raise NotSignedOn("taken", f"the account {row.name!r} is linked to another subject of this issuer")
    if row.follows_provider and role is None:
        raise NotSignedOn("unknown", f"no group or domain of {row.name!r} has a role any more")
    row.oidc_subject = subject
    session.add(row)
    session.flush()
    audit.record(session, "user.link", actor=f"user:{row.name}", subject=row.name, through=identity.issuer)
    if row.follows_provider:
        _follow(session, row, role, identity)
    return row


def _make(session: Session, identity: Identity, subject: str, role: str | None) -> ConsoleUser:
    email = identity.email or ""
    if role is None:
        raise NotSignedOn("unknown", "there is no account of this address, and no group or domain has a role")
    try:
        row = person.add(session, email, role, full_name=identity.full_name)
    except Misconfigured as error:
        raise NotSignedOn("unknown", str(error)) from None
    row.oidc_subject, row.follows_provider = subject, True
    session.add(row)
    session.flush()
    audit.record(
        session, "user.create", actor=f"user:{email}", subject=email, role=role, through=identity.issuer
    )
    return row


def _follow(session: Session, row: ConsoleUser, role: str | None, identity: Identity) -> None:
    if role is None:
        person.end_sessions(session, row.id)
        raise NotSignedOn("unknown", f"no group or domain of {row.name!r} has a role any more")
    if role != row.role:
        before, row.role = row.role, role
        session.add(row)
        session.flush()
        audit.record(
            session, "user.set_role", actor=f"user:{row.name}", subject=row.name, role=[before, role],
            through=identity.issuer,
        )  # fmt: skip
