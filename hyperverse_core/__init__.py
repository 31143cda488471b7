"""Cosmic Hyperverse: a platform that hosts addressable resources and carries messages between them.

This is the front door: what a plugin or a program needs is here. Names are imported when they are asked for, so
that a program which needs a Point does not pay for a Machine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .client import Client as Client
    from .client import NoMachine as NoMachine
    from .config import Config as Config
    from .config import load_config as load_config
    from .contracts.driver import Ctx as Ctx
    from .contracts.driver import Driver as Driver
    from .contracts.driver import DriverHost as DriverHost
    from .contracts.driver import Particle as Particle
    from .contracts.driver import Sender as Sender
    from .contracts.driver import handler as handler
    from .contracts.driver import transient as transient
    from .contracts.lane import Door as Door
    from .contracts.lane import Identity as Identity
    from .contracts.lane import LaneReceiver as LaneReceiver
    from .contracts.lane import LaneTransport as LaneTransport
    from .contracts.lane import Peer as Peer
    from .contracts.observer import Observer as Observer
    from .contracts.placement import Candidate as Candidate
    from .contracts.placement import Placement as Placement
    from .contracts.policy import Knock as Knock
    from .contracts.policy import Need as Need
    from .contracts.policy import PolicyView as PolicyView
    from .contracts.policy import SecurityPolicy as SecurityPolicy
    from .contracts.registry import ParticleRecord as ParticleRecord
    from .contracts.registry import Registration as Registration
    from .contracts.registry import Registry as Registry
    from .contracts.registry import Status as Status
    from .contracts.registry import Strategy as Strategy
    from .errors import HyperverseError as HyperverseError
    from .fabric.machine import Machine as Machine
    from .hookspecs import Register as Register
    from .hookspecs import hookimpl as hookimpl
    from .universe.access.access import Access as Access
    from .universe.access.scope import Scope as Scope
    from .universe.address.point import Point as Point
    from .universe.address.star_key import StarKey as StarKey
    from .universe.address.surface import Surface as Surface
    from .universe.kind_defs.properties import PropertiesConfig as PropertiesConfig
    from .universe.kind_defs.properties import PropertyDef as PropertyDef
    from .universe.kinds.kind import Kind as Kind
    from .universe.kinds.kind import KindDef as KindDef
    from .universe.routing.bind import BindConfig as BindConfig
    from .universe.selectors.selector import Selector as Selector
    from .universe.waves.wave import Echo as Echo
    from .universe.waves.wave import Handling as Handling
    from .universe.waves.wave import Method as Method
    from .universe.waves.wave import Outcome as Outcome
    from .universe.waves.wave import Ping as Ping
    from .universe.waves.wave import Pong as Pong
    from .universe.waves.wave import Receipt as Receipt
    from .universe.waves.wave import Ripple as Ripple
    from .universe.waves.wave import Signal as Signal
    from .universe.waves.wave import Stars as Stars
    from .universe.waves.wave import Watchers as Watchers

_HOMES = {
    "client": "Client NoMachine",
    "config": "Config load_config",
    "contracts.driver": "Ctx Driver DriverHost Particle Sender handler transient",
    "contracts.lane": "Door Identity LaneReceiver LaneTransport Peer",
    "contracts.observer": "Observer",
    "contracts.placement": "Candidate Placement",
    "contracts.policy": "Knock Need PolicyView SecurityPolicy",
    "contracts.registry": "ParticleRecord Registration Registry Status Strategy",
    "errors": "HyperverseError",
    "fabric.machine": "Machine",
    "hookspecs": "Register hookimpl",
    "universe.access.access": "Access",
    "universe.routing.bind": "BindConfig",
    "universe.kinds.kind": "Kind KindDef",
    "universe.address.point": "Point",
    "universe.kind_defs.properties": "PropertiesConfig PropertyDef",
    "universe.access.scope": "Scope",
    "universe.selectors.selector": "Selector",
    "universe.address.star_key": "StarKey",
    "universe.address.surface": "Surface",
    "universe.waves.wave": "Echo Handling Method Outcome Ping Pong Receipt Ripple Signal Stars Watchers",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
