"""The results of commands, as Python values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ..errors import HyperverseError, error_for_status
from ..universe.waves.wave import Body, Outcome, Pong, Receipt

__all__ = ["CommandText", "Result", "read_results", "results_of"]

_RECEIPT = tuple(field.name for field in attrs.fields(Receipt))


@attrs.frozen
class Result:
    """The result of one command of the command language.

    Attributes:
        command: its text; empty when the rest of the script could not be parsed.
        status, outcome, body: those of its reply; for a failure the body is ``{"error": text}``, possibly with
            ``hint``, and with ``explain`` when the policy refused the command.
        receipt: what happened to the wave that carried it.
        line, column: its position in the script, counted from 1.
    """

    command: str
    status: int
    outcome: Outcome
    body: Body
    receipt: Receipt
    line: int = 1
    column: int = 1

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def error(self) -> str:
        """The reason for a failure; empty for a success."""
        return Pong(self.status, self.body).error

    def unwrap(self) -> Body:
        """Returns the body of a success. Otherwise raises the error for its status; the error's notes name the command
        that failed, and where a text could not be parsed."""
        if self.ok:
            return self.body
        raise self._failure()

    def _failure(self) -> HyperverseError:
        said = self.body if isinstance(self.body, Mapping) else {}
        expected = said.get("expected")
        more = f"; expected {', '.join(map(str, expected))}" if isinstance(expected, list) and expected else ""
        error = error_for_status(
            self.status, self.error + more, hint=str(said.get("hint", "")), explanation=said.get("explain")
        )
        if self.command:
            error.add_note(f"in: {self.command}")
        if "caret" in said:
            error.add_note(str(said["caret"]))
        return error


@attrs.frozen
class CommandText:
    """A command and its position in the user's text."""

    text: str
    line: int = 1
    column: int = 1


def results_of(text: str, pong: Pong) -> list[Result]:
    """Returns the result of each command of ``text``, from the reply of the executor."""
    return list(read_results(CommandText(text), pong))


def read_results(command: CommandText, pong: Pong) -> Iterator[Result]:
    """Yields the results in a reply of the executor; a single result with the reason if it contains none."""
    entries = pong.body.get("results") if pong.ok and isinstance(pong.body, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        yield Result(command.text, pong.status, pong.outcome, pong.body, pong.receipt, command.line, command.column)
        return
    for entry in entries:
        yield _result(command, pong, entry)


def _result(command: CommandText, pong: Pong, entry: Mapping[str, Any]) -> Result:
    status, outcome = int(entry.get("status", pong.status)), Outcome(entry.get("outcome", pong.outcome))
    line, column = int(entry.get("line", 1)), int(entry.get("column", 1))
    given = entry.get("receipt")
    changes: dict[str, Any] = {}
    if isinstance(given, Mapping) and given.get("star"):  # otherwise it needed no separate wave
        changes = {name: given[name] for name in _RECEIPT if name in given}
    receipt = attrs.evolve(pong.receipt, **{**changes, "status": status, "outcome": outcome})
    return Result(
        str(entry.get("command", command.text)),
        status,
        outcome,
        entry.get("body"),
        receipt,
        command.line + line - 1,
        column if line > 1 else command.column + column - 1,
    )
