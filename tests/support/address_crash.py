"""Changes of address, each killed at the next moment: `address_crash.py STORE ORDER WHICH`.

As `refund_crash.py` does it for refunds: the moments are after each commit and each request to the store,
counted, not drawn. A child does all of a change and kills itself at the n-th moment; this process then
carries on as one that is started again. A line of JSON tells what it found of each. WHICH is `all`;
`writing`, without those that follow a read, which leave nothing behind; or `sending`, the three around the
call itself.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import refund_crash
from refund_crash import ASKER, RULES, killed_at, moments_of
from sqlmodel import col, select

from storelink.config import Settings
from storelink.connectors.http import HttpClient
from storelink.db import Database, open_database
from storelink.errors import LaneHeld
from storelink.models import AddressUpdateRequest
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import address
from storelink.sync.act import act
from storelink.sync.address import Particulars
from storelink.sync.opening import open_subject


def watch(pass_by: Callable[[str], None]) -> None:
    """Have every moment told. Dying before one of them is dying after the one before it."""

    def around(owner: Any, name: str, said: str) -> None:
        call = getattr(owner, name)

        def told(*args: Any, **named: Any) -> Any:
            outcome = call(*args, **named)
            pass_by(f"after {said}")
            return outcome

        setattr(owner, name, told)

    around(psycopg.Connection, "commit", "commit")
    around(HttpClient, "send", "read")
    around(HttpClient, "write", "write")


refund_crash.watch = watch


def change_once(settings: Settings, store: str, order: str, key: str) -> None:
    """From the preview to the end, or as far as a crash left of it."""
    with open_database(settings, migrate=False) as database:
        keyring = Keyring(provider_of(settings))
        with open_subject(database, keyring, store, settings, refresh=False) as subject:
            if _request(database, key) is None:
                shown = address.preview(database, subject, order, "shipping", {"city": key}, ASKER)
                said = Particulars(idempotency_key=key)
                with database.session() as session:
                    address.create(session, shown.id, said, asker=ASKER, enqueue=lambda *_: None)
                    session.commit()
            deadline = time.monotonic() + 60
            while not _rests(_request(database, key)):
                assert time.monotonic() < deadline, "it does not come to rest"
                again = 0.02
                with suppress(LaneHeld):  # the session of the process that was killed is just ending
                    again = act(database, subject, order, RULES) or 0.0
                time.sleep(min(again, 0.2))


def _request(database: Database, key: str) -> AddressUpdateRequest | None:
    query = select(AddressUpdateRequest).where(col(AddressUpdateRequest.idempotency_key) == key)
    with database.session() as session:
        return session.exec(query).first()


def _rests(request: AddressUpdateRequest | None) -> bool:
    if request is None:
        return False
    return request.stage in ("failed", "needs_attention") or request.read_at is not None


def chosen(names: list[str], which: str) -> list[int]:
    """Numbers of the moments to die at, from 1."""
    call = names.index("after write") + 1
    wanted = {
        "all": range(1, len(names) + 1),
        "writing": [number for number, name in enumerate(names, 1) if name != "after read"],
        "sending": [call - 1, call, call + 1],
    }
    return list(wanted[which])


def main(store: str, order: str, which: str) -> None:
    settings = Settings()
    names = moments_of(lambda: change_once(settings, store, order, "Kill"))
    for number in chosen(names, which):
        key = f"Kill {number}"
        was = killed_at(number, lambda key=key: change_once(settings, store, order, key))  # type: ignore[misc]
        change_once(settings, store, order, key)
        with open_database(settings, migrate=False) as database:
            found = _request(database, key)
            assert found is not None
            line = {"was": was, "city": key, "stage": found.stage, "attempts": found.attempts,
                    "old": (found.old_address or {}).get("city"), "error": found.error}  # fmt: skip
        print(json.dumps({"moment": number, "of": len(names), **line}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
