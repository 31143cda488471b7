"""One plugin's failure is that plugin's failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperverse_core.config import Plugins
from hyperverse_core.errors import ConfigError, PluginError
from hyperverse_core.plugins import PluginInfo, PluginSet

Install = Callable[..., str]

HEAD = """
from hyperverse_core import Driver, KindDef, hookimpl
"""
GOOD = (
    HEAD
    + """
class CounterDriver(Driver):
    kind = KindDef("Tally", doc="Counts")

@hookimpl
def hyperverse_register_drivers(register):
    register(CounterDriver)
"""
)


def load(*names: str, settings: Plugins | None = None, environ: dict[str, str] | None = None) -> PluginSet:
    """Loads these plugins only, so that the test does not depend on what else is installed."""
    given = {"HYPERVERSE_LOAD_PLUGINS": ",".join(names)} if environ is None else environ
    return PluginSet.load(settings, environ=given)


def state_of(plugins: PluginSet, name: str) -> tuple[str, str]:
    info: PluginInfo = plugins.info(name)
    return info.state, info.reason


def test_a_plugin_is_found_by_its_entry_point(install: Install) -> None:
    install("tally", GOOD)
    plugins = load("tally")
    info = plugins.info("tally")
    assert (info.distribution, info.version, info.state) == ("dist-tally", "1.2", "ok")
    assert info.registers == {"driver": ("Tally",)}
    assert plugins.drivers["Tally"].kind.doc == "Counts"
    assert plugins.who_provides("driver", "Tally") == "tally"
    assert plugins.who_provides("driver", "Nothing") == ""


def test_a_broken_import_harms_nobody_else(install: Install) -> None:
    install("broken", "import nothing_of_that_name")
    install("tally", GOOD)
    plugins = load("broken", "tally")
    assert state_of(plugins, "broken") == (
        "failed",
        "ModuleNotFoundError: No module named 'nothing_of_that_name'",
    )
    assert state_of(plugins, "tally") == ("ok", "")


def test_a_syntax_error_is_a_failure(install: Install) -> None:
    install("broken", "def (")
    assert state_of(load("broken"), "broken")[1].startswith("SyntaxError: ")


def test_what_a_plugin_registered_before_it_raised_does_not_count(install: Install) -> None:
    install("half", GOOD + '\n@hookimpl\ndef hyperverse_register_star_kinds(register):\n    raise OSError("no")\n')
    plugins = load("half")
    assert state_of(plugins, "half") == ("failed", "OSError: no")
    assert "Tally" not in plugins.drivers
    assert isinstance(plugins.info("half").error, OSError)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "@hookimpl\ndef hyperverse_register_driver(register): ...",
            "did you mean 'hyperverse_register_drivers' or",
        ),
        ("@hookimpl\ndef hyperverse_register_drivers(registr): ...", "registr"),
        ("@hookimpl\nasync def hyperverse_register_drivers(register): ...", "must not be a coroutine"),
        ("@hookimpl\ndef hyperverse_register_drivers(register): register(3)", "3 is not a Driver class"),
        ("@hookimpl\ndef hyperverse_register_drivers(register): register(Driver)", "has no Kind"),
        (
            "class Bad(Driver):\n    kind = 'Bad'\n",
            "driver Bad: kind is 'Bad' (write kind = KindDef(",
        ),
        (
            "@hookimpl\ndef hyperverse_register_transports(register): register('x', 'no path')",
            "'no path' is not an import path",
        ),
        ("@hookimpl\ndef hyperverse_register_transports(register): register('', print)", "'' is not a name"),
        ("@hookimpl\ndef hyperverse_register_policies(register): register('x', 3)", "cannot be called"),
        ("@hookimpl\ndef hyperverse_register_observers(register): register(3)", "3 is not an Observer"),
        ("@hookimpl\ndef hyperverse_register_star_kinds(register): register('x')", "'x' is not a star kind"),
        (
            "@hookimpl\ndef hyperverse_register_policies(register): [register('x', print) for _ in 'ab']",
            "it registers the policy 'x' twice",
        ),
    ],
)
def test_what_cannot_be_registered_is_a_failure_with_its_reason(install: Install, source: str, reason: str) -> None:
    install("wrong", HEAD + source)
    state, said = state_of(load("wrong"), "wrong")
    assert state == "failed"
    assert reason in said


def test_two_plugins_with_one_kind_are_blocked_and_name_each_other(install: Install) -> None:
    install("one", GOOD)
    install("two", GOOD)
    install("three", GOOD.replace("Tally", "Other"))
    plugins = load("one", "two", "three")
    assert state_of(plugins, "one") == ("blocked", "the driver 'Tally' is also claimed by 'two'")
    assert state_of(plugins, "two") == ("blocked", "the driver 'Tally' is also claimed by 'one'")
    assert list(plugins.drivers) == ["Other"]


def test_one_driver_that_several_plugins_bring_is_taken_once(install: Install) -> None:
    module = install("one", GOOD)
    install("two", f"from {module} import hyperverse_register_drivers\n")
    plugins = load("one", "two")
    assert (state_of(plugins, "one"), state_of(plugins, "two")) == (("ok", ""), ("ok", ""))
    assert list(plugins.drivers) == ["Tally"]
    assert plugins.who_provides("driver", "Tally") == "one"


def test_two_drivers_for_one_kind_stay_an_error_when_one_of_them_comes_twice(install: Install) -> None:
    module = install("one", GOOD)
    install("two", f"from {module} import hyperverse_register_drivers\n")
    install("three", GOOD)
    plugins = load("one", "two", "three")
    assert {state_of(plugins, name)[0] for name in ("one", "two", "three")} == {"blocked"}
    assert "Tally" not in plugins.drivers


def test_a_plugin_that_registers_a_driver_twice_means_it_once(install: Install) -> None:
    install("keen", GOOD + "    register(CounterDriver)\n")
    plugins = load("keen")
    assert state_of(plugins, "keen") == ("ok", "")
    assert list(plugins.drivers) == ["Tally"]


def test_a_plugin_may_not_take_a_name_of_the_core(install: Install) -> None:
    install("taker", HEAD + "@hookimpl\ndef hyperverse_register_star_kinds(register):\n    register('Fold')\n")
    plugins = load("taker")
    assert state_of(plugins, "taker") == ("blocked", "the star kind 'Fold' is also claimed by the core")
    assert plugins.star_kinds["Fold"].forwards


def test_one_entry_point_name_in_two_distributions_blocks_both(install: Install) -> None:
    install("tally", GOOD, distribution="first")
    install("tally", GOOD, distribution="second")
    states = {(info.state, info.reason) for info in load("tally").plugins if info.name == "tally"}
    assert states == {
        ("blocked", "its name is also claimed by 'first'"),
        ("blocked", "its name is also claimed by 'second'"),
    }


def test_a_plugin_may_be_disabled_by_config_and_environment(install: Install) -> None:
    install("tally", GOOD)
    config = Plugins(disable=("tally",))
    assert state_of(load("tally", settings=config), "tally") == ("blocked", "disabled by the config")
    environ = {"HYPERVERSE_DISABLE_PLUGINS": "tally other"}
    plugins = load(environ=environ)
    assert state_of(plugins, "tally") == ("blocked", "disabled by HYPERVERSE_DISABLE_PLUGINS")
    assert plugins.notes == ["no plugin named 'other' is installed"]


def test_a_plugin_that_was_disabled_is_not_even_imported(install: Install) -> None:
    module = install("tally", "raise RuntimeError")
    load("tally", settings=Plugins(disable=("tally",)))
    import sys

    assert module not in sys.modules


def test_only_the_named_plugins_load(install: Install) -> None:
    install("one", GOOD)
    install("two", GOOD.replace("Tally", "Other"))
    plugins = load(settings=Plugins(only=("two",)), environ={})
    assert state_of(plugins, "one") == ("blocked", "only two may load")
    assert state_of(plugins, "two") == ("ok", "")


def test_a_misspelt_name_in_the_config_is_noted(install: Install) -> None:
    install("weighbridge", GOOD)
    plugins = load("weighbridge", settings=Plugins(disable=("weighbrige",)))
    assert plugins.notes == ["no plugin named 'weighbrige' is installed; did you mean 'weighbridge'?"]


def test_a_required_plugin_must_be_there_and_fine(install: Install) -> None:
    install("broken", "import nothing_of_that_name")
    install("tally", GOOD)
    load("tally", settings=Plugins(require=("tally",))).check_required()
    with pytest.raises(PluginError, match="the plugin 'broken' is required, but is failed: ModuleNotFoundError"):
        load("broken", settings=Plugins(require=("broken",))).check_required()
    with pytest.raises(ConfigError, match="no plugin named 'absent'"):
        load("tally", settings=Plugins(require=("absent",))).check_required()


def test_a_program_may_hand_over_plugins_of_its_own() -> None:
    from hyperverse_core import Driver, KindDef, hookimpl

    class OwnDriver(Driver):
        kind = KindDef("Own")

    class Mine:
        @hookimpl
        def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
            register(OwnDriver)

    plugins = PluginSet.load(extra=[Mine()], environ={"HYPERVERSE_LOAD_PLUGINS": "none"})
    assert plugins.drivers == {"Own": OwnDriver}
    assert plugins.who_provides("driver", "Own") == "Mine"


def test_a_local_file_is_a_plugin_when_the_config_says_so(tmp_path: Path) -> None:
    (tmp_path / "hyperverse_local.py").write_text(GOOD)
    environ = {"HYPERVERSE_LOAD_PLUGINS": "local"}
    assert "Tally" not in PluginSet.load(base=tmp_path, environ=environ).drivers
    assert "Tally" in PluginSet.load(Plugins(local=True), base=tmp_path, environ=environ).drivers


def test_a_local_file_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    plugins = PluginSet.load(Plugins(local=True), base=tmp_path, environ={"HYPERVERSE_LOAD_PLUGINS": "local"})
    assert plugins.info("local").state == "failed"
    assert "hyperverse_local.py" in plugins.info("local").reason


def test_hook_calls_are_traced_on_demand(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("tally", GOOD)
    load(environ={"HYPERVERSE_LOAD_PLUGINS": "tally", "HYPERVERSE_TRACE_PLUGINS": "1"})
    assert "hyperverse_register_drivers" in capsys.readouterr().err
