"""Waves are made in few places, so that a field that is added to every wave is lost nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from source_checks.wave_makers import makers

REPOSITORY = Path(__file__).parents[2]
SHIPPED = ("hyperverse_core", "plugins", "contrib")
MAKERS = {
    "hyperverse_core/universe/waves/wave.py": ["Directed.onward"],  # a Ping of all fields of a Ripple's copy
    "hyperverse_core/protocol/codec.py": ["<module>"],  # what has come from another machine; all fields of the frame
}
"""Who calls Ping, Signal or Ripple. ``universe/waves/origin.py`` makes all others, by the type that it is handed."""


def test_waves_are_made_in_these_places_only() -> None:
    found = {}
    for folder in SHIPPED:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            functions = makers(path.read_text("utf-8"))
            if functions:
                found[path.relative_to(REPOSITORY).as_posix()] = functions
    assert found == MAKERS, "make it by Origin.wave(), or with msgspec.structs.replace() out of another wave"


@pytest.mark.parametrize(
    "source",
    [
        "def begin():\n    return Ping(point, BOUNCE)",
        "def begin():\n    return wave.Signal(point, BOUNCE)",
        "from waves import Ripple as R\ndef begin():\n    return R(point, BOUNCE)",
        "maker = Ping\ndef begin():\n    return maker(point, BOUNCE)",
        "def begin():\n    return partial(Ping, point)",
        "def begin():\n    return type(wave)(wave.to, wave.method)",
    ],
)
def test_a_wave_that_is_made_by_hand_is_found(source: str) -> None:
    assert makers(source) == ["begin"]


@pytest.mark.parametrize(
    "source",
    [
        "def begin(origin):\n    return origin.wave(Ping, point, BOUNCE, None, {})",
        "def begin(wave):\n    return msgspec.structs.replace(wave, deadline=math.inf)",
        "def begin(wave):\n    return isinstance(wave, Ping)",
        "def begin():\n    return PingFrame(1)",
    ],
)
def test_another_call_is_left_alone(source: str) -> None:
    assert makers(source) == []
