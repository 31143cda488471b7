"""What is wrong with a plugin is told where it loads, by `plugins check`, and where somebody misses what it brings."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hyperverse_core.config import Plugins
from hyperverse_core.errors import PluginError
from hyperverse_core.plugins import PluginSet
from hyperverse_core.plugins.loading import PluginInfo

Install = Callable[..., str]
HEAD = """
import click
from hyperverse_core import Observer, hookimpl
from hyperverse_core.policy import Decision, SecurityPolicy
from hyperverse_core.registry import Registry
"""


def local(folder: Path, source: str, *, seconds: float = 20.0) -> PluginSet:
    (folder / "hyperverse_local.py").write_text(source)
    environ = {"HYPERVERSE_LOAD_PLUGINS": "local"}
    return PluginSet.load(Plugins(local=True, load_seconds=seconds), base=folder, environ=environ)


POLICY = """
class Mine(SecurityPolicy):
    def __init__(self, settings): ...
    async def open(self, view): ...
    async def authenticate(self, credentials): ...
    async def decide(self, request): ...
"""
WRONG = [
    (
        "class Mine: ...",
        "policies",
        "it is a factory of a policy, but not a SecurityPolicy",
        "class Mine(SecurityPolicy)",
    ),
    (
        "class Mine(SecurityPolicy):\n    def __init__(self, s): ...",
        "policies",
        "does not have authenticate, decide",
        "requires",
    ),
    ("class Mine(Registry): ...", "registries", "it does not have add_token, announce", "Registry requires"),
    (POLICY.replace("async def decide", "def decide"), "policies", "`decide` is `def`", "async def decide"),
    (POLICY.replace("(self, request)", "(self)"), "policies", "`decide` cannot be called", "`decide(self, request: "),
    (POLICY.replace("(self, settings)", "(self)"), "policies", "cannot be called with settings", "it gets settings"),
    ("def Mine(): ...", "placements", "cannot be called with chance and settings", "it gets chance, settings"),
]


@pytest.mark.parametrize(("body", "hook", "what", "cure"), WRONG)
def test_a_class_that_does_not_fit_its_contract_is_told_when_it_registers(
    tmp_path: Path, body: str, hook: str, what: str, cure: str
) -> None:
    registers = f"@hookimpl\ndef hyperverse_register_{hook}(register):\n    register('mine', Mine)\n"
    info = local(tmp_path, f"{HEAD}{body}\n{registers}").info("local")
    assert info.state == "failed"
    assert what in info.reason and cure in info.reason
    if body.startswith(("class", "\nclass")) and "settings" not in what:
        assert "class Mine (" in info.reason and "hyperverse_local.py, line " in info.reason


@pytest.mark.parametrize(("body", "hook", "what", "cure"), WRONG)
def test_what_is_registered_by_its_import_path_is_told_by_a_verification(
    install: Install, body: str, hook: str, what: str, cure: str
) -> None:
    module = install("mine", HEAD + body + "\n")
    path = Path(__import__("importlib").util.find_spec(module).origin)  # type: ignore[union-attr]
    register = f"@hookimpl\ndef hyperverse_register_{hook}(register):\n    register('mine', '{module}:Mine')\n"
    path.write_text(path.read_text() + register)
    plugins = PluginSet.load(environ={"HYPERVERSE_LOAD_PLUGINS": "mine"})
    assert plugins.info("mine").state == "ok"  # nothing was imported but the plugin itself
    [error] = plugins.verify()["mine"]
    assert what in str(error) and cure in str(error)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("nothing_there:Mine", "No module named 'nothing_there'"),
        ("json:Mine", "has no attribute 'Mine'"),
        ("json:__doc__", "cannot be called"),
    ],
)
def test_an_import_path_that_leads_nowhere_is_told_by_a_verification(tmp_path: Path, path: str, what: str) -> None:
    source = f"{HEAD}@hookimpl\ndef hyperverse_register_policies(register):\n    register('mine', '{path}')\n"
    [error] = local(tmp_path, source).verify()["local"]
    assert what in str(error)


@pytest.mark.parametrize("what", ["def say(): ...", "class say: ...", "say = lambda: None", "say = 7"])
def test_a_command_that_is_none_is_told(tmp_path: Path, what: str) -> None:
    source = f"{HEAD}{what}\n@hookimpl\ndef hyperverse_register_commands(register):\n    register('say', %s)\n"
    info = local(tmp_path, source % "say").info("local")
    assert info.state == "failed"
    assert "not a click.Command" in info.reason and "@click.command()" in info.reason


def test_a_command_behind_an_import_path_that_is_none_is_told_by_a_verification(tmp_path: Path) -> None:
    source = f"{HEAD}@hookimpl\ndef hyperverse_register_commands(register):\n    register('say', 'json:dumps')\n"
    [error] = local(tmp_path, source).verify()["local"]
    assert "not a click.Command" in str(error) and "@click.command()" in str(error)


def test_the_delivered_plugins_stand_a_verification() -> None:
    assert PluginSet.load(environ={}).verify() == {}


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("async def wave_begun(self, wave): ...", "`wave_begun` is `async def`"),
        ("def wave_begun(self): ...", "`wave_begun` cannot be called"),
        ("def wave_delivrd(self, wave, reply, seconds): ...", "nothing calls `wave_delivrd`"),
    ],
)
def test_an_observer_whose_methods_cannot_be_called_is_told(tmp_path: Path, method: str, what: str) -> None:
    source = (
        f"{HEAD}class Mine(Observer):\n    {method}\n"
        "@hookimpl\ndef hyperverse_register_observers(register):\n    register(Mine())\n"
    )
    info = local(tmp_path, source).info("local")
    assert info.state == "failed"
    assert what in info.reason and "class Mine (" in info.reason


def test_using_a_class_that_does_not_fit_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "unfit.py").write_text(HEAD + WRONG[1][0])
    source = "import sys\n" + HEAD + f"sys.path.insert(0, {str(tmp_path)!r})\n"
    source += "@hookimpl\ndef hyperverse_register_policies(register):\n    register('mine', 'unfit:Mine')\n"
    with pytest.raises(PluginError, match=r"'mine' of plugin 'local' cannot be used: class Mine .*does not have auth"):
        local(tmp_path, source).policy("mine", {})


# -- what loads, and is of no use -----------------------------------------------------------------------------


def test_a_plugin_that_registers_nothing_is_told(tmp_path: Path) -> None:
    info = local(tmp_path, "x = 1\n").info("local")
    assert info.state == "ok"
    assert info.trouble.startswith("plugin 'local': it registers nothing")
    hook = "@hookimpl\ndef hyperverse_register_drivers(register): ...\n"
    assert "registers nothing" in local(tmp_path, HEAD + hook).info("local").trouble
    listens = "@hookimpl\ndef hyperverse_machine_started(machine): ...\n"
    assert local(tmp_path, HEAD + listens).info("local").trouble == ""


def test_a_hook_that_is_not_marked_is_told(tmp_path: Path) -> None:
    info = local(tmp_path, "def hyperverse_machine_started(machine): ...\n").info("local")
    assert info.trouble.startswith("plugin 'local' failed: its function hyperverse_machine_started is not marked")


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(60)\n",
        "while True: pass\n",
        "import threading\nthreading.Event().wait()\n",
        "import time\nwhile True:\n    try: time.sleep(0.1)\n    except Exception: pass\n",
        HEAD + "import time\n@hookimpl\ndef hyperverse_register_drivers(register): time.sleep(60)\n",
    ],
)
def test_a_plugin_that_hangs_is_told_and_the_rest_goes_on(tmp_path: Path, source: str) -> None:
    info = local(tmp_path, source, seconds=0.3).info("local")
    assert info.state == "failed"
    assert "it has not loaded after 0.3 s, in " in info.reason
    assert ", line " in info.reason and "load_seconds" in info.reason


@pytest.mark.parametrize("source", ["import time\ntime.sleep(60)\n", "while True: pass\n", "raise SystemExit(3)\n"])
def test_so_is_one_where_the_machine_is_not_started_by_the_main_thread(tmp_path: Path, source: str) -> None:
    with ThreadPoolExecutor(1) as threads:
        info = threads.submit(lambda: local(tmp_path, source, seconds=0.3).info("local")).result(20)
        assert info.state == "failed"
        said = "SystemExit" if "Exit" in source else "it has not loaded after 0.3 s, in "
        assert said in info.reason
        good = f"{HEAD}@hookimpl\ndef hyperverse_machine_started(machine): ...\n"
        assert threads.submit(lambda: local(tmp_path, good).info("local")).result(20).state == "ok"


def test_a_plugin_that_was_left_out_is_no_trouble(install: Install) -> None:
    install("mine", "raise OSError")
    plugins = PluginSet.load(Plugins(disable=("mine",)), environ={})
    assert plugins.info("mine").trouble == ""
    assert plugins.why_missing("Counter") == ""


def test_a_kind_that_is_missing_is_told_with_the_plugins_that_failed(install: Install) -> None:
    install("mine", "raise OSError('no network')")
    plugins = PluginSet.load(environ={"HYPERVERSE_LOAD_PLUGINS": "mine"})
    assert plugins.why_missing("Counter") == "; plugin 'mine' failed: OSError: no network"


def test_a_plugin_whose_extra_is_not_installed_is_named_only_for_a_kind_that_it_brings() -> None:
    plugins = PluginSet.load(Plugins(only=("base",)), environ={})
    of = "cosmic-hyperverse"
    needs = 'needs the extra "birds" (nest): pip install "cosmic-hyperverse[birds]"'
    bird = PluginInfo("birds", of, state="unavailable", reason=needs, registers={"driver": ("Bird",)})
    plugins.plugins.append(bird)
    assert plugins.why_missing("Counter") == ""
    assert plugins.why_missing("Bird") == f"; plugin 'birds' {needs}"


# -- damaged metadata -----------------------------------------------------------------------------------------

GOOD = HEAD + "@hookimpl\ndef hyperverse_machine_started(machine): ...\n"


def test_a_broken_line_in_some_distribution_is_named_and_passed_over(install: Install, tmp_path: Path) -> None:
    install("good", GOOD)
    other = tmp_path / "site" / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[console_scripts]\nthis is no entry point\n")
    plugins = PluginSet.load(environ={"HYPERVERSE_LOAD_PLUGINS": "good"})
    assert plugins.info("good").trouble == ""
    [text] = plugins.passed_over
    assert "other-1.0.dist-info" in text and "this is no entry point" in text
    assert plugins.notes == []


def test_a_broken_line_of_our_group_fails_by_its_name_and_leaves_the_others(install: Install, tmp_path: Path) -> None:
    module = install("good", GOOD)
    (tmp_path / "site" / "dist_good-1.2.dist-info" / "entry_points.txt").write_text(
        f"[hyperverse]\nbad\nworse = no module!\ngood = {module}\n"
    )
    plugins = PluginSet.load(environ={})
    assert plugins.info("good").trouble == ""
    assert "'dist-good' has the malformed entry point 'bad'" in plugins.info("bad").reason
    assert "malformed entry point 'worse = no module!'" in plugins.info("worse").reason


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b""])
def test_a_distribution_without_readable_metadata_is_named_and_passed_over(
    install: Install, tmp_path: Path, content: bytes | None
) -> None:
    install("good", GOOD)
    other = tmp_path / "site" / "other-1.0.dist-info"
    other.mkdir()
    (other / "entry_points.txt").write_bytes(b"[hyperverse]\nodd = json\n" if content == b"" else content or b"")
    if content is not None:
        (other / "METADATA").write_bytes(content)
    plugins = PluginSet.load(environ={"HYPERVERSE_LOAD_PLUGINS": "good"})
    assert plugins.info("good").trouble == ""
    assert content == b"" or any("other-1.0.dist-info" in text for text in plugins.passed_over)
