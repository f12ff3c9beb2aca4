"""Asking a simulated Shopify store things as its API is asked."""

import ssl
from typing import Any

import httpx

from storelink.sandbox.running import RunningShopify


class ShopifyCaller:
    """Posts GraphQL to a store with its static token."""

    def __init__(self, store: RunningShopify, version: str = "2026-10") -> None:
        self.store = store
        self.version = version
        trust: ssl.SSLContext | bool = True
        if store.ca_file is not None:
            trust = ssl.create_default_context(cafile=str(store.ca_file))
        self.http = httpx.Client(base_url=store.url, verify=trust, timeout=30)

    def close(self) -> None:
        self.http.close()

    def post(
        self, text: str, variables: Any = None, *, token: str | None = None, version: str = ""
    ) -> httpx.Response:
        return self.http.post(
            f"/admin/api/{version or self.version}/graphql.json",
            json={"query": text, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": self.store.token if token is None else token},
        )

    def ask(self, text: str, **variables: Any) -> Any:
        """The data, of an answer without errors."""
        answer = self.post(text, variables)
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def errors(self, text: str, **variables: Any) -> Any:
        return self.post(text, variables).json()["errors"]

    def grant(self, **form: Any) -> httpx.Response:
        """POST to the token endpoint, as the store's own app unless told otherwise."""
        own = {"client_id": self.store.client_id, "client_secret": self.store.client_secret}
        return self.http.post("/admin/oauth/access_token", data={**own, **form})
