"""The HTTP application on a socket, and requests to it with tokens of every role."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from webhook_house import House, serving

from storelink.access import token
from storelink.config import Settings
from storelink.db import Database
from storelink.secrets.keyring import Keyring


@dataclass
class ApiHouse:
    """An application over a database, and who may ask it what."""

    shops: House
    client: httpx.Client
    made: int = 0

    @property
    def database(self) -> Database:
        return self.shops.database

    def token(self, role: str, *stores: uuid.UUID) -> str:
        """A token of this role, for these stores or for all."""
        self.made += 1
        with self.database.session() as session:
            _, secret = token.create(session, f"{role} {self.made}", role, connectors=stores or None)
            session.commit()
        return secret

    def ask(self, method: str, path: str, secret: str | None = None, **options: Any) -> httpx.Response:
        """An answer to a request with this token."""
        headers = dict(options.pop("headers", {}))
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        return self.client.request(method, path, headers=headers, **options)


@contextmanager
def answering(database: Database, keyring: Keyring, settings: Settings) -> Iterator[ApiHouse]:
    """The application, on a socket of this machine."""
    with (
        serving(House(database, keyring, settings)) as shops,
        httpx.Client(base_url=shops.url, timeout=60) as client,
    ):
        yield ApiHouse(shops, client)
