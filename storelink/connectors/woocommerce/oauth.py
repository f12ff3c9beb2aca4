"""OAuth 1.0a for stores over plain http, signed by WooCommerce's own package.

Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication-over-http
"""

import secrets
from typing import Any

from woocommerce.oauth import OAuth


class _Signature(OAuth):  # type: ignore[misc]  # the package has no types
    """The package's signing, mended in two places."""

    @staticmethod
    def generate_nonce() -> str:
        """The package draws 8 digits: among 100,000 requests some would meet, and be refused."""
        return secrets.token_hex(16)

    @staticmethod
    def normalize_parameters(params: Any) -> dict[str, str]:
        """PHP's rawurlencode, which the store uses, encodes a slash; Python's quote does not."""
        normal = OAuth.normalize_parameters(params)
        return {key.replace("/", "%252F"): value.replace("/", "%252F") for key, value in normal.items()}


def signed_query(method: str, url: str, query: str, key: str, secret: str, now: int) -> str:
    """The query string with a fresh signature. `url` has no query; `now` is the store's clock.

    A parameter with an empty value is left out, as the package cannot sign one.
    """
    signature = _Signature(
        url=f"{url}?{query}",
        consumer_key=key,
        consumer_secret=secret,
        version="wc/v3",
        method=method,
        oauth_timestamp=now,
    )
    signed: str = signature.get_oauth_url()
    return signed.partition("?")[2].replace("+", "%20")
