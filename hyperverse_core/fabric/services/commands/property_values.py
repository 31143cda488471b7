"""Property values in commands: typed, checked, and encrypted if the property is secret."""

from __future__ import annotations

from collections.abc import Sequence

from ....contracts.registry import ParticleRecord
from ....errors import BadRequest, NoDriver
from ....universe.kind_defs.kind_def import KindDef
from ....universe.kind_defs.properties import PropertyChange, PropertyScalar
from ...particles.sealed_properties import SealedProperties
from ...particles.served import ServedKinds

__all__ = ["PropertyValues"]


class PropertyValues:
    """The properties of particles, as their Kinds declare them.

    Args:
        served: the Kinds that this machine knows.
        sealed: encrypts the values.
    """

    def __init__(self, served: ServedKinds, sealed: SealedProperties) -> None:
        self._served = served
        self._sealed = sealed

    def kind(self, base: str) -> KindDef:
        """Returns the declaration of a Kind. Raises NoDriver if this machine does not know it, so that secrets stay
        hidden."""
        kind = self._served.known.get(base)
        if kind is None:
            raise NoDriver(
                f"no plugin here knows Kind {base!r}, so it is unknown which of its properties are secret",
                hint="install the plugin that provides it, or ask another machine",
            )
        return kind

    def named(self, record: ParticleRecord, keys: Sequence[str]) -> dict[str, PropertyScalar | None]:
        """Returns the values of those properties; None for a property that is not set.

        Raises NoDriver if the Kind is unknown here, BadRequest and Forbidden for keys that may not be read."""
        kind = self.kind(record.kind.base)
        kind.properties.check_read(keys)
        read = kind.properties.read
        values = {key: read(key, record.properties[key].value) for key in keys if key in record.properties}
        return {key: values.get(key) for key in keys}

    def readable(self, record: ParticleRecord) -> dict[str, PropertyScalar]:
        """Returns the properties of a particle except its secrets; none if this machine does not know the Kind."""
        kind = self._served.known.get(record.kind.base)
        if kind is None:
            return {}
        properties, hidden = kind.properties, kind.properties.secrets
        return {key: properties.read(key, v.value) for key, v in record.properties.items() if key not in hidden}

    def check_update(self, records: Sequence[ParticleRecord], changes: Sequence[PropertyChange]) -> None:
        """Checks that the Kinds of ``records`` accept ``changes``. Raises a BadRequest that names the first that
        refuses."""
        bases = {r.kind.base: r for r in reversed(records)}
        for base, first in bases.items():
            kind = self._served.known.get(base)
            if kind is None:
                continue
            try:
                kind.properties.check_update(changes)
            except BadRequest as exc:
                said = f"{first.point.text!r}, a {base}: {exc.message}" if len(records) > 1 else exc.message
                raise BadRequest(said, hint=exc.hint) from exc.__cause__

    async def written(
        self, records: Sequence[ParticleRecord], changes: list[PropertyChange]
    ) -> list[tuple[set[str], list[PropertyChange]]]:
        """Returns what to write for each Kind: a property that is secret in any of the Kinds is encrypted there.

        Raises NoDriver if this machine cannot tell whether it is secret."""
        open_to_all: tuple[set[str], list[PropertyChange]] = (set(), changes)
        found = [open_to_all]
        for base in {r.kind.base for r in records}:
            kind = self.kind(base)
            if kind.properties.secrets.isdisjoint(change.key for change in changes):
                open_to_all[0].add(base)
            else:
                found.append(({base}, await self._sealed.changes(kind, changes)))
        return [one for one in found if one[0]]
