"""One request after the other, each killed at the next moment: `request_crash.py KIND STORE ORDER WHICH`.

The moments are counted, not drawn: after each commit, each question to the store, and the call itself;
dying before one of them is dying after the one before it. A child process does all of a request, from the
preview to the end, and kills itself at the n-th moment; then this process carries on, as one that is
started again would, and says what it found: a line of JSON for each moment. KIND is `refund` or `address`;
WHICH is `all`, or `few`: those around the call that a person would name.
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
from sqlmodel import Session, select

from storelink.config import Settings
from storelink.connectors.action import Wish
from storelink.connectors.http import HttpClient
from storelink.db import Database, open_database
from storelink.errors import LaneHeld
from storelink.models import AddressUpdateRequest, RefundRequest
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import address, refund, refund_decision
from storelink.sync.act import act
from storelink.sync.limit import Asker, Limits
from storelink.sync.opening import open_subject
from storelink.sync.request import Rules
from storelink.sync.subject import Subject

RULES = Rules(grace=0.5, look=0.05, look_most=0.2, survive=0.2, retry=0.05)
ASKER = Asker("support", "support")
CALL, QUESTION, COMMIT = "call", "question", "commit"
PLANNED, INTENDED, CALLED, LOOKED = "planned", "intended", "called", "looked"
"""Read and not yet written down; written down and not sent; sent and not written down; read back."""


def _nobody(_session: Session, _store: uuid.UUID, _order: str) -> None:
    """No worker is asked: the carrying is done here."""


class Refunding:
    """Refunds of half a euro of one order."""

    model = RefundRequest

    def ask(self, database: Database, subject: Subject, order: str, key: str) -> None:
        shown = refund.preview(database, subject, order, Wish(amount=Decimal("0.50")), ASKER)
        said = refund.Particulars(again=True, idempotency_key=key)
        with database.session() as session:
            refund.create(session, shown.id, said, asker=ASKER, limits=Limits(None, {}, {}), enqueue=_nobody)
            session.commit()


class Moving:
    """Changes of one order's city; the key is the new one."""

    model = AddressUpdateRequest

    def ask(self, database: Database, subject: Subject, order: str, key: str) -> None:
        shown = address.preview(database, subject, order, "shipping", {"city": key}, ASKER)
        said = address.Particulars(idempotency_key=key)
        with database.session() as session:
            address.create(session, shown.id, said, asker=ASKER, enqueue=_nobody)
            session.commit()


KINDS: dict[str, Any] = {"refund": Refunding(), "address": Moving()}


def do_once(kind: Any, settings: Settings, store: str, order: str, key: str) -> None:
    """From the preview to the end, or as far as a crash left of it."""
    with open_database(settings, migrate=False) as database:
        keyring = Keyring(provider_of(settings))
        with open_subject(database, keyring, store, settings, refresh=False) as subject:
            if not requests(kind, database, key):
                kind.ask(database, subject, order, key)
            deadline = time.monotonic() + 60
            while not _rests(*requests(kind, database, key)):
                assert time.monotonic() < deadline, "it does not come to rest"
                again = 0.02
                with suppress(LaneHeld):  # the session of the process that was killed is just ending
                    again = act(database, subject, order, RULES) or 0.0
                time.sleep(min(again, 0.2))


def requests(kind: Any, database: Database, key: str) -> list[Any]:
    """What was requested under a key: one, or none yet."""
    with database.session() as session:
        return list(session.exec(select(kind.model).where(kind.model.idempotency_key == key)))


def _rests(request: Any) -> bool:
    return request.stage in ("failed", "needs_attention") or request.read_at is not None


# -- dying -------------------------------------------------------------------------------------------


def watch(pass_by: Callable[[str], None]) -> None:
    """Have every moment told."""

    def around(owner: Any, name: str, said: str) -> None:
        call = getattr(owner, name)

        def told(*args: Any, **named: Any) -> Any:
            outcome = call(*args, **named)
            pass_by(said)
            return outcome

        setattr(owner, name, told)

    around(psycopg.Connection, "commit", COMMIT)
    around(httpcore.ConnectionPool, "handle_request", QUESTION)
    around(HttpClient, "write", CALL)


def _in_a_child(do: Callable[[], None], pass_by: Callable[[str, int], None]) -> tuple[list[str], int]:
    """What a child told on its way, and how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        watch(lambda said: pass_by(said, writing))
        code = 1
        try:
            do()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = stream.read().splitlines()
    return said, os.waitpid(child, 0)[1]


def moments_of(do: Callable[[], None]) -> list[str]:
    """All moments of it, done once to the end."""
    found, status = _in_a_child(do, lambda said, pipe: os.write(pipe, f"{said}\n".encode()) and None)
    assert status == 0
    return found


def killed_at(number: int, do: Callable[[], None]) -> None:
    """Do it in a child that kills itself at this moment, from 1."""
    left = iter(range(number - 1, -1, -1))

    def pass_by(_said: str, _pipe: int) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    _, status = _in_a_child(do, pass_by)
    assert os.WIFSIGNALED(status) or status == 0, f"the child broke at moment {number}"


def named(moments: list[str]) -> dict[int, str]:
    """The telling moments, by number."""
    call = moments.index(CALL) + 1
    intended = max(number for number in range(1, call) if moments[number - 1] == COMMIT)
    looked = next(number for number in range(call + 1, len(moments) + 1) if moments[number - 1] == QUESTION)
    return {intended - 1: PLANNED, intended: INTENDED, call: CALLED, looked: LOOKED}


# -- one after the other -----------------------------------------------------------------------------


def main(kind: Any, store: str, order: str, which: str) -> None:
    settings = Settings()
    moments = moments_of(lambda: do_once(kind, settings, store, order, "Kill"))
    names = named(moments)
    for number in sorted(names) if which == "few" else range(1, len(moments) + 1):
        key = f"Kill {number}"
        killed_at(number, lambda key=key: do_once(kind, settings, store, order, key))  # type: ignore[misc]
        do_once(kind, settings, store, order, key)
        with open_database(settings, migrate=False) as database:
            found = requests(kind, database, key)
            line = {"moment": number, "of": len(moments), "after": moments[number - 1],
                    "place": names.get(number), **_line(found[0]), "requests": len(found)}  # fmt: skip
            _judge(database, found[0])
        print(json.dumps(line), flush=True)


def _line(found: Any) -> dict[str, Any]:
    names = ("stage", "status", "attempts", "error", "idempotency_key", "reference")
    return {name: getattr(found, name, None) for name in names}


def _judge(database: Database, found: Any) -> None:
    """The next one waits for one that needs a person."""
    if found.stage == "needs_attention":
        with database.session() as session:
            refund_decision.resolve(
                session, found.id, moved=False, why="the test goes on", asker=ASKER, enqueue=_nobody
            )
            session.commit()


if __name__ == "__main__":
    main(KINDS[sys.argv[1]], *sys.argv[2:])
