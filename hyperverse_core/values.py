"""Values: points, Kinds, selectors, permissions, binds, commands and waves.

For programs, drivers and all other parts of the platform. Values do no I/O. Those that have a text parse with
``TYPE.parse(text)`` and print with ``str(value)``. The names of this module are public: Semantic Versioning covers
them. A name is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazily

if TYPE_CHECKING:
    from .universe.access.access import Access as Access
    from .universe.access.access import AccessExplanation as AccessExplanation
    from .universe.access.access import AccessKind as AccessKind
    from .universe.access.access import AccessView as AccessView
    from .universe.access.access import Verdict as Verdict
    from .universe.access.access import evaluate as evaluate
    from .universe.access.access import explain as explain
    from .universe.access.access import grant_roots as grant_roots
    from .universe.access.grant import AccessGrant as AccessGrant
    from .universe.access.grant import GrantKind as GrantKind
    from .universe.access.grant import GrantWord as GrantWord
    from .universe.access.permissions import MaskKind as MaskKind
    from .universe.access.permissions import Permissions as Permissions
    from .universe.access.permissions import PermissionsMask as PermissionsMask
    from .universe.access.permissions import Privileges as Privileges
    from .universe.access.scope import Scope as Scope
    from .universe.access.scope import ScopeGrant as ScopeGrant
    from .universe.access.scope import ScopeKind as ScopeKind
    from .universe.address.env import Env as Env
    from .universe.address.layer import Layer as Layer
    from .universe.address.point import ANONYMOUS as ANONYMOUS
    from .universe.address.point import GLOBAL_EXECUTOR as GLOBAL_EXECUTOR
    from .universe.address.point import HYPERUSER as HYPERUSER
    from .universe.address.point import ROOT as ROOT
    from .universe.address.point import Point as Point
    from .universe.address.route import Route as Route
    from .universe.address.route import RouteKind as RouteKind
    from .universe.address.segment import Segment as Segment
    from .universe.address.segment import SegmentKind as SegmentKind
    from .universe.address.star_key import StarKey as StarKey
    from .universe.address.surface import Surface as Surface
    from .universe.address.topic import Topic as Topic
    from .universe.address.topic import TopicKind as TopicKind
    from .universe.commands.command import Command as Command
    from .universe.commands.command import CommandTemplate as CommandTemplate
    from .universe.commands.script import Script as Script
    from .universe.commands.script import ScriptCommand as ScriptCommand
    from .universe.commands.script import complete as complete
    from .universe.commands.script import parse_command as parse_command
    from .universe.commands.script import parse_script as parse_script
    from .universe.kind_defs.kind_def import KindDef as KindDef
    from .universe.kind_defs.properties import PropertiesConfig as PropertiesConfig
    from .universe.kind_defs.properties import PropertyDef as PropertyDef
    from .universe.kind_defs.properties import PropertyPattern as PropertyPattern
    from .universe.kind_defs.properties import PropertySource as PropertySource
    from .universe.kind_defs.properties import SetProperty as SetProperty
    from .universe.kind_defs.properties import UnsetProperty as UnsetProperty
    from .universe.kind_defs.property_rules import Expression as Expression
    from .universe.kind_defs.property_rules import OneOf as OneOf
    from .universe.kind_defs.property_rules import PropertyScalar as PropertyScalar
    from .universe.kind_defs.property_rules import Range as Range
    from .universe.kind_defs.standard_kinds import STANDARD_KINDS as STANDARD_KINDS
    from .universe.kinds.kind import Kind as Kind
    from .universe.kinds.kind_selector import KindSelector as KindSelector
    from .universe.kinds.specific import Specific as Specific
    from .universe.routing.bind import BindConfig as BindConfig
    from .universe.routing.route_selector import RouteSelector as RouteSelector
    from .universe.selectors.hop import Hop as Hop
    from .universe.selectors.hop import HopKind as HopKind
    from .universe.selectors.selector import Selector as Selector
    from .universe.text.version import Version as Version
    from .universe.text.version import VersionReq as VersionReq
    from .universe.waves.wave import Body as Body
    from .universe.waves.wave import Directed as Directed
    from .universe.waves.wave import Echo as Echo
    from .universe.waves.wave import Handling as Handling
    from .universe.waves.wave import Method as Method
    from .universe.waves.wave import MethodKind as MethodKind
    from .universe.waves.wave import Outcome as Outcome
    from .universe.waves.wave import Ping as Ping
    from .universe.waves.wave import Pong as Pong
    from .universe.waves.wave import Priority as Priority
    from .universe.waves.wave import Receipt as Receipt
    from .universe.waves.wave import Recipients as Recipients
    from .universe.waves.wave import Ripple as Ripple
    from .universe.waves.wave import Signal as Signal
    from .universe.waves.wave import Stars as Stars
    from .universe.waves.wave import Watchers as Watchers

if not TYPE_CHECKING:  # a type checker reads the imports above, and reports a name that does not exist
    __all__, __getattr__, __dir__ = lazily(
        __name__,
        __package__,
        {
            "universe.access.access": "Access AccessExplanation AccessKind AccessView Verdict evaluate explain"
            " grant_roots",
            "universe.access.grant": "AccessGrant GrantKind GrantWord",
            "universe.access.permissions": "MaskKind Permissions PermissionsMask Privileges",
            "universe.access.scope": "Scope ScopeGrant ScopeKind",
            "universe.address.env": "Env",
            "universe.address.layer": "Layer",
            "universe.address.point": "ANONYMOUS GLOBAL_EXECUTOR HYPERUSER ROOT Point",
            "universe.address.route": "Route RouteKind",
            "universe.address.segment": "Segment SegmentKind",
            "universe.address.star_key": "StarKey",
            "universe.address.surface": "Surface",
            "universe.address.topic": "Topic TopicKind",
            "universe.commands.command": "Command CommandTemplate",
            "universe.commands.script": "Script ScriptCommand complete parse_command parse_script",
            "universe.kind_defs.kind_def": "KindDef",
            "universe.kind_defs.properties": (
                "PropertiesConfig PropertyDef PropertyPattern PropertySource SetProperty UnsetProperty"
            ),
            "universe.kind_defs.property_rules": "OneOf Expression PropertyScalar Range",
            "universe.kind_defs.standard_kinds": "STANDARD_KINDS",
            "universe.kinds.kind": "Kind",
            "universe.kinds.kind_selector": "KindSelector",
            "universe.kinds.specific": "Specific",
            "universe.routing.bind": "BindConfig",
            "universe.routing.route_selector": "RouteSelector",
            "universe.selectors.hop": "Hop HopKind",
            "universe.selectors.selector": "Selector",
            "universe.text.version": "Version VersionReq",
            "universe.waves.wave": (
                "Body Directed Echo Handling Method MethodKind Outcome Ping Pong Priority Receipt "
                "Recipients Ripple Signal Stars Watchers"
            ),
        },
    )
