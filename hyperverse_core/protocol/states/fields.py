"""Writes the durable fields of a class, and reads them back."""

from __future__ import annotations

import contextlib
import types
import typing
from collections.abc import Mapping
from typing import Any, Final

import attrs
import cattrs
import msgspec

from ...errors import HandlerFailed, described
from .annotations import annotation_of
from .checks import Check, check_for, exact_types, is_native
from .converter import converter
from .readable import unreadable
from .same import same

__all__ = ["VERSION", "StateField", "StateFields", "shown"]

VERSION: Final = ""
"""The key of the version in a saved map. No field has this name. Version 1 is not written."""
_SHOWN = 80
_KEPT_AS: Final = "_hyperverse_state_fields"
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode


@attrs.frozen(eq=False)
class StateField:
    """A durable field.

    Attributes:
        name: its name.
        wanted: its annotation.
        exact: types of plain values that are read back unchanged.
        check: true for values that are certainly read back unchanged.
        native: whether values that pass the check are written without conversion.
        why_not: why no value of it could be read back; empty if values can be.
    """

    name: str
    wanted: Any
    exact: frozenset[type]
    check: Check
    native: bool
    why_not: str

    @classmethod
    def of(cls, name: str, annotation: Any) -> StateField:
        """Compiles the annotation of a field."""
        why_not = unreadable(annotation)
        check: Check = check_for(annotation) if not why_not else bool
        exact = exact_types(annotation) if not why_not else frozenset()
        return cls(name, annotation, exact, check, is_native(annotation), why_not)

    def write(self, value: Any) -> Any:
        """Returns the value in its written form. Raises HandlerFailed if it would not be read back unchanged."""
        if type(value) in self.exact:
            return value
        try:
            if self.check(value):
                return value if self.native else converter.unstructure(value, unstructure_as=self.wanted)
            encoded = _encode(converter.unstructure(value, unstructure_as=self.wanted))
            back = self.read(_decode(encoded))
            if same(back, value):
                return msgspec.Raw(encoded)
        except RecursionError:
            raise HandlerFailed(
                f"the field {self.name!r} is nested too deeply to be saved, or contains itself",
                hint="put values that do not belong to the durable state into a field made by transient()",
            ) from None
        except Exception as exc:
            raise self._refused(value, said(exc)) from exc
        raise self._refused(value, f"it would be read back as {_shorten(back)}")

    def read(self, value: Any) -> Any:
        """Converts a written value back. Raises the errors of the converter."""
        return value if type(value) in self.exact else converter.structure(value, self.wanted)

    def _refused(self, value: Any, why: str) -> HandlerFailed:
        return HandlerFailed(
            f"the field {self.name!r}, of type {_named(self.wanted)}, cannot be saved with {_shorten(value)}: {why}",
            hint="change the annotation to match the value, or the value to match the annotation",
        )


@attrs.frozen(eq=False)
class StateFields:
    """All durable fields of a class, in their order.

    Attributes:
        fields: the fields by their names.
    """

    fields: Mapping[str, StateField]
    _rows: tuple[tuple[str, frozenset[type], StateField], ...] = attrs.field(
        default=attrs.Factory(lambda self: tuple((f.name, f.exact, f) for f in self.fields.values()), takes_self=True),
        init=False,
    )

    @classmethod
    def of(cls, owner: type) -> StateFields:
        """Returns the fields of ``owner``; none if it is not an attrs class."""
        # Cached on the class itself, not inherited by subclasses: each save needs them, and a map of weak references
        # costs three times as much.
        known: StateFields | None = owner.__dict__.get(_KEPT_AS)
        if known is None:
            durable = [f for f in attrs.fields(owner) if not f.metadata.get("transient")] if attrs.has(owner) else []
            fields = {f.name: StateField.of(f.name, annotation_of(owner, f)) for f in durable}
            known = cls(types.MappingProxyType(fields))
            setattr(owner, _KEPT_AS, known)
        return known

    def encode(self, held: object, version: int = 1) -> bytes:
        """Encodes the state of an object. Raises a HandlerFailed that names the field."""
        written: dict[str, Any] = {} if version == 1 else {VERSION: version}
        for name, exact, field in self._rows:
            value = getattr(held, name)
            written[name] = value if type(value) in exact else field.write(value)
        try:
            return _encode(written)
        except Exception as exc:
            for name, value in written.items():
                self._try(name, value)
            raise HandlerFailed(f"the state cannot be written: {said(exc)}") from exc

    def _try(self, name: str, value: Any) -> None:
        try:
            _encode(value)
        except Exception as exc:
            raise HandlerFailed(f"the field {name!r} cannot be saved with {_shorten(value)}: {said(exc)}") from exc


def said(error: BaseException) -> str:
    """Returns the text of an error of the converter, on one line."""
    if isinstance(error, cattrs.BaseValidationError):
        with contextlib.suppress(Exception):  # an exception in it may have no text
            return "; ".join(cattrs.transform_error(error))
    return described(error)


def shown(saved: bytes) -> Any:
    """Returns a saved state for display, without the version."""
    state = _decode(saved)
    if type(state) is dict:
        state.pop(VERSION, None)
    return state


def _shorten(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        return f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _named(annotation: Any) -> str:
    return (
        annotation.__qualname__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)
    )
