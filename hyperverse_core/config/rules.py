"""Rules for values of the configuration, and converters that normalise them.

A rule returns what is wrong with a value, or an empty string when it is valid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .check import Secret

__all__ = [
    "a_machine_name",
    "a_name",
    "filled",
    "in_camel_case",
    "keys_in_camel_case",
    "not_negative",
    "positive",
    "texts",
    "to_dict",
    "to_float",
    "to_path",
    "to_secret",
    "to_tuple",
]

_NAME = re.compile(r"[a-z][a-z0-9]*")
_MACHINE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")


def a_name(value: str) -> str:
    if _NAME.fullmatch(value):
        return ""
    return f"{value!r} is not a name: use lower-case letters and digits, a letter first"


def a_machine_name(value: str) -> str:
    if _MACHINE_NAME.fullmatch(value):
        return ""
    return f"{value!r} is not a name: use lower-case letters and digits, with hyphens between, a letter first"


def in_camel_case(value: str) -> str:
    return (
        ""
        if _CAMEL.fullmatch(value)
        else f"{value!r} is not the name of a kind: write it in CamelCase, such as 'Central'"
    )


def filled(value: str) -> str:
    return "" if value else "must not be empty"


def positive(value: float) -> str:
    return "" if value > 0 else f"must be more than 0, not {value!r}"


def not_negative(value: float) -> str:
    return "" if value >= 0 else f"must be 0 or more, not {value!r}"


def keys_in_camel_case(value: Mapping[str, Any]) -> str:
    return next((said for said in map(in_camel_case, value) if said), "")


def texts(value: Mapping[str, Any]) -> str:
    wrong = sorted(str(name) for name, text in value.items() if not isinstance(text, str))
    return f"must be texts: {', '.join(wrong)}" if wrong else ""


def to_float(value: Any) -> Any:
    return float(value) if type(value) is int else value


def to_path(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str) else value


def to_secret(value: Any) -> Any:
    return Secret(value.strip()) if isinstance(value, str) and value else value


def to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, frozenset, set)) else value


def to_dict(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
