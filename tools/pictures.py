"""Draw docs/pictures from the real console: `.venv/bin/python tools/pictures.py [NAME…]`.

A name is one of `PAGES`, or `walk`: docs/walk.md, step by step.

Two simulated stores are connected, read and worked on; the system's Chromium (`CHROMIUM` names another)
visits the console as an admin. It needs Playwright; no browser is downloaded.
"""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from storelink.sandbox.running import Running, RunningShopify, start, start_shopify

TARGET = Path(__file__).resolve().parent.parent / "docs" / "pictures"
STORELINK = Path(sys.executable).parent / "storelink"
PASSWORD = "seven grey geese over the bay"
WIDTH, PHONE = 1280, 390
PATIENCE = 60_000
"""Milliseconds for something to appear."""
PAGES = {
    "overview": ("/console/overview", 560),
    "connect": ("/console/connect", 780),
    "orders": ("/console/orders?q=tanaka", 720),
    "order": ("/console/orders/fjord-wool/{order}", 900),
    "refund": ("/console/orders/fjord-wool/{order}/refund", 900),
    "address": ("/console/orders/fjord-wool/{order}/address", 900),
}
"""Name of the picture → the page, and how much of its height is shown."""
ADDRESS = {
    "first_name": "Jo", "last_name": "Park", "company": "", "address_1": "1 Main St", "address_2": "",
    "city": "Austin", "state": "TX", "postcode": "78701", "country": "US", "phone": "512 555 0100",
}  # fmt: skip


def run(environment: dict[str, str], *words: str, typed: str = "") -> None:
    """A command, as a person would run it; drift and the like are part of the picture."""
    subprocess.run(
        [STORELINK, *words], env=environment, input=typed, text=True, check=False, stdout=subprocess.DEVNULL
    )


def furnish(environment: dict[str, str], woo: Running, shopify: RunningShopify) -> None:
    """Both stores connected and read, a record that makes no sense, one changed behind its dates."""
    keys = {"STORELINK_API_KEY": woo.key, "STORELINK_SECRET": woo.secret}
    run(environment | keys, "connectors", "add", "woocommerce", "fjord-wool", "--store-url", woo.url)
    keys = {"STORELINK_API_KEY": shopify.client_id, "STORELINK_SECRET": shopify.client_secret}
    run(environment | keys, "connectors", "add", "shopify", "linden-tea", "--store-url", shopify.url)
    for name in ("fjord-wool", "linden-tea"):
        run(environment, "sync", name)
    orders = [one for one in woo.admin.records("orders") if one["status"] == "processing"]
    woo.admin.edit_order(orders[0]["id"], total="-")
    for order in orders[1:9]:
        woo.admin.edit_order(order["id"], status="completed")
    run(environment, "sync", "fjord-wool")
    refunded = next(one for one in woo.admin.records("orders") if one["refunds"])
    woo.admin.delete_refund(refunded["refunds"][0]["id"])  # moves no date
    run(environment, "verify", "fjord-wool")
    run(environment, "users", "create", "ines@shop.example", "--role", "admin", "--full-name", "Ines Okafor",
        "--password", typed=PASSWORD + "\n")  # fmt: skip


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[str]:
    """`storelink serve`; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([STORELINK, "serve", "--port", str(port)], env=environment) as server:
        try:
            wait_for(url + "/readyz")
            yield url
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:  # not yet, or slow
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def draw(page: Page, url: str, names: list[str], third: RunningShopify, order: int) -> None:
    """One picture a page, in light colours."""
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page.goto(url + "/console/sign-in")
    page.fill("#name", "ines@shop.example")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/overview")
    for name in names:
        if name == "walk":
            walk(page, url, third, order)
            continue
        path, height = PAGES[name]
        page.set_viewport_size({"width": WIDTH, "height": height})
        page.goto(url + path.format(order=order))
        if name == "connect":
            connect(page, third)
        fill_in(page, name)
        page.wait_for_load_state("load")
        page.wait_for_timeout(1500)  # the chart is drawn, the preview is there
        page.screenshot(path=TARGET / f"{name}.png")
        print(f"docs/pictures/{name}.png")


def walk(page: Page, url: str, third: RunningShopify, order: int) -> None:
    """What docs/walk.md tells: a store connected, an order found, a line refunded, an address changed."""
    page.set_viewport_size({"width": WIDTH, "height": 860})
    page.goto(url + "/console/connect")
    name_store(page, third)
    keep(page, "walk-1-connect")
    page.click("text=Go on")
    keys(page, third)
    expect(page.get_by_role("heading", name="What we found")).to_be_visible()
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    keep(page, "walk-2-found")
    page.set_viewport_size({"width": WIDTH, "height": 860})
    page.get_by_role("button", name="Start reading").click()
    page.wait_for_url("**/first-read")
    expect(page.locator(".badge", has_text="All read")).to_be_visible()
    keep(page, "walk-3-read")
    page.get_by_role("searchbox").fill("park")
    page.keyboard.press("Enter")
    place = f"/console/orders/fjord-wool/{order}"
    expect(page.locator(f"a[href='{place}']").first).to_be_visible()
    keep(page, "walk-4-find")
    page.locator(f"a[href='{place}']").first.click()
    keep(page, "walk-5-order")
    page.get_by_role("main").get_by_role("link", name="Refund", exact=True).click()
    fill_in(page, "refund")
    deed = page.locator("#preview").get_by_role("button", name=re.compile("^Refund "))
    expect(deed).to_be_visible()
    expect(page.locator("#public")).to_contain_text("Arrived damaged")
    keep(page, "walk-6-refund")
    deed.click()
    expect(page.get_by_role("heading", name=re.compile("^Refunded "))).to_be_visible()
    keep(page, "walk-7-refunded")
    page.goto(url + place)
    page.get_by_role("link", name="Change shipping address").click()
    fill_in(page, "address")
    expect(page.locator("#will")).to_contain_text("1 changed field")
    keep(page, "walk-8-address")
    page.locator("#will").get_by_role("button", name="Change the address").click()
    expect(page.get_by_role("heading", name="The address was changed")).to_be_visible()
    keep(page, "walk-9-proof")
    page.set_viewport_size({"width": PHONE, "height": 844})
    page.goto(url + place)
    keep(page, "walk-phone-order")
    page.goto(url + place + "/refund")
    fill_in(page, "refund")
    expect(page.locator("#preview table.money")).to_be_visible()
    keep(page, "walk-phone-refund")


def keep(page: Page, name: str) -> None:
    """The screen as it is, in a format that is light."""
    page.wait_for_load_state("load")
    page.evaluate("() => document.fonts.ready")
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 82})
    (TARGET / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))
    session.detach()
    print(f"docs/pictures/{name}.webp")


def name_store(page: Page, store: RunningShopify) -> None:
    page.check("input[value=shopify]")
    page.fill("input[name=name]", "northpeak-us")
    page.fill("input[name=store_url]", store.url)


def connect(page: Page, store: RunningShopify) -> None:
    """As far as what the check found."""
    name_store(page, store)
    page.click("text=Go on")
    keys(page, store)


def keys(page: Page, store: RunningShopify) -> None:
    form = page.locator("form:has(input[name=auth_mode][value=client-credentials])")
    form.locator("input[name=client_id]").fill(store.client_id)
    form.locator("input[name=client_secret]").fill(store.client_secret)
    form.locator("button").click()


def dress(woo: Running) -> int:
    """An order that can be refunded, its customer written in letters that any machine's fonts have."""
    *_, other, order = sorted(
        one["id"]
        for one in woo.admin.records("orders")
        if one["status"] == "processing" and one["payment_method"] == "fakepay" and not one["refunds"]
        and len(one["line_items"]) > 1 and one["currency"] == "USD"
    )  # fmt: skip
    woo.admin.edit_order(other, billing=ADDRESS | {"email": "jo@park.example"})
    woo.admin.edit_order(order, shipping=ADDRESS, billing=ADDRESS | {"email": "jo@park.example"})
    return order


def fill_in(page: Page, name: str) -> None:
    """A refund or change of address, as far as its preview."""
    if name == "refund":
        page.locator("input[name^=line-]").first.fill("1")
        page.select_option("select[name=reason]", label="Arrived damaged")
    elif name == "address":
        page.fill("input[name=address1]", "12 Harbour Road")
        page.locator("input[name=address1]").blur()


def main(names: list[str]) -> None:
    TARGET.mkdir(exist_ok=True)
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
             "--disable-component-update", "--no-first-run"]  # fmt: skip
    home = Path(tempfile.mkdtemp(prefix="sl-pictures-", dir="/tmp"))
    home.chmod(0o711)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("STORELINK_")}
    environment |= {"STORELINK_HOME": str(home / "home"), "STORELINK_LOG_LEVEL": "error",
                    "STORELINK_ALLOW_PRIVATE_STORES": "true"}  # fmt: skip
    try:
        with (
            start(240, 40, 60) as woo, start_shopify(180, 40, 60, seed=2) as shopify,
            start_shopify(90, 40, 60, seed=3) as third,
            sync_playwright() as playwright,
        ):  # fmt: skip
            order = dress(woo)
            furnish(environment, woo, shopify)
            with serving(environment) as url:
                browser = playwright.chromium.launch(executable_path=chromium, args=flags)
                context = browser.new_context(timezone_id="Europe/Berlin", color_scheme="light")
                draw(context.new_page(), url, names or [*PAGES, "walk"], third, order)
                browser.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
