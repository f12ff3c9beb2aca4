"""The doctor: what a Shopify shop is, what is wrong with it, and how to mend it, in words.

A healthy shop gets 3 requests, none of which changes anything; one that cannot be used gets 1.
"""

import contextlib
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

from storelink.connectors.finding import in_words, worst_first
from storelink.connectors.protocol import Account, Checkup, Clock, Finding
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.address import is_loopback
from storelink.connectors.shopify.client import Answer, Client
from storelink.connectors.shopify.findings import BY_CODE, finding
from storelink.connectors.shopify.profile import (
    ALL_ORDERS,
    NEEDED,
    WRITES,
    implied,
    personal_access,
    scopes_of,
    shop_facts,
    supported_versions,
)
from storelink.connectors.shopify.refusal import not_approved
from storelink.connectors.shopify.token import moment_of
from storelink.errors import AuthFailed, Misconfigured, Rejected, Retryable, StorelinkError

_SKEW = 120.0
"""Seconds by which clocks may differ before the doctor says so."""
_ENDING = timedelta(days=14)
"""An approval that ends sooner is worth a warning."""
_DASHBOARD = "In the Dev Dashboard open the app"
# what to do, by the way of signing in
_RENEW = {
    "token": "In the shop open Settings → Apps → Develop apps, see that the app is installed, and copy "
    "its Admin API access token anew.",
    "client-credentials": f"{_DASHBOARD}, and see that it is installed in this shop.",
    "code": "Run `storelink connectors authorize` and let the shop's owner approve the app again.",
}
_KEYS = f"{_DASHBOARD} → Settings, copy client id and client secret anew, and enter them here."
_SCOPES = {
    "token": "In the shop open Settings → Apps → Develop apps → the app → Configuration, tick it there, and "
    "install the app again.",
    "client-credentials": f"{_DASHBOARD}, add it in a new version, release that, and accept it in the shop.",
    "code": "Add it to the app, and run `storelink connectors authorize`.",
}


def check(client: Client, account: Account, clock: Clock) -> Checkup:
    """Ask the shop, and say what was found. Raises nothing but bugs."""
    visit = _Visit(client, account, clock)
    with contextlib.suppress(_Stop):
        visit.shop()
        visit.scopes()
        visit.customers()
        visit.orders()
        visit.protect()
        visit.version()
        visit.token()
        visit.conclude()
    refused = any(BY_CODE[one.code].refused for one in visit.findings)
    return Checkup(worst_first(visit.findings), visit.settings, auth_failed=refused)


class _Stop(Exception):
    """Nothing more can be learnt."""


class _Visit:
    """One check-up: what has been found so far."""

    def __init__(self, client: Client, account: Account, clock: Clock) -> None:
        self.client, self.account, self.clock = client, account, clock
        self.findings: list[Finding] = []
        self.settings: dict[str, Any] = {}
        self.granted: frozenset[str] = frozenset()
        self.name = ""
        self.versions: list[str] = []
        self.seen: dict[str, str] = {"Customer": "unknown", "Order": "unknown", "personal": "unknown"}

    def find(self, code: str, **words: object) -> None:
        self.findings.append(finding(code, **words))

    # -- the shop --------------------------------------------------------------------------------

    def shop(self) -> None:
        """What the shop says of itself; whether it can be asked at all."""
        try:
            answer = self.client.ask(queries.load("checkup"), attempts=2)
        except StorelinkError as error:
            self._stop(error)
        self.settings.update(shop_facts(answer.data))
        shop = answer.data.get("shop")
        self.name = str(shop.get("name") or "") if isinstance(shop, dict) else ""
        self.versions = supported_versions(answer.data)
        scopes = scopes_of(answer.data)
        self.settings["scopes"] = scopes = sorted(self.client.granted or ()) if scopes is None else scopes
        self.granted = implied(scopes)
        self._compare_clocks(answer)
        domain = self.settings.get("myshopify_domain")
        host = urlsplit(self.account.store_url).netloc
        if domain and domain != host and not is_loopback(self.account.store_url):
            self.find("renamed", name=domain, url=host)

    def _compare_clocks(self, answer: Answer) -> None:
        read = answer.read
        if read.store_time is None:
            return
        skew = (read.store_time - read.started).total_seconds()
        if abs(skew) > _SKEW:
            self.find("clock_skew", skew=in_words(abs(skew)), direction="ahead of" if skew > 0 else "behind")

    def _stop(self, error: StorelinkError) -> NoReturn:
        self.find(_code(error), **self._words(error))
        raise _Stop

    # -- what it may see -------------------------------------------------------------------------

    def scopes(self) -> None:
        """Granted scopes against needed ones."""
        mend = _SCOPES.get(self.account.auth_mode, "")
        for what, scope in NEEDED:
            if scope not in self.granted:
                self.find("scope_missing", scope=scope, what=what, scopes=mend)
        self.settings["all_orders"] = ALL_ORDERS in self.granted
        if "read_orders" in self.granted:
            if ALL_ORDERS not in self.granted:
                self.find("sixty_days", scopes=mend)
            if WRITES not in self.granted:
                self.find("no_write", scopes=mend)

    def customers(self) -> None:
        """Whether customers are shown, and their personal fields."""
        if "read_customers" not in self.granted:
            self.seen["Customer"] = "withheld"
            return
        nodes = self._nodes("checkup_customers", "customers", "Customer")
        if nodes is not None:
            self.seen["Customer"] = "granted"
            self.seen["personal"] = personal_access(nodes)

    def orders(self) -> None:
        """Whether orders are shown."""
        if "read_orders" not in self.granted:
            return
        if self._nodes("checkup_orders", "orders", "Order") is not None:
            self.seen["Order"] = "granted"

    def _nodes(self, document: str, name: str, kind: str) -> list[Any] | None:
        """A sample of `name`; None where there is none to be had, which is found then.

        What is denied in parts of the records is not the sample's business.
        """
        try:
            answer = self.client.ask(queries.load(document), allow=("ACCESS_DENIED",), attempts=2)
        except Rejected as error:
            if error.code == "NOT_APPROVED":
                self.seen[kind] = "withheld"
                self.find("not_approved", what=name)
            else:
                self.find("sight_unknown", **self._words(error))
            return None
        except StorelinkError as error:
            self.find("sight_unknown", **self._words(error))
            return None
        if kind == "Order" and any(map(not_approved, answer.errors)):
            self.seen["Customer"] = "withheld"
        connection = answer.data.get(name)
        nodes = connection.get("nodes") if isinstance(connection, dict) else None
        return nodes if isinstance(nodes, list) else None

    def protect(self) -> None:
        """What follows for protected customer data."""
        if self.seen["Customer"] == "withheld" and self.seen["personal"] == "unknown":
            self.seen["personal"] = "withheld"
        if self.seen["Customer"] == "granted":
            if self.seen["personal"] == "withheld":
                self.find("personal_withheld")
            elif self.seen["personal"] == "unknown":
                self.find("personal_unknown")
        self.settings["protected"] = dict(self.seen)

    # -- what will bite later --------------------------------------------------------------------

    def version(self) -> None:
        """Which version answers, and for how long it will."""
        asked, served = self.client.version, self.client.served
        if served:
            self.settings["served_version"] = served
        if served and served != asked:
            self.find("version_forward", served=served, asked=asked)
        elif self.versions and self.versions[0] == asked != self.versions[-1]:
            self.find("version_last", asked=asked)
        if self.client.deprecated:
            self.find("deprecated", said=self.client.deprecated.rstrip("."))

    def token(self) -> None:
        """How long the token, and what renews it, will do."""
        if self.account.auth_mode == "token":
            if not self.account.credentials.get("client_secret"):
                self.find("no_secret")
            return
        kept = self.client.tokens.kept or {}
        if self.account.auth_mode != "code":
            return
        if kept and moment_of(kept.get("expires_at")) is None:
            self.find("lasting_token")
        ends = moment_of(kept.get("refresh_expires_at"))
        if ends is not None and (left := ends - self.clock()) < _ENDING:
            self.find("approval_ends", left=in_words(max(left.total_seconds(), 0.0)))

    def conclude(self) -> None:
        """What is well."""
        known = self.settings.get
        parts = [self.name or known("myshopify_domain") or self.account.store_url]
        if known("plan"):
            parts.append(f"plan {known('plan')}")
        others = len(set(known("currencies") or ()) - {known("currency")})
        if known("currency"):
            more = f" and {others} more {'currency' if others == 1 else 'currencies'}" if others else ""
            parts.append(f"{known('currency')}{more}")
        if known("time_zone"):
            parts.append(str(known("time_zone")))
        parts.append(f"API {self.client.served or self.client.version}")
        self.find("shop", shop=", ".join(str(part) for part in parts))
        readable = [what for what, scope in NEEDED if scope in self.granted]
        if readable:
            write = ", and write refunds and addresses" if WRITES in self.granted else ""
            self.find("access", what=", ".join(readable) + write)

    def _words(self, error: StorelinkError) -> dict[str, str]:
        after = getattr(error, "after", None)
        return {
            "said": str(error).rstrip("."),
            "after": f" (it says to come back in {in_words(after)})" if after else "",
            "url": urlsplit(self.account.store_url).netloc,
            "renew": _RENEW.get(self.account.auth_mode, "Enter the credentials anew."),
            "keys": _KEYS,
        }


def _code(error: StorelinkError) -> str:
    """The finding that an error stands for."""
    code, status = getattr(error, "code", None), getattr(error, "status", None)
    if code in BY_CODE and BY_CODE[str(code)].level == "problem":
        return str(code)
    if isinstance(error, Retryable):
        return _PASSING.get(str(code)) or (
            "throttled" if status == 429 else "failed" if status else "network"
        )
    lasting = {AuthFailed: "no_grant", Misconfigured: "url"}
    return lasting.get(type(error), "refused")


_PASSING = {"THROTTLED": "throttled", "empty": "unreadable", "shape": "unreadable"}
