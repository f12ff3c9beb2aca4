"""Finding the platforms."""

from importlib.metadata import EntryPoint

import pytest

from storelink.connectors import registry
from storelink.errors import Misconfigured


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Pretends that exactly these entry points are installed."""

    def install(**points: str | list[str]) -> None:
        made = [
            EntryPoint(name, value, registry.GROUP)
            for name, values in points.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        monkeypatch.setattr(registry, "entry_points", lambda group: made)
        registry._points.cache_clear()

    yield install
    registry._points.cache_clear()


OURS = "storelink.connectors.woocommerce.connector:CONNECTOR"


def test_ours_is_found_as_it_is_installed() -> None:
    connector = registry.get("woocommerce")
    assert connector.platform == "woocommerce"
    assert registry.find_all().connectors["woocommerce"] is connector


def test_an_unknown_platform_names_those_there_are(installed) -> None:
    installed(woocommerce=OURS, shopify="nowhere:X")
    with pytest.raises(Misconfigured, match=r"'magento'.*shopify, woocommerce"):
        registry.get("magento")


def test_nothing_installed(installed) -> None:
    installed()
    with pytest.raises(Misconfigured, match="none at all"):
        registry.get("woocommerce")
    assert registry.find_all().connectors == {}


@pytest.mark.parametrize(
    "value",
    ["no.such.module:CONNECTOR", "storelink.errors:NoSuchName", "storelink:__version__", "json:loads"],
)
def test_a_broken_one_does_not_break_the_others(value: str, installed) -> None:
    installed(aaa=value, woocommerce=OURS)
    found = registry.find_all()
    assert list(found.connectors) == ["woocommerce"]
    assert "aaa" in found.broken["aaa"]
    assert registry.get("woocommerce").title == "WooCommerce"
    with pytest.raises(Misconfigured, match="aaa"):
        registry.get("aaa")


def test_one_that_fails_while_it_is_imported(installed, tmp_path, monkeypatch) -> None:
    (tmp_path / "sl_bad_plugin.py").write_text("raise SystemError('not today')")
    monkeypatch.syspath_prepend(tmp_path)
    installed(bad="sl_bad_plugin:CONNECTOR", woocommerce=OURS)
    found = registry.find_all()
    assert "not today" in found.broken["bad"]
    assert "woocommerce" in found.connectors


def test_two_packages_with_one_name_are_refused(installed) -> None:
    """Whoever came first would be handed the keys of the other's stores."""
    installed(woocommerce=[OURS, "evil.package:CONNECTOR"])
    with pytest.raises(Misconfigured, match="several packages"):
        registry.get("woocommerce")


def test_one_package_found_twice_is_one(installed) -> None:
    installed(woocommerce=[OURS, OURS])
    assert registry.get("woocommerce").platform == "woocommerce"


def test_the_name_of_the_entry_point_is_the_platform(installed) -> None:
    installed(other=OURS)
    with pytest.raises(Misconfigured, match="calls itself 'woocommerce'"):
        registry.get("other")
