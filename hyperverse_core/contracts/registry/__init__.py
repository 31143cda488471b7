"""The registry: where each particle lives, what it is, and who may touch it.

A registry holds everything durable of a Hyperverse. Several machines may share it. Compare-and-set in the registry
resolves conflicting decisions that two machines make at the same time. Each machine follows :meth:`Registry.changes`,
and drops its cached data of the changed particles.
"""

from __future__ import annotations

from . import refusals, stored_texts
from .contract import Registry
from .feed import FeedRegistry
from .particles import ParticleRegistry
from .places import PlaceRegistry
from .plain_texts import as_storable, check_text, check_texts, is_storable, keys_to_store
from .records import (
    Assigned,
    Assignment,
    Change,
    ChangeKind,
    Changes,
    MachineKey,
    Page,
    ParticleRecord,
    PropertyValue,
    StarRecord,
    Status,
    Strategy,
    TokenRecord,
    Trouble,
)
from .registrations import Registered, Registration
from .selector_match import SelectorMatch
from .sizes import LARGEST_STATE, check_new_states, check_state
from .stars import StarRegistry
from .trust import TrustRegistry

__all__ = [
    "LARGEST_STATE",
    "Assigned",
    "Assignment",
    "Change",
    "ChangeKind",
    "Changes",
    "FeedRegistry",
    "MachineKey",
    "Page",
    "ParticleRecord",
    "ParticleRegistry",
    "PlaceRegistry",
    "PropertyValue",
    "Registered",
    "Registration",
    "Registry",
    "SelectorMatch",
    "StarRecord",
    "StarRegistry",
    "Status",
    "Strategy",
    "TokenRecord",
    "Trouble",
    "TrustRegistry",
    "as_storable",
    "check_new_states",
    "check_state",
    "check_text",
    "check_texts",
    "is_storable",
    "keys_to_store",
    "refusals",
    "stored_texts",
]
