"""One statement for many rows.

SQLAlchemy processes each parameter of each row. The statements here run for hundreds of rows at a time, with text,
integer and bytes values that every driver accepts unconverted. They are therefore compiled once and passed to the
driver with plain tuples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from hyperverse_core.errors import InternalError

__all__ = ["BatchStatement"]


@attrs.define(eq=False)
class BatchStatement:
    """An insert, update or delete with parameters.

    Attributes:
        statement: the statement.
        parameters: names of its parameters, in the order of the values in each row.
    """

    statement: sa.Executable
    parameters: tuple[str, ...]
    _texts: dict[str, str] = attrs.field(factory=dict, init=False)

    def run(self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Runs the statement once for each of ``rows``; does nothing when ``rows`` is empty."""
        if rows:
            connection.exec_driver_sql(self._text(connection.dialect), list(rows))

    def _text(self, dialect: Dialect) -> str:
        text = self._texts.get(dialect.name)
        if text is None:
            compiled: Any = self.statement.compile(dialect=dialect, column_keys=list(self.parameters))  # type: ignore[attr-defined]  # each statement here has it
            if tuple(compiled.positiontup) != self.parameters:
                raise InternalError(f"{str(compiled)!r} takes {compiled.positiontup}, not {self.parameters}")
            text = self._texts[dialect.name] = str(compiled)
        return text
