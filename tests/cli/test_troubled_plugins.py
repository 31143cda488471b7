"""A machine whose plugins are in trouble says so when it starts, in its log, and to whoever misses what they bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

pytestmark = pytest.mark.thorough

Run = Callable[..., CompletedProcess[str]]
POLICY = """
from hyperverse_core import hookimpl
from hyperverse_core.policy import Decision, SecurityPolicy
from hyperverse_core.values import HYPERUSER

class Mine(SecurityPolicy):
    def __init__(self, settings): ...
    async def open(self, view): {open}
    async def authenticate(self, credentials): {authenticate}
    async def decide(self, request): {decide}

@hookimpl
def hyperverse_register_policies(register):
    register("mine", Mine)
"""
RIGHT = {
    "open": "...",
    "authenticate": "return HYPERUSER",
    "decide": 'return Decision.allow("yes", rests_on=frozenset())',
}


@pytest.fixture
def start(run: Run, home: Path) -> Iterator[Callable[..., CompletedProcess[str]]]:
    """``start(source, config)`` starts a machine with such a ``hyperverse_local.py``; it is stopped at the end."""

    def start(source: str, config: str = "") -> CompletedProcess[str]:
        (home / ".hyperverse").mkdir(exist_ok=True)
        (home / "hyperverse.toml").write_text(f"[plugins]\nlocal = true\nload_seconds = 1\n{config}")
        (home / "hyperverse_local.py").write_text(source)
        return run("up", "--detach")

    yield start
    run("down")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import nothing_of_that_name\n", "plugin 'local' failed: ModuleNotFoundError"),
        ("import sys\nsys.exit(4)\n", "plugin 'local' failed: it exits the process when it is imported"),
        ("raise KeyboardInterrupt\n", "plugin 'local' failed: KeyboardInterrupt"),
        ("while True: pass\n", "plugin 'local' failed: it has not loaded after 1 s"),
        ("x = 1\n", "plugin 'local': it registers nothing"),
    ],
)
def test_up_warns_of_a_plugin_in_trouble(
    start: Callable[..., CompletedProcess[str]], home: Path, source: str, why: str
) -> None:
    done = start(source)
    assert (done.returncode, f"warning: {why}" in done.stderr) == (0, True), done.stderr
    log = (home / ".hyperverse/machines/local/log/machine.log").read_text()
    assert why in log
    assert ("Traceback" in log) == ("failed" in why)


def test_a_plugin_that_takes_a_kind_of_the_platform_is_named_when_no_machine_can_start(
    start: Callable[..., CompletedProcess[str]],
) -> None:
    done = start(
        "from hyperverse_core import Driver, KindDef, hookimpl\n"
        "class D(Driver):\n    kind = KindDef('Space')\n"
        "@hookimpl\ndef hyperverse_register_drivers(register): register(D)\n"
    )
    assert done.returncode != 0
    assert "plugin 'base' is blocked: the driver 'Space' is also claimed by 'local'" in done.stderr


def test_who_misses_a_kind_is_told_which_plugin_failed(start: Callable[..., CompletedProcess[str]], run: Run) -> None:
    start("import nothing_of_that_name\n")
    done = run("exec", "create localhost<Space>; create localhost:c<Counter>")
    assert done.returncode == 1
    assert "no Kind named 'Counter'; plugin 'local' failed: ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("broken", ["decide", "authenticate"])
def test_a_policy_that_raises_does_not_keep_down_from_working(
    start: Callable[..., CompletedProcess[str]], run: Run, broken: str
) -> None:
    source = POLICY.format(**{**RIGHT, broken: "raise KeyError('x')"})
    assert start(source, "[security]\ndriver = 'mine'\n").returncode == 0
    done = run("down")
    assert (done.returncode, "stopped: machine local" in done.stdout) == (0, True), done.stderr


def test_a_policy_that_cannot_be_opened_is_named(start: Callable[..., CompletedProcess[str]]) -> None:
    done = start(POLICY.format(**{**RIGHT, "open": "raise KeyError('no url')"}), "[security]\ndriver = 'mine'\n")
    assert done.returncode == 1
    assert "the policy 'mine' of plugin 'local' cannot be opened: KeyError: 'no url'" in done.stderr
    assert "internal error" not in done.stderr


OPENED = """
from hyperverse_core import hookimpl
from hyperverse_core.lanes.local.transport import LocalTransport
from hyperverse_core.testing.memory_registry import MemoryRegistry

class Kept(MemoryRegistry):
    def __init__(self, settings): super().__init__()
    async def open(self): raise {error}

class Carried(LocalTransport):
    def __init__(self, settings): super().__init__()
    async def open(self, endpoint, receiver): raise {error}

@hookimpl
def hyperverse_register_registries(register): register("mine", Kept)

@hookimpl
def hyperverse_register_transports(register): register("mine", Carried)
"""


@pytest.mark.parametrize(
    ("table", "thing", "error"),
    [("registry", "registry", "KeyError('no url')"), ("lanes", "transport", "SystemExit(3)")],
)
def test_a_registry_and_a_transport_that_cannot_be_opened_are_named(
    start: Callable[..., CompletedProcess[str]], table: str, thing: str, error: str
) -> None:
    done = start(OPENED.format(error=error), f"[{table}]\ndriver = 'mine'\n")
    assert done.returncode == 1
    said = error.replace("(", ": ").removesuffix(")")
    assert f"the {thing} 'mine' of plugin 'local' cannot be opened: {said}" in done.stderr
    assert "internal error" not in done.stderr
