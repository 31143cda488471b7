"""SQL expressions that differ between engines. An engine adds its own form with ``sqlalchemy.ext.compiler``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.functions import FunctionElement

__all__ = ["EachText", "FirstBehind", "listed", "listing"]


class EachText(FunctionElement[Any]):
    """The strings in a JSON array, as rows with one column, ``value``."""

    name = "each_text"
    inherit_cache = True


class FirstBehind(FunctionElement[str]):
    """The first string, in sort order, after all strings that begin with the given one (which is not empty)."""

    name = "first_behind"
    inherit_cache = True
    type = sa.Text()


def listed(name: str) -> sa.Select[Any]:
    """Returns the strings in parameter ``name`` (see :func:`listing`), for ``column.in_(listed("points"))``.

    The whole list is one parameter, whatever its length: the statement is compiled once, and no limit on the number of
    parameters applies.
    """
    value: sa.ColumnElement[str] = sa.column("value", sa.Text)
    return sa.select(value).select_from(EachText(sa.bindparam(name, type_=sa.Text)))


def listing(texts: Iterable[str]) -> str:
    """Encodes ``texts`` as the value of a parameter of :func:`listed`."""
    return json.dumps(list(texts))
