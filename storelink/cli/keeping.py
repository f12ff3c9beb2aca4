"""`storelink demo --keep`: after the story the stores stay, and `serve` answers, until Ctrl-C."""

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from storelink.cli import show
from storelink.cli.daemon import listening, prepared, run
from storelink.cli.front import answering
from storelink.cli.story import SHOPIFY, WOO

if TYPE_CHECKING:
    from storelink.cli.context import Context
    from storelink.cli.demo import Teller
    from storelink.sandbox.running import RunningShopify

HOST, PORT = "127.0.0.1", 8600
NAME = "admin"
"""The account that whoever runs the demo signs in with."""
INTERVAL = 15
"""Seconds between passes: changes are seen while one looks."""


def keep_on(context: "Context", shopify: "RunningShopify", teller: "Teller", home: Path) -> None:
    """Serve the console until a signal, with `shopify` left for the viewer to connect by clicking."""
    teller.chapter(
        "9. Yours to try",
        f"{WOO} stays connected and is read every {INTERVAL} s; {SHOPIFY} is forgotten, for you to connect.",
    )
    teller.run("connectors", "set", WOO, "--interval", str(INTERVAL))
    teller.run("connectors", "remove", SHOPIFY, "--purge", "--yes")
    with _listener() as listener, answering(listener) as front:
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        os.environ |= _settings(url)
        link = _invite(context)
        with prepared(None, clock=True) as daemon:
            run(daemon, front, lambda: _tell(url, link, shopify, home))


@contextmanager
def _listener() -> Iterator[socket.socket]:
    """The usual port, or a free one where something else has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        free = probe.connect_ex((HOST, PORT)) == errno.ECONNREFUSED
    with listening(HOST, PORT if free else 0) as listener:
        yield listener


def _settings(url: str) -> dict[str, str]:
    """For this demo alone: its stores are on this machine, and logs would hide what is to be read."""
    return {
        "STORELINK_ALLOW_PRIVATE_STORES": "true",
        "STORELINK_PUBLIC_URL": url,
        "STORELINK_LOG_LEVEL": os.environ.get("STORELINK_LOG_LEVEL", "warning"),
    }


def _invite(context: "Context") -> str:
    """An account that may do everything, and the secret of the link by which its password is chosen."""
    from storelink.access import person

    with context.database.session() as session:
        _, link = person.create(session, NAME, "admin", full_name="You", actor="demo")
        session.commit()
    assert link is not None  # no password was given
    return link


def _tell(url: str, link: str, shopify: "RunningShopify", home: Path) -> None:
    show.say()
    show.headline(f"The console answers at {url}/console", show.GOOD)
    show.say(f"Choose your password here, once; from then on you sign in as {NAME}:")
    show.say(f"{url}/console/welcome?key={link}", indent=2)
    show.say()
    show.say("Connect the Shopify store there, with keys of “An app of the shop’s own organisation”:")
    show.facts([
        ("platform", "Shopify"),
        ("store address", shopify.url),
        ("client id", shopify.client_id),
        ("client secret", shopify.client_secret),
    ])  # fmt: skip
    show.say()
    show.say("Then find an order, refund a line of it, and change where another is sent.")
    show.say(f"In another terminal: STORELINK_HOME={home} storelink status")
    show.say()
    show.say("Ctrl-C ends all of it.")
    sys.stdout.flush()
