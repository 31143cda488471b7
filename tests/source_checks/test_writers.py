"""What several parts of the runtime read is written by one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from source_checks.writers import written

FABRIC = Path(__file__).parents[2] / "hyperverse_core" / "fabric"
WRITERS = {
    "allowed": {
        "particles/resident.py",  # nobody, when it is made
        "delivery/gate.py",
        "delivery/kept_answers.py",  # the gate's own
        "delivery/arrivals.py",  # the gate's own
    },
    "bind": {
        "particles/resident.py",  # the first one, when it is made
        "particles/served.py",  # another thing of that name: the bind of a Kind
        "delivery/binds.py",
    },
    "watched_until": {
        "particles/resident.py",  # never, when it is made
        "services/changes/watches.py",
    },
    "known": {
        "particles/places.py",
        "particles/served.py",  # another thing of that name: the Kinds that are known
    },
    "outgoing": {"transit/switchboard.py"},
}
"""Files that write an attribute."""


@pytest.mark.parametrize("name", WRITERS)
def test_an_attribute_is_written_by_one_part(name: str) -> None:
    found = {
        path.relative_to(FABRIC).as_posix()
        for path in sorted(FABRIC.rglob("*.py"))
        if name in written(path.read_text("utf-8"))
    }
    assert found == WRITERS[name]


def test_the_state_of_a_particle_is_moved_by_its_life_alone() -> None:
    """It is one enum, whose docstring draws the ways that ``Lifecycle`` takes."""
    writers = {
        path.relative_to(FABRIC).as_posix()
        for path in sorted(FABRIC.rglob("*.py"))
        if "state" in written(path.read_text("utf-8"), beside_own=True)
    }
    assert writers == set()
    room = sorted((FABRIC / "particles").glob("*.py"))
    assert [path.name for path in room if "state" in written(path.read_text("utf-8"))] == ["lifecycle.py"]


def test_a_lane_writes_nothing_of_others() -> None:
    assert written((FABRIC / "transit" / "peer_lane.py").read_text("utf-8"), beside_own=True) == set()


@pytest.mark.parametrize(
    "source",
    [
        "particle.allowed = {}",
        "self.particle.allowed = {}",
        "particle.allowed: dict = {}",
        "other, particle.allowed = 1, {}",
        "del particle.allowed",
        "particle.allowed['a'] = 'x'",
        "del particle.allowed['a']",
        "particle.allowed['a'] += 'x'",
        "particle.allowed |= {}",
        "particle.allowed.pop('a')",
        "pinned['a'].allowed.update(b='x')",
        "setattr(particle, 'allowed', {})",
    ],
)
def test_a_write_is_found(source: str) -> None:
    assert written(source, beside_own=True) == {"allowed"}


@pytest.mark.parametrize(
    "source", ["particle.allowed", "particle.allowed.get('a')", "allowed = 1", "x = particle.allowed['a']"]
)
def test_a_look_is_no_write(source: str) -> None:
    assert written(source) == set()
