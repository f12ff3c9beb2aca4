"""One refund after the other, each killed at the next moment: `refund_crash.py STORE ORDER EVERY`.

The moments are counted, not drawn: before and after each commit, and before and after each request to
the store. A child process does all of a refund, from the preview to the end, and kills itself at the
n-th moment; then this process carries on, as one that is started again would, and says what it found:
a line of JSON for each moment. EVERY thins out requests that only read.
"""

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpcore
import psycopg
from sqlmodel import Session, col, select

from storelink.config import Settings
from storelink.connectors.action import Wish
from storelink.connectors.http import HttpClient
from storelink.db import Database, open_database
from storelink.errors import LaneHeld
from storelink.models import RefundRequest
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import refund, refund_decision
from storelink.sync.act import act
from storelink.sync.limit import Asker, Limits
from storelink.sync.opening import open_subject
from storelink.sync.refund import Particulars
from storelink.sync.request import Rules

RULES = Rules(grace=1.0, look=0.05, look_most=0.2, survive=0.3, retry=0.05)
ASKER = Asker("support", "support")
AMOUNT = Decimal("0.50")
WRITE = "the refund"
NEAR = 5
"""Moments before and after the refund that are never left out."""


def watch(pass_by: Callable[[str], None]) -> None:
    """Have every moment told."""

    def around(owner: Any, name: str, what: Callable[..., str]) -> None:
        call = getattr(owner, name)

        def told(*args: Any, **named: Any) -> Any:
            said = what(*args, **named)
            pass_by(f"before {said}")
            outcome = call(*args, **named)
            pass_by(f"after {said}")
            return outcome

        setattr(owner, name, told)

    around(psycopg.Connection, "commit", lambda *_: "commit")
    around(httpcore.ConnectionPool, "handle_request", lambda *_: "a question")
    around(HttpClient, "write", lambda *_, **__: WRITE)


def refund_once(settings: Settings, store: str, order: str, key: str) -> None:
    """From the preview to the end, or as far as a crash left of it."""
    with open_database(settings, migrate=False) as database:
        keyring = Keyring(provider_of(settings))
        with open_subject(database, keyring, store, settings, refresh=False) as subject:
            if _request(database, key) is None:
                shown = refund.preview(database, subject, order, Wish(amount=AMOUNT), ASKER)
                with database.session() as session:
                    refund.create(
                        session, shown.id, Particulars(again=True, idempotency_key=key),
                        asker=ASKER, limits=Limits(None, {}, {}), enqueue=_nobody,
                    )  # fmt: skip
                    session.commit()
            deadline = time.monotonic() + 60
            while not _rests(_request(database, key)):
                assert time.monotonic() < deadline, "it does not come to rest"
                again = 0.02
                with suppress(LaneHeld):  # the session of the process that was killed is just ending
                    again = act(database, subject, order, RULES) or 0.0
                time.sleep(min(again, 0.2))


def _nobody(_session: Session, _store: uuid.UUID, _order: str) -> None:
    """No worker is asked: the carrying is done here."""


def _request(database: Database, key: str) -> RefundRequest | None:
    with database.session() as session:
        return session.exec(select(RefundRequest).where(col(RefundRequest.idempotency_key) == key)).first()


def _rests(request: RefundRequest | None) -> bool:
    if request is None:
        return False
    return request.stage in ("failed", "needs_attention") or request.read_at is not None


def killed_at(moment: int, do: Callable[[], None]) -> str:
    """Do it in a child that kills itself at this moment; returns what the moment was, "" past the last."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        left = iter(range(moment - 1, -1, -1))

        def pass_by(what: str) -> None:
            if next(left) == 0:
                os.write(writing, what.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        watch(pass_by)
        code = 1
        try:
            do()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    what = os.read(reading, 100).decode()
    os.close(reading)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"the child broke at moment {moment}"
    return what


def moments_of(do: Callable[[], None]) -> list[str]:
    """All moments of it, done once to the end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        watch(lambda what: os.write(writing, f"{what}\n".encode()) and None)
        code = 1
        try:
            do()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as stream:
        found = stream.read().splitlines()
    assert os.waitpid(child, 0)[1] == 0
    return found


def main(store: str, order: str, every: int) -> None:
    settings = Settings()
    names = moments_of(lambda: refund_once(settings, store, order, "all"))
    sent, back = names.index(f"before {WRITE}") + 1, names.index(f"after {WRITE}") + 1
    for number in range(1, len(names) + 1):
        if number % every and not sent - NEAR <= number <= back + NEAR:
            continue
        key = f"crash-{number}"
        was = killed_at(number, lambda key=key: refund_once(settings, store, order, key))  # type: ignore[misc]
        refund_once(settings, store, order, key)
        _tell(settings, number, was, key)


def _tell(settings: Settings, number: int, was: str, key: str) -> None:
    with open_database(settings, migrate=False) as database, database.session() as session:
        rows = session.exec(select(RefundRequest).where(col(RefundRequest.idempotency_key) == key)).all()
        line = {
            "moment": number, "was": was, "requests": len(rows), "stage": rows[0].stage,
            "reference": rows[0].reference, "attempts": rows[0].attempts, "error": rows[0].error,
        }  # fmt: skip
        if rows[0].stage == "needs_attention":  # the next one waits for it
            refund_decision.resolve(
                session, rows[0].id, moved=False, why="the test goes on", asker=ASKER, enqueue=_nobody
            )
            session.commit()
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
