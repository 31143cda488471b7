"""The declarations of plugins about their settings: which of them anybody may see, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

__all__ = ["SettingsInfo", "settings_of"]

_EVERY: Final[Mapping[str, frozenset[str]]] = {
    "transport": frozenset({"address", "advertise"}),
    "policy": frozenset({"timeout"}),
}
"""Plain settings that the platform itself reads, by the kind of thing."""


@attrs.frozen
class SettingsInfo:
    """The declaration of the settings of one factory or driver.

    Attributes:
        plain: names of the settings that anybody may see.
        fields: the fields of the attrs class that describes them (``settings_class``), by name.
    """

    plain: frozenset[str]
    fields: Mapping[str, Any] = attrs.field(factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Returns the default of each plain setting that has one."""
        return {
            name: field.default
            for name, field in self.fields.items()
            if name in self.plain and isinstance(field.default, (str, int, float, bool))
        }


def settings_of(thing: str, factory: Any) -> SettingsInfo:
    """Returns what a factory or a driver class declares: the names in ``plain_settings``, and the attrs class
    ``settings_class``."""
    cls = getattr(factory, "settings_class", None)
    fields = attrs.fields_dict(cls) if isinstance(cls, type) and attrs.has(cls) else {}
    named = getattr(factory, "plain_settings", ())
    plain = frozenset(str(name) for name in named) if isinstance(named, (tuple, list, set, frozenset)) else frozenset()
    return SettingsInfo(plain | _EVERY.get(thing, frozenset()), fields)
