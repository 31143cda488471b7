"""Texts in which a registry over a database may store values, and their conversion back to values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ...universe.access.grant import AccessGrant, GrantKind
from ...universe.address.point import Point
from ...universe.selectors.selector import Selector
from .records import PropertyValue, TokenRecord

__all__ = ["grant_of", "properties_of", "properties_text", "token_of", "two_lists"]


def properties_text(properties: Mapping[str, PropertyValue]) -> str | None:
    """Returns ``properties`` as a text, None when there are none. It is ASCII, whatever the values are."""
    if not properties:
        return None
    return json.dumps({key: (found.value, found.locked) for key, found in properties.items()})


def properties_of(text: str | None) -> dict[str, PropertyValue]:
    """Returns the properties from which :func:`properties_text` made ``text``."""
    if text is None:
        return {}
    return {key: PropertyValue(value, locked) for key, (value, locked) in json.loads(text).items()}


@lru_cache(maxsize=1024)
def two_lists(first: str, second: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns two lists of texts, each of them stored as JSON: the Kinds and the links of a star. Every machine reads
    them several times a second, and they rarely change, so the last 1,024 pairs are kept."""
    return tuple(json.loads(first)), tuple(json.loads(second))


def grant_of(row: Sequence[Any]) -> AccessGrant:
    """Returns the grant in a row of its id, its Kind, both selectors and the grantor, the last four as texts."""
    number, kind, on, to, by = row
    return AccessGrant(
        GrantKind.parse(kind), Selector.parse(on, routes=True), Selector.parse(to), Point.parse(by), number
    )


def token_of(row: Sequence[Any]) -> TokenRecord:
    """Returns the token in a row of digest, agent (as a text), label, scope, and the times of creation and expiry."""
    digest, agent, label, scope, created, expires = row
    return TokenRecord(digest, Point.parse(agent), label, scope, created, expires)
