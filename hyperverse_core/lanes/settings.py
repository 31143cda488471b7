"""The settings of a transport whose values are all numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import attrs

from ..errors import ConfigError, did_you_mean

__all__ = ["parse_settings"]

T = TypeVar("T")


def parse_settings(cls: type[T], table: Mapping[str, Any], *, also: Collection[str] = ()) -> T:
    """Makes settings from a table of the config.

    Args:
        cls: an attrs class whose fields are numbers above 0, each with a default: an ``int`` is a count, a ``float`` is
            a number of seconds. A field with the metadata ``range`` is between these two numbers, both included,
            instead of above 0.
        table: names and values.
        also: names that the caller reads itself; they are ignored here.

    Raises:
        ConfigError: lists every fault: unknown names, with the most similar known one, and invalid values.
    """
    fields: dict[str, attrs.Attribute[Any]] = attrs.fields_dict(cls)  # type: ignore[arg-type]  # it is an attrs class
    known = (*also, *fields)
    faults = [
        f"no setting {key!r}{did_you_mean(key, known) or '; known: ' + ', '.join(known)}"
        for key in table
        if key not in known
    ]
    values = {key: table.get(key, field.default) for key, field in fields.items()}
    wrong = {key: fault for key, field in fields.items() if (fault := _fault(field, values[key]))}
    interval, timeout = "heartbeat_interval", "heartbeat_timeout"
    if {interval, timeout} <= fields.keys() - wrong.keys() and values[timeout] <= values[interval]:
        wrong[timeout] = f"must be more than {interval} ({values[interval]!r})"
    faults += [f"{key} = {values[key]!r}: {fault}" for key, fault in wrong.items()]
    if faults:
        raise ConfigError(faults=faults)
    return cls(**{key: value for key, value in table.items() if key in fields})


def _fault(field: attrs.Attribute[Any], value: object) -> str:
    """Returns what is wrong with the value of a setting; empty if nothing is."""
    whole = isinstance(field.default, int)
    kind = "a whole number" if whole else "a number of seconds"
    bounds: tuple[float, float] | None = field.metadata.get("range")
    right = f"must be {kind} above 0" if bounds is None else f"must be {kind} from {bounds[0]:g} to {bounds[1]:g}"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return right
    fits = value > 0 if bounds is None else bounds[0] <= value <= bounds[1]
    return "" if fits else right
