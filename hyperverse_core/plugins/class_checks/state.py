"""Checks the durable state of a particle class: types that cannot be read back, and versions without an upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args, get_origin

from ...contracts.driver import Particle
from .annotations import is_plain_text
from .mistake import Mistake

__all__ = ["state_mistakes"]

_PLAIN: Final = frozenset({int, str, bool, float, bytes, type(None), None, Any, dict, list})
_HOLDERS: Final = frozenset({dict, list, set, frozenset})


def state_mistakes(cls: type[Particle]) -> Iterator[Mistake]:
    """Yields the mistakes in the state of a class. A class with ``dump`` and ``load`` handles its state itself."""
    versioned = cls._state_version != 1
    if cls.dump is not Particle.dump:
        if versioned:
            yield Mistake(
                cls, "it has `@state` and `load`", "remove `@state`, and distinguish old states from new ones in `load`"
            )
        return
    if cls.upgrade is not Particle.upgrade and not versioned:
        yield Mistake(cls, "`upgrade` is never called", "write `@state(version=2)` above the class", name="upgrade")
    for field in getattr(cls, "__attrs_attrs__", ()):
        why = "" if field.metadata.get("transient") else _unreadable(cls, field)
        if why:
            said = f"the field {field.name!r} could be saved but not read back: {why}"
            yield Mistake(cls, said, "give it another type, or declare it by `transient`", name=field.name)


def _unreadable(cls: type[Particle], field: Any) -> str:
    written = field.type
    if written is None or (is_plain_text(written) if isinstance(written, str) else _is_plain(written)):
        return ""
    from ...protocol.states.annotations import annotation_of
    from ...protocol.states.readable import unreadable

    return unreadable(annotation_of(cls, field))


def _is_plain(wanted: Any) -> bool:
    try:
        if wanted in _PLAIN:
            return True
    except TypeError:  # Annotated with an unhashable value
        return False
    return get_origin(wanted) in _HOLDERS and all(argument in _PLAIN for argument in get_args(wanted))
