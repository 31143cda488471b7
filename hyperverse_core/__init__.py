"""Cosmic Hyperverse: a platform that hosts addressable resources and carries messages between them.

This is the front door: what a plugin or a program needs is here. Names are imported when they are asked for, so
that a program which needs a Point does not pay for a Machine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
    from .universe.access import Access as Access
    from .universe.bind import BindConfig as BindConfig
    from .universe.kind import Kind as Kind
    from .universe.kind import KindDef as KindDef
    from .universe.point import Point as Point
    from .universe.properties import PropertiesConfig as PropertiesConfig
    from .universe.properties import PropertyDef as PropertyDef
    from .universe.scope import Scope as Scope
    from .universe.selector import Selector as Selector
    from .universe.star_key import StarKey as StarKey
    from .universe.surface import Surface as Surface
    from .universe.wave import Echo as Echo
    from .universe.wave import Handling as Handling
    from .universe.wave import Method as Method
    from .universe.wave import Outcome as Outcome
    from .universe.wave import Ping as Ping
    from .universe.wave import Pong as Pong
    from .universe.wave import Receipt as Receipt
    from .universe.wave import Ripple as Ripple
    from .universe.wave import Signal as Signal
    from .universe.wave import Stars as Stars
    from .universe.wave import Watchers as Watchers

__version__ = "0.1.0"

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
    "universe.access": "Access",
    "universe.bind": "BindConfig",
    "universe.kind": "Kind KindDef",
    "universe.point": "Point",
    "universe.properties": "PropertiesConfig PropertyDef",
    "universe.scope": "Scope",
    "universe.selector": "Selector",
    "universe.star_key": "StarKey",
    "universe.surface": "Surface",
    "universe.wave": "Echo Handling Method Outcome Ping Pong Receipt Ripple Signal Stars Watchers",
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
