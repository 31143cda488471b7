"""Loads plugins one by one, so that one that fails does not affect the others; blocks plugins with conflicting
names."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import attrs
import pluggy

from .. import hookspecs
from ..config.schema import Plugins
from ..errors import BadRequest, HyperverseError, described, did_you_mean
from ..scheduling.presentable import presentable
from ..universe.kind_defs.standard_kinds import STANDARD_KINDS
from .class_checks.mistake import refusal
from .class_checks.names import unknown_names
from .offers import CORE, HOOKS, Offer, Offers, builtin_offers
from .requirements import missing_requirements
from .sources import PluginSource
from .time_limit import within

__all__ = ["Loading", "PluginInfo", "State", "hook_of"]

State = Literal["ok", "blocked", "failed", "unavailable"]
_OWN = "cosmic-hyperverse"
"""The distribution of the built-in plugins."""


_LONGEST_REASON = 500
_OURS = str(Path(__file__).parents[1])
"""The folder of the platform. Other code is the cause of an error that is raised there deliberately."""


@attrs.define
class PluginInfo:
    """One plugin and its state.

    Attributes:
        name: name of its entry point.
        distribution, version: its distribution; empty if it has none.
        state: ``ok``, ``blocked``, ``failed`` or ``unavailable``.
        reason: why its state is not ``ok``.
        registers: names of what it registers, by kind of thing (``registry``, ``transport``, ``policy``, ``placement``,
            ``driver``, ``star kind``, ``command``, ``observer``). None of it is used if the plugin is blocked or
            failed.
        error: the exception that made it fail, for a traceback.
        on_purpose: whether it is blocked because the user disabled it.
    """

    name: str
    distribution: str = ""
    version: str = ""
    state: State = "ok"
    reason: str = ""
    registers: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    error: BaseException | None = attrs.field(default=None, repr=False)
    on_purpose: bool = False

    @property
    def trouble(self) -> str:
        """A message for people that says what is wrong with it; empty if nothing is, or if the user intends it.

        Installing the platform without one of its extras counts as intended. If the configuration nevertheless selects
        the plugin, an error says what is missing.
        """
        if self.on_purpose or (self.state == "ok" and not self.reason):
            return ""
        if self.state == "unavailable" and self.distribution == _OWN:
            return ""
        state = {"ok": "", "failed": " failed"}.get(self.state, f" is {self.state}")
        return f"plugin {self.name!r}{state}: {self.reason}"


def hook_of(pm: pluggy.PluginManager, hook: str, plugin: object) -> pluggy.HookCaller:
    """Returns a hook with the implementation of one plugin only, so that the others are still called if it raises."""
    return pm.subset_hook_caller(hook, [other for other in pm.get_plugins() if other is not plugin])


@attrs.define
class Loading:
    """The steps from sources of plugins to a PluginSet."""

    pm: pluggy.PluginManager
    settings: Plugins
    disabled: Mapping[str, str]
    only: tuple[str, ...]
    plugins: list[PluginInfo] = attrs.field(factory=list)
    offers: dict[str, dict[tuple[str, str], Offer]] = attrs.field(factory=dict)
    notes: list[str] = attrs.field(factory=list)

    @classmethod
    def begin(cls, settings: Plugins, environ: Mapping[str, str]) -> Loading:
        """Returns the steps with an empty plugin manager and the choice of plugins from settings and environment."""
        pm = pluggy.PluginManager(hookspecs.PROJECT)
        pm.add_hookspecs(hookspecs)
        if environ.get("HYPERVERSE_TRACE_PLUGINS", "0") not in ("", "0"):
            pm.trace.root.setwriter(sys.stderr.write)
            pm.enable_tracing()
        variable = "HYPERVERSE_DISABLE_PLUGINS"
        disabled = dict.fromkeys(settings.disable, "the config")
        disabled |= dict.fromkeys(_names(environ, variable), variable)
        only = _names(environ, "HYPERVERSE_LOAD_PLUGINS") or settings.only
        return cls(pm, settings, disabled, only)

    def load_all(self, sources: Sequence[PluginSource]) -> None:
        """Loads plugins one by one."""
        counts = [source.name for source in sources]
        for source in sources:
            info = PluginInfo(source.name, source.distribution, source.version)
            self.plugins.append(info)
            same = [s.distribution for s in sources if s.name == source.name and s is not source]
            if counts.count(source.name) > 1:
                info.state, info.reason = (
                    "blocked",
                    f"its name is also claimed by {', '.join(map(repr, same))}",
                )
            elif source.name in self.disabled:
                info.state, info.reason = "blocked", f"disabled by {self.disabled[source.name]}"
                info.on_purpose = True
            elif self.only and source.name not in self.only and not source.given:
                info.state, info.reason = "blocked", f"only {', '.join(self.only)} may load"
                info.on_purpose = True
            else:
                self._load_one(source, info)
        for name in (*self.disabled, *self.only, *self.settings.require):
            if name not in counts:
                self.notes.append(f"no plugin named {name!r} is installed{did_you_mean(name, counts)}")

    def _load_one(self, source: PluginSource, info: PluginInfo) -> None:
        offers = Offers(info.name)
        plugin = None
        try:
            plugin = within(info.name, self.settings.load_seconds, partial(self._import_and_call, source, offers))
            offers.check()
        except BaseException as exc:  # a plugin that exits when it is imported must not end the program
            info.error = presentable(exc)
            self._drop(info, "failed", _why(info.error))
        else:
            self.offers[info.name] = offers.found
        info.registers = _registers(offers)
        if info.state == "ok":
            self._check_extras(info, offers)
        if info.state == "ok" and not offers.found and not self._listens(plugin):
            info.reason = "it registers nothing; mark its hooks with `@hookimpl`, and call `register` in them"

    def _import_and_call(self, source: PluginSource, offers: Offers) -> object:
        """Imports a plugin and lets it register what it provides. Returns the plugin."""
        plugin = source.load()
        self.pm.register(plugin, source.name)
        self._check_hooks(plugin)
        self._call_hooks(plugin, offers)
        return plugin

    def _call_hooks(self, plugin: object, offers: Offers) -> None:
        for thing, hook in HOOKS.items():
            hook_of(self.pm, hook, plugin)(register=offers.register(thing))

    def _listens(self, plugin: object) -> bool:
        """Returns whether it has a hook that is not for registering, such as ``hyperverse_machine_started``."""
        return any(hook.name not in HOOKS.values() for hook in self.pm.get_hookcallers(plugin) or ())

    def _check_hooks(self, plugin: object) -> None:
        known = [name for name in vars(self.pm.hook) if getattr(self.pm.hook, name).has_spec()]
        for hook in self.pm.get_hookcallers(plugin) or ():
            if not hook.has_spec():
                raise BadRequest(f"it implements an unknown hook {hook.name!r}{did_you_mean(hook.name, known)}")
        marked = {hook.name for hook in self.pm.get_hookcallers(plugin) or ()}
        for hook_name in known:
            if hook_name not in marked and inspect.isroutine(getattr(plugin, hook_name, None)):
                raise BadRequest(f"its function {hook_name} is not marked", hint="write `@hookimpl` above it")
        for hook_name in HOOKS.values():
            if inspect.iscoroutinefunction(getattr(plugin, hook_name, None)):
                raise BadRequest(f"{hook_name} must not be a coroutine", hint="write def, not async def")

    def _check_extras(self, info: PluginInfo, offers: Offers) -> None:
        for extra in sorted({offer.extra for offer in offers.found.values() if offer.extra}):
            missing = missing_requirements(info.distribution, extra)
            if missing:
                info.state = "unavailable"
                cure = f'pip install "{info.distribution}[{extra}]"'
                info.reason = f'needs the extra "{extra}" ({", ".join(missing)}): {cure}'

    def _drop(self, info: PluginInfo, state: State, reason: str) -> None:
        info.state, info.reason = state, reason
        self.offers.pop(info.name, None)
        if self.pm.has_plugin(info.name):
            self.pm.unregister(name=info.name)

    def settled(self) -> dict[tuple[str, str], Offer]:
        """Blocks plugins that claim the same thing, and returns the offers of the others, the built-in ones first.

        Several plugins may register the same driver class.
        """
        builtin = builtin_offers()
        claims: dict[tuple[str, str], list[Offer]] = {key: [offer] for key, offer in builtin.items()}
        for found in self.offers.values():
            for key, offer in found.items():
                if key[0] != "observer":
                    claims.setdefault(key, []).append(offer)
        for (thing, what), claimed in claims.items():
            names = [offer.plugin for offer in claimed]
            for name in () if all(offer.is_same(claimed[0]) for offer in claimed[1:]) else names:
                others = ", ".join(repr(other) if other != CORE else CORE for other in names if other != name)
                for info in self.plugins:
                    if info.name == name and info.state != "blocked":
                        self._drop(info, "blocked", f"the {thing} {what!r} is also claimed by {others}")
        self._check_names()
        left = dict(builtin)
        for info in self.plugins:
            for key, offer in self.offers.get(info.name, {}).items():
                left.setdefault(key if key[0] != "observer" else (key[0], f"{info.name}.{key[1]}"), offer)
        return left

    def _check_names(self) -> None:
        """Fails plugins whose drivers name Kinds and the like that nothing declares. If another plugin that may declare
        them is not loaded, it only adds a note."""
        names = {"driver": set(STANDARD_KINDS), "placement": set[str](), "star kind": set[str]()}
        for thing, name in builtin_offers():
            names.setdefault(thing, set()).add(name)
        for info in self.plugins:
            for thing, registered in info.registers.items():
                names.setdefault(thing, set()).update(registered)
        known = names["driver"], names["placement"], names["star kind"]
        all_here = all(info.state == "ok" or info.registers for info in self.plugins)
        for info in self.plugins:
            mine = [offer for (thing, _), offer in self.offers.get(info.name, {}).items() if thing == "driver"]
            mistakes = [mistake for offer in mine for mistake in unknown_names(offer.value, *known)]
            if mistakes and all_here:
                error = refusal(mistakes)
                self._drop(info, "failed", _why(error))
                info.error = error
            else:
                self.notes += [f"plugin {info.name!r}: {mistake}" for mistake in mistakes]


def _names(environ: Mapping[str, str], variable: str) -> tuple[str, ...]:
    return tuple(name for name in environ.get(variable, "").replace(",", " ").split() if name)


def _registers(offers: Offers) -> dict[str, tuple[str, ...]]:
    registers: dict[str, tuple[str, ...]] = {}
    for thing, name in offers.found:
        registers[thing] = (*registers.get(thing, ()), name)
    return registers


def _place(exc: BaseException) -> str:
    """Returns the line of the plugin where an error of the platform was raised, as the end of a message; empty if no
    plugin was involved."""
    found = ""
    for frame, line in traceback.walk_tb(exc.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith((_OURS, "<")) and "pluggy" not in file and "importlib" not in file:
            found = f" in {file}, line {line}"
    return found


def _why(exc: BaseException) -> str:
    if isinstance(exc, HyperverseError):
        said = f"{exc.message} ({exc.hint})" if exc.hint else exc.message
        return said if ", line " in said else f"{said}{_place(exc)}"
    if isinstance(exc, SystemExit):
        return f"it exits the process when it is imported or registers: {described(exc)}"
    return " ".join(described(exc).split())[:_LONGEST_REASON].rstrip(":")
