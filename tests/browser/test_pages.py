"""Every page as a person meets it: both widths, both themes, by keyboard, and without JavaScript."""

import re
from collections.abc import Callable, Iterator, Sequence

import pytest
from console_house import ConsoleHouse, filled, routes
from playwright.sync_api import Browser, Page, expect
from seeing import NARROW, NARROWEST, WIDE, findings, looking, name_of, overflow, picture, weighed

HEAVIEST = 200_000
"""Bytes of a page and all that it loads when nothing of it is there yet."""
NO_PAGES = {
    "/orders.csv", "/requests.csv", "/audit.csv", "/stores/{store}/quarantine/{resource}/payload",  # files
    "/requests/refund/{request_id}/state", "/requests/address/{request_id}/state", "/live",  # parts of pages
    "/stores/{store}/reading", "/connect/{pending_id}/waiting",
    "/connect/{pending_id}/go", "/connect/{pending_id}/returned", "/connect/{platform}/return",  # ways
    "/stores/{store}/install", "/sign-in/sso", "/sign-in/sso/answer", "/sign-out/sso",
}  # fmt: skip
"""Routes that give no page of their own."""
ELSEWHERE = {"/sign-in", "/welcome", "/connect/{pending_id}"}
"""Pages that other tests look at: at the door, and while a store is being connected."""
STATES = (
    "/console/none", "/console/orders?q=zzzz", "/console/orders?q=a", "/console/orders?q=1&paid=paid",
    "/console/orders/fjord-wool/999999", "/console/requests?k=address", "/console/audit?who=nobody",
    "/console/audit?what=stores&since=2026-01-01", "/console/customers?q=nobody@example.test",
    "/console/catalog?q=nothing", "/console/orders?times=exact",
)  # fmt: skip
"""What pages look like with nothing to show, narrowed down, or not there."""
COMBINATIONS = ((WIDE, "dark"), (NARROW, "light"), (WIDE, "light"), (NARROW, "dark"))
"""Width and theme. The first two are always looked at: all of a page is on the wide one."""


def places(house: ConsoleHouse) -> list[str]:
    """The address of a page of every route; fails for one that gives none and is not known to."""
    who, found, gone = house.sign_in("admin"), [], set()
    for route in routes():
        if route.method != "GET" or route.path in ("/", "/static/{digest}/{name}") or route.path in ELSEWHERE:
            continue
        platforms = ("woocommerce", "shopify") if "/orders/" in route.path else ("woocommerce",)
        for platform in platforms:
            place = filled(route.path, **house.known(route.path, platform))
            answer = who.get(place) if route.path not in NO_PAGES else None
            if answer is None or answer.status_code != 200 or "<html" not in answer.text:
                gone.add(route.path)
            else:
                found.append(place)
    assert gone <= NO_PAGES, "these pages are looked at by nobody"
    return [*found, *STATES]


@pytest.fixture(scope="module")
def wide(browser: Browser, house: ConsoleHouse) -> Iterator[Page]:
    with looking(browser, house) as page:
        yield page


def test_every_page_is_accessible_fits_and_is_light(
    wide: Page, house: ConsoleHouse, scale: Callable[[int, int], int]
) -> None:
    """By axe; nothing scrolls sideways, nothing is refused by the policy, a cold load is under 200 kB."""
    found, combinations = [], COMBINATIONS[: scale(2, 4)]
    with weighed(wide) as loaded:
        for place in places(house):
            loaded.clear()
            wide.goto(place, wait_until="load")
            if sum(loaded) > HEAVIEST:
                found.append(f"{place} weighs {sum(loaded):,} bytes")
            assert sum(loaded) > 5_000, "nothing was weighed"
            found += [f"{place} {one}" for one in seen(wide, name_of(place), combinations)]
    assert found == [], "\n".join(found)


def seen(page: Page, name: str, combinations: Sequence[tuple[int, str]] = COMBINATIONS) -> Iterator[str]:
    """What is wrong with the page that is open, as it is drawn at each width and in each theme.

    All four are pictured too.
    """
    for width, scheme in combinations:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        drawn = width == NARROW and len(combinations) == 2
        yield from (f"{width} {scheme}: {one}" for one in findings(page, drawn=drawn))
        if over := overflow(page):
            yield f"scrolls sideways at {width} by {over}"
        if len(combinations) > 2:
            picture(page, name if scheme == "light" else f"{name}-dark")
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    if over := overflow(page):
        yield f"scrolls sideways at {NARROWEST} by {over}"


def test_axe_is_at_work(wide: Page) -> None:
    """It finds what it is there for, or the tests above see nothing."""
    wide.emulate_media(color_scheme="light")
    wide.goto("/console/catalog", wait_until="load")
    wide.evaluate(
        "() => { const one = document.querySelector('main input'); one.removeAttribute('aria-label');"
        " document.querySelector('h1').style.color = '#f4f4f4';"
        " const big = Object.assign(document.createElement('img'), {width: 1500});"
        " document.querySelector('main').append(big) }"
    )
    found = " ".join(findings(wide))
    assert "label" in found and "color-contrast" in found and "image-alt" in found and overflow(wide) > 100


def test_the_door_is_accessible_and_fits(browser: Browser, house: ConsoleHouse) -> None:
    with looking(browser, house, None) as page:
        page.goto("/console/overview")
        expect(page).to_have_url(re.compile("/console/sign-in"))
        assert list(seen(page, "sign-in")) == []
        page.goto(f"/console/welcome?key={house.secrets['invitation']}")
        assert list(seen(page, "welcome")) == []


def test_the_keyboard_reaches_everything_in_order(browser: Browser, house: ConsoleHouse) -> None:
    with looking(browser, house) as page:
        page.goto("/console/orders")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to content")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("#main$"))
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.closest('main') !== null")
        page.goto("/console/catalog")
        tops = [(stop["area"], stop["top"]) for stop in walk(page, 40)]
        areas = list(dict.fromkeys(area for area, _ in tops))
        assert areas[:3] == ["skip", "nav", "header"] and "main" in areas, areas
        within = [top for area, top in tops if area == "main"]
        assert within == sorted(within), "the focus jumps up and down"


def walk(page: Page, steps: int) -> list[dict[str, object]]:
    """Where Tab leads, one stop after the other; each has a ring that shows."""
    stops = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => { const one = document.activeElement, style = getComputedStyle(one);
            return {area: one.closest('.skip') ? 'skip'
                : one.closest('main, nav, header, footer')?.tagName.toLowerCase(),
              top: Math.round((one.getBoundingClientRect().top + scrollY) / 12),
              html: one.outerHTML.slice(0, 120),
              ring: style.outlineStyle !== 'none' || style.boxShadow !== 'none'}; }"""
        )
        if stop["area"] is None:  # around the end, back in the browser's own bars
            break
        assert stop["ring"], stop["html"]
        stops.append(stop)
    return stops


def test_the_menu_opens_and_closes_on_a_narrow_screen(browser: Browser, house: ConsoleHouse) -> None:
    with looking(browser, house, width=NARROW) as page:
        page.goto("/console/overview")
        menu, button = page.locator("#menu"), page.get_by_role("button", name="Menu")
        expect(menu).to_be_hidden()
        button.focus()
        page.keyboard.press("Enter")
        expect(menu).to_be_visible()
        assert findings(page) == [] and overflow(page) == 0
        picture(page, "menu")
        page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        expect(button).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        button.click()
        menu.get_by_role("link", name="Customers").click()
        expect(page).to_have_url(re.compile("/console/customers$"))


def test_it_works_without_javascript(browser: Browser, house: ConsoleHouse) -> None:
    with looking(browser, house, None, width=NARROW, java_script_enabled=False) as page:
        page.goto("/console/catalog?sale=yes")
        page.get_by_label("Name or e-mail").fill("admin@shop.example")
        page.get_by_label("Password").fill(house.secrets["password"])
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(re.compile(r"/console/catalog\?sale=yes$"))
        page.get_by_role("button", name="Menu").click()
        page.locator("#menu").get_by_role("link", name="Orders").click()
        number = house.shops.one(
            "SELECT min(order_number) FROM platform_order WHERE platform = 'woocommerce'"
        )
        page.get_by_role("searchbox").fill(number)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/console/orders(\?.*q=|/fjord-wool/)"))
        page.goto("/console/people")
        page.get_by_text("Add a person").click()
        form = page.locator("form[action='/console/people/accounts']")
        form.locator("[name=name]").fill("script.less@shop.example")
        form.locator("[name=full_name]").fill("Sol Script")
        form.get_by_role("button").click()
        expect(page.get_by_role("status").filter(has_text="Sol Script can choose a password")).to_be_visible()
        assert (
            house.shops.one("SELECT count(*) FROM console_user WHERE name = 'script.less@shop.example'") == 1
        )
