"""Templates of Kinds, from which a definition makes a Kind. docs/reference/kinds.md#templates-of-kinds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import attrs

from ...errors import BadRequest
from ..kinds.kind import Kind
from ..kinds.specific import SpecificSelector, scan_specific_selector
from ..text import lexis
from ..text.lexis import fail
from .kind_def import KindDef, resolve

__all__ = ["KindTemplate", "scan_kind_template"]

_LONGEST_KEPT: Final = 256


@attrs.frozen
class KindTemplate:
    """A Kind as a command names it: ``Base``, ``Base<Sub>`` or ``Base<Sub<provider:vendor:product:variant:(^1)>>``.

    Attributes:
        base: base of the Kind.
        sub: the sub kind, or an alias of one (as in ``UserBase<Keycloak>``), or None.
        specific: the products that may serve it; None leaves the choice to the definition.

    Example:
        >>> from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS
        >>> str(KindTemplate.parse("UserBase<Keycloak>").resolve(STANDARD_KINDS))
        'UserBase<OAuth<starlane.io:redhat.com:keycloak:community:18.0.0>>'
    """

    base: str
    sub: str | None = None
    specific: SpecificSelector | None = None

    @classmethod
    def parse(cls, text: str) -> KindTemplate:
        """Reads ``text`` as a template of a Kind. Raises ParseError."""
        return _parse(text) if len(text) <= _LONGEST_KEPT else _parse.__wrapped__(text)

    def resolve(self, table: Mapping[str, KindDef]) -> Kind:
        """Returns the Kind that the template stands for in ``table``.

        An alias is replaced by its sub kind. A selector of products stands for the product of an alias that it
        matches. If there is none, it must name exactly one product.

        Raises:
            UnknownKind: the Kind is not defined in ``table``.
            BadRequest: a sub kind or a product is missing, or no known product matches.
        """
        known = table.get(self.base)
        if known is None or self.sub is None:
            return resolve(Kind(self.base, self.sub), table)
        if self.specific is None:
            full = known.aliases.get(self.sub, self.sub)
            return resolve(Kind.parse(f"{self.base}<{full}>"), table)
        for full in known.aliases.values():
            kind = Kind.parse(f"{self.base}<{full}>")
            if kind.sub == self.sub and kind.specific is not None and self.specific.matches(kind.specific):
                return resolve(kind, table)
        if (exact := self.specific.exact) is not None:
            return resolve(Kind(self.base, self.sub, exact), table)
        raise BadRequest(
            f"no known product matches '{self}'",
            hint="name one exactly: provider:vendor:product:variant:(1.0.0)",
        )

    def __str__(self) -> str:
        if self.sub is None:
            return self.base
        inner = "" if self.specific is None else f"<{self.specific}>"
        return f"{self.base}<{self.sub}{inner}>"


@lru_cache(maxsize=1024)
def _parse(text: str) -> KindTemplate:
    template, end = scan_kind_template(text, 0)
    if end < len(text):
        fail(text, end, "the end of the Kind")
    return template


def scan_kind_template(text: str, pos: int) -> tuple[KindTemplate, int]:
    """Reads the template at ``pos``; returns it and the offset after it. Raises ParseError."""
    base, at = _camel(text, pos, "a Kind such as Space")
    if not text.startswith("<", at):
        return KindTemplate(base), at
    sub, at = _camel(text, at + 1, "a sub kind, a CamelCase name")
    specific = None
    if text.startswith("<", at):
        specific, at = scan_specific_selector(text, at + 1)
        at = _close(text, at)
    return KindTemplate(base, sub, specific), _close(text, at)


def _camel(text: str, at: int, looks: str) -> tuple[str, int]:
    found = lexis.CAMEL.match(text, at)
    if found is None:
        fail(text, at, looks, hint="Kinds are CamelCase names")
    return found.group(), found.end()


def _close(text: str, at: int) -> int:
    if not text.startswith(">", at):
        fail(text, at, "'>'")
    return at + 1
