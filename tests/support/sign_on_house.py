"""A house with single sign-on, and people whose browsers are led to the provider and back."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import structlog
from markup import unsafe
from openid_provider import CLIENT, SECRET, OpenId, openid
from webhook_house import House, serving

from storelink.access import person, provider, sign_on
from storelink.config import Settings
from storelink.db import Database
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of as keys_of
from storelink.web.console import oidc
from storelink.web.console.signed import COOKIE
from storelink.web.services import Services

PASSWORD = "seven grey geese over the bay"
INES = {
    "sub": "s-1", "email": "Ines@shop.example", "email_verified": True, "name": "Ines Okafor",
    "groups": ["everybody"],
}  # fmt: skip
ROLES = "link admins=admin, support=support, @partner.example=reader"


@dataclass
class Person:
    """Somebody's browser: its cookies, and where it was led."""

    house: House
    client: httpx.Client
    cookies: dict[str, str] = field(default_factory=dict)
    last: Any = None

    def get(self, place: str) -> httpx.Response:
        return self._asked("GET", place)

    def post(self, place: str, **fields: str) -> httpx.Response:
        return self._asked("POST", place, data=fields)

    def _asked(self, method: str, place: str, **options: Any) -> httpx.Response:
        url = place if place.startswith("http") else self.house.url + place
        lines = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = self.client.request(method, url, headers=lines, **options)
        self.client.cookies.clear()  # each person has their own
        for line in answer.headers.get_list("set-cookie"):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies.pop(name, None)
            if value.strip('"'):
                self.cookies[name] = value
        self.last = answer
        return answer

    def leave(self, back: str = "") -> str:
        """Click the button; where the provider is asked."""
        answer = self.get("/console/sign-in/sso" + (f"?next={back}" if back else ""))
        assert answer.status_code == 303 and answer.text == ""
        return answer.headers["location"]

    def return_from(self, place: str) -> str:
        """What the provider's page leads back to."""
        return httpx.get(place).headers["location"]

    def sign_on(self, back: str = "") -> httpx.Response:
        """The whole way; the answer to coming back."""
        return self.get(self.return_from(self.leave(back)))

    @property
    def signed_in(self) -> bool:
        return self.get("/console/overview").status_code == 200


@dataclass
class Court:
    """A house with single sign-on at this provider."""

    house: House
    openid: OpenId
    client: httpx.Client
    logs: Any = ()

    def person(self) -> Person:
        return Person(self.house, self.client)

    def account(self, name: str = "ines@shop.example", role: str = "ops", **more: Any) -> None:
        with self.house.database.session() as session:
            person.create(session, name, role, **{"full_name": "Ines O."} | more)
            session.commit()

    def row(self, name: str = "ines@shop.example") -> Any:
        with self.house.database.session() as session:
            return person.find(session, name)

    def deeds(self) -> list[tuple[str, str, Any]]:
        return self.house.rows("SELECT actor, action, detail FROM audit_event ORDER BY id")

    def turned_away(self, who: Person, what: str) -> str:
        """They stand before the door again, and it says why; the log has the cause."""
        place = who.last.headers["location"]
        assert urlsplit(place).path == "/console/sign-in" and parse_qs(urlsplit(place).query)["sso"] == [what]
        assert COOKIE not in who.cookies and not self.house.rows("SELECT 1 FROM console_session")
        page = who.get(place)
        assert page.status_code == 200 and unsafe(page.text) == []
        (said,) = re.findall(r'role="alert".*?<p>(.*?)</p>', page.text, re.S)
        assert "Sign in with Northpeak" in page.text
        return said


Made = Callable[..., Court]
TABLES = "console_user, console_session, sign_in_attempt, sign_in_failure, audit_event"


@pytest.fixture(scope="module")
def served(lasting: tuple[Database, Settings]) -> Iterator[tuple[House, OpenId, httpx.Client]]:
    """One application and one provider; each test has them as new."""
    database, settings = lasting
    with openid() as there, httpx.Client(timeout=20) as client:
        house = House(database, Keyring(keys_of(settings)), settings)
        with serving(house):
            yield house, there, client


@pytest.fixture
def made(served: tuple[House, OpenId, httpx.Client], monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Sets single sign-on up with these settings."""
    house, there, client = served
    new = OpenId(there.url, dict(INES))
    vars(there).clear()
    vars(there).update(vars(new))
    house.do(f"TRUNCATE {TABLES} CASCADE")
    console = next(one.app for one in house.app.routes if getattr(one, "path", "") == "/console")
    monkeypatch.setattr(provider, "REST", -1.0)
    oidc.WINDOWS.storage.reset()

    def make(**given: Any) -> Court:
        usual = {"oidc_issuer": there.url, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET,
                 "oidc_title": "Northpeak"}  # fmt: skip
        settings = Settings(home=house.settings.home, database_url=house.settings.database_url,
                            **usual | given)  # fmt: skip
        state = console.state
        state.services = Services(settings, house.database, house.keyring, lambda: True)
        state.provider = provider.provider_of(settings)
        state.rules = sign_on.read_rules(settings.oidc_roles)
        return Court(house, there, client, logs)

    with structlog.testing.capture_logs() as logs:
        yield make


@pytest.fixture
def court(made: Made) -> Court:
    return made()
