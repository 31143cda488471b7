"""Finds plugins, loads each separately, and records what each plugin provides.

A plugin that cannot be imported or that registers something invalid is *failed*. Two plugins that claim the same name
or Kind are *blocked*, and so is a plugin that the user disables. A plugin whose optional dependency is not installed is
*unavailable*. Each has a reason, and the other plugins load. What a plugin registers by import path is imported when it
is first needed. See docs/reference/hooks.md.
"""

from __future__ import annotations

import inspect
import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import attrs
import pluggy

from ..config.schema import Plugins
from ..config.secrets import hide_settings
from ..contracts.blobs import Blobs
from ..contracts.driver import Driver
from ..contracts.gateway import Gateway
from ..contracts.lane import LaneTransport
from ..contracts.observer import Observer
from ..contracts.placement import Placement
from ..contracts.policy import SecurityPolicy
from ..contracts.registry import Registry
from ..errors import (
    BadRequest,
    ConfigError,
    HyperverseError,
    NotFound,
    PluginError,
    UnknownTransport,
    described,
    did_you_mean,
)
from ..scheduling.cancellation import ends_task
from ..scheduling.presentable import presentable
from .class_checks.factories import CONTRACTS
from .loading import Loading, PluginInfo, State, hook_of
from .offers import CORE, Offer, StarKindSpec, load_factory
from .opening import opening
from .settings import SettingsInfo, settings_of
from .sources import installed_sources, local_source, object_source
from .verification import check_factory, verify

__all__ = ["PluginInfo", "PluginSet", "StarKindSpec", "State"]


_SHORT = 300
"""Greatest number of characters of a reason that is quoted within another message."""


@attrs.define
class PluginSet:
    """All plugins of one machine or program. :meth:`load` creates it.

    Attributes:
        pm: the plugin manager of pluggy, with the plugins that are loaded.
        plugins: all plugins that were found, with their states.
        offers: what the plugins provide, by kind of thing and name.
        required: names of plugins without which a machine must not start.
        notes: names in the configuration that no installed plugin has, and names in plugins that nothing declares.
        passed_over: installed distributions whose metadata cannot be read, and why.
    """

    pm: pluggy.PluginManager
    plugins: list[PluginInfo]
    offers: dict[tuple[str, str], Offer]
    required: tuple[str, ...] = ()
    notes: list[str] = attrs.field(factory=list)
    passed_over: list[str] = attrs.field(factory=list)
    _checked: set[tuple[str, str]] = attrs.field(factory=set, init=False)

    @classmethod
    def load(
        cls,
        settings: Plugins | None = None,
        *,
        extra: Sequence[object] = (),
        base: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> PluginSet:
        """Loads every plugin that the settings allow. A plugin that fails does not raise an error here.

        Args:
            settings: the table ``[plugins]`` of the configuration.
            extra: modules or objects to load as plugins in addition to the installed ones.
            base: folder of ``hyperverse_local.py`` if the settings name none; None is the working directory.
            environ: environment variables; None means those of the process. ``HYPERVERSE_DISABLE_PLUGINS`` names
                further plugins not to load, ``HYPERVERSE_LOAD_PLUGINS`` the only ones to load, and
                ``HYPERVERSE_TRACE_PLUGINS=1`` writes each hook call to stderr.
        """
        settings = settings or Plugins()
        loading = Loading.begin(settings, os.environ if environ is None else environ)
        sources, passed_over = installed_sources()
        if settings.local:
            sources.append(local_source(settings.folder or base or Path.cwd()))
        loading.load_all([*sources, *map(object_source, extra)])
        return cls(loading.pm, loading.plugins, loading.settled(), settings.require, loading.notes, passed_over)

    # -- what is provided ------------------------------------------------------------------------------------

    @property
    def drivers(self) -> Mapping[str, type[Driver]]:
        """The driver classes, by the name of their Kind."""
        return {name: offer.value for (thing, name), offer in self.offers.items() if thing == "driver"}

    @property
    def star_kinds(self) -> Mapping[str, StarKindSpec]:
        """The star kinds, by name."""
        return {name: offer.value for (thing, name), offer in self.offers.items() if thing == "star kind"}

    @property
    def observers(self) -> list[Observer]:
        """The observers, in the order of their plugins."""
        return [offer.value for (thing, _), offer in self.offers.items() if thing == "observer"]

    def commands(self) -> Mapping[str, Callable[[], Any]]:
        """Returns the commands for the ``hyperverse`` program: by name, a function that imports and returns the
        ``click.Command``."""
        return {
            name: lambda offer=offer: load_factory(offer, self._distribution(offer))  # type: ignore[misc]  # bound now
            for (thing, name), offer in self.offers.items()
            if thing == "command"
        }

    def names(self, thing: str) -> list[str]:
        """Returns the names of all things of one kind (see :class:`PluginInfo`), sorted."""
        return sorted(name for of, name in self.offers if of == thing)

    def info(self, name: str) -> PluginInfo:
        """Returns the plugin of that name. Raises NotFound, with the nearest names as a hint."""
        for plugin in self.plugins:
            if plugin.name == name:
                return plugin
        known = [plugin.name for plugin in self.plugins]
        raise NotFound(f"no plugin named {name!r}", hint=f"known: {', '.join(known)}{did_you_mean(name, known)}")

    def who_provides(self, thing: str, name: str) -> str:
        """Returns the name of the plugin that provides a thing: ``"the core"`` for a built-in one, empty for none."""
        offer = self.offers.get((thing, name))
        return offer.plugin if offer is not None else ""

    def why_missing(self, kind: str) -> str:
        """Returns why no driver serves a Kind, as the end of a hint that names the failed plugins that may provide it;
        empty if none has failed."""
        troubled = [info for info in self.plugins if info.state != "ok" and not info.on_purpose]
        sure = [info for info in troubled if kind in info.registers.get("driver", ())]
        causes = [f"plugin {i.name!r} {i.reason}" for i in sure if not i.trouble] + [
            i.trouble for i in sure or troubled
        ]
        return "".join(f"; {_in_short(cause)}" for cause in causes if cause)

    def opening(self, thing: str, name: str) -> AbstractContextManager[None]:
        """Adds the plugin's name to errors that are raised while its thing is opened. See :func:`opening.opening`."""
        return opening(thing, name, self.who_provides(thing, name))

    def check_required(self) -> None:
        """Raises ConfigError if a plugin that the configuration requires is not installed, and PluginError if it is not
        ok."""
        for name in self.required:
            try:
                plugin = self.info(name)
            except NotFound as exc:
                raise ConfigError(faults=[f"plugins.require: {exc.message}; {exc.hint}"]) from exc
            if plugin.state != "ok":
                raise PluginError(
                    f"the plugin {name!r} is required, but is {plugin.state}: {plugin.reason}",
                    hint="repair the plugin, or remove it from [plugins] require",
                )

    def check(self, thing: str, name: str) -> None:
        """Raises NotFound, with the nearest names as a hint, if no plugin provides a thing of that name."""
        if (thing, name) not in self.offers:
            self._unknown(thing, name)

    # -- creating things ------------------------------------------------------------------------------------

    def registry(self, name: str, settings: Mapping[str, Any] | None = None) -> Registry:
        """Creates a registry. Raises NotFound, or PluginError when it cannot be imported or created."""
        return cast(Registry, self._make("registry", name, dict(settings or {})))

    def transport(self, name: str, settings: Mapping[str, Any] | None = None) -> LaneTransport:
        """Creates a lane transport. Raises UnknownTransport, or PluginError when it cannot be imported or created."""
        return cast(LaneTransport, self._make("transport", name, dict(settings or {})))

    def blobs(self, name: str, settings: Mapping[str, Any] | None = None) -> Blobs:
        """Creates a blob store. Raises NotFound, or PluginError when it cannot be imported or created."""
        return cast(Blobs, self._make("blob store", name, dict(settings or {})))

    def policy(self, name: str, settings: Mapping[str, Any] | None = None) -> SecurityPolicy:
        """Creates a security policy. Raises NotFound, or PluginError when it cannot be imported or created."""
        return cast(SecurityPolicy, self._make("policy", name, dict(settings or {})))

    def placement(self, name: str, chance: random.Random, settings: Mapping[str, Any] | None = None) -> Placement:
        """Creates a placement strategy. Raises NotFound, or PluginError when it cannot be imported or created."""
        return cast(Placement, self._make("placement", name, chance, dict(settings or {})))

    def gateway(self, name: str, settings: Mapping[str, Any] | None = None) -> Gateway:
        """Creates a gateway. Raises NotFound, or PluginError when it cannot be loaded or created."""
        return cast(Gateway, self._make("gateway", name, dict(settings or {})))

    def settings(self, thing: str, name: str) -> SettingsInfo:
        """Returns what a plugin declares about the settings of a thing; empty if the thing is unknown or cannot be
        imported."""
        offer = self.offers.get((thing, name))
        if offer is None:
            return settings_of(thing, None)
        try:
            return settings_of(thing, load_factory(offer, self._distribution(offer)))
        except HyperverseError:  # reported when it is created
            return settings_of(thing, None)

    def _make(self, thing: str, name: str, *args: Any) -> object:
        wanted = CONTRACTS[thing]
        offer = self.offers.get((thing, name)) or self._unknown(thing, name)
        factory = load_factory(offer, self._distribution(offer))
        info = settings_of(thing, factory)
        for settings in args:
            if isinstance(settings, dict):
                hide_settings(settings, info.plain)
        if offer.plugin != CORE and (thing, name) not in self._checked:  # a program may have hundreds of clients
            self._check_factory(offer, factory)
            self._checked.add((thing, name))
        try:
            made = factory(*args)
        except HyperverseError:
            raise
        except BaseException as exc:
            what = f"the {thing} {name!r} of plugin {offer.plugin!r} cannot be created: {described(exc)}"
            raise PluginError(
                what, hint=f"check its settings in the configuration, or update {offer.plugin!r}"
            ) from exc
        if not isinstance(made, wanted):
            raise PluginError(
                f"the {thing} {name!r} of plugin {offer.plugin!r} is not a {wanted.__name__}: {made!r}",
                hint=f"its factory must return an instance of a subclass of {wanted.__name__}",
            )
        return made

    @staticmethod
    def _check_factory(offer: Offer, factory: Callable[..., Any]) -> None:
        try:
            check_factory(offer, factory)
        except BadRequest as exc:
            what = f"the {offer.thing} {offer.name!r} of plugin {offer.plugin!r} cannot be used: {exc.message}"
            raise PluginError(what, hint=exc.hint or f"repair the plugin {offer.plugin!r}") from exc

    def verify(self) -> dict[str, list[HyperverseError]]:
        """Imports and checks everything that plugins have registered. Returns the errors, by name of the plugin."""
        return verify({info.name: info for info in self.plugins}, self.offers.values())

    def _distribution(self, offer: Offer) -> str:
        return "cosmic-hyperverse" if offer.plugin == CORE else self.info(offer.plugin).distribution

    def _unknown(self, thing: str, name: str) -> Offer:
        """Raises NotFound or UnknownTransport, with the most helpful hint."""
        error = UnknownTransport if thing == "transport" else NotFound
        what = f"no {'lane transport' if thing == 'transport' else thing} named {name!r}"
        for plugin in self.plugins:
            if plugin.state != "ok" and name in (plugin.name, *plugin.registers.get(thing, ())):
                raise error(what, hint=f"the plugin {plugin.name!r} is {plugin.state}: {plugin.reason}")
        known = self.names(thing)
        near = did_you_mean(name, known)
        failed = [plugin.name for plugin in self.plugins if plugin.state == "failed"]
        more = f"; one of these failed plugins may provide it: {', '.join(failed)}" if failed and not near else ""
        raise error(what, hint=f"known: {', '.join(known) or 'none'}{near}{more}")

    # -- the hooks of a running machine -------------------------------------------------------------------

    async def call(self, hook: str, **kwargs: Any) -> list[tuple[PluginInfo, BaseException]]:
        """Calls one hook of every plugin, one after the other, and awaits implementations that are coroutines.

        Args:
            hook: name of the hook.
            kwargs: arguments of the hook.

        Returns:
            Each plugin whose implementation raised, with the exception.
        """
        failures: list[tuple[PluginInfo, BaseException]] = []
        for info in self.plugins:
            plugin = self.pm.get_plugin(info.name)
            if plugin is None:
                continue
            try:
                for result in hook_of(self.pm, hook, plugin)(**kwargs):
                    if inspect.isawaitable(result):
                        await result
            except BaseException as exc:
                if ends_task(exc):
                    raise
                failures.append((info, presentable(exc)))
        return failures


def _in_short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHORT else f"{words[:_SHORT]}... (see `hyperverse plugins check`)"
