"""Values between Python and the raw bindings of wasmtime for components.

A value crosses without a loop over its characters or bytes: ``list<u8>`` is filled and read by slices with a step.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, cast, string_at
from typing import Any, Final

import attrs

from . import raw
from .raw import ffi
from .typed_values import U32, EnumCase, Fields, Own, VariantCase
from .waiting import GuestAnswer

__all__ = ["RawValue", "Some", "Value", "put", "taken"]

RawValue: Final = raw.ComponentValue
"""A value as wasmtime has it."""
_SIZE: Final = ctypes.sizeof(RawValue)
_OFFSET: Final = RawValue.of.offset
_BOOL: Final = ffi.WASMTIME_COMPONENT_BOOL.value
_U8: Final = ffi.WASMTIME_COMPONENT_U8.value
_U32: Final = ffi.WASMTIME_COMPONENT_U32.value
_U64: Final = ffi.WASMTIME_COMPONENT_U64.value
_STRING: Final = ffi.WASMTIME_COMPONENT_STRING.value
_LIST: Final = ffi.WASMTIME_COMPONENT_LIST.value
_RECORD: Final = ffi.WASMTIME_COMPONENT_RECORD.value
_TUPLE: Final = ffi.WASMTIME_COMPONENT_TUPLE.value
_VARIANT: Final = ffi.WASMTIME_COMPONENT_VARIANT.value
_ENUM: Final = ffi.WASMTIME_COMPONENT_ENUM.value
_OPTION: Final = ffi.WASMTIME_COMPONENT_OPTION.value
_RESULT: Final = ffi.WASMTIME_COMPONENT_RESULT.value
_RESOURCE: Final = ffi.WASMTIME_COMPONENT_RESOURCE.value


@attrs.frozen
class Some:
    """A value of an ``option``, which is none for None."""

    value: Any


Value = str | bytes | bool | int | list[Any] | tuple[Any, ...] | GuestAnswer | VariantCase | Fields | Own | Some | None
"""A string, a ``list<u8>``, a bool, a number, another list, a tuple, a ``result``, a ``variant``, a ``record``, a
resource of ours, an ``option``, or nothing."""


def put(slot: Any, value: Any, context: Any = None) -> None:
    """Writes a value. Its memory then belongs to wasmtime.

    Args:
        slot: of wasmtime.
        value: see :data:`Value`.
        context: of the store, which only resources need.
    """
    if type(value) is str:
        slot.kind = _STRING
        _put_text(slot.of.string, value)
    elif isinstance(value, bytes):
        _put_bytes(slot, value)
    elif isinstance(value, bool):
        slot.kind, slot.of.boolean = _BOOL, value
    elif isinstance(value, int):
        slot.kind, slot.of.u64 = _U32 if type(value) is U32 else _U64, value
    elif isinstance(value, GuestAnswer):
        slot.kind, slot.of.result.is_ok, slot.of.result.val = _RESULT, value.ok, _boxed(value.value, context)
    elif isinstance(value, Some):
        slot.kind, slot.of.option = _OPTION, _boxed(value.value, context)
    elif value is not None:
        _put_other(slot, value, context)


def _put_other(slot: Any, value: Any, context: Any) -> None:
    if isinstance(value, EnumCase):
        slot.kind = _ENUM
        _put_text(slot.of.enumeration, value)
    elif isinstance(value, VariantCase):
        slot.kind, slot.of.variant.val = _VARIANT, None
        _put_text(slot.of.variant.discriminant, value.name)
    elif isinstance(value, Own):
        slot.kind, slot.of.resource = _RESOURCE, _resource(value, context)
    elif isinstance(value, Fields):
        slot.kind = _RECORD
        fields = vars(value)
        raw.component_new_record(byref(slot.of.record), len(fields))
        for entry, (name, each) in zip(slot.of.record.data[: len(fields)], fields.items(), strict=True):
            _put_text(entry.name, name)
            put(entry.val, each, context)
    elif isinstance(value, tuple):
        slot.kind = _TUPLE
        raw.component_new_tuple(byref(slot.of.tuple), len(value))
        for k, each in enumerate(value):
            put(slot.of.tuple.data[k], each, context)
    else:
        slot.kind = _LIST
        raw.component_new_list(byref(slot.of.list), len(value))
        for k, each in enumerate(value):
            put(slot.of.list.data[k], each, context)


def _put_text(vector: Any, text: str) -> None:
    told = text.encode("utf-8", "replace")
    raw.new_bytes(byref(vector), len(told), cast(ctypes.c_char_p(told), POINTER(ctypes.c_ubyte)))


def _put_bytes(slot: Any, value: bytes) -> None:
    size = len(value)
    slot.kind = _LIST
    raw.component_new_list(byref(slot.of.list), size)
    if not size:
        return
    cells = bytearray(size * _SIZE)
    cells[0::_SIZE] = bytes((_U8,)) * size
    cells[_OFFSET::_SIZE] = value
    ctypes.memmove(slot.of.list.data, bytes(cells), size * _SIZE)


def _resource(value: Own, context: Any) -> Any:
    made, found = raw.new_resource(True, value.number, value.kind), raw.ResourceValue()
    error = raw.resource_as_value(context, made, byref(found))
    raw.delete_resource(made)
    if error:
        raw.raise_raw(error)
    return found


def _boxed(value: Any, context: Any) -> Any:
    if value is None:
        return None
    inner = RawValue()
    put(inner, value, context)
    return raw.component_new_value(byref(inner))


def taken(slot: Any, context: Any = None) -> Any:
    """A copy of a value; a resource of ours is its number.

    Args:
        slot: of wasmtime.
        context: of the store, which only resources need.
    """
    kind = slot.kind
    if kind == _STRING:
        return string_at(slot.of.string.data, slot.of.string.size).decode("utf-8")
    if kind == _LIST:
        return _taken_list(slot.of.list, context)
    if kind == _U32:
        return int(slot.of.u32)
    if kind == _RESULT:
        inner = taken(slot.of.result.val.contents, context) if slot.of.result.val else ""
        assert isinstance(inner, str | bytes), "it was inspected before"
        return GuestAnswer(bool(slot.of.result.is_ok), inner)
    if kind == _RESOURCE:
        return _number(slot.of.resource, context)
    if kind == _U64:
        return int(slot.of.u64)
    if kind == _U8:
        return int(slot.of.u8)
    if kind == _ENUM:
        return EnumCase(string_at(slot.of.enumeration.data, slot.of.enumeration.size).decode("utf-8"))
    raise TypeError(f"a value of the kind {kind} is not known")


def _taken_list(found: Any, context: Any) -> Any:
    size = found.size
    if not size:
        return b""
    if found.data[0].kind == _U8:
        return string_at(found.data, size * _SIZE)[_OFFSET::_SIZE]
    return [taken(found.data[k], context) for k in range(size)]


def _number(value: Any, context: Any) -> int:
    """Which resource of ours it is. wasmtime lets it go with that, so it is asked once for each value."""
    found = raw.ResourcePointer()
    error = raw.resource_of_value(context, value, byref(found))
    if error:
        raw.raise_raw(error)
    number = int(raw.number_of_resource(found))
    raw.delete_resource(found)
    return number
