"""SQLite's form of the expressions in :mod:`hyperverse_sql.engine.expressions`."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from ..expressions import EachText, FirstBehind

__all__: list[str] = []


@compiles(EachText, "sqlite")
def _each_text(element: EachText, compiler: SQLCompiler, **_: Any) -> str:
    return f"json_each({compiler.process(element.clauses)})"


@compiles(FirstBehind, "sqlite")
def _first_behind(element: FirstBehind, compiler: SQLCompiler, **_: Any) -> str:
    text = compiler.process(element.clauses)
    return f"(substr({text}, 1, length({text}) - 1) || char(unicode(substr({text}, -1)) + 1))"
