"""The pytest plugin in somebody else's project."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]
INI = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
LEAKY = """
import asyncio
KEPT = []

async def test_it(machine):
    KEPT.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten"))
"""


def outcomes(pytester: pytest.Pytester, source: str, ini: str = INI) -> dict[str, int]:
    pytester.makefile(".ini", pytest=ini)
    pytester.makepyfile(source)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    return result.parseoutcomes()


def test_a_test_that_leaves_a_task_behind_fails(pytester: pytest.Pytester) -> None:
    assert outcomes(pytester, LEAKY) == {"passed": 1, "errors": 1}


def test_the_leak_check_can_be_switched_off(pytester: pytest.Pytester) -> None:
    assert outcomes(pytester, LEAKY, INI + "hyperverse_leak_check = false\n") == {"passed": 1}


def test_tests_without_our_fixtures_are_left_alone(pytester: pytest.Pytester) -> None:
    assert outcomes(pytester, LEAKY.replace("machine", "")) == {"passed": 1}


def test_a_fixture_of_ones_own_with_the_same_name_wins(pytester: pytest.Pytester) -> None:
    source = """
import asyncio, pytest
from hyperverse_core.testing import VirtualClockLoop

@pytest.fixture
def clock():
    return "a clock of my own"

async def test_it(clock):
    assert clock == "a clock of my own"
    assert not isinstance(asyncio.get_running_loop(), VirtualClockLoop)
"""
    assert outcomes(pytester, source) == {"passed": 1}


def test_loading_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import hyperverse_core.testing.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    own = ["hyperverse_core", "hyperverse_core._lazy", "hyperverse_core._version", "hyperverse_core.testing"]
    assert loaded == [*own, "hyperverse_core.testing.pytest_plugin"]


def test_every_public_name_of_the_kits_is_there() -> None:
    import hyperverse_core.testing as kits

    for name in kits.__all__:
        assert getattr(kits, name).__name__ == name


def test_a_fixture_of_another_plugin_with_the_same_name_wins_whatever_the_order(pytester: pytest.Pytester) -> None:
    fixtures = "\n".join(
        f"@pytest.fixture\ndef {name}():\n    return 'of another plugin'\n" for name in ("client", "machine", "clock")
    )
    pytester.makepyfile(early_plugin=f"import pytest\n{fixtures}")
    pytester.makepyfile(
        test_site="def test_it(client, machine, clock):\n    assert {client, machine, clock} == {'of another plugin'}\n"
    )
    pytester.makefile(".ini", pytest=INI)
    result = pytester.runpytest_subprocess("-p", "early_plugin", "-p", "no:cacheprovider")
    assert result.parseoutcomes() == {"passed": 1}


def test_our_fixtures_are_there_where_no_other_plugin_has_them(pytester: pytest.Pytester) -> None:
    source = "async def test_it(client, machine):\n    assert machine.status()['state'] == 'Ready'\n"
    assert outcomes(pytester, source) == {"passed": 1}
