"""The pytest plugin: fixtures for machines and particles, and leak checks.

Every pytest run in the environment loads it, so it imports only pytest until a test needs more.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import asyncio

__all__ = ["LEAK_CHECK"]

LEAK_CHECK = "hyperverse_leak_check"
"""Name of the setting in the ini file of pytest."""
_FIXTURES = "hyperverse_core.testing.fixtures"
_KITS = (
    "command_conformance",
    "driver_conformance",
    "driver_kit",
    "gateway_conformance",
    "gateway_kit",
    "lane_conformance",
    "lane_kit",
    "observer_conformance",
    "placement_conformance",
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
        config.pluginmanager.import_plugin(_FIXTURES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Says of a kit whose fixtures fail what was expected, and whose move it is."""
    return (yield from _explained(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Says of a test of a kit that fails what was expected, and whose move it is."""
    return (yield from _explained(item))


def _explained(item: pytest.Item) -> Generator[None, None, None]:
    try:
        return (yield)
    except pytest.skip.Exception:
        raise
    except BaseException as exc:
        function = getattr(item, "function", None)
        if getattr(function, "__module__", "").startswith("hyperverse_core.testing."):
            whose_move = getattr(getattr(item, "instance", None), "whose_move", lambda: "the author of the plugin")
            sentence = getattr(function, "__name__", item.name).removeprefix("test_").replace("_", " ")
            exc.add_note(f"expected: {sentence}\nwhose move: {whose_move()}")
        raise


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
    """Whether a test uses the clock of this plugin. Another plugin may have a fixture ``clock`` too, and wins then."""
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    found = known.get("clock", ())
    ours = bool(found) and all(definition.func.__module__ == _FIXTURES for definition in found)
    return ours or "hyperverse_clock" in known
