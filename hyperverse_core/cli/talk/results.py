"""Prints results of the command language."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import click

from ..terminal.explained import refusal_lines
from ..terminal.output import body_text, note, on_terminal, plain, print_json
from ..terminal.shown import indented, shown

if TYPE_CHECKING:
    from ...client.api import Result
    from ...universe.waves.wave import Receipt

__all__ = ["items_of", "print_result", "receipt_line", "result_json"]

_NAMED = 3
_SENDS = ("ping", "signal", "ripple")


def result_json(result: Result) -> dict[str, Any]:
    """Returns the object that ``exec --json`` prints for a result."""
    return {
        "command": result.command,
        "status": result.status,
        "outcome": str(result.outcome),
        "body": plain(result.body),
        "receipt": plain(attrs.asdict(result.receipt)),
    }


def print_result(result: Result, *, as_json: bool, quiet: bool = False) -> None:
    """Prints a result: points for a command that answers with particles, else the body; a failure goes to stderr."""
    if as_json:
        print_json(result_json(result))
        return
    if not result.ok:
        _print_failure(result)
        return
    for line in _lines(result.body):
        print(shown(line))
    sys.stdout.flush()
    _note_kept(result.body)
    if result.command.lstrip().startswith(_SENDS) and not quiet:
        note(receipt_line(result.receipt))


def receipt_line(receipt: Receipt) -> str:
    """Returns the receipt of a wave as a line for people."""
    there = "another machine" if receipt.remote else "this machine"
    parts = [f"{receipt.status} {receipt.outcome}"]
    if receipt.star:
        parts.append(f"from {receipt.star} on {there}")
    parts += [_count(receipt.hops, "hop"), _count(receipt.attempts, "attempt")]
    line = "  " + ", ".join(parts)
    return click.style(line, dim=True) if on_terminal() else line


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _note_kept(body: Any) -> None:
    """Prints the particles that a ``delete`` has kept although its selector matches them."""
    kept = body.get("kept") if isinstance(body, Mapping) else None
    if isinstance(kept, list) and kept:
        named = ", ".join(shown(str(stub["point"])) for stub in kept[:_NAMED])
        more = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
        note(f"  kept: {named}{more}; to delete users, use a selector that begins at them")


def _print_failure(result: Result) -> None:
    body = result.body if isinstance(result.body, Mapping) else {}
    place = f"line {result.line}, column {result.column}: " if "column" in body and "expected" in body else ""
    expected = f"; expected {', '.join(map(str, body['expected']))}" if body.get("expected") else ""
    doubt = " (it may have run)" if result.outcome == "unknown" else ""  # repeating the command may carry it out twice
    note(f"error: {result.status} {indented(f'{place}{result.error}{expected}')}{doubt}")
    if result.command and "caret" not in body:
        note(f"  in: {shown(result.command)}")
    for key in ("caret", "hint"):
        for line in str(body.get(key) or "").splitlines():
            note(f"  {line}" if key == "caret" else f"  {key}: {line}")
    for line in refusal_lines(body.get("explain")):
        note(f"  {shown(line)}")


def _lines(body: Any) -> list[str]:
    """Returns a body as lines: one for each item of a list; the point for a particle."""
    items = items_of(body)
    if items is not None:
        return [_line(item) for item in items]
    return [_line(body)] if body is not None else []


def items_of(body: Any) -> list[Any] | None:
    """Returns the items of a list, of a page of a select, or of the particles that a delete or set reached; None for
    any other body."""
    if isinstance(body, (list, tuple)):
        return list(body)
    for name, keys in (
        ("items", {"items", "after"}),
        ("deleted", {"deleted"}),
        ("would_delete", {"would_delete"}),
        ("changed", {"changed"}),
    ):
        if isinstance(body, Mapping) and set(body) - {"kept"} == keys:
            found = body[name]
            return found if isinstance(found, list) else None
    return None


def _line(item: Any) -> str:
    if isinstance(item, Mapping) and set(item) == {"point", "kind", "status"}:
        return str(item["point"])
    if isinstance(item, Mapping) and set(item) == {"point", "status", "outcome", "body"}:
        return f"{item['point']}: {item['status']} {body_text(item['body'])}".rstrip()
    return body_text(item)
