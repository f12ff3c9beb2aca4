"""Asking a simulated store things over HTTPS, with Basic auth."""

import ssl
from typing import Any

import httpx

from storelink.sandbox.running import Running


class Caller:
    """Asks a store over HTTPS with Basic auth, as PHP's own clients would."""

    def __init__(self, store: Running, key: tuple[str, str] | None = None) -> None:
        self.store = store
        trust: ssl.SSLContext | bool = True
        if store.ca_file is not None:
            trust = ssl.create_default_context(cafile=str(store.ca_file))
        self.http = httpx.Client(
            base_url=f"{store.url}/wp-json/wc/v3/",
            auth=(store.key, store.secret) if key is None else key or None,
            verify=trust,
            timeout=30,
        )

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def json(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, path: str, **params: Any) -> list[int]:
        return [part["id"] for part in self.json(path, _fields="id", **params)]

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.http.post(path, json={} if body is None else body)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self.http.put(path, json=body)

    def delete(self, path: str, **params: Any) -> httpx.Response:
        return self.http.delete(path, params=params)
