"""Building a store and putting it on a port: in this process or, as `-m`, as one of its own."""

import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import uvicorn

from storelink.sandbox.capacity import Capacity
from storelink.sandbox.certificate import make_certificate
from storelink.sandbox.clock import Clock, zone_of
from storelink.sandbox.desk import Desk
from storelink.sandbox.faults import Script
from storelink.sandbox.journal import Journal
from storelink.sandbox.shop import Plan, make_shop
from storelink.sandbox.web import Web
from storelink.sandbox.woocommerce.auth import Gate, Key
from storelink.sandbox.woocommerce.churn import churn
from storelink.sandbox.woocommerce.edits import Edits
from storelink.sandbox.woocommerce.front import Front
from storelink.sandbox.woocommerce.platform import Platform
from storelink.sandbox.woocommerce.routes import routes
from storelink.sandbox.woocommerce.site import Site
from storelink.sandbox.woocommerce.store import Store

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything a store is started with; JSON-able, so that it can cross to another process."""

    plan: Plan = field(default_factory=Plan)
    port: int = 0
    https: bool = False
    time_zone: str = "America/New_York"
    latency: float = 0.0
    service_time: float = 0.0
    cores: int | None = None
    clock_offset: float = 0.0
    has_variations: bool = True
    has_refunds: bool = True
    hpos: bool = True


@dataclass(frozen=True, slots=True)
class Keys:
    """The pairs of key and secret that a store knows; the same for the same seed."""

    full: tuple[str, str] = field(repr=False)
    read_only: tuple[str, str] = field(repr=False)
    write_only: tuple[str, str] = field(repr=False)
    customer: tuple[str, str] = field(repr=False)
    manager: tuple[str, str] = field(repr=False)
    password: tuple[str, str] = field(repr=False)
    token: str = field(repr=False, default="")


def make_keys(seed: int) -> Keys:
    """Keys of the form real ones have, made from the seed."""

    def pair(name: str) -> tuple[str, str]:
        key = sha256(f"{seed} {name} key".encode()).hexdigest()[:40]
        secret = sha256(f"{seed} {name} secret".encode()).hexdigest()[:40]
        return f"ck_{key}", f"cs_{secret}"

    words = sha256(f"{seed} password".encode()).hexdigest()[:24]
    password = ("admin", " ".join(words[at : at + 4] for at in range(0, 24, 4)))
    return Keys(
        full=pair("full"),
        read_only=pair("read"),
        write_only=pair("write"),
        customer=pair("customer"),
        manager=pair("manager"),
        password=password,
        token=os.urandom(16).hex(),
    )


def _actions(store: Store) -> dict[str, Callable[..., Any]]:
    edits = Edits(store)
    return {**edits.actions(), "churn": partial(churn, edits)}


class Service:
    """A store on a bound port, not yet running."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.keys = make_keys(setup.plan.seed)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.ca_file: Path | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, setup.port))
        except OSError:
            self._socket.close()
            raise
        self._socket.listen(512)  # whoever is told the address may connect at once
        port = self._socket.getsockname()[1]
        self.url = f"{'https' if setup.https else 'http'}://{HOST}:{port}"
        try:
            self.store, web = self._build()
            self.server = uvicorn.Server(self._config(web))
        except BaseException:
            self._socket.close()
            raise

    def _build(self) -> tuple[Store, Web]:
        setup, keys = self.setup, self.keys
        clock = Clock(setup.clock_offset)
        site = Site(self.url, zone_of(setup.time_zone))
        site.has_variations, site.has_refunds = setup.has_variations, setup.has_refunds
        site.hpos = setup.hpos
        store = Store(site, clock)
        store.fill(make_shop(setup.plan))
        gate = Gate(
            [
                Key(*keys.full, "read_write"),
                Key(*keys.read_only, "read"),
                Key(*keys.write_only, "write"),
                Key(*keys.customer, "read_write", "customer"),
                Key(*keys.manager, "read_write", "shop_manager"),
            ],
            (keys.password[0], keys.password[1].replace(" ", "")),
        )
        script, journal = Script(), Journal()
        capacity = Capacity(setup.latency, setup.service_time, setup.cores)
        desk = Desk(keys.token, clock, script, capacity, journal, _actions(store))
        front = Front(Platform(store, gate, routes()), desk)
        return store, Web(front, desk, script, capacity, journal)

    def _config(self, web: Web) -> uvicorn.Config:
        certificate, key = None, None
        if self.setup.https:
            self._folder = tempfile.TemporaryDirectory(prefix="storelink-sandbox-")
            self.ca_file, certificate, key = make_certificate(Path(self._folder.name))
        return uvicorn.Config(
            web,
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            backlog=512,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )

    def described(self) -> dict[str, Any]:
        """What whoever starts a store needs to reach it."""
        return {
            "url": self.url,
            "keys": asdict(self.keys),
            "ca_file": None if self.ca_file is None else str(self.ca_file),
        }

    def run(self) -> None:
        """Serve until `server.should_exit`; then close everything."""
        try:
            self.server.run(sockets=[self._socket])
        finally:
            self.close()

    def close(self) -> None:
        self._socket.close()
        self.store.close()
        if self._folder is not None:
            self._folder.cleanup()


def serve_forever(ready: Callable[[str, Keys, Path | None], None], **options: Any) -> None:
    """Run a store in this thread until it is interrupted.

    `options` are those of `running.start`. `ready` is called once with the address, the keys and
    (https) the file with the authority's certificate; nothing is printed.
    """
    from storelink.sandbox.running import make_setup

    service = Service(make_setup(**options))
    ready(service.url, service.keys, service.ca_file)
    service.run()


def main() -> None:
    """The store as its own process: its setup comes on standard input, which closing ends it."""
    asked = json.loads(sys.stdin.readline())
    setup = Setup(plan=Plan(**asked.pop("plan")), **asked)
    service = Service(setup)
    sys.stdout.write(json.dumps(service.described()) + "\n")
    sys.stdout.flush()

    def watch() -> None:
        sys.stdin.read()
        service.server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    service.run()


if __name__ == "__main__":
    main()
