"""One statement for many rows.

SQLAlchemy looks at every parameter of every row. The statements here run for hundreds of rows at a time with texts,
numbers and bytes that every driver takes as they are, so they are compiled once and handed over with plain tuples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from hyperverse_core.errors import InternalError

__all__ = ["Many"]


@attrs.define(eq=False)
class Many:
    """A statement with parameters.

    Attributes:
        statement: an insert, update or delete.
        parameters: the names of its parameters, in the order in which each row has them.
    """

    statement: sa.Executable
    parameters: tuple[str, ...]
    _texts: dict[str, str] = attrs.field(factory=dict, init=False)

    def run(self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Runs it once for each of ``rows``; not at all when there are none."""
        if rows:
            connection.exec_driver_sql(self._text(connection.dialect), list(rows))

    def _text(self, dialect: Dialect) -> str:
        text = self._texts.get(dialect.name)
        if text is None:
            compiled: Any = self.statement.compile(dialect=dialect, column_keys=list(self.parameters))  # type: ignore[attr-defined]  # every statement here can
            if tuple(compiled.positiontup) != self.parameters:
                raise InternalError(f"{str(compiled)!r} takes {compiled.positiontup}, not {self.parameters}")
            text = self._texts[dialect.name] = str(compiled)
        return text
