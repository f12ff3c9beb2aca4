"""The back office of a Shopify store: what it has beyond the one of every store."""

import time
from typing import Any

from storelink.sandbox.admin import Admin, Doc


class ShopifyAdmin(Admin):
    """Switches, tokens, points and bulk operations. Ids are the numbers at the end of global ids."""

    def set_site(self, **switches: Any) -> None:
        """Any switch of `shopify/switches.py` or `shopify/site.py`; both files say what they mean."""
        self.do("set_site", **switches)

    def site(self) -> Doc:
        """The switches as they stand."""
        found: Doc = self.do("site")
        return found

    def revoke_tokens(self, token: str | None = None) -> int:
        """End one access token, or all of the app's; says how many."""
        found: int = self.do("revoke_tokens", token)
        return found

    def expire_tokens(self) -> None:
        """End every access token that has an end; refresh tokens stay."""
        self.do("expire_tokens")

    def spent(self) -> Doc:
        """Points: requested, actual, level, rate, size; how many queries, how many of them throttled."""
        found: Doc = self.do("spent")
        return found

    def drain(self, left: float = 0.0) -> None:
        """Leave no more than so many points in the app's bucket."""
        self.do("drain", left)

    def bulk_operations(self) -> list[Doc]:
        """All bulk operations of all apps, as documents, and what went wrong inside."""
        found: list[Doc] = self.do("bulk_operations")
        return found

    def prepare_bulk(self, query: str, version: str = "", grouped: bool = False, wait: float = 3600) -> None:
        """Make the result of a bulk query now, so that the operation that asks for it only hands it out.

        Holds until something is edited. Raises TimeoutError after `wait` seconds.
        """
        self.do("prepare_bulk", query, version, grouped)
        deadline = time.monotonic() + wait
        while not self.do("bulk_prepared"):
            if time.monotonic() > deadline:
                raise TimeoutError("the result of the bulk query is not ready")
            time.sleep(0.2)

    def merge_customers(self, kept: int, gone: int) -> Doc:
        found: Doc = self.do("merge_customers", kept, gone)
        return found

    # money

    def settle_pending(self, status: str = "SUCCESS") -> int:
        """End every refund that is pending; says how many."""
        found: int = self.do("settle_pending", status)
        return found
