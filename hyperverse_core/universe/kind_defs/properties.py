"""Properties: their definitions, their changes, and the rules for both. docs/reference/kinds.md#properties."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator

import attrs

from ...errors import BadRequest, ParseError, did_you_mean
from .property_pattern import PropertyPattern, is_bind_text

__all__ = [
    "PropertiesConfig",
    "PropertyChange",
    "PropertyDef",
    "PropertyPattern",
    "PropertyPermit",
    "PropertySource",
    "SetProperty",
    "UnsetProperty",
]

_KEY = re.compile(r"[a-z0-9.-]++")


class PropertySource(enum.StrEnum):
    """The keeper of a property."""

    SHELL = "Shell"
    """The platform keeps it."""
    CORE = "Core"
    """The particle keeps it."""
    CORE_READ_ONLY = "CoreReadOnly"
    """The particle keeps it, and nobody else may set it."""
    CORE_SECRET = "CoreSecret"
    """The particle keeps it, and nobody else may read it."""


class PropertyPermit(enum.StrEnum):
    """A note of a definition about what a property is for. No rule depends on it."""

    READ = "Read"
    WRITE = "Write"


@attrs.frozen
class SetProperty:
    """Sets a property.

    Attributes:
        key: the property.
        value: its new value.
        lock: whether the property can never be changed or removed again.
    """

    key: str
    value: str
    lock: bool = False


@attrs.frozen
class UnsetProperty:
    """Removes a property.

    Attributes:
        key: the property.
    """

    key: str


PropertyChange = SetProperty | UnsetProperty


def _permits(value: Iterable[PropertyPermit]) -> frozenset[PropertyPermit]:
    return frozenset(value)


def _definitions(value: Iterable[PropertyDef]) -> tuple[PropertyDef, ...]:
    return tuple(value)


@attrs.frozen
class PropertyDef:
    """The definition of a property.

    Attributes:
        key: the name of the property: lower-case letters, digits, ``-`` and ``.``.
        doc: one line for people.
        pattern: the values that it may have.
        required: whether every particle must have it.
        mutable: whether it may change after the particle was created.
        source: the keeper of the property.
        default: the value that a particle gets if its creator gives none; None for no value.
        constant: whether the property always has its default.
        permits: a note about what the property is for. No rule depends on it.

    Raises:
        BadRequest: a constant has no default, the default does not fit the pattern, or the key has other characters.
    """

    key: str
    doc: str = ""
    pattern: PropertyPattern = attrs.field(default=PropertyPattern.ANYTHING, converter=PropertyPattern)
    required: bool = False
    mutable: bool = True
    source: PropertySource = attrs.field(default=PropertySource.SHELL, converter=PropertySource)
    default: str | None = None
    constant: bool = False
    permits: frozenset[PropertyPermit] = attrs.field(default=frozenset(), converter=_permits)

    def __attrs_post_init__(self) -> None:
        faults = []
        if _KEY.fullmatch(self.key) is None:
            faults.append("a key has lower-case letters, digits, '-' and '.' only")
        if self.constant and self.default is None:
            faults.append("a constant needs a default")
        if self.default is not None and not self.pattern.fits(self.default):
            faults.append(f"the default {self.default!r} must be {self.pattern.meant}")
        if faults:
            raise BadRequest(f"property {self.key!r}: {'; '.join(faults)}")

    def value_faults(self, value: str) -> Iterator[str]:
        """Yields a line for each reason why nobody but the particle may set the property to ``value``."""
        if not self.pattern.fits(value):
            yield self._misfit(value)
        if self.source is PropertySource.CORE_READ_ONLY:
            yield f"only the particle itself can set {self.key!r}"

    def bind_error(self, value: str) -> ParseError | None:
        """Returns the error in ``value`` if it is the text of a bind; None if it is none, or is right."""
        return self.pattern.parse_error(value) if self.pattern is PropertyPattern.BIND and is_bind_text(value) else None

    def _misfit(self, value: str) -> str:
        error = self.bind_error(value)
        if error is None:
            return f"{self.key!r} cannot be {value!r}: it must be {self.pattern.meant}"
        return f"the bind in {self.key!r} is wrong: {error.told}"


@attrs.frozen
class PropertiesConfig:
    """The properties of a Kind. Its particles may have no others.

    Each check looks at all changes and raises one BadRequest that names every fault. If the text of a bind is wrong,
    the cause of the error is the ParseError of the first such bind.

    Attributes:
        definitions: the properties.

    Raises:
        BadRequest: a property is defined twice.

    Example:
        >>> config = PropertiesConfig([PropertyDef("colour", default="red"), PropertyDef("size", pattern="U64")])
        >>> config.fill_create_defaults([SetProperty("size", "3")])
        (SetProperty(key='size', value='3', lock=False), SetProperty(key='colour', value='red', lock=False))
    """

    definitions: tuple[PropertyDef, ...] = attrs.field(default=(), converter=_definitions)
    _by_key: dict[str, PropertyDef] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        by_key = {definition.key: definition for definition in self.definitions}
        if len(by_key) < len(self.definitions):
            keys = [definition.key for definition in self.definitions]
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise BadRequest(f"properties defined twice: {', '.join(map(repr, twice))}")
        object.__setattr__(self, "_by_key", by_key)

    def __iter__(self) -> Iterator[PropertyDef]:
        return iter(self.definitions)

    def get(self, key: str) -> PropertyDef | None:
        """Returns the definition of the property ``key``; None if there is none."""
        return self._by_key.get(key)

    def fill_create_defaults(self, changes: Iterable[PropertyChange]) -> tuple[PropertyChange, ...]:
        """Returns ``changes``, and one that sets each default whose key they do not mention."""
        given = tuple(changes)
        mentioned = {change.key for change in given}
        filled = (
            SetProperty(definition.key, definition.default)
            for definition in self.definitions
            if definition.default is not None and definition.key not in mentioned
        )
        return (*given, *filled)

    def check_create(self, changes: Iterable[PropertyChange]) -> None:
        """Raises BadRequest if a particle cannot be created with ``changes``, to which defaults have been added."""
        faults: list[str] = []
        given = _last_of_each(changes)
        for change in given:
            if (definition := self._known(change.key, faults)) is None:
                continue
            if isinstance(change, UnsetProperty):
                faults.append(f"{change.key!r} cannot be removed from a particle that is being created")
                continue
            if definition.constant and change.value != definition.default:
                faults.append(f"{change.key!r} is always {definition.default!r}")
            faults.extend(definition.value_faults(change.value))
        present = {change.key for change in given}
        for definition in self.definitions:
            if definition.required and definition.key not in present:
                faults.append(f"{definition.key!r} is required")
        _raise(faults, self._first_bind_error(given))

    def check_update(self, changes: Iterable[PropertyChange]) -> None:
        """Raises BadRequest if an existing particle cannot take ``changes``."""
        faults: list[str] = []
        given = _last_of_each(changes)
        for change in given:
            if (definition := self._known(change.key, faults)) is None:
                continue
            if definition.constant:
                faults.append(f"{change.key!r} is constant")
            elif not definition.mutable:
                faults.append(f"{change.key!r} cannot change after the particle was created")
            if isinstance(change, SetProperty):
                faults.extend(definition.value_faults(change.value))
            elif definition.required:
                faults.append(f"{change.key!r} is required and cannot be removed")
        _raise(faults, self._first_bind_error(given))

    def check_read(self, keys: Iterable[str]) -> None:
        """Raises BadRequest if one of the properties ``keys`` may not be read by anybody but the particle."""
        faults: list[str] = []
        for key in keys:
            definition = self._known(key, faults)
            if definition is not None and definition.source is PropertySource.CORE_SECRET:
                faults.append(f"{key!r} is a secret of the particle")
        _raise(faults)

    def _first_bind_error(self, changes: Iterable[PropertyChange]) -> ParseError | None:
        for change in changes:
            definition = self._by_key.get(change.key)
            if definition is not None and isinstance(change, SetProperty):
                error = definition.bind_error(change.value)
                if error is not None:
                    return error
        return None

    def _known(self, key: str, faults: list[str]) -> PropertyDef | None:
        definition = self._by_key.get(key)
        if definition is None:
            known = ", ".join(self._by_key) or "none"
            faults.append(f"no property {key!r} (known: {known}){did_you_mean(key, self._by_key)}")
        return definition


def _last_of_each(changes: Iterable[PropertyChange]) -> list[PropertyChange]:
    """Returns the last change of each key: docs/reference/commands.md#particles."""
    return list({change.key: change for change in changes}.values())


def _raise(faults: list[str], cause: ParseError | None = None) -> None:
    if faults:
        raise BadRequest("; ".join(faults), hint=cause.hint if cause is not None else "") from cause
