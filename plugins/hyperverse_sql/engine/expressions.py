"""SQL expressions that each engine words differently. An engine adds its wording with ``sqlalchemy.ext.compiler``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.functions import FunctionElement

__all__ = ["EachText", "FirstBehind", "listed", "listing"]


class EachText(FunctionElement[Any]):
    """The texts in a JSON array, as rows with one column, ``value``."""

    name = "each_text"
    inherit_cache = True


class FirstBehind(FunctionElement[str]):
    """The first text, in the order of texts, behind all texts that begin with the given one (which is not empty)."""

    name = "first_behind"
    inherit_cache = True
    type = sa.Text()


def listed(name: str) -> sa.Select[Any]:
    """The texts in parameter ``name`` (see :func:`listing`), for ``column.in_(listed("points"))``.

    However many texts there are, they are one parameter: the statement is compiled once, and no limit on the number of
    parameters applies.
    """
    value: sa.ColumnElement[str] = sa.column("value", sa.Text)
    return sa.select(value).select_from(EachText(sa.bindparam(name, type_=sa.Text)))


def listing(texts: Iterable[str]) -> str:
    """``texts`` as the value of a parameter of :func:`listed`."""
    return json.dumps(list(texts))
