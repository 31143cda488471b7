"""Commands: what people and programs ask of a Hyperverse. docs/reference/commands.md.

A command is a frozen value, and ``str(command)`` is its text. In a command that was parsed, points are templates
(:class:`PointVar`), which may be relative or contain variables. ``command.resolve(env)`` returns the command with
absolute points, and with the content of its files; ``command.uploads`` names those files.
"""

from __future__ import annotations

from typing import TypeAlias

from ..address.point import Point
from ..address.point_template import PointTemplate, ResolvedTemplate
from ..address.template import PointVar
from .command_access import Chown, Explain, Grant, Grants, Revoke, ShowAccess
from .command_create import Create, Publish
from .command_particle import Delete, Get, Into, Read, Select, Set, Write
from .command_wave import PingCommand, RippleCommand, SignalCommand
from .strategy import Strategy

__all__ = [
    "Chown",
    "Command",
    "CommandTemplate",
    "Create",
    "Delete",
    "Explain",
    "Get",
    "Grant",
    "Grants",
    "Into",
    "PingCommand",
    "Publish",
    "Read",
    "Revoke",
    "RippleCommand",
    "Select",
    "Set",
    "ShowAccess",
    "SignalCommand",
    "Strategy",
    "Write",
]

_Absolute: TypeAlias = Delete | Select | RippleCommand | Grant | Grants | Revoke

CommandTemplate: TypeAlias = (
    Create[PointTemplate]
    | Publish[PointVar]
    | Get[PointVar]
    | Set[PointVar]
    | Read[PointVar]
    | Write[PointVar]
    | PingCommand[PointVar]
    | SignalCommand[PointVar]
    | Chown[PointVar]
    | Explain[PointVar]
    | ShowAccess[PointVar]
    | _Absolute
)
"""A command as it was written. Its points may be relative or contain variables."""

Command: TypeAlias = (
    Create[ResolvedTemplate]
    | Publish[Point]
    | Get[Point]
    | Set[Point]
    | Read[Point]
    | Write[Point]
    | PingCommand[Point]
    | SignalCommand[Point]
    | Chown[Point]
    | Explain[Point]
    | ShowAccess[Point]
    | _Absolute
)
"""A command with absolute points, which can be carried out."""
