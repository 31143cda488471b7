"""The cached answers of a machine's policy, indexed by the points on which they depend."""

from __future__ import annotations

from itertools import islice
from typing import Protocol, TypeAlias

from ...contracts.policy import ANYTHING, Decision, Need, Request
from ...contracts.registry import ParticleRecord
from ...universe.access.scope import Scope
from ...universe.address.point import Point
from ..particles.letters import NOBODY, Letters
from .arrivals import Entrance

__all__ = ["Holder", "KeptAnswers", "Key", "for_action", "key_for", "key_of"]

Key: TypeAlias = tuple[str, str, str, str, str, Scope | None, str]
"""The key of an answer: agent, target and owner of the target (their points, as texts), the permission and the
privilege that are needed, the scope of the wave, and the action, which is empty for an answer that applies to every
action. It is a plain tuple, because one is created for each first wave, and the garbage collector soon stops tracking a
tuple of texts."""

_SHOWN = frozenset("rwx")
"""Permissions that waves need."""
_ANSWER = 4
_SHARE = 16
"""The share of the answers that is dropped at once, because the first entries of a dict are slow to find after deleted
ones."""


class Holder(Protocol):
    """The part of a particle where the hot path finds answers.

    Attributes:
        text: its point.
        allowed: the permission letters of each agent.
    """

    text: str
    allowed: dict[str, str]


class KeptAnswers:
    """Answers by key. If room is needed, the least recently used ones are dropped first.

    :meth:`show` writes an answer to ``allowed`` of the particle, where the hot path finds it with one look-up and no
    call; it is removed from there when the answer is dropped.

    Args:
        room: number of units to keep. An answer takes 4 units, and 1 for each point on which it depends. A unit is 30
            to 130 bytes (measured).
        covered: the letters of particles whose ``allowed`` is temporarily empty, see :class:`Arrivals`.
    """

    def __init__(self, room: int, covered: dict[Entrance, dict[str, str]] | None = None) -> None:
        self._covered = {} if covered is None else covered
        self._room = room
        self._taken = 0
        self._answers: dict[Key, Decision] = {}  # the least recently used one is first
        self._resting: dict[str, Key | set[Key]] = {}  # a set takes 216 bytes, and most points need none
        self._on_anything: set[Key] = set()
        self._holders: dict[str, Holder] = {}
        self._letters = Letters()
        self._by_action = 0

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: Key, action: str) -> Decision | None:
        """Returns the answer under ``key``, or the one for this action only."""
        answers = self._answers
        decision = answers.get(key)
        if decision is None and self._by_action:
            key = for_action(key, action)
            decision = answers.get(key)
        if decision is not None:
            del answers[key]
            answers[key] = decision
        return decision

    def refusal(self, key: Key) -> Decision | None:
        """Returns the answer under ``key`` if it is a refusal. This does not count as a use, because an agent that is
        refused repeatedly must not displace the answers of others."""
        decision = self._answers.get(key)
        return None if decision is None or decision.allowed else decision

    def keep(self, key: Key, decision: Decision) -> None:
        """Stores an answer, and drops others if it needs room."""
        if key in self._answers:
            self._remove(key)
        self._answers[key] = decision
        rests_on = decision.rests_on
        if rests_on is ANYTHING:
            self._taken += _ANSWER
            self._on_anything.add(key)
        else:
            self._taken += _ANSWER + len(rests_on)
            for point in rests_on:
                self._rest(key, point.text)
        if key[6]:
            self._by_action += 1
        while self._taken > self._room:
            for oldest in list(islice(self._answers, len(self._answers) // _SHARE + 1)):
                self._remove(oldest)

    def show(self, particle: Holder, key: Key) -> None:
        """Shows the answer to the hot path, if it is stored here and the hot path can use it: it allows one permission
        that waves need, for every action, without a scope. An answer that never changes is then stored only there,
        which saves 155 bytes (measured); when the particle returns, the policy is asked again."""
        agent, target, _, permission, privilege, scope, action = key
        if privilege or action or scope is not None or permission not in _SHOWN:
            return
        decision = self._answers.get(key)
        if decision is None or not decision.allowed:
            return
        before = self._holders.get(target)
        if before is not particle:
            if before is not None:
                self._show_nobody(before)
            self._holders[target] = particle
        if decision.rests_on is not ANYTHING and not decision.rests_on:
            del self._answers[key]
            self._taken -= _ANSWER
        covered = self._covered.get(particle)
        if covered is None:
            particle.allowed = self._letters.more(particle.allowed, agent, permission)
        else:
            self._covered[particle] = self._letters.more(covered, agent, permission)

    def left(self, particle: Holder) -> None:
        """Called when a particle has left. Its answers are kept for its return."""
        if self._holders.get(particle.text) is particle:
            del self._holders[particle.text]
            self._show_nobody(particle)

    def drop(self, point: Point) -> None:
        """Drops the answers that depend on ``point``, because it has changed."""
        resting = self._resting.get(point.text)
        if resting is not None:
            for key in tuple(resting) if isinstance(resting, set) else (resting,):
                self._remove(key)
        for key in tuple(self._on_anything):
            self._remove(key)

    def clear(self) -> None:
        """Drops everything."""
        self._answers.clear()
        self._resting.clear()
        self._on_anything.clear()
        for particle in self._holders.values():
            self._show_nobody(particle)
        self._holders.clear()
        self._taken = self._by_action = 0

    # -- inside -------------------------------------------------------------------------------------------

    def _rest(self, key: Key, text: str) -> None:
        resting = self._resting.get(text)
        if resting is None:
            self._resting[text] = key
        elif isinstance(resting, set):
            resting.add(key)
        else:
            self._resting[text] = {resting, key}

    def _remove(self, key: Key) -> None:
        decision = self._answers.pop(key)
        rests_on = decision.rests_on
        if rests_on is ANYTHING:
            self._taken -= _ANSWER
            self._on_anything.discard(key)
        else:
            self._taken -= _ANSWER + len(rests_on)
            for point in rests_on:
                self._rest_no_more(key, point.text)
        if key[6]:
            self._by_action -= 1
        elif decision.allowed:
            self._hide(key)

    def _rest_no_more(self, key: Key, text: str) -> None:
        resting = self._resting[text]
        if isinstance(resting, set):
            resting.discard(key)
            if resting:
                return
        del self._resting[text]

    def _hide(self, key: Key) -> None:
        agent, target, _, permission, privilege, scope, _ = key
        particle = self._holders.get(target)
        if particle is None or privilege or scope is not None:
            return
        covered = self._covered.get(particle)
        if covered is None:
            particle.allowed = self._letters.less(particle.allowed, agent, permission)
        else:
            self._covered[particle] = self._letters.less(covered, agent, permission)

    def _show_nobody(self, particle: Holder) -> None:
        particle.allowed = NOBODY
        if particle in self._covered:
            self._covered[particle] = NOBODY


def key_for(agent: Point, target: ParticleRecord, need: Need, scope: Scope | None) -> Key:
    """Returns the key of the answer to whether ``agent`` has the needed rights on ``target``, for every action."""
    return agent.text, target.point.text, target.owner.text, need.permission + need.power, need.privilege, scope, ""


def key_of(request: Request) -> Key:
    """Returns the key of the answer to a request, for every action."""
    return key_for(request.agent, request.record, request.need, request.scope)


def for_action(key: Key, action: str) -> Key:
    """Returns the key of an answer that applies to one action only."""
    return (*key[:6], action)
