"""Encodes the durable state of a particle to bytes, loads it into a fresh object, and shows it."""

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
    """Encodes the durable state of a particle. Raises a HandlerFailed that names the field if it could not be read back
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
    """Returns the durable state of a particle as the body of a wave: the result of its ``dump``, or its durable fields.

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
    """Loads a saved state into a fresh particle. A new field keeps its default. A state of an older version is passed
    to the class, which upgrades it.

    Raises a HandlerFailed that names the field if the state does not fit, and the errors of the particle's own ``load``
    or ``upgrade``."""
    cls = type(particle)
    saved = msgspec.msgpack.decode(state)
    if cls.load is not Particle.load:
        particle.load(saved)
        return
    if type(saved) is not dict:
        raise HandlerFailed(
            f"the saved state is {type(saved).__name__}, but {cls.__name__} keeps its state in attrs fields",
            hint="a class whose particles once had `dump` and `load` must keep `load`",
        )
    fields = StateFields.of(cls).fields
    saved = _upgraded(particle, saved)
    lost = [name for name in saved if name not in fields]
    if lost:
        raise HandlerFailed(
            f"the saved state has {', '.join(map(repr, lost))}, but {cls.__name__} has no such durable field",
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
            f"the saved state is of version {version}, but {cls.__name__} knows only version {cls._state_version}",
            hint="a newer version of the plugin has saved it: install that version again; the saved state is kept",
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
            hint="return the given state with its changes",
        )
    return dict(upgraded)


_CURE = (
    "the saved state is kept: define with @state(version=...) and `upgrade` how to convert it, see "
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
    """Returns the result of its ``dump``: bytes, or a map."""
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
