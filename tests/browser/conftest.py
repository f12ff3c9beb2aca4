"""The console in the system's Chromium. Nothing is downloaded: Playwright drives what is installed."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_house import ConsoleHouse, furnished
from playwright.sync_api import Browser, sync_playwright
from seeing import PICTURES

from storelink.config import Settings
from storelink.db import Database

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
_MISSING = (
    "the console was not looked at in a browser: there is no Chromium. Install it (Debian, Ubuntu:"
    " apt-get install chromium), or name one in CHROMIUM=/path/to/chromium"
)
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-default-apps", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync",
    "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb", "--font-render-hinting=none",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where it is. Skips where there is none; fails where continuous integration asked for it."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None or not Path(found).exists():
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def house(lasting: tuple[Database, Settings], chromium: str) -> Iterator[ConsoleHouse]:
    with furnished(*lasting) as made:
        yield made
