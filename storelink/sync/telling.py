"""Alerts out of the house: one POST when a trouble begins, one when it is over.

`alert.sweep` opens and closes the rows; here they are told to `STORELINK_ALERT_URL`. One process tells
at a time, no transaction is open meanwhile, and only what was taken (2xx) counts as told: a process
that dies in between tells once more, under the same `id`. What is told is written by us for people;
the store's own words, which may quote a record, stay inside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from storelink.sync.alert import OF_PEOPLE
from storelink.sync.lane import Psycopg

log = structlog.get_logger(__name__)

TIMEOUT = 10.0
"""Seconds for one POST."""
BATCH = 100
"""Alerts told in one go; the next tick tells more."""
TURN = 7_305_117_204_933_871_616
"""The number of the advisory lock of who tells."""

MEANINGS = {
    "auth_failed": "The store refuses our credentials; it is not read until new ones are entered.",
    "store_down": "Pass after pass fails; they are tried again, less and less often.",
    "quarantine": "Records came that could not be understood; they are set aside.",
    "drift": "A verify left records that differ from the store.",
    "deletes_withheld": "More than a fifth of the store's records are gone from it; they are kept until a"
    " person accepts that.",
    "subscription_lost": "The store's webhooks cannot be had; changes come by polling only.",
    "token_expiring": "The store's token, or what renews it, is about to end, and nothing has renewed it.",
    "needs_attention": "A refund or change of address was sent, and only a person can see what became of it.",
    "over_refunded": "More was given back than should be: an equal refund was made elsewhere, or too much.",
}
"""Kind → what it means. docs/operations.md says what to do."""


def tell(connection: Psycopg, url: SecretStr | None) -> int:
    """Tell what has not been told. Returns how many POSTs were taken; 0 without an address."""
    connection.execute(_NEVER_TOLD)
    connection.commit()
    if url is None:
        return 0
    taken = 0
    with _alone(connection) as ours, httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client:
        for row in _waiting(connection) if ours else []:
            over = row["told_at"] is not None
            failure = _post(client, url, document(row, over=over))
            if failure:
                connection.execute("UPDATE alert SET attempts = attempts + 1 WHERE id = %s", (row["id"],))
                connection.commit()
                if not row["attempts"]:
                    log.error("alert.untold", store=row["store"], kind=row["kind"], why=failure)
                break  # the others would fare no better
            column = "over_told_at" if over else "told_at"
            connection.execute(
                f"UPDATE alert SET {column} = clock_timestamp(), attempts = 0 WHERE id = %s",  # noqa: S608
                (row["id"],),
            )
            connection.commit()
            taken += 1
    return taken


def document(row: dict[str, Any], *, over: bool) -> dict[str, Any]:
    """What is posted. No secret, no personal data: names of stores, kinds and times."""
    meaning = MEANINGS.get(row["kind"], row["kind"])
    words = f" {row['words']}." if row["kind"] in OF_PEOPLE else ""
    text = f"over: {row['kind']}" if over else f"{row['kind']}.{words} {meaning}"
    return {
        "id": row["id"],
        "state": "over" if over else "open",
        "kind": row["kind"],
        "store": row["store"],
        "platform": row["platform"],
        "since": _moment(row["opened_at"]),
        "until": _moment(row["closed_at"]) if over else None,
        "meaning": meaning,
        "text": f"storelink: {row['store']}: {text}",
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _post(client: httpx.Client, url: SecretStr, body: dict[str, Any]) -> str | None:
    """None if it was taken, else why not, without the address: it is often a secret itself."""
    try:
        answer = client.post(url.get_secret_value(), json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return None if answer.is_success else f"status {answer.status_code}"


def _waiting(connection: Psycopg) -> list[dict[str, Any]]:
    cursor = connection.execute(_WAITING, (BATCH,))
    names = [column.name for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    connection.commit()
    return rows


@contextmanager
def _alone(connection: Psycopg) -> Iterator[bool]:
    """Whether it is our turn; held by the session, so that no transaction stays open."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (TURN,)).fetchone()
    connection.commit()
    ours = bool(row and row[0])
    try:
        yield ours
    finally:
        if ours:
            connection.rollback()
            connection.execute("SELECT pg_advisory_unlock(%s)", (TURN,))
            connection.commit()


# What was over before anybody could be told is no news any more.
_NEVER_TOLD = """
UPDATE alert SET told_at = closed_at, over_told_at = closed_at WHERE told_at IS NULL AND closed_at IS NOT NULL
"""

_WAITING = """
SELECT a.id, a.kind, a.words, a.opened_at, a.closed_at, a.told_at, a.attempts, c.name AS store, c.platform
FROM alert a JOIN connector_config c ON c.id = a.connector_id
WHERE a.told_at IS NULL OR (a.closed_at IS NOT NULL AND a.over_told_at IS NULL)
ORDER BY a.id LIMIT %s
"""
