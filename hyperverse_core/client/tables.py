"""Lists and maps that a notebook displays as tables. Everywhere else they are plain ``list`` and ``dict`` objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .results import Result

__all__ = ["FactTable", "Results", "Rows"]

_SHOWN = 200
"""Number of rows of a long table that are displayed."""
_LONGEST = 400
"""Number of characters of a long value that are displayed."""


class Rows(list[dict[str, Any]]):
    """A list of maps. A notebook displays it as a table with a row for each map."""

    def _repr_html_(self) -> str:
        columns = list(dict.fromkeys(key for row in self[:_SHOWN] for key in row))
        return _table(columns, [[row.get(column, "") for column in columns] for row in self[:_SHOWN]], len(self))


class FactTable(dict[str, Any]):
    """A map. A notebook displays it as a table with a row for each key; lists of maps in it are also tables."""

    def _repr_html_(self) -> str:
        return _table(["", ""], [[key, value] for key, value in self.items()], len(self))


class Results(list[Result]):
    """The results of commands. A notebook displays them as a table."""

    def _repr_html_(self) -> str:
        rows = [[r.command, r.status, r.body if r.ok else r.error] for r in self[:_SHOWN]]
        return _table(["command", "status", "answer"], rows, len(self))


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]], total: int) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    shown = f"<caption>the first {_SHOWN} of {total}</caption>" if total > _SHOWN else ""
    top = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    return f"<table>{shown}{top}<tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return FactTable(value)._repr_html_()
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        return Rows(value)._repr_html_()
    text = "" if value is None else str(value)
    return escape(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")
