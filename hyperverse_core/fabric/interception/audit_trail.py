"""AuditTrail: writes the audit log of a machine, and refuses acts if it cannot. docs/reference/audit.md.

Waves that the policy allows are not recorded.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from ...data_dir.audit.writer import AuditWriter
from ...errors import ConfigError, HyperverseError, Unavailable
from ...scheduling.guarded_log import guarded_log
from ...scheduling.troubles import Troubles
from ...universe.address.point import Point
from ...universe.waves.wave import Directed
from .audit_fold import AuditFold

__all__ = ["AuditTrail", "Doer"]

_log = guarded_log("hyperverse.security")
_PART: Final = "the audit log"
_LONGEST: Final = 500
"""Greatest number of characters of a text in a line. Longer texts are cut, so that nobody can fill the log with a few
lines."""
_RETRY: Final = 5.0


class Doer(Protocol):
    """The data that the log records about the agent of an act."""

    @property
    def agent(self) -> object: ...

    @property
    def wave(self) -> Directed | None: ...


class AuditTrail:
    """Writes the audit log of one machine.

    Args:
        writer: appends the lines; None for a machine that keeps no log.
        machine: the name of the machine.
        troubles: receives the reason if the log cannot be written.
    """

    def __init__(self, writer: AuditWriter | None, machine: str, troubles: Troubles) -> None:
        self._cause = ""
        self._writer = writer
        self._machine = machine
        self._troubles = troubles
        self._fold = AuditFold(self._put)
        self._lost = 0

    def check(self) -> None:
        """Reports a log that cannot be written in the status, before anything must be written."""
        if self._writer is None:
            return
        there = self._writer.place.directory
        while not there.exists() and there.parent != there:
            there = there.parent
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            self._failed(f"{str(self._writer.place.directory)!r} is not a writable directory")

    async def close(self) -> None:
        """Writes the counts of merged lines, and closes the files."""
        self._fold.flush()
        if self._writer is not None:
            self._writer.close()

    # -- lines that may be missing ------------------------------------------------------------------------

    def denied(self, agent: Point, target: Point, action: str, error: HyperverseError, wave: Directed | None) -> None:
        """Records a refusal. Repeated refusals, and those beyond an agent's limit, are counted in one line."""
        if self._writer is None or not self._fold.admits("denied", agent.text, (action, target.text)):
            return
        self._put(_row("denied", agent.text, wave, action, target.text, "refused", f"{error.status} {error.message}"))

    def machine_refused(self, machine: str, star: str, error: HyperverseError) -> None:
        """Records that another machine has sent something forbidden to a star of this one."""
        if not self._fold.admits("machine refused", machine, (error.message, star)):
            return
        _log.warning("refused: %s", error.message)
        self._put(_row("machine refused", machine, None, "", star, "refused", f"{error.status} {error.message}"))

    def note(self, event: str, *, agent: object = "", target: object = "", why: str = "", **details: object) -> None:
        """Records an event that must not be prevented by a log that cannot be written, such as a login."""
        if self._writer is None or not self._fold.admits(event, str(agent), (event, str(target))):
            return
        self._put(_row(event, str(agent), None, "", str(target), "", why) | _details(details))

    # -- lines that must be written -----------------------------------------------------------------------

    @contextlib.contextmanager
    def act(self, event: str, doer: Doer, target: object, **details: object) -> Iterator[None]:
        """Wraps an act that must be in the log: writes a line when it begins, and one with its outcome.

        Args:
            event: the act, such as ``grant``.
            doer: the agent on whose behalf it is done.
            target: the target of the act.
            details: further values.

        Raises:
            Unavailable: the log cannot be written; the act has not started.
        """
        if self._writer is None:
            yield
            return
        row = _row(event, str(doer.agent), doer.wave, "", str(target), "asked", "") | _details(details)
        if not self._put(row):
            raise Unavailable(
                f"{event!r} must be in the audit log, which cannot be written: {self._cause}",
                hint=f"free space, or repair {str(self._writer.place.directory)!r}; `hyperverse status` says why",
                retry_after=_RETRY,
            )
        try:
            yield
        except BaseException as exc:
            why = f"{exc.status} {exc.message}" if isinstance(exc, HyperverseError) else type(exc).__name__
            self._put(row | {"outcome": "failed", "why": _cut(why)})
            raise
        self._put(row | {"outcome": "done"})

    # -- inside -------------------------------------------------------------------------------------------

    def _put(self, row: Mapping[str, Any]) -> bool:
        """Writes a line. Returns whether it was written."""
        if self._writer is None:
            return True
        try:
            if self._lost:
                self._writer.append({"machine": self._machine, "event": "lost", "count": self._lost})
                self._lost = 0
            self._writer.append({"machine": self._machine, **row})
        except (OSError, ConfigError) as exc:
            self._lost += 1
            self._failed(str(exc.strerror or exc) if isinstance(exc, OSError) else exc.message)
            return False
        if self._cause:
            self._cause = ""
            self._troubles.over(_PART)
        return True

    def _failed(self, cause: str) -> None:
        if cause != self._cause:
            _log.error("the audit log cannot be written: %s; grants and other administrative acts are refused", cause)
        self._cause = cause
        self._troubles.note(_PART, f"it cannot be written: {cause}; administrative acts are refused")


def _row(
    event: str, agent: str, wave: Directed | None, action: str, target: str, outcome: str, why: str
) -> dict[str, Any]:
    return {
        "event": event,
        "agent": _cut(agent),
        "session": "" if wave is None else _cut(wave.sender.text),
        "wave": "" if wave is None else _cut(wave.id),
        "trace": "" if wave is None else _trace(wave),
        "action": _cut(action),
        "target": _cut(target),
        "outcome": outcome,
        "why": _cut(why),
    }


def _trace(wave: Directed) -> str:
    """Returns the trace id of a wave (W3C trace context); empty if it has none."""
    parts = (wave.headers or {}).get("traceparent", "").split("-")
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 and parts[1].isalnum() else ""


def _details(details: Mapping[str, object]) -> dict[str, Any]:
    return {"details": {key: _cut(str(value)) for key, value in details.items()}} if details else {}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
