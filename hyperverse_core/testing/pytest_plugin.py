"""The pytest plugin: fixtures for machines and their particles, and checks for what a test leaves behind.

It is loaded into every pytest run of the environment, so it imports nothing but pytest until a test needs more.
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
"""Name of the setting in the ini file."""
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
    """The switch for the leak checks."""
    parser.addini(
        LEAK_CHECK,
        "whether tests that use the fixtures of hyperverse fail when they leave tasks, threads or sockets behind",
        type="bool",
        default=True,
    )


def pytest_configure(config: pytest.Config) -> None:
    """The fixtures are asynchronous: they come if pytest-asyncio is there."""
    if importlib.util.find_spec("pytest_asyncio") is not None:
        config.pluginmanager.import_plugin("hyperverse_core.testing.fixtures")


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A test that asks for ``clock`` runs in an event loop with virtual time, every other one as usual."""
    if _asks_for_our_clock(item):
        from .clock import VirtualClockLoop

        return {"virtual clock": VirtualClockLoop}
    import asyncio

    return {"default": asyncio.new_event_loop}


def _asks_for_our_clock(item: pytest.Item) -> bool:
    """Whether it uses the fixture ``clock`` of this plugin: others may have one of that name."""
    found = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get("clock", ())
    return any(definition.func.__module__ == "hyperverse_core.testing.fixtures" for definition in found[-1:])
