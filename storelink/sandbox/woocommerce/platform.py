"""The store as a web application: one request in, one answer out."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from storelink.sandbox.money import decimals
from storelink.sandbox.woocommerce import about, auth, key_page, pages
from storelink.sandbox.woocommerce.answers import Answer, Later, Refused, json_answer, no_route
from storelink.sandbox.woocommerce.auth import Asked, Gate, Key
from storelink.sandbox.woocommerce.body import Body, read_body
from storelink.sandbox.woocommerce.php import Query, parse_query
from storelink.sandbox.woocommerce.singles import shown
from storelink.sandbox.woocommerce.site import Site
from storelink.sandbox.woocommerce.store import Store

SERVER = "nginx/1.22.1"
LONGEST_URI = 8_000
_NO_CACHE = (
    ("Expires", "Wed, 11 Jan 1984 05:00:00 GMT"),
    ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private"),
)
_EXPOSED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Access-Control-Expose-Headers", "X-WP-Total, X-WP-TotalPages, Link"),
    (
        "Access-Control-Allow-Headers",
        "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type",
    ),
)
#: what a web server hands over: status, headers, body
Reply = tuple[int, list[tuple[str, str]], bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it reaches PHP; `path` is still percent-encoded."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its endpoint."""

    method: str
    query: Query
    request: Request
    key: Key
    ids: tuple[int, ...] = ()
    body: Body = field(default_factory=dict)


Handler = Callable[[Store, Call], Answer | Later]


def always(_: Site) -> bool:
    """For routes that every store has."""
    return True


@dataclass(frozen=True, slots=True)
class Route:
    """An address and who serves it. `there` may switch it off, as older stores lack some."""

    pattern: re.Pattern[str]
    methods: Mapping[str, Handler]
    allow: str
    single: bool = False
    there: Callable[[Site], bool] = always


class Platform:
    """A WooCommerce store that answers requests. Not for several threads."""

    def __init__(self, store: Store, gate: Gate, routes: list[Route]) -> None:
        self.store = store
        self.gate = gate
        self.routes = routes

    async def handle(self, request: Request) -> Reply:
        """Answer one request."""
        with decimals(self.store.site.decimals):
            return await self._handle(request)

    async def _handle(self, request: Request) -> Reply:  # noqa: PLR0911 - each way in is one line
        site = self.store.site
        if len(request.path) + len(request.query_string) > LONGEST_URI:
            return 414, self._web_headers("text/html"), pages.too_long(SERVER)
        if site.mode == "maintenance":
            return self.page(503, pages.MAINTENANCE, retry_after="600")
        if site.mode == "database_down":
            return self.page(500, pages.DATABASE_DOWN)
        path = request.path.removeprefix("/index.php")
        query = parse_query(request.query_string)
        rest = str(query.get("rest_route", ""))
        if rest:
            return await self._rest(request, rest, query, behind_rest_route=True)
        if path.startswith("/wc-auth/"):
            return await self._key_page(request.method, path.rstrip("/"), query)
        if not path.startswith("/wp-json"):
            return self._home() if path in ("", "/") else self.page(404, pages.HOME)
        if site.mode == "plain_permalinks":
            return self._plain(path)
        return await self._rest(request, path.removeprefix("/wp-json"), query)

    def _home(self) -> Reply:
        return 200, self._web_headers("text/html; charset=UTF-8"), pages.HOME

    async def _key_page(self, method: str, path: str, query: Query) -> Reply:
        if method != "GET" or path not in (key_page.AUTHORIZE, key_page.GRANTED):
            return self.page(404, pages.HOME)
        if path == key_page.AUTHORIZE:
            status, there, body = key_page.ask(query)
        else:
            status, there, body = await asyncio.to_thread(
                key_page.grant, query, self.gate, self.store.site.base
            )
        reply = self.page(status, body)
        return (status, [*reply[1], ("Location", there)], body) if there else reply

    def _plain(self, path: str) -> Reply:
        if path.endswith("/"):
            return self._home()
        headers = self._web_headers("text/html; charset=UTF-8")
        headers += [("X-Redirect-By", "WordPress"), ("Location", f"{self.store.site.base}{path}/")]
        return 301, headers, b""

    def _web_headers(self, kind: str) -> list[tuple[str, str]]:
        return [
            ("Server", SERVER),
            ("Date", self.store.clock.date_header()),
            ("Content-Type", kind),
            ("Connection", "keep-alive"),
        ]

    def page(self, status: int, body: bytes, *, retry_after: str | None = None) -> Reply:
        """An HTML page of WordPress."""
        headers = self._web_headers("text/html; charset=UTF-8")
        if retry_after is not None:
            headers.append(("Retry-After", retry_after))
        return status, [*headers, *_NO_CACHE], body

    async def _rest(
        self, request: Request, path: str, query: Query, *, behind_rest_route: bool = False
    ) -> Reply:
        key: Key | None = None
        try:
            tried = not behind_rest_route and path.startswith(("/wc/", "/wc-"))
            if tried and self.store.site.mode != "plugin_inactive":
                key = self.gate.identify(self._asked(request, query), self.store.clock.seconds())
            if key is not None:
                auth.may(key, request.method)
            found = self._dispatch(request, unquote(path), query, key)
            while isinstance(found, Later):
                await asyncio.sleep(found.seconds)
                found = found.finish()
        except Refused as refused:
            found = refused.answer()
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, RuntimeError) as error:
            found = json_answer(pages.internal_error(repr(error)), status=500)
        return self._finish(request, found, key)

    def _asked(self, request: Request, query: Query) -> Asked:
        return Asked(
            method=request.method,
            url=f"{self.store.site.base}{request.path}",
            query=query,
            authorization=request.headers.get("authorization", ""),
            secure=self.store.site.secure,
        )

    def _dispatch(self, request: Request, path: str, query: Query, key: Key | None) -> Answer | Later:
        store = self.store
        path = path.rstrip("/")
        if path == "" and request.method in auth.READS:
            return shown(about.index(store), query, allow="GET")
        if store.site.mode == "plugin_inactive" or not path.startswith("/wc/v3"):
            raise no_route()
        rest = path.removeprefix("/wc/v3")
        if rest == "" and request.method in auth.READS:
            return shown(about.namespace(store), query, allow="GET")
        for route in self.routes:
            match = route.pattern.fullmatch(rest)
            if match is None or not route.there(store.site):
                continue
            return self._serve(route, match, request, query, key)
        raise no_route()

    def _serve(
        self, route: Route, match: re.Match[str], request: Request, query: Query, key: Key | None
    ) -> Answer | Later:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            told = {"namespace": "wc/v3", "methods": route.allow.split(", "), "endpoints": []}
            return json_answer(told, allow=route.allow)
        handler = route.methods.get(method)
        if handler is None:
            raise no_route()
        try:
            body = read_body(request.headers.get("content-type", ""), request.body)
            if key is None or key.role not in ("administrator", "shop_manager"):
                raise forbidden(method, route, 401 if key is None else 403)
            ids = tuple(int(part) for part in match.groups())
            return handler(self.store, Call(method, query, request, key, ids, body))
        except Refused as refused:
            if refused.allow is None and key is not None and key.role != "customer":
                refused.allow = route.allow
            raise

    def _finish(self, request: Request, found: Answer, key: Key | None) -> Reply:
        """Put the headers in front, in the order a real store sends them."""
        usual = f'<{self.store.site.base}/wp-json/>; rel="https://api.w.org/"'
        headers = self._web_headers("application/json; charset=UTF-8")
        headers.append(("X-Robots-Tag", "noindex"))
        if found.link is None:
            headers.append(("Link", usual))
        headers += _EXPOSED
        headers += found.headers
        if found.link is not None:
            headers.append(("Link", found.link))
        if found.allow:
            headers.append(("Allow", found.allow))
        if key is not None:
            headers += _NO_CACHE
        elif request.method == "GET":
            headers.append(("Vary", "Origin"))
        return found.status, headers, found.body


def forbidden(method: str, route: Route, status: int) -> Refused:
    """What the store says to somebody who may not, in its words for each verb."""
    if route.pattern.pattern.endswith("batch"):
        words = ("batch", "Sorry, you are not allowed to batch manipulate this resource.")
    elif method == "GET" and route.single:
        words = ("view", "Sorry, you cannot view this resource.")
    elif method == "GET":
        words = ("view", "Sorry, you cannot list resources.")
    elif method == "DELETE":
        words = ("delete", "Sorry, you are not allowed to delete this resource.")
    elif route.single:
        words = ("edit", "Sorry, you are not allowed to edit this resource.")
    else:
        words = ("create", "Sorry, you are not allowed to create resources.")
    return Refused(status, f"woocommerce_rest_cannot_{words[0]}", words[1])
