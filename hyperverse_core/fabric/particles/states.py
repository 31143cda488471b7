"""The durable state of a particle: encoded to bytes, loaded into a fresh object, and shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ...contracts.driver import Particle
from ...errors import HandlerFailed, HyperverseError, described
from ...protocol.states.fields import VERSION, StateField, StateFields, said
from .conversion import to_body

__all__ = ["decode_state", "encode_state", "state_of"]


def encode_state(particle: Particle) -> bytes:
    """Encodes the durable state of a particle. Raises HandlerFailed, naming the field, when it could not be read back
    unchanged."""
    cls = type(particle)
    if cls.dump is Particle.dump:
        return StateFields.of(cls).encode(particle, cls._state_version)
    dumped = _dumped(particle)
    if type(dumped) is bytes:
        return msgspec.msgpack.encode(dumped)
    try:
        return msgspec.msgpack.encode({key: _ENTRY.write(value) for key, value in dumped.items()})
    except Exception as exc:
        for key, value in dumped.items():
            StateField.of(str(key), Any).write(value)  # raises for the entry that cannot be written
        raise HandlerFailed(f"{cls.__name__}.dump returned a map that cannot be written: {said(exc)}") from exc


def state_of(particle: Particle) -> Any:
    """Returns the durable state of a particle as the body of a wave: what it dumps, or its durable fields.

    Raises HandlerFailed when that fails."""
    cls = type(particle)
    if cls.dump is not Particle.dump:
        dumped = _dumped(particle)
        return dumped if type(dumped) is bytes else to_body(dumped)
    return {field.name: _shown(field, getattr(particle, field.name)) for field in StateFields.of(cls).fields.values()}


def _shown(field: StateField, value: Any) -> Any:
    """Returns a field as part of a body. A field whose value could not be saved is shown as well."""
    try:
        written = field.write(value)
    except HandlerFailed:
        return to_body(value)
    return to_body(msgspec.msgpack.decode(written) if type(written) is msgspec.Raw else written)


def decode_state(particle: Particle, state: bytes) -> None:
    """Puts a saved state into a fresh particle. A field that is new keeps its default. A state of an older version is
    given to the class to upgrade it.

    Raises HandlerFailed, which names the field, when the state does not fit, and what the particle raises when it loads
    or upgrades it itself."""
    cls = type(particle)
    saved = msgspec.msgpack.decode(state)
    if cls.load is not Particle.load:
        particle.load(saved)
        return
    if type(saved) is not dict:
        raise HandlerFailed(
            f"the saved state is {type(saved).__name__}, and {cls.__name__} keeps its state in attrs fields",
            hint="a class whose particles once had `dump` and `load` has to keep `load`",
        )
    fields = StateFields.of(cls).fields
    saved = _upgraded(particle, saved)
    lost = [name for name in saved if name not in fields]
    if lost:
        raise HandlerFailed(
            f"the saved state has {', '.join(map(repr, lost))}, and {cls.__name__} has no such durable field",
            hint=_CURE,
        )
    for name, value in saved.items():
        object.__setattr__(particle, name, _read(cls, fields[name], value))


def _upgraded(particle: Particle, saved: dict[str, Any]) -> dict[str, Any]:
    cls = type(particle)
    version = saved.pop(VERSION, 1)
    if version == cls._state_version:
        return saved
    if version > cls._state_version:
        raise HandlerFailed(
            f"the saved state is of version {version}, and {cls.__name__} knows version {cls._state_version}",
            hint="a newer version of the plugin has saved it: install that one again; the saved state is kept",
        )
    if cls.upgrade is Particle.upgrade:
        raise HandlerFailed(
            f"the saved state is of version {version}, {cls.__name__} is of version {cls._state_version}, "
            f"and it has no `upgrade`",
            hint=_CURE,
        )
    upgraded = particle.upgrade(saved, version)
    if not isinstance(upgraded, Mapping):
        raise HandlerFailed(
            f"{cls.__name__}.upgrade returned {type(upgraded).__name__}, not a map",
            hint="return the state that it was given, changed",
        )
    return dict(upgraded)


_CURE = (
    "the saved state is kept: say with @state(version=...) and `upgrade` what becomes of it, see "
    "docs/how-to/change-a-state.md"
)


def _read(cls: type, field: StateField, value: Any) -> Any:
    try:
        return field.read(value)
    except Exception as exc:
        raise HandlerFailed(
            f"the saved state does not fit the field {field.name!r} of {cls.__name__}: {said(exc)}", hint=_CURE
        ) from exc


_ENTRY = StateField.of("", Any)


def _dumped(particle: Particle) -> Any:
    """What it dumps: bytes, or a map."""
    try:
        dumped = particle.dump()
    except HyperverseError:
        raise
    except BaseException as exc:
        raise HandlerFailed(f"{type(particle).__name__}.dump failed: {described(exc)}") from exc
    if isinstance(dumped, bytes | bytearray | memoryview):
        return bytes(dumped)
    if not isinstance(dumped, Mapping):
        raise HandlerFailed(f"{type(particle).__name__}.dump returned {type(dumped).__name__}, not bytes or a map")
    return dict(dumped)
