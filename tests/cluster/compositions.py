"""The same stars, composed in three ways: on one machine, on three, and each on a machine of its own."""

from __future__ import annotations

from collections.abc import Mapping

from hyperverse_core.config import StarTemplate

__all__ = ["COMPOSITIONS", "machine_of", "stars_of"]

_STARS = {
    "central": "Central",
    "super": "Super",
    "nexus": "Nexus",
    "maelstrom": "Maelstrom",
    "scribe": "Scribe",
    "jump": "Jump",
    "fold": "Fold",
}

COMPOSITIONS: Mapping[str, Mapping[str, str]] = {
    "one-machine": dict.fromkeys(_STARS, "a"),
    "three-machines": {
        "central": "a",
        "super": "b",
        "nexus": "b",
        "maelstrom": "c",
        "scribe": "a",
        "jump": "a",
        "fold": "c",
    },
    "one-machine-for-each-star": {name: f"m{name}" for name in _STARS},
}
"""By name: the machine of each star."""


def machine_of(composition: str, star: str) -> str:
    """The machine that runs a star."""
    return COMPOSITIONS[composition][star]


def stars_of(composition: str) -> tuple[StarTemplate, ...]:
    """The stars, for the config that all machines share."""
    places = COMPOSITIONS[composition]
    return tuple(StarTemplate(n, kind, 0, ("nexus",) * (n != "nexus"), places[n]) for n, kind in _STARS.items())
