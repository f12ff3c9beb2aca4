"""A page in a browser: opened as somebody, pictured, and measured."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console_house import ConsoleHouse
from playwright.sync_api import Browser, Page, expect

from storelink.web.console.signed import COOKIE

FOLDER = Path(__file__).parents[1] / "browser"
PICTURES = FOLDER / "pictures"
_AXE = (FOLDER / "axe.min.js").read_text(encoding="utf-8")
_HOW = "resultTypes: ['violations'], preload: false, iframes: false, xpath: false, ancestry: false"
_ALL = f"{{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], {_HOW}}}"
_DRAWN = (
    "{runOnly: ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable',"
    f" 'aria-hidden-focus', 'bypass', 'region', 'label'], {_HOW}}}"
)
"""Rules whose outcome hangs on how wide the page is and in which colours."""
_WATCH = """addEventListener('securitypolicyviolation', (event) => {
  if (!event.blockedURI.startsWith('https:')) console.error(
    `the policy was broken: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`) });"""
"""Says on the console what the browser refused; pictures of products are refused by the tests themselves."""
_GRAVE = ("serious", "critical")
WIDE, NARROW, NARROWEST = 1280, 390, 320
PATIENCE = 30_000
"""Milliseconds for something to appear; other tests use the machine too."""


@contextmanager
def looking(
    browser: Browser, house: ConsoleHouse, role: str | None = "admin", *, width: int = WIDE, **options: Any
) -> Iterator[Page]:
    """A page of somebody who is signed in, or of a stranger. Fails on any error that the page ran into."""
    context = browser.new_context(
        base_url=house.shops.url, viewport={"width": width, "height": 900}, locale="en-GB",
        timezone_id="Europe/Oslo", reduced_motion="reduce", **options,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(PATIENCE)
    context.add_init_script(_WATCH)
    expect.set_options(timeout=PATIENCE)
    # pictures of products are elsewhere, and tests ask nothing of other hosts
    context.route(lambda url: not url.startswith(house.shops.url), lambda route: route.abort())
    if role is not None:
        cookie = house.sign_in(role).cookie
        context.add_cookies([{"name": COOKIE, "value": cookie, "url": house.shops.url + "/console/"}])
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: _note(troubles, said))
    try:
        yield page
    finally:
        context.close()
    assert troubles == []


def _note(troubles: list[str], said: Any) -> None:
    # an answer that is no 200, or a picture that is not fetched, is not the page's own trouble
    if said.type in ("error", "warning") and not re.search(r"Failed to load resource|ERR_FAILED", said.text):
        troubles.append(said.text)


def name_of(place: str) -> str:
    """A file's name for a page: `orders-fjord-wool-order` and the like."""
    plain = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b\d+\b", "one", place.removeprefix("/console/"))
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def picture(page: Page, name: str) -> None:
    """Kept for people to look at, as `name-width.png`."""
    size = page.viewport_size
    page.screenshot(path=PICTURES / f"{name}-{size['width'] if size else 0}.png", full_page=True)


def findings(page: Page, *, drawn: bool = False) -> list[str]:
    """What axe finds grave on the page as it is drawn now; `drawn`: only what another drawing may change."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_AXE)
    found = page.evaluate(f"() => axe.run(document, {_DRAWN if drawn else _ALL})")
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}: {node.get('failureSummary', '')[:240]}"
        for one in found["violations"] if one["impact"] in _GRAVE
        for node in one["nodes"][:3]
    ]  # fmt: skip


@contextmanager
def weighed(page: Page) -> Iterator[list[int]]:
    """The bytes of every answer that comes meanwhile, as they cross the wire; nothing comes from a cache."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    bytes_of: list[int] = []
    session.on("Network.loadingFinished", lambda said: bytes_of.append(int(said["encodedDataLength"])))
    yield bytes_of
    session.detach()


def overflow(page: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    wide = page.evaluate("() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
    return int(wide)
