"""What plugins registered is made when it is asked for, and errors say what to install."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hyperverse_core import hookimpl
from hyperverse_core.config import Plugins
from hyperverse_core.contracts.placement import Spread
from hyperverse_core.errors import BadRequest, NotFound, PluginError, UnknownTransport
from hyperverse_core.plugins import PluginInfo, PluginSet, StarKindSpec

Install = Callable[..., str]

HEAD = "from hyperverse_core import hookimpl\n"


def transport(name: str, factory: str, extra: str = "") -> str:
    return (
        HEAD
        + f"""
@hookimpl
def hyperverse_register_transports(register):
    register({name!r}, {factory!r}, extra={extra!r})
"""
    )


def load(*names: str, extra: tuple[object, ...] = ()) -> PluginSet:
    return PluginSet.load(extra=extra, environ={"HYPERVERSE_LOAD_PLUGINS": ",".join(names) or "none"})


def test_the_standard_star_kinds_are_built_in() -> None:
    kinds = load().star_kinds
    assert {name for name, spec in kinds.items() if not spec.forwards} == {"Central", "Machine"}
    assert {name for name, spec in kinds.items() if not spec.hosts} == {"Nexus", "Machine"}
    assert len(kinds) == 8


def test_the_standard_placements_are_built_in() -> None:
    plugins = load()
    assert plugins.names("placement") == ["hash", "near-parent", "round-robin", "spread"]
    assert isinstance(plugins.placement("spread", random.Random(1), {}), Spread)
    assert plugins.who_provides("placement", "spread") == "the core"


def test_a_plugin_adds_a_star_kind() -> None:
    class Stars:
        @hookimpl
        def hyperverse_register_star_kinds(self, register: Callable[..., None]) -> None:
            register("Telescope", forwards=False, hosts=True)

    assert load(extra=(Stars(),)).star_kinds["Telescope"] == StarKindSpec("Telescope", False, True)


def test_an_unknown_transport_names_the_known_ones(install: Install) -> None:
    install("pigeon", transport("pigeon", "nowhere:Pigeon"))
    with pytest.raises(UnknownTransport, match="no lane transport named 'pigon'") as caught:
        load("pigeon").transport("pigon")
    assert caught.value.hint == "known: local, pigeon; did you mean 'pigeon'?"


def test_a_thing_of_a_failed_plugin_is_told_from_an_unknown_one(install: Install) -> None:
    install("pigeon", transport("pigeon", "nowhere:P") + '\n    raise OSError("shot")\n')
    with pytest.raises(UnknownTransport) as caught:
        load("pigeon").transport("pigeon")
    assert caught.value.hint == "the plugin 'pigeon' is failed: OSError: shot"


def test_a_thing_of_a_plugin_that_was_left_out_is_told_from_an_unknown_one(install: Install) -> None:
    install("pigeon", transport("pigeon", "nowhere:P"))
    with pytest.raises(UnknownTransport) as caught:
        PluginSet.load(Plugins(disable=("pigeon",)), environ={}).transport("pigeon")
    assert caught.value.hint == "the plugin 'pigeon' is blocked: disabled by the config"


def test_an_unknown_registry_is_not_found() -> None:
    with pytest.raises(NotFound, match="no registry named 'oracle'") as caught:
        load().registry("oracle")
    assert caught.value.hint == "known: none"


def test_a_missing_module_says_which_extra_to_install(install: Install) -> None:
    install("pigeon", transport("pigeon", "absent_module.lane:Pigeon", extra="birds"))
    with pytest.raises(
        PluginError, match="cannot be imported: ModuleNotFoundError: No module named 'absent_module'"
    ) as caught:
        load("pigeon").transport("pigeon")
    assert caught.value.hint == 'pip install "dist-pigeon[birds]"'


def test_a_missing_attribute_is_the_plugins_fault(install: Install) -> None:
    install("pigeon", transport("pigeon", "json:Pigeon"))
    with pytest.raises(
        PluginError, match="cannot be imported: AttributeError: module 'json' has no attribute"
    ) as caught:
        load("pigeon").transport("pigeon")
    assert "is broken" in caught.value.hint


def test_a_plugin_whose_extra_is_not_installed_is_unavailable(install: Install) -> None:
    requires = 'Provides-Extra: birds\nRequires-Dist: no-such-project-x>=2; extra == "birds"\n'
    install("pigeon", transport("pigeon", "absent:P", extra="birds"), requires=requires)
    info = load("pigeon").info("pigeon")
    assert info.state == "unavailable"
    assert info.reason == 'needs the extra "birds" (no-such-project-x): pip install "dist-pigeon[birds]"'


def test_a_plugin_whose_extra_is_installed_is_ok(install: Install) -> None:
    requires = 'Provides-Extra: birds\nRequires-Dist: attrs>=2; extra == "birds"\n'
    install("pigeon", transport("pigeon", "absent:P", extra="birds"), requires=requires)
    assert load("pigeon").info("pigeon").state == "ok"


class Policies:
    @hookimpl
    def hyperverse_register_policies(self, register: Any) -> None:
        register("raises", self.raises)
        register("refuses", self.refuses)
        register("wrong", lambda settings: "no policy")

    def raises(self, settings: Any) -> Any:
        raise KeyError("x")

    def refuses(self, settings: Any) -> Any:
        raise BadRequest("url is missing")


def test_a_factory_that_raises_is_attributed_to_its_plugin() -> None:
    with pytest.raises(PluginError, match=r"'raises' of plugin 'Policies' cannot be created: KeyError: 'x'"):
        load(extra=(Policies(),)).policy("raises", {})


def test_a_factory_may_refuse_its_settings_in_its_own_words() -> None:
    with pytest.raises(BadRequest, match="url is missing"):
        load(extra=(Policies(),)).policy("refuses", {})


def test_what_a_factory_makes_must_fit_the_contract() -> None:
    with pytest.raises(PluginError, match="is not a SecurityPolicy: 'no policy'"):
        load(extra=(Policies(),)).policy("wrong", {})


async def test_machine_hooks_are_called_plugin_by_plugin() -> None:
    heard: list[object] = []

    class Plain:
        @hookimpl
        def hyperverse_machine_started(self, machine: object) -> None:
            heard.append(machine)

    class Bad:
        @hookimpl
        async def hyperverse_machine_started(self, machine: object) -> None:
            raise OSError("no")

    class Waiting:
        @hookimpl
        async def hyperverse_machine_started(self, machine: object) -> None:
            heard.append(machine)

    plugins = load(extra=(Plain(), Bad(), Waiting()))
    failures = await plugins.call("hyperverse_machine_started", machine="m")
    assert heard == ["m", "m"]
    assert [(info.name, str(exc)) for info, exc in failures] == [("Bad", "no")]


def test_listing_plugins_imports_no_database_and_no_transport_library() -> None:
    code = (
        "import sys; from hyperverse_core.plugins import PluginSet; print(len(PluginSet.load().plugins));"
        "assert not {'sqlalchemy', 'aiosqlite', 'zmq', 'wasmtime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_extra_of_the_platform_that_is_not_installed_is_no_trouble() -> None:
    """It is when a plugin of somebody else lacks what it needs."""
    reason = 'needs the extra "portal" (uvicorn): pip install "cosmic-hyperverse[portal]"'
    assert PluginInfo("portal", "cosmic-hyperverse", "1", "unavailable", reason).trouble == ""
    assert PluginInfo("pigeon", "dist-pigeon", "1", "unavailable", reason).trouble.startswith("plugin 'pigeon'")
