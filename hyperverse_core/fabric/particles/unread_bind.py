"""A bind that a particle names and that no wave has needed yet."""

from __future__ import annotations

import attrs

from ...contracts.registry import ParticleRecord
from ...universe.kind_defs.property_pattern import is_bind_text
from ...universe.routing.bind import BindConfig

__all__ = ["UnreadBind", "first_bind"]


@attrs.frozen
class UnreadBind:
    """The text of a bind, or the point of the particle that has it."""

    source: str

    @property
    def inline(self) -> bool:
        """Whether ``source`` is the bind itself."""
        return is_bind_text(self.source)


def first_bind(record: ParticleRecord, default: BindConfig | None) -> BindConfig | UnreadBind | None:
    """Returns the routes of a particle: those of its ``bind`` property, read when the first wave arrives, or else those
    of its driver."""
    own = record.properties.get("bind")
    return default if own is None else UnreadBind(own.value)
