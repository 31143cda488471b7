"""Scripts: commands executed one after the other, each with its result."""

from __future__ import annotations

from typing import Any, Protocol

import attrs

from ....errors import ParseError
from ....universe.address.env import Env
from ....universe.address.point import Point
from ....universe.commands.command import CommandTemplate, Select
from ....universe.commands.script import iter_script
from ....universe.waves.wave import Pong
from ...particles.context import Context
from ...particles.conversion import to_body
from .masking import Masking
from .slices import ROWS, to_body_in_slices

__all__ = ["RunsCommands", "result", "run_script"]


class RunsCommands(Protocol):
    """The part that executes the commands of a script, one by one.

    Attributes:
        masking: hides secrets in the texts of commands.
    """

    masking: Masking

    async def run(self, command: CommandTemplate, ctx: Context, env: Env) -> Pong:
        """Executes one command."""

    async def run_select(self, command: Any, ctx: Context, after: Point) -> Pong:
        """Returns the next page of a select."""

    def refused(self, error: ParseError) -> Pong:
        """Returns the reply to a text that is not a command."""


async def result(reply: Pong, *, command: str, line: int = 1, column: int = 1) -> dict[str, Any]:
    """Returns the result of one command for the caller, as plain values."""
    told = reply.body
    lists = told.values() if type(told) is dict else (told,)
    is_long = any([type(item) is list and len(item) > ROWS for item in lists])  # noqa: C419 - a generator is a call
    return {
        "command": command,
        "line": line,
        "column": column,
        "status": reply.status,
        "outcome": str(reply.outcome),
        "body": await to_body_in_slices(told) if is_long else to_body(told),
        "receipt": {**attrs.asdict(reply.receipt, recurse=False), "outcome": str(reply.outcome)},
    }


async def run_script(
    commands: RunsCommands, text: str, ctx: Context, env: Env, *, keep_going: bool, after: str
) -> list[dict[str, Any]]:
    """Executes the commands of ``text``; see :meth:`Commands.run_script`."""
    results: list[dict[str, Any]] = []
    statements = iter_script(text, typed=True)  # a wave carries the whole script, so the text cannot be incomplete
    while True:
        try:
            statement = next(statements)
        except StopIteration:
            return results
        except ParseError as exc:
            reply = commands.refused(exc)
            results.append(
                await result(reply, command=commands.masking.text(_line(exc)), line=exc.line, column=exc.column)
            )
            return results
        reply = await _one(commands, statement.command, ctx, env, after)
        source = statement.source
        if "=" in source:
            source = commands.masking.command(statement.command, source)
        results.append(await result(reply, command=source, line=statement.line, column=statement.column))
        if not reply.ok and not keep_going:
            return results


async def _one(commands: RunsCommands, command: CommandTemplate, ctx: Context, env: Env, after: str) -> Pong:
    if after and isinstance(command, Select):
        return await commands.run_select(command, ctx, Point.parse(after))
    return await commands.run(command, ctx, env)


def _line(error: ParseError) -> str:
    lines = error.text.splitlines()
    return lines[error.line - 1].strip() if error.line <= len(lines) else ""
