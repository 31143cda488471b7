"""Printing: JSON for programs, aligned columns for people, colours on a terminal only."""

from __future__ import annotations

import base64
import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from .shown import shown, shown_lines

__all__ = ["body_text", "colour", "heading", "json_text", "note", "plain", "print_json", "table", "table_lines"]

_FOLDED = 8
"""Width that a column of a table keeps on a narrow terminal."""
_STATES = {
    "ok": "green",
    "up": "green",
    "ready": "green",
    "blocked": "yellow",
    "draining": "yellow",
    "gone": "red",
    "unavailable": "yellow",
    "failed": "red",
    "panic": "red",
    "fatal": "red",
}


def print_json(value: Any) -> None:
    """Prints a value as one line of JSON."""
    print(json_text(value, sys.stdout.encoding), flush=True)


def json_text(value: Any, encoding: str | None) -> str:
    """Returns a value as one line of JSON that can be written in this encoding."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    try:
        text.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(plain(value), allow_nan=False)
    return text


def plain(value: Any) -> Any:
    """Returns ``value`` in a form that JSON can represent: bytes as ``{"base64": text}``, a float that is NaN or
    infinite as ``{"float": "nan"}``, an unknown type as its ``str``."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(float(value))}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)


def on_terminal() -> bool:
    """Whether stdout is a terminal and colours are allowed."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def colour(text: str, state: str) -> str:
    """Returns ``text`` in the colour of a state; unchanged unless stdout is a terminal."""
    name = _STATES.get(state.lower())
    return click.style(text, fg=name) if name and on_terminal() else text


def heading(text: str) -> str:
    """Returns ``text`` in bold; unchanged unless stdout is a terminal."""
    return click.style(text, bold=True) if on_terminal() else text


def note(text: str) -> None:
    """Prints a remark for people on stderr, where it does not mix with results. Of its control characters only line
    ends are kept."""
    print(shown_lines(click.unstyle(text)) if "\x1b" in text else shown_lines(text), file=sys.stderr, flush=True)


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    state: int | None = None,
    beside: Iterable[Sequence[Any]] = (),
) -> None:
    """Prints aligned columns below a head.

    Args:
        head: titles of the columns.
        rows: one value for each column.
        state: index of the column whose values are states, which get colours.
        beside: rows of other tables with the same head, so that the columns of all of them are equally wide.
    """
    cells = [[shown(str(cell)) for cell in row] for row in rows]
    if on_terminal():
        _rich_table(head, cells, state, beside)
        return
    for line in table_lines(head, cells, beside=beside):
        print(line)


def table_lines(
    head: Sequence[str], rows: Iterable[Sequence[Any]], *, beside: Iterable[Sequence[Any]] = ()
) -> list[str]:
    """Returns the lines of a table without colours, the head first. The arguments are those of :func:`table`."""
    lines = [[cell.upper() for cell in head], *([shown(str(cell)) for cell in row] for row in rows)]
    widths = _widths(lines, beside)
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _widths(lines: Iterable[Sequence[str]], beside: Iterable[Sequence[Any]]) -> list[int]:
    others = [[shown(str(cell)) for cell in row] for row in beside]
    return [max(map(len, column)) for column in zip(*lines, *others, strict=True)]


def _rich_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], state: int | None, beside: Iterable[Sequence[Any]]
) -> None:
    """Draws the table with rich, which wraps long cells to the width of the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title, width in zip(head, _widths([head, *rows], beside), strict=True):
        drawn.add_column(title.upper(), overflow="fold", min_width=min(width, _FOLDED))
    for row in rows:
        styles = [_STATES.get(cell.lower(), "") if number == state else "" for number, cell in enumerate(row)]
        drawn.add_row(*(Text(cell, style) for cell, style in zip(row, styles, strict=True)))
    Console(file=sys.stdout, highlight=False).print(drawn)


def body_text(body: Any) -> str:
    """Returns the body of a wave for people, on one line: a string, the number of bytes, anything else as JSON."""
    if body is None:
        return ""
    if isinstance(body, str):
        return shown(body)
    if isinstance(body, (bytes, bytearray)):
        return f"{len(body)} bytes"
    return shown(json.dumps(plain(body), ensure_ascii=False, allow_nan=False))
