"""Methods: what a wave asks for, such as ``Ext<Add>``. docs/reference/waves.md#methods.

:mod:`.wave` also exports the names of this module, because every wave needs a method.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ...errors import ParseError, did_you_mean
from .method_meant import method_meant
from .method_names import METHOD_NAMES, MethodKind

__all__ = ["BOUNCE", "Method", "MethodKind", "known_methods"]


_CAMEL: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_METHOD: Final = re.compile(r"([A-Z][a-z]+)<([A-Z][A-Za-z0-9]*)>")
_NEEDS: Final = {"Cmd<Read>": "r", "Cmd<Update>": "w", "Cmd<Bounce>": ""}

known_methods: dict[str, Method] = {}
"""Methods by text."""


class Method:
    """A method, written ``Ext<Add>``. Parsing the same text again returns the same object.

    Attributes:
        kind: the family.
        name: the name within the family.
        text: the method as printed.
        need: letter of the permission that the agent needs on the target: ``r`` for Cmd<Read>, ``w`` for Cmd<Update>,
            empty for Cmd<Bounce>, ``x`` for every other method.

    Example:
        >>> method = Method.parse("Ext<Add>")
        >>> method.kind, method.name, method.need
        (<MethodKind.EXT: 'Ext'>, 'Add', 'x')
    """

    __slots__ = ("kind", "name", "need", "text")

    kind: MethodKind
    name: str
    text: str
    need: str

    @classmethod
    def parse(cls, text: str) -> Method:
        """Reads ``text`` as a method. Raises ParseError."""
        known = known_methods.get(text)
        return known if known is not None else cls._make(text)

    @classmethod
    def _make(cls, text: str) -> Method:
        found = _METHOD.fullmatch(text)
        if found is None:
            raise ParseError(
                f"{text!r} is not a method",
                text=text,
                expected=("a method such as Ext<Add> or Cmd<Read>",),
                hint=_meant(text),
            )
        family, name = found.groups()
        try:
            kind = MethodKind(family)
        except ValueError:
            families = [k.value for k in MethodKind]
            raise ParseError(
                f"unknown method family {family!r}{did_you_mean(family, families)}",
                text=text,
                expected=families,
            ) from None
        allowed = METHOD_NAMES.get(kind)
        if allowed is not None and name not in allowed:
            raise ParseError(
                f"{kind.value} has no method {name!r}{did_you_mean(name, allowed)}",
                text=text,
                offset=len(family) + 1,
                expected=sorted(allowed),
            )
        method = object.__new__(cls)
        method.kind, method.name, method.text = kind, name, text
        method.need = _NEEDS.get(text, "x")
        if len(known_methods) < 16_384:  # others choose the names, so the table must not grow without limit
            known_methods[text] = method
        return method

    def __init__(self, *args: object) -> None:
        raise TypeError("a Method is made by Method.parse: Method.parse('Ext<Add>')")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Method({self.text!r})"

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Method) and self.text == other.text)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Method.parse, (self.text,)


def _meant(text: str) -> str:
    """Returns a hint with the method that was probably meant; empty if there is none."""
    name, _, path = text.partition("/")
    if path and _METHOD.fullmatch(name.strip()):
        return f"give the path separately from the method: {name.strip()} and the path /{path}"
    hint, slash, behind = method_meant(text).partition("/")
    return f"{hint}, and the path {slash}{behind}" if slash else hint


BOUNCE: Final = Method.parse("Cmd<Bounce>")
