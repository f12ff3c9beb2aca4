"""`wc-auth`: a store's administrator agrees, and the store makes REST keys and posts them to us.

What is posted is not signed. `user_id` comes back as it was sent, and is what ties the answer to the
question. The store expects exactly 200; else it deletes the key again and tells the administrator.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#rest-api-keys (auto generating API keys)
"""

import hmac
import json
import re
from urllib.parse import urlencode

from storelink.connectors.key_grant import KeyGrant
from storelink.connectors.woocommerce.profile import is_local
from storelink.errors import Misconfigured

APP = "storelink"
_KEY, _SECRET = re.compile(r"ck_[0-9A-Za-z]{8,200}"), re.compile(r"cs_[0-9A-Za-z]{8,200}")


class WooCommerceKeyGrant:
    """See `key_grant.KeyGrant`."""

    mode = "keys"

    def address(self, store_url: str, reference: str, return_url: str, callback_url: str) -> str:
        """The page that asks. Stores take callbacks over https only; those on this machine take any."""
        if not callback_url.startswith("https://") and not (is_local(callback_url) and is_local(store_url)):
            raise Misconfigured("WooCommerce sends keys only to an address that begins with https://.")
        asked = {
            "app_name": APP, "scope": "read_write", "user_id": reference, "return_url": return_url,
            "callback_url": callback_url,
        }  # fmt: skip
        return f"{store_url}/wc-auth/v1/authorize?{urlencode(asked)}"

    def accept(self, body: bytes, reference: str) -> dict[str, str]:
        """The pair of keys. None of what came is in the words of an error."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise Misconfigured("This is not what a store sends.")
        if not hmac.compare_digest(str(said.get("user_id")).encode(), reference.encode()):
            raise Misconfigured("This answers another question.")
        key, secret = said.get("consumer_key"), said.get("consumer_secret")
        if not (isinstance(key, str) and _KEY.fullmatch(key)):
            raise Misconfigured("There is no consumer key in it.")
        if not (isinstance(secret, str) and _SECRET.fullmatch(secret)):
            raise Misconfigured("There is no consumer secret in it.")
        return {"consumer_key": key, "consumer_secret": secret}


KEY_GRANT: KeyGrant = WooCommerceKeyGrant()
