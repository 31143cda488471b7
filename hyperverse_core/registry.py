"""The contract of a registry, and the records that it keeps.

For authors of registries, and for policies and programs that read one. Subclass :class:`Registry`, register the class
with the hook ``hyperverse_register_registries``, and test it with
:class:`hyperverse_core.testing.RegistryConformance`. The names of this module are public: Semantic Versioning covers
them.
"""

from __future__ import annotations

from .contracts.registry import (
    LARGEST_STATE,
    Assigned,
    Assignment,
    Change,
    ChangeKind,
    Changes,
    FeedRegistry,
    MachineKey,
    Page,
    ParticleRecord,
    ParticleRegistry,
    PlaceRegistry,
    PropertyValue,
    Registered,
    Registration,
    Registry,
    SelectorMatch,
    StarRecord,
    StarRegistry,
    Status,
    Strategy,
    TokenRecord,
    Trouble,
    TrustRegistry,
    check_new_states,
    check_state,
    check_text,
    check_texts,
    is_storable,
    refusals,
    stored_texts,
)

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
    "check_new_states",
    "check_state",
    "check_text",
    "check_texts",
    "is_storable",
    "refusals",
    "stored_texts",
]
