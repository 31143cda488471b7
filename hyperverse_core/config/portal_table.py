"""``[portal]``, another way to write ``[gateways.portal]``: it can also describe a portal without opening it."""

from __future__ import annotations

from typing import Final

from .check import Fault
from .files import Leaves, ValueOrigin

__all__ = ["PORTAL_KEYS", "portal_as_gateway"]

PORTAL_KEYS: Final = frozenset({"portal"})
"""Tables of the file that are not fields of the configuration."""
_ENABLED: Final = ("portal", "enabled")
_TARGET: Final = ("gateways", "portal")
_STRENGTH: Final = ("default", "user", "project", "environment", "flag")


def portal_as_gateway(leaves: Leaves) -> tuple[Leaves, list[Fault]]:
    """Moves the values of ``[portal]`` to ``[gateways.portal]``, and returns all values and the faults in them.

    ``enabled = true`` opens the portal with the settings of the table. Without it the table only provides the settings
    for a portal that ``hyperverse up --portal`` or a table ``[gateways.portal]`` opens. ``enabled = false`` closes one
    that another layer has opened.
    """
    own = {key: leaf for key, leaf in leaves.items() if key[0] in PORTAL_KEYS}
    if not own:
        return leaves, []
    others = {key: leaf for key, leaf in leaves.items() if key not in own}
    faults: list[Fault] = []
    if ("portal",) in own and own["portal",][0] != {}:
        return others, [Fault("portal", f"must be a table, not {own['portal',][0]!r}", "write [portal] enabled = true")]
    enabled, _ = own.pop(_ENABLED, (None, None))
    if enabled is not None and not isinstance(enabled, bool):
        faults.append(Fault("portal.enabled", f"must be true or false, not {enabled!r}"))
    if enabled is False:
        return {key: leaf for key, leaf in others.items() if key[:2] != _TARGET}, faults
    if enabled is None and not any(key[:2] == _TARGET for key in others):
        return others, faults
    for key, (value, origin) in own.items():
        if len(key) > 1:
            _put(others, ("gateways", *key), value, origin, faults)
    if not any(key[:2] == _TARGET for key in others):
        others[_TARGET] = ({}, leaves[_ENABLED][1])
    elif _TARGET in others and others[_TARGET][0] == {} and sum(key[:2] == _TARGET for key in others) > 1:
        del others[_TARGET]
    return others, faults


def _put(leaves: Leaves, key: tuple[str, ...], value: object, origin: ValueOrigin, faults: list[Fault]) -> None:
    """Lets the later layer override the earlier one; two values in the same layer are a fault."""
    there = leaves.get(key)
    if there is None or _STRENGTH.index(there[1].source) < _STRENGTH.index(origin.source):
        leaves[key] = (value, origin)
    elif there[1].source == origin.source:
        name = ".".join(key)
        faults.append(Fault(name, f"is also written as {name.removeprefix('gateways.')}", "write it once"))
