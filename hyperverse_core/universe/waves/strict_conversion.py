"""Conversion between plain values and annotated types, without guessing.

cattrs does the work. By default it turns ``"7"`` into 7 and drops unknown keys; the converter here refuses both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cattrs

from ..address.point import Point
from ..kinds.kind import Kind

__all__ = ["converter"]


def _strict(wanted: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is wanted:
            return value
        raise TypeError(f"{value!r} is not {wanted.__name__}")

    return structure


def _float(value: Any, _: Any) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    raise TypeError(f"{value!r} is not a number")


def _make() -> cattrs.Converter:
    made = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for plain in (int, str, bool, bytes):
        made.register_structure_hook(plain, _strict(plain))
    made.register_structure_hook(float, _float)
    made.register_structure_hook(Point, lambda value, _: Point.parse(value))
    made.register_unstructure_hook(Point, str)
    made.register_structure_hook(Kind, lambda value, _: Kind.parse(value))
    made.register_unstructure_hook(Kind, str)
    return made


converter = _make()
"""Structures plain values strictly: no value changes its type, except that an ``int`` is accepted for a ``float``.
Points and Kinds travel as their texts."""
