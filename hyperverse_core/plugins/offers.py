"""What plugins register: offers by kind of thing and name, and the import of a factory when it is needed."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from ..contracts.driver import Driver
from ..contracts.observer import Observer
from ..contracts.placement import Hash, NearParent, RoundRobin, Spread
from ..errors import BadRequest, Conflict, HyperverseError, PluginError, described
from ..scheduling.guarded_log import guarded_log
from ..universe.kind_defs.kind_def import KindDef
from .class_checks.drivers import driver_mistakes
from .class_checks.factories import CONTRACTS, check_callable, factory_mistakes, observer_mistakes, old_names
from .class_checks.mistake import Mistake, refusal

__all__ = ["CORE", "HOOKS", "Offer", "Offers", "StarKindSpec", "builtin_offers", "check_command", "load_factory"]

_log = guarded_log("hyperverse.plugins")
CORE: Final = "the core"
"""The provider of built-in things, instead of a plugin's name."""

HOOKS: Final[Mapping[str, str]] = {
    "registry": "hyperverse_register_registries",
    "transport": "hyperverse_register_transports",
    "policy": "hyperverse_register_policies",
    "placement": "hyperverse_register_placements",
    "blob store": "hyperverse_register_blobs",
    "driver": "hyperverse_register_drivers",
    "star kind": "hyperverse_register_star_kinds",
    "command": "hyperverse_register_commands",
    "gateway": "hyperverse_register_gateways",
    "observer": "hyperverse_register_observers",
}
"""The hook that registers each kind of thing."""


@attrs.frozen
class StarKindSpec:
    """A kind of star.

    Attributes:
        name: name in CamelCase, such as ``Fold``.
        forwards: whether its stars forward waves for other stars.
        hosts: whether its stars host particles.
    """

    name: str
    forwards: bool = False
    hosts: bool = True


@attrs.frozen
class Offer:
    """One thing that a plugin registered.

    Attributes:
        thing: the kind of thing, a key of ``HOOKS``.
        name: name of the thing, unique among its kind.
        plugin: name of the plugin.
        value: the factory or its import path, a driver class, a StarKindSpec, or an observer.
        extra: optional dependency of the plugin's distribution that the factory needs.
    """

    thing: str
    name: str
    plugin: str
    value: Any
    extra: str = ""

    def is_same(self, other: Offer) -> bool:
        """Returns whether both are the same driver class, which may be registered several times and counts once."""
        return self.thing == "driver" and self.value is other.value


@attrs.define
class Offers:
    """Collects what one plugin registers. It raises if something is invalid, so that the plugin's hook fails."""

    plugin: str
    found: dict[tuple[str, str], Offer] = attrs.field(factory=dict)
    mistakes: list[Mistake] = attrs.field(factory=list)
    """Mistakes in its classes, which are reported together."""

    def register(self, thing: str) -> Callable[..., None]:
        """Returns the function that the hook of a kind of thing receives as its argument."""
        if thing == "driver":
            return self._driver
        if thing == "observer":
            return self._observer
        if thing == "star kind":
            return self._star_kind

        def register(name: str, factory: str | Callable[..., Any], *, extra: str = "") -> None:
            self._factory(thing, name, factory, extra)

        return register

    def _add(self, offer: Offer) -> None:
        key = (offer.thing, offer.name)
        known = self.found.get(key)
        if known is not None and offer.is_same(known):
            return
        if known is not None:
            raise Conflict(f"it registers the {offer.thing} {offer.name!r} twice")
        self.found[key] = offer

    def _factory(self, thing: str, name: str, factory: str | Callable[..., Any], extra: str) -> None:
        if not isinstance(name, str) or not name or not name.isprintable() or " " in name:
            raise BadRequest(f"{name!r} is not a name for a {thing}")
        if isinstance(factory, str):
            module, _, attribute = factory.partition(":")
            if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
                raise BadRequest(f"{factory!r} is not an import path", hint='write "package.module:Attribute"')
        elif thing == "command":
            check_command(name, factory)
        elif not callable(factory):
            raise BadRequest(f"the factory of the {thing} {name!r} is {factory!r}, which cannot be called")
        else:
            self.mistakes += factory_mistakes(thing, factory)
            if thing in CONTRACTS and not isinstance(factory, type):
                check_callable(thing, name, factory)
        self._add(Offer(thing, name, self.plugin, factory, extra))

    def _driver(self, driver: type[Driver]) -> None:
        if not (isinstance(driver, type) and issubclass(driver, Driver)):
            raise BadRequest(f"{driver!r} is not a Driver class", hint="write register(CounterDriver)")
        kind = getattr(driver, "kind", None)
        if not isinstance(kind, KindDef):
            raise BadRequest(f"the driver {driver.__name__} has no Kind", hint='write kind = KindDef("Counter") in it')
        self._add(Offer("driver", kind.name, self.plugin, driver))
        self.mistakes += [mistake for mistake in driver_mistakes(driver) if mistake not in self.mistakes]

    def check(self) -> None:
        """Raises a BadRequest that lists all mistakes in the registered classes."""
        if self.mistakes:
            raise refusal(self.mistakes)

    def _observer(self, observer: Observer) -> None:
        if not isinstance(observer, Observer):
            raise BadRequest(f"{observer!r} is not an Observer object", hint="write register(MyObserver())")
        mistakes = list(observer_mistakes(observer))
        self.mistakes += [mistake for mistake in mistakes if mistake not in self.mistakes]
        for old in () if mistakes else old_names(observer):
            warnings.warn(f"{old} (plugin {self.plugin})", DeprecationWarning, stacklevel=2)
            _log.warning("plugin %s: %s", self.plugin, old)
        name = type(observer).__name__
        while (
            "observer",
            name,
        ) in self.found:  # a plugin may have two of one class, because observers are not looked up by name
            name += "'"
        self._add(Offer("observer", name, self.plugin, observer))

    def _star_kind(self, name: str, *, forwards: bool = False, hosts: bool = True) -> None:
        if not (isinstance(name, str) and name.isalnum() and name[:1].isupper()):
            raise BadRequest(f"{name!r} is not a star kind", hint="write it in CamelCase, such as 'Telescope'")
        self._add(Offer("star kind", name, self.plugin, StarKindSpec(name, forwards, hosts)))


def check_command(name: str, command: object) -> None:
    """Raises BadRequest if the object that a plugin has registered as the command ``name`` is not a command."""
    import click  # starting a machine may not need it

    if not isinstance(command, click.Command):
        raise BadRequest(
            f"the command {name!r} is {command!r:.80}, not a click.Command",
            hint="write `@click.command()` above the function, and register the result",
        )


def builtin_offers() -> dict[tuple[str, str], Offer]:
    """Returns the built-in star kinds (docs/reference/hooks.md#hyperverse_register_star_kinds), transport, gateway and
    placement strategies."""
    offers = Offers(CORE)
    star_kind, placement = offers.register("star kind"), offers.register("placement")
    for name, forwards, hosts in (
        ("Central", False, True),
        ("Super", True, True),
        ("Nexus", True, False),
        ("Maelstrom", True, True),
        ("Scribe", True, True),
        ("Jump", True, True),
        ("Fold", True, True),
        ("Machine", False, False),
    ):
        star_kind(name, forwards=forwards, hosts=hosts)
    offers.register("transport")("local", "hyperverse_core.lanes.local.transport:LocalTransport")
    offers.register("gateway")("control", "hyperverse_core.gateway.gate:ControlGate")
    for name, strategy in (
        ("spread", Spread),
        ("round-robin", RoundRobin),
        ("hash", Hash),
        ("near-parent", NearParent),
    ):
        placement(name, strategy)
    return offers.found


def load_factory(offer: Offer, distribution: str) -> Callable[..., Any]:
    """Returns the factory of an offer, and imports it if the offer has an import path.

    Args:
        offer: what a plugin registered.
        distribution: name of the plugin's distribution, for the hint.

    Raises:
        PluginError: the factory cannot be imported. The hint says which extra to install.
    """
    if not isinstance(offer.value, str):
        factory: Callable[..., Any] = offer.value
        return factory
    module, _, attribute = offer.value.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except HyperverseError:
        raise
    except BaseException as exc:
        what = f"the {offer.thing} {offer.name!r} of plugin {offer.plugin!r} cannot be imported: {described(exc)}"
        raise PluginError(what, hint=_cure(offer, distribution, exc)) from exc
    return found  # type: ignore[no-any-return]  # the caller checks what the factory creates


def _cure(offer: Offer, distribution: str, exc: BaseException) -> str:
    if isinstance(exc, ImportError) and offer.extra:
        return f'pip install "{distribution or offer.plugin}[{offer.extra}]"'
    return f"{offer.value!r} of {distribution or offer.plugin} is broken; update it, or disable the plugin"
