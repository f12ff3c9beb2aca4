"""Roles, and what each may do. A caller is a person or a program, and has one role."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from storelink.errors import Misconfigured


class Right(StrEnum):
    """What a deed needs."""

    READ = "read"
    """See stores, records and how they stand."""
    ACT = "act"
    """Refund, change addresses, approve what others asked for."""
    OPERATE = "operate"
    """Connect stores, change and remove them; passes, webhooks, quarantine; the audit log."""
    ADMINISTER = "administer"
    """People and tokens."""


ROLES: dict[str, frozenset[Right]] = {
    "reader": frozenset({Right.READ}),
    "support": frozenset({Right.READ, Right.ACT}),
    "ops": frozenset({Right.READ, Right.OPERATE}),
    "admin": frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `actor` is what the audit log says; `connectors` None is every store."""

    actor: str
    title: str
    role: str
    connectors: frozenset[uuid.UUID] | None = None

    def may(self, right: Right) -> bool:
        """Whether the role has it."""
        return right in ROLES[self.role]

    def sees(self, connector_id: uuid.UUID) -> bool:
        """Whether the store is among theirs."""
        return self.connectors is None or connector_id in self.connectors


def check_role(role: str) -> str:
    """The role. Raises `Misconfigured` naming those that there are."""
    if role not in ROLES:
        raise Misconfigured(f"There is no role {role!r}; there are {', '.join(ROLES)}.")
    return role
