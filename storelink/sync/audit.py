"""Who did what: rows of `audit_event`, written in the transaction of the deed."""

import os
import pwd
import uuid
from typing import Any

from sqlmodel import Session

from storelink.models import AuditEvent


def system_actor() -> str:
    """`cli:` and the system user of this process: the one it really runs as, not what $USER says."""
    number = os.geteuid()
    try:
        return f"cli:{pwd.getpwuid(number).pw_name}"
    except KeyError:  # a container's user need not have a name
        return f"cli:{number}"


def record(
    session: Session,
    action: str,
    *,
    actor: str | None = None,
    connector_id: uuid.UUID | None = None,
    subject: str | None = None,
    **detail: Any,
) -> None:
    """Add one row, by `actor` or the system user. `detail` is JSON and never holds a secret."""
    session.add(
        AuditEvent(
            actor=actor or system_actor(),
            action=action,
            connector_id=connector_id,
            subject=subject,
            detail=detail,
        )
    )
    session.flush()
