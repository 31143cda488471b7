"""Properties: their definitions, their changes, and the rules for both. docs/reference/kinds.md#properties."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from ...errors import BadRequest, ParseError, did_you_mean
from .property_pattern import PropertyPattern, is_bind_text
from .property_rules import Expression, OneOf, PropertyRule, PropertyScalar, Range, property_text, rule_hint

__all__ = [
    "PropertiesConfig",
    "PropertyChange",
    "PropertyDef",
    "PropertyPattern",
    "PropertyPermit",
    "PropertyScalar",
    "PropertySource",
    "SetProperty",
    "UnsetProperty",
    "changes_of",
]

_KEY = re.compile(r"[a-z0-9.-]++")


class PropertySource(enum.StrEnum):
    """The keeper of a property."""

    SHELL = "Shell"
    """The platform keeps it."""
    CORE = "Core"
    """The particle keeps it."""
    CORE_READ_ONLY = "CoreReadOnly"
    """The particle keeps it, and only the particle may set it."""
    CORE_SECRET = "CoreSecret"  # pragma: allowlist secret - a word of the language
    """The particle keeps it, and only the particle may read it."""


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
    found = tuple(value) if isinstance(value, Iterable) else None
    wrong = [value] if found is None else [one for one in found if not isinstance(one, PropertyDef)]
    if found is None or wrong:
        raise BadRequest(
            f"PropertiesConfig takes a list of PropertyDef, not {type(wrong[0]).__name__} {wrong[0]!r:.60}",
            hint='PropertiesConfig([PropertyDef("price", "In cents", "U64")])',
        )
    return found


def _pattern(value: PropertyPattern | Range | OneOf | Expression | str) -> PropertyPattern | PropertyRule:
    if isinstance(value, PropertyPattern | Range | OneOf | Expression):
        return value
    patterns = [str(pattern) for pattern in PropertyPattern]
    if isinstance(value, str) and value in patterns:
        return PropertyPattern(value)
    near = did_you_mean(value, patterns) if isinstance(value, str) else ""
    raise BadRequest(f"a property cannot have the pattern {value!r:.60}{near}", hint=rule_hint(patterns))


def _source(value: PropertySource | str) -> PropertySource:
    known = [str(source) for source in PropertySource]
    if value in known:
        return PropertySource(value)
    near = did_you_mean(value, known) if isinstance(value, str) else ""
    raise BadRequest(f"a property cannot have the source {value!r:.60}{near}", hint=f"one of {', '.join(known)}")


def _default(value: PropertyScalar | None) -> str | None:
    text = property_text(value)
    if text is None and value is not None:
        raise BadRequest(f"the default {value!r:.60} of a property is neither a string nor a number")
    return text


def _is(kind: type, cure: str) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(owner: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kind):
            named = getattr(owner, "key", None)
            where = f"property {named!r}: " if isinstance(named, str) and field.name != "key" else "a property: "
            raise BadRequest(f"{where}{field.name} is {value!r:.60}, not {cure}", hint=_EXAMPLE)

    return check


_EXAMPLE: Final = 'PropertyDef("price", "In cents", "U64", required=True)'


@attrs.frozen
class PropertyDef:
    """The definition of a property.

    Attributes:
        key: the name of the property: lower-case letters, digits, ``-`` and ``.``.
        doc: one line for people.
        pattern: the values that it may have: the name of a pattern such as ``U64``, a :class:`Range`, a
            :class:`OneOf` or an :class:`Expression`.
        required: whether every particle must have it.
        mutable: whether it may change after the particle is created.
        source: the keeper of the property.
        default: the value that a particle gets if its creator gives none; None for no value.
        constant: whether the property always has its default.
        permits: a note about what the property is for. No rule depends on it.
        hashed: whether the registry keeps only a hash of the value, made for passwords. For a secret that is only
            compared (``ctx.matches``) and never read.

    Raises:
        BadRequest: a constant has no default, the default does not fit the pattern, the key has other characters, an
            argument has the wrong type, or a property that is not a secret is hashed.

    Example:
        >>> PropertyDef("size", "Of the shirt", OneOf("small", "large"), default="small").read("large")
        'large'
    """

    key: str = attrs.field(validator=_is(str, "a string"))
    doc: str = attrs.field(default="", validator=_is(str, "a string"))
    pattern: PropertyPattern | PropertyRule = attrs.field(default=PropertyPattern.ANYTHING, converter=_pattern)
    required: bool = attrs.field(default=False, validator=_is(bool, "True or False"))
    mutable: bool = attrs.field(default=True, validator=_is(bool, "True or False"))
    source: PropertySource = attrs.field(default=PropertySource.SHELL, converter=_source)
    default: str | None = attrs.field(default=None, converter=_default)
    constant: bool = attrs.field(default=False, validator=_is(bool, "True or False"))
    permits: frozenset[PropertyPermit] = attrs.field(default=frozenset(), converter=_permits)
    hashed: bool = attrs.field(default=False, validator=_is(bool, "True or False"), kw_only=True)

    def __attrs_post_init__(self) -> None:
        faults = []
        if _KEY.fullmatch(self.key) is None:
            faults.append("a key contains only lower-case letters, digits, '-' and '.'")
        if self.constant and self.default is None:
            faults.append("a constant needs a default")
        if self.hashed and not self.is_secret:
            faults.append("only a property with the source CoreSecret can be hashed")
        if self.default is not None and not self.pattern.fits(self.default):
            faults.append(f"the default {self.default!r} must be {self.pattern.meant}")
        if faults:
            raise BadRequest(f"property {self.key!r}: {'; '.join(faults)}")

    @property
    def is_secret(self) -> bool:
        """Whether only the particle may read it."""
        return self.source is PropertySource.CORE_SECRET

    def value_faults(self, value: str) -> Iterator[str]:
        """Yields a line for each reason why only the particle, or nobody, may set the property to ``value``."""
        if not self.pattern.fits(value):
            yield self._misfit(value)
        if self.source is PropertySource.CORE_READ_ONLY:
            yield f"only the particle itself can set {self.key!r}"

    def bind_error(self, value: str) -> ParseError | None:
        """Returns the error in ``value`` if it is the text of a wrong bind; None otherwise."""
        if self.is_secret:
            return None
        return PropertyPattern.BIND.parse_error(value) if self._is_bind(value) else None

    def read(self, value: str) -> PropertyScalar:
        """Returns the value that the text ``value`` stands for: an ``int``, ``float`` or ``bool`` if the pattern says
        so. A text that does not fit, because it was set under an earlier pattern, is returned unchanged."""
        return self.pattern.read(value) if self.pattern.fits(value) else value

    def _is_bind(self, value: str) -> bool:
        return self.pattern is PropertyPattern.BIND and is_bind_text(value)

    def _misfit(self, value: str) -> str:
        if self.is_secret:  # errors are logged, and may be read by others
            return f"{self.key!r}, a secret, does not fit: it must be {self.pattern.meant}"
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
        secrets: those that only the particle may read.

    Raises:
        BadRequest: a property is defined twice.

    Example:
        >>> config = PropertiesConfig([PropertyDef("colour", default="red"), PropertyDef("size", pattern="U64")])
        >>> config.fill_create_defaults([SetProperty("size", "3")])
        (SetProperty(key='size', value='3', lock=False), SetProperty(key='colour', value='red', lock=False))
    """

    definitions: tuple[PropertyDef, ...] = attrs.field(default=(), converter=_definitions)
    _by_key: dict[str, PropertyDef] = attrs.field(init=False, eq=False, repr=False)
    secrets: frozenset[str] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        by_key = {definition.key: definition for definition in self.definitions}
        if len(by_key) < len(self.definitions):
            keys = [definition.key for definition in self.definitions]
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise BadRequest(f"properties defined twice: {', '.join(map(repr, twice))}")
        object.__setattr__(self, "_by_key", by_key)
        object.__setattr__(self, "secrets", frozenset(key for key, one in by_key.items() if one.is_secret))

    def __iter__(self) -> Iterator[PropertyDef]:
        return iter(self.definitions)

    def get(self, key: str) -> PropertyDef | None:
        """Returns the definition of the property ``key``; None if there is none."""
        return self._by_key.get(key)

    def read(self, key: str, value: str) -> PropertyScalar:
        """Returns the value that the text ``value`` of the property ``key`` stands for, as its definition reads it."""
        definition = self._by_key.get(key)
        return value if definition is None else definition.read(value)

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
                always = "the same" if definition.is_secret else repr(definition.default)
                faults.append(f"{change.key!r} is always {always}")
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
                faults.append(f"{change.key!r} cannot change after the particle is created")
            if isinstance(change, SetProperty):
                faults.extend(definition.value_faults(change.value))
            elif definition.required:
                faults.append(f"{change.key!r} is required and cannot be removed")
        _raise(faults, self._first_bind_error(given))

    def check_read(self, keys: Iterable[str]) -> None:
        """Raises BadRequest if only the particle may read one of the properties ``keys``."""
        faults: list[str] = []
        for key in keys:
            definition = self._known(key, faults)
            if definition is not None and definition.is_secret:
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


def changes_of(properties: Mapping[str, PropertyScalar]) -> list[PropertyChange]:
    """Returns the changes that set ``properties``. Raises BadRequest for a value that is neither a string nor a
    number."""
    changes: list[PropertyChange] = []
    for key, value in properties.items():
        text = property_text(value)
        if text is None:
            raise BadRequest(f"the property {key!r} cannot be {value!r:.60}", hint="give a string, a number or a bool")
        changes.append(SetProperty(key, text))
    return changes
