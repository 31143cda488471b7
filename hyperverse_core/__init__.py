"""Cosmic Hyperverse: a platform that hosts addressable resources and carries messages between them.

This is the main module. It has what most programs and plugins need. The other public modules have everything about one
subject:

- :mod:`hyperverse_core.driver`: behaviour of particles
- :mod:`hyperverse_core.registry`, :mod:`~hyperverse_core.transport`, :mod:`~hyperverse_core.policy`,
  :mod:`~hyperverse_core.gateway`: other parts of the platform
- :mod:`hyperverse_core.commands`: commands of the ``hyperverse`` program
- :mod:`hyperverse_core.values`: points, Kinds, selectors, permissions, waves
- :mod:`hyperverse_core.errors`, :mod:`hyperverse_core.testing`

The names of these modules are public: Semantic Versioning covers them. Everything else in this package is internal and
may change in any release. A name is imported when it is used, so that a program that needs a Point does not pay for a
Machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazily
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .client import Client as Client
    from .client import NoMachine as NoMachine
    from .client import ParticleChange as ParticleChange
    from .client import Result as Result
    from .client.blocking import BlockingClient as BlockingClient
    from .config import Config as Config
    from .config import load_config as load_config
    from .contracts.observer import Observer as Observer
    from .contracts.placement import Candidate as Candidate
    from .contracts.placement import Placement as Placement
    from .contracts.traffic import Traffic as Traffic
    from .contracts.wave_end import UNWANTED as UNWANTED
    from .contracts.wave_end import WaveEnd as WaveEnd
    from .driver import Answer as Answer
    from .driver import At as At
    from .driver import Ctx as Ctx
    from .driver import Driver as Driver
    from .driver import DriverHost as DriverHost
    from .driver import Particle as Particle
    from .driver import Sender as Sender
    from .driver import WaveOptions as WaveOptions
    from .driver import handler as handler
    from .driver import state as state
    from .driver import transient as transient
    from .errors import HyperverseError as HyperverseError
    from .fabric.machine import Machine as Machine
    from .hookspecs import Register as Register
    from .hookspecs import hookimpl as hookimpl
    from .policy import Credentials as Credentials
    from .policy import Decision as Decision
    from .policy import Need as Need
    from .policy import PolicyView as PolicyView
    from .policy import Request as Request
    from .policy import SecurityPolicy as SecurityPolicy
    from .registry import ParticleRecord as ParticleRecord
    from .registry import Registration as Registration
    from .registry import Registry as Registry
    from .registry import Status as Status
    from .registry import Strategy as Strategy
    from .transport import Endpoint as Endpoint
    from .transport import Identity as Identity
    from .transport import LaneReceiver as LaneReceiver
    from .transport import LaneTransport as LaneTransport
    from .transport import Peer as Peer
    from .values import Access as Access
    from .values import BindConfig as BindConfig
    from .values import Echo as Echo
    from .values import Handling as Handling
    from .values import Kind as Kind
    from .values import KindDef as KindDef
    from .values import Method as Method
    from .values import Outcome as Outcome
    from .values import Ping as Ping
    from .values import Point as Point
    from .values import Pong as Pong
    from .values import PropertiesConfig as PropertiesConfig
    from .values import PropertyDef as PropertyDef
    from .values import Receipt as Receipt
    from .values import Ripple as Ripple
    from .values import Scope as Scope
    from .values import Selector as Selector
    from .values import Signal as Signal
    from .values import StarKey as StarKey
    from .values import Stars as Stars
    from .values import Surface as Surface
    from .values import Watchers as Watchers

if not TYPE_CHECKING:  # a type checker reads the imports above, and reports a name that does not exist
    __all__, __getattr__, __dir__ = lazily(
        __name__,
        __package__,
        {
            "client": "Client NoMachine ParticleChange Result",
            "client.blocking": "BlockingClient",
            "config": "Config load_config",
            "contracts.observer": "Observer",
            "contracts.placement": "Candidate Placement",
            "contracts.traffic": "Traffic",
            "contracts.wave_end": "UNWANTED WaveEnd",
            "driver": "Answer At Ctx Driver DriverHost Particle Sender WaveOptions handler state transient",
            "errors": "HyperverseError",
            "fabric.machine": "Machine",
            "hookspecs": "Register hookimpl",
            "policy": "Credentials Decision Need PolicyView Request SecurityPolicy",
            "registry": "ParticleRecord Registration Registry Status Strategy",
            "transport": "Endpoint Identity LaneReceiver LaneTransport Peer",
            "values": (
                "Access BindConfig Echo Handling Kind KindDef Method Outcome Ping Point Pong "
                "PropertiesConfig PropertyDef Receipt Ripple Scope Selector Signal StarKey Stars Surface "
                "Watchers"
            ),
        },
    )
