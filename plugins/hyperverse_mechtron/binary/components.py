"""Reads what a component imports and exports, by name. Skips types and nested content."""

from __future__ import annotations

import attrs

from .reader import ByteReader

__all__ = ["ComponentContents", "read_component"]

_CUSTOM, _IMPORT, _EXPORT, _LAST = 0, 10, 11, 12
_SORTS = {0: "module", 1: "func", 2: "value", 3: "type", 4: "component", 5: "instance"}


@attrs.frozen
class ComponentContents:
    """The imports and exports of a component: each name and what it is, in the order of the file."""

    imports: tuple[tuple[str, str], ...]
    exports: tuple[tuple[str, str], ...]
    sections: tuple[str, ...]


def read_component(binary: bytes) -> ComponentContents:
    """Reads a component whose first eight bytes were checked before. Does not validate it. Raises BadRequest when its
    sections, imports or exports cannot be read."""
    imports: list[tuple[str, str]] = []
    exports: list[tuple[str, str]] = []
    sections: list[str] = []
    reader = ByteReader(binary, 8, len(binary))
    while reader.more:
        number = reader.byte()
        if number > _LAST:
            raise reader.fault(f"there is no section with the number {number}")
        body = reader.block(reader.number())
        if number == _CUSTOM:
            sections.append(body.name())
        elif number == _IMPORT:
            for _ in range(body.number()):
                imports.append((_name(body), _described(body)))
        elif number == _EXPORT:
            for _ in range(body.number()):
                name, sort = _name(body), _sort(body)
                body.number()
                if body.byte():
                    _described(body)
                exports.append((name, sort))
    return ComponentContents(tuple(imports), tuple(exports), tuple(sections))


def _name(body: ByteReader) -> str:
    form = body.byte()
    name = body.name()
    if form == 2:  # with options
        for _ in range(body.number()):
            body.byte()
            body.name()
    return name


def _sort(body: ByteReader) -> str:
    number = body.byte()
    if number == 0:
        body.byte()
    if number not in _SORTS:
        raise body.fault(f"there is no sort with the number {number}")
    return _SORTS[number]


def _described(body: ByteReader) -> str:
    number = body.byte()
    if number not in _SORTS:
        raise body.fault(f"there is no sort with the number {number}")
    if number == 0:
        body.byte()
    if number in (2, 3):  # a bound: equal to a type, or any
        if body.byte() == 0:
            body.number()
        elif number == 2:
            body.skip_signed()
    else:
        body.number()
    return _SORTS[number]
