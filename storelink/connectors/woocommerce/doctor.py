"""The doctor: what a WooCommerce store is, what is wrong with it, and how to mend it, in words.

A healthy store gets 8 requests, one of them a PUT that cannot change anything (WooCommerce checks
the key's permission before it looks for order 0). A stripped Authorization header costs one more;
a store that cannot be used gets 1 to 5.
"""

import contextlib
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlsplit

from storelink.connectors.finding import in_words, worst_first
from storelink.connectors.http import Params
from storelink.connectors.protocol import Account, Checkup, Finding
from storelink.connectors.woocommerce.client import Client, Parsed
from storelink.connectors.woocommerce.findings import BY_CODE, finding
from storelink.connectors.woocommerce.profile import (
    LISTS,
    features,
    hidden_statuses,
    is_local,
    site_facts,
    status_facts,
    statuses_of,
)
from storelink.connectors.woocommerce.refusal import AUTHENTICATION
from storelink.errors import AuthFailed, Misconfigured, Rejected, Retryable, StorelinkError

_SKEW = 120.0
"""Seconds by which clocks may differ before the doctor says so."""
_SITE: Params = {"_fields": "name,url,home,gmt_offset,timezone_string,namespaces"}
_ONE_ORDER: Params = {"per_page": 1, "status": "any", "_fields": "id"}
# WooCommerce's words where it has no code of its own, in English; others are told by behaviour
_SAID = (
    ("Consumer key", "unknown_key"),
    ("Consumer secret", "wrong_secret"),
    ("read permissions", "write_only_key"),
    ("Invalid timestamp", "clock_refused"),
)


def check(client: Client, account: Account, in_query: Callable[[], Client]) -> Checkup:
    """Ask the store, and say what was found.

    `in_query` opens the same store with its keys in the query string. Raises nothing but bugs.
    """
    visit = _Visit(client, account, in_query)
    try:
        with contextlib.suppress(_Stop):
            visit.site()
            visit.routes()
            visit.read()
            visit.write()
            visit.customers()
            visit.status()
            visit.statuses()
            visit.taxes()
        visit.conclude()
    finally:
        if visit.client is not client:
            visit.client.close()
    refused = any(BY_CODE[one.code].refused for one in visit.findings)
    return Checkup(worst_first(visit.findings), visit.settings, auth_failed=refused)


class _Stop(Exception):
    """Nothing more can be learnt."""


class _Visit:
    """One check-up: what has been found so far."""

    def __init__(self, client: Client, account: Account, in_query: Callable[[], Client]) -> None:
        self.client, self.account = client, account
        self._in_query = in_query
        self.findings: list[Finding] = []
        self.settings: dict[str, Any] = {"key_in_query": client.key_in_query}
        self.orders: int | None = None

    def find(self, code: str, **words: object) -> None:
        self.findings.append(finding(code, **words))

    def stop(self, code: str, **words: object) -> NoReturn:
        self.find(code, **words)
        raise _Stop

    # -- WordPress -------------------------------------------------------------------------------

    def site(self) -> None:
        """The site as a stranger sees it: WordPress? WooCommerce? its time zone, clock, name."""
        try:
            answer = self.client.get_site("", _SITE, attempts=1)
        except StorelinkError as error:
            if _closed_to_strangers(error):
                return  # the keys will open it, or not
            self.stop(self._without_site(_code(error)), **_words(error))
        data = answer.data
        if not _is_wordpress(data):
            self.stop("not_wordpress")
        if "wc/v3" not in data["namespaces"]:
            self.stop("rest_no_route")
        self.settings.update(site_facts(data))
        read = answer.answer.read
        if read.store_time is not None:
            self._compare_clocks((read.store_time - read.started).total_seconds())

    def _without_site(self, code: str) -> str:
        """Tells WordPress with plain permalinks from what is no WordPress at all."""
        if code not in ("html", "nothing_there", "redirect_same_host", "unreadable"):
            return code
        query: Params = {"rest_route": "/", "_fields": "namespaces"}
        try:
            answer = self.client.get_public("", query, attempts=1)
        except StorelinkError as error:
            return "not_wordpress" if code == _code(error) == "html" else code
        return "plain_permalinks" if _is_wordpress(answer.data) else "not_wordpress"

    def _compare_clocks(self, skew: float) -> None:
        if abs(skew) > _SKEW:
            direction = "ahead of" if skew > 0 else "behind"
            self.find("clock_skew", skew=in_words(abs(skew)), direction=direction)

    def routes(self) -> None:
        """Which lists this version of WooCommerce has."""
        try:
            self.settings.update(features(self.client.get_site("wc/v3", attempts=2).data))
        except StorelinkError as error:
            self.find("details_unknown", **_words(error))

    # -- the keys --------------------------------------------------------------------------------

    def read(self) -> None:
        """Whether the keys may read orders; if not, which of the many reasons it is."""
        try:
            answer = self.client.get("orders", _ONE_ORDER, attempts=2)
        except AuthFailed as error:
            answer = self._read_in_query(error)
        except StorelinkError as error:
            self.stop(_code(error), **_words(error))
        if not isinstance(answer.data, list):
            self.stop("unreadable", said=f"{answer.answer.url} answers with no list of orders")
        if len(answer.data) > 1:
            self.stop("query_ignored", count=len(answer.data))
        self.orders = answer.total if answer.data else 0

    def _read_in_query(self, refusal: AuthFailed) -> Parsed:
        """The same with keys in the query string, if it looks as if the header never arrived.

        To WooCommerce, a header that was stripped and a key that it does not know look alike.
        """
        client = self.client
        nobody = refusal.status == 401 and refusal.code != AUTHENTICATION
        if not nobody or not client.encrypted or client.key_in_query:
            self._refuse(refusal)
        self.client = self._in_query()
        try:
            answer = self.client.get("orders", _ONE_ORDER, attempts=2)
        except AuthFailed as error:
            if error.status == 401 and error.code != AUTHENTICATION:
                self._refuse(refusal)
            self._stripped()
            self._refuse(error)
        except StorelinkError:
            self._refuse(refusal)
        self._stripped()
        return answer

    def _stripped(self) -> None:
        self.settings["key_in_query"] = True
        self.find("header_stripped")

    def _refuse(self, error: AuthFailed) -> NoReturn:
        words = _words(error)
        if error.status == 403:
            self.stop("role", what="orders", **words)
        if error.code != AUTHENTICATION:
            self.stop("unknown_key" if self.client.encrypted else "query_dropped", **words)
        for said, code in _SAID:
            if said in str(error):
                self.stop(code, **words)
        if not self.client.encrypted and not self._same_host():
            self.stop("wrong_home", home=self._home, url=self.account.store_url, **words)
        if "Invalid signature" in str(error):
            self.stop("wrong_signature", **words)
        self.stop("write_only_key" if self._may_write() else "wrong_keys", **words)

    def _may_write(self) -> bool:
        try:
            self.client.put_probe()
        except Rejected:
            return True
        except StorelinkError:
            return False
        return False

    def write(self) -> None:
        """Whether the keys may write."""
        try:
            self.client.put_probe()
        except Rejected:
            self.find("keys")
        except AuthFailed as error:
            code = "read_only_key" if error.code == AUTHENTICATION else "write_unknown"
            self.find(code, **_words(error))
        except StorelinkError as error:
            self.find("write_unknown", **_words(error))
        else:
            self.find("write_unknown", said="the store took a change of an order that is none")

    def customers(self) -> None:
        """Whether the keys may read customers, which not every role that sells may."""
        try:
            self.client.get("customers", {"per_page": 1, "role": "all", "_fields": "id"}, attempts=2)
        except AuthFailed as error:
            self.find("role", what="customers", **_words(error))
        except StorelinkError as error:
            self.find(_code(error), **_words(error))

    # -- what the store is -----------------------------------------------------------------------

    def status(self) -> None:
        """Version, currency and what else WooCommerce says of itself."""
        try:
            answer = self.client.get("system_status", {"_fields": "environment,settings"}, attempts=2)
        except StorelinkError as error:
            self.find("status_unknown", **_words(error))
            return
        facts = status_facts(answer.data)
        if facts.pop("wp_cron", True) is False:
            self.find("wp_cron_off")
        self.settings.update(facts)

    def statuses(self) -> None:
        """The order statuses that this store has, plugins' own included."""
        try:
            totals = statuses_of(self.client.get("reports/orders/totals", attempts=2).data)
        except StorelinkError as error:
            self.find("details_unknown", **_words(error))
            return
        if not totals:
            return
        self.settings["statuses"] = list(totals)
        names, count = hidden_statuses(totals, self.orders)
        if names:
            self.find("hidden_statuses", statuses=" or ".join(names), count=count)
        self.orders = max(self.orders or 0, sum(totals.values()))

    def taxes(self) -> None:
        """Whether prices in the catalog include tax."""
        try:
            answer = self.client.get("settings/tax/woocommerce_prices_include_tax", attempts=2)
        except StorelinkError as error:
            self.find("details_unknown", **_words(error))
            return
        if isinstance(answer.data, dict) and answer.data.get("value") in ("yes", "no"):
            self.settings["prices_include_tax"] = answer.data["value"] == "yes"

    def conclude(self) -> None:
        """What follows from all of it."""
        url, version = self.account.store_url, self.settings.get("version")
        if not self.client.encrypted and not is_local(url):
            self.find("plain_http", https="https" + url.removeprefix("http"))
        if not self._same_host() and all(one.code != "wrong_home" for one in self.findings):
            self.find("other_home", home=self._home, url=url)
        for name, setting, needed in LISTS:
            if self.settings.get(setting) is False:
                named = version or "of this store"
                self.find("old_woocommerce", version=named, lists=name, needed=needed)
        if version:
            self.find("store", store=self._summary(version))

    def _summary(self, version: str) -> str:
        known = self.settings.get
        parts = [f"WooCommerce {version} on WordPress {known('wp_version') or '?'}"]
        parts += [str(known(name)) for name in ("currency", "time_zone") if known(name)]
        if self.orders is not None:
            parts.append(f"{self.orders:,} orders")
        return ", ".join(parts)

    @property
    def _home(self) -> str:
        return str(self.settings.get("home_url") or "")

    def _same_host(self) -> bool:
        """Whether the store calls itself what we call it, as far as it says."""
        home, ours = urlsplit(self._home), urlsplit(self.account.store_url)
        return not self._home or home.netloc.lower() == ours.netloc.lower()


def _is_wordpress(data: object) -> bool:
    return isinstance(data, dict) and isinstance(data.get("namespaces"), list)


def _closed_to_strangers(error: StorelinkError) -> bool:
    """WordPress answers and refuses whoever is not signed in: no fault, security plugins do so."""
    if isinstance(error, AuthFailed):
        return True
    return isinstance(error, Misconfigured) and error.code not in BY_CODE


def _code(error: StorelinkError) -> str:
    """The finding that an error stands for."""
    code = getattr(error, "code", None)
    status = getattr(error, "status", None)
    if code in BY_CODE:
        return str(code)
    if isinstance(error, Retryable):
        if status == 429:
            return "throttled"
        return "store_failed" if status and status >= 500 else "unreadable"
    if isinstance(error, Misconfigured) and code:
        return "rest_closed"
    return "refused"


def _words(error: StorelinkError) -> dict[str, str]:
    after = getattr(error, "after", None)
    hint = f" (it says to come back in {in_words(after)})" if after else ""
    return {"said": str(error).rstrip("."), "after": hint}
