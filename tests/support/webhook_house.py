"""A house that stores deliver to, on a real socket, and sandbox stores that are registered with it."""

import base64
import hmac
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from sqlalchemy import text

from storelink.config import Settings
from storelink.connectors import registry
from storelink.connectors.hook import webhooks_of
from storelink.db import Database
from storelink.secrets.keyring import Keyring
from storelink.sync import account, guardian, signing
from storelink.sync.hint import follow_hints
from storelink.sync.opening import open_subject
from storelink.sync.subject import Subject
from storelink.sync.synchronize import synchronize
from storelink.web.app import create_app
from storelink.web.services import Services


def wait_until(ready: Callable[[], Any], patience: float = 60.0) -> Any:
    """The first true answer. Fails when none comes."""
    deadline = time.monotonic() + patience
    while not (found := ready()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


@dataclass
class House:
    """Our side: database, keys, and the address that stores deliver to."""

    database: Database
    keyring: Keyring
    settings: Settings
    url: str = ""
    intake: Any = None
    app: Any = None
    lookout: Any = None

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values).all()]

    def one(self, statement: str, **values: Any) -> Any:
        ((value,),) = self.rows(statement, **values)
        return value

    def do(self, statement: str, **values: Any) -> None:
        with self.database.session() as session:
            session.execute(text(statement), values)
            session.commit()

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.request("POST", path, body, dict(headers or {}))
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@contextmanager
def serving(house: House, port: int = 0) -> Iterator[House]:
    """The application on a socket of this machine."""
    services = Services(house.settings, house.database, house.keyring, lambda: True)
    app = create_app(services)
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        house.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        house.app, house.intake, house.lookout = app, app.state.intake, app.state.lookout
        yield house
    finally:
        app.state.lookout.close()
        server.should_exit = True
        thread.join(20)
        listener.close()


@dataclass
class Shop:
    """A sandbox store that is registered with the house and read."""

    house: House
    platform: str
    name: str
    store: Any
    id: Any = None
    signed: tuple[str, ...] = field(default=(), repr=False)

    @property
    def admin(self) -> Any:
        return self.store.admin

    @property
    def path(self) -> str:
        return f"/webhooks/{self.id}"

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        with open_subject(
            self.house.database, self.house.keyring, self.name, self.house.settings, refresh=False
        ) as subject:
            yield subject

    def sync(self) -> None:
        with self.subject() as subject:
            synchronize(self.house.database, subject, subject.connector.resources)

    def follow(self) -> Any:
        with self.subject() as subject:
            return follow_hints(self.house.database, subject)

    def delivered(self) -> None:
        """Wait until the store has nothing more to deliver."""
        wait_until(lambda: self.admin.deliveries_waiting() == 0)

    def pull(self) -> Any:
        """Everything delivered, and followed."""
        self.delivered()
        return self.follow()

    def deliver(self, topic: str, body: bytes, secret: str, **headers: str) -> int:
        return self.house.post(self.path, body, {**self.headers(topic, body, secret), **headers})

    def headers(self, topic: str, body: bytes, secret: str) -> dict[str, str]:
        signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
        if self.platform == "shopify":
            return {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": signature}
        return {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature}


def register(house: House, platform: str, store: Any, *, read: bool = True, name: str | None = None) -> Shop:
    """A store in our tables, and read once."""
    if platform == "shopify":
        credentials = {"access_token": store.token, "client_secret": store.client_secret}
        mode = "token"
    else:
        credentials = {"consumer_key": store.key, "consumer_secret": store.secret}
        mode = "keys"
    shop = Shop(house, platform, name or platform[:4], store)
    with house.database.session() as session:
        row = account.register(
            session, house.keyring, registry.get(platform), name=shop.name, store_url=store.url,
            credentials=credentials, auth_mode=mode,
        )  # fmt: skip
        session.commit()
        shop.id = row.id
    with open_subject(house.database, house.keyring, shop.name, house.settings):
        pass  # the doctor looks: currency, scopes and the like
    if read:
        shop.sync()
    return shop


def install(shop: Any, **more: Any) -> str:
    """Subscribe to what is wanted; returns the secret that deliveries are signed with."""
    house = shop.house
    with shop.subject() as subject:
        report = guardian.install(house.database, house.keyring, subject, house.url, **more)
    assert not report.refused, report.refused
    return secrets_of(shop)[0]


def secrets_of(shop: Any) -> tuple[str, ...]:
    """All that deliveries may be signed with now."""
    webhooks = webhooks_of(registry.get(shop.platform))
    assert webhooks is not None
    with shop.house.database.session() as session:
        return signing.accepted(session, shop.house.keyring, account.find(session, shop.id), webhooks)
