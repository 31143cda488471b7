"""The pytest plugin: fixtures for machines and particles, and leak checks.

Every pytest run in the environment loads it, so it imports only pytest until a test needs more.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import asyncio

__all__ = ["LEAK_CHECK"]

LEAK_CHECK = "hyperverse_leak_check"
"""Name of the setting in the ini file of pytest."""
_KITS = (
    "driver_conformance",
    "lane_conformance",
    "lane_kit",
    "policy_conformance",
    "policy_kit",
    "registry_conformance",
    "registry_kit",
)

for _kit in _KITS:
    pytest.register_assert_rewrite(f"hyperverse_core.testing.{_kit}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the setting that switches the leak checks off."""
    parser.addini(
        LEAK_CHECK,
        "whether tests that use the fixtures of hyperverse fail when they leave tasks, threads or sockets behind",
        type="bool",
        default=True,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Loads the fixtures, which are asynchronous, if pytest-asyncio is installed."""
    if importlib.util.find_spec("pytest_asyncio") is not None:
        config.pluginmanager.import_plugin("hyperverse_core.testing.fixtures")


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Runs a test that uses ``clock`` in an event loop with virtual time, and other tests in the usual one."""
    if _asks_for_our_clock(item):
        from .clock import VirtualClockLoop

        return {"virtual clock": VirtualClockLoop}
    import asyncio

    return {"default": asyncio.new_event_loop}


def _asks_for_our_clock(item: pytest.Item) -> bool:
    """Whether a test uses the fixture ``clock`` of this plugin. Another plugin may have one of the same name."""
    found = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get("clock", ())
    return any(definition.func.__module__ == "hyperverse_core.testing.fixtures" for definition in found[-1:])
