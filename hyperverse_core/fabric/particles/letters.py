"""Letters: the permissions of each agent on a particle, stored where the hot path finds them.

Often a single agent uses thousands of particles. They share one dict for it, which saves 184 bytes for each particle
(measured). A particle that several agents use gets its own dict.
"""

from __future__ import annotations

from typing import Final

__all__ = ["NOBODY", "AllowAll", "Letters"]

_SHARED = 4096
_AGENTS = 4096
"""Greatest number of agents that one particle remembers."""


class AllowAll(dict[str, str]):
    """Replaces ``allowed`` where every agent may send waves, because the request itself asks the gate. Its ``get``
    ignores the key, so that the hot path needs no branch."""

    __slots__ = ()

    def get(self, key: str, default: object = None) -> str:
        return "csdrwx-"


class _Shared(dict[str, str]):
    """The letters of at most one agent, shared by many particles and never changed."""

    __slots__ = ()


NOBODY: Final[dict[str, str]] = _Shared()
"""The letters of a particle that no agent has used yet."""


class Letters:
    """Makes the dicts of permission letters by agent."""

    def __init__(self) -> None:
        self._of_one: dict[tuple[str, str], _Shared] = {}

    def more(self, allowed: dict[str, str], agent: str, letter: str) -> dict[str, str]:
        """Returns ``allowed`` with one more letter; changes the same dict if it is not shared."""
        if allowed is NOBODY:  # nearly always
            return self._one(agent, letter)
        held = allowed.get(agent, "")
        if letter in held:
            return allowed
        if len(allowed) >= _AGENTS and not held:
            return self._one(agent, letter)  # for an agent that is left out, the gate is asked again
        if type(allowed) is not _Shared:
            allowed[agent] = held + letter
            return allowed
        if len(allowed) > bool(held):  # another agent has letters there
            return {**allowed, agent: held + letter}
        return self._one(agent, held + letter)

    def less(self, allowed: dict[str, str], agent: str, letter: str) -> dict[str, str]:
        """Returns ``allowed`` with one letter less; changes the same dict if it is not shared."""
        held = allowed.get(agent, "")
        left = held.replace(letter, "")
        if left == held:
            return allowed
        if type(allowed) is _Shared:
            return self._one(agent, left) if left else NOBODY
        if left:
            allowed[agent] = left
        else:
            del allowed[agent]
        return allowed or NOBODY

    def _one(self, agent: str, letters: str) -> dict[str, str]:
        shared = self._of_one.get((agent, letters))
        if shared is None:
            if len(self._of_one) >= _SHARED:  # their particles still refer to those in use
                self._of_one.clear()
            shared = self._of_one[agent, letters] = _Shared({agent: letters})
        return shared
