"""The answers of the policy that a machine keeps, indexed by what they rest on."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from ...contracts.policy import ANYTHING, Decision
from ...universe.access.scope import Scope
from ...universe.address.point import Point

__all__ = ["KeptAnswers", "Key"]

_SHOWN = frozenset("rwx")
"""Permissions that waves need."""
_ANSWER = 4


class Key(NamedTuple):
    """What an answer is kept under.

    Attributes:
        agent, target, owner: their points, as texts; the owner is that of the target.
        permission, privilege: what is needed.
        scope: the scope of the wave.
        action: empty for an answer that holds whatever the action.
    """

    agent: str
    target: str
    owner: str
    permission: str
    privilege: str
    scope: Scope | None
    action: str


class KeptAnswers:
    """Answers by key. The ones that were not asked for longest go first when there is no more room.

    A particle's ``allowed`` is the dict that :meth:`granted` returns for it: the permission letters that each agent
    has, so that the hot path makes one look-up and no call. It is changed in place when answers come and go.

    Args:
        room: how much is kept: an answer takes 4, and 1 for each point that it rests on. One is about 160 bytes
            (measured).
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._taken = 0
        self._answers: OrderedDict[Key, Decision] = OrderedDict()
        self._resting: dict[str, set[Key]] = {}
        self._on_anything: set[Key] = set()
        self._granted: dict[str, dict[str, str]] = {}
        self._by_action = 0

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: Key, action: str) -> Decision | None:
        """The answer that is kept under ``key``, or for this action only."""
        decision = self._answers.get(key)
        if decision is None and self._by_action:
            key = key._replace(action=action)
            decision = self._answers.get(key)
        if decision is not None:
            self._answers.move_to_end(key)
            if decision.allowed:
                self._show(key)  # somebody may have cleared the dict
        return decision

    def granted(self, target: str) -> dict[str, str] | None:
        """The permission letters of each agent that has any on ``target``; None when nobody has."""
        return self._granted.get(target)

    def keep(self, key: Key, decision: Decision) -> None:
        """Keeps an answer, and makes room for it."""
        if key in self._answers:
            self._remove(key)
        self._answers[key] = decision
        self._taken += _size(decision)
        self._by_action += bool(key.action)
        if decision.rests_on is ANYTHING:
            self._on_anything.add(key)
        else:
            for point in decision.rests_on:
                self._resting.setdefault(point.text, set()).add(key)
        if decision.allowed:
            self._show(key)
        while self._taken > self._room:
            self._remove(next(iter(self._answers)))

    def drop(self, point: Point) -> None:
        """``point`` has changed: drops the answers that rest on it."""
        for key in (*self._resting.get(point.text, ()), *self._on_anything):
            self._remove(key)

    def clear(self) -> None:
        """Drops everything."""
        self._answers.clear()
        self._resting.clear()
        self._on_anything.clear()
        for letters in self._granted.values():  # particles hold these dicts
            letters.clear()
        self._granted.clear()
        self._taken = self._by_action = 0

    # -- inside -------------------------------------------------------------------------------------------

    def _remove(self, key: Key) -> None:
        decision = self._answers.pop(key)
        self._taken -= _size(decision)
        self._by_action -= bool(key.action)
        if decision.rests_on is ANYTHING:
            self._on_anything.discard(key)
        else:
            for point in decision.rests_on:
                keys = self._resting[point.text]
                keys.discard(key)
                if not keys:
                    del self._resting[point.text]
        if decision.allowed and _is_shown(key):
            self._hide(key)

    def _show(self, key: Key) -> None:
        if not _is_shown(key):
            return
        letters = self._granted.setdefault(key.target, {})
        held = letters.get(key.agent, "")
        if key.permission not in held:
            letters[key.agent] = held + key.permission

    def _hide(self, key: Key) -> None:
        letters = self._granted.get(key.target)
        if letters is None:
            return
        left = letters.get(key.agent, "").replace(key.permission, "")
        if left:
            letters[key.agent] = left
        else:
            letters.pop(key.agent, None)
        if not letters:
            del self._granted[key.target]


def _is_shown(key: Key) -> bool:
    """Whether the answer is one for the hot path: one permission that waves need, whatever the action, no scope."""
    return key.permission in _SHOWN and not key.privilege and key.scope is None and not key.action


def _size(decision: Decision) -> int:
    return _ANSWER + (0 if decision.rests_on is ANYTHING else len(decision.rests_on))
