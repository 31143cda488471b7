"""Grammars in files: the only module that imports lark.

A :class:`Grammar` reads one ``.lark`` file. It is built at its first use, once in each process: building takes tens of
milliseconds, and most processes use none or one of them. Every exception of lark for a wrong text becomes a ParseError
with the offset and with what was expected there.

A package that has a language contains its ``.lark`` file and, in ``grammar.py``, the builder that makes values from its
rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ...errors import ParseError
from .lexis import ENDED, shown

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["Grammar", "moved", "without_comments"]

_FOUND: Final = re.compile(r"[+!]?@?[A-Za-z0-9_\-.]{1,24}|\S")
_COMMENT: Final = re.compile(r"#[^\n]*")
_QUOTES: Final = ("'", '"')


def without_comments(text: str) -> str:
    """Returns ``text`` with each comment, from ``#`` to the end of its line, replaced by as many blanks.

    Every character keeps its offset, so an offset in the result is the same offset in ``text``.
    """
    return _COMMENT.sub(lambda found: " " * len(found[0]), text) if "#" in text else text


def moved(error: ParseError, text: str, by: int) -> ParseError:
    """Returns ``error``, which was raised for the part of ``text`` that starts at ``by``, as an error of ``text``."""
    return ParseError(error.message, text=text, offset=by + error.offset, expected=error.expected, hint=error.hint)


class Grammar:
    """A ``.lark`` file, and the builder that makes values of its rules.

    Args:
        package: dotted name of the package that contains the file.
        file: name of the file.
        starts: the rules that a text can be parsed as.
        builder: a class with one method for each rule. The method gets the parts of the rule as arguments, and None
            for an optional part that is missing. The class does not depend on lark.
        names: the name of each terminal in errors. Errors do not mention a terminal without a name.
    """

    __slots__ = ("_builder", "_file", "_lark", "_names", "_package", "_starts")

    def __init__(self, package: str, file: str, starts: Iterable[str], builder: type, names: Mapping[str, str]) -> None:
        self._package = package
        self._file = file
        self._starts = list(starts)
        self._builder = builder
        self._names = {"$END": "the end", **names}
        self._lark: Lark | None = None

    def _parser(self) -> Lark:
        if self._lark is None:
            from lark import Lark, Transformer, v_args  # takes 30 ms, and most processes never parse these languages

            rules = {name: rule for name, rule in vars(self._builder).items() if not name.startswith("__")}
            builder = v_args(inline=True)(type(self._builder.__name__, (Transformer,), rules))

            self._lark = Lark(
                resources.files(self._package).joinpath(self._file).read_text(encoding="utf-8"),
                start=self._starts,
                parser="lalr",
                lexer="contextual",
                transformer=builder(),
                maybe_placeholders=True,
            )
        return self._lark

    def parse(self, text: str, start: str) -> Any:
        """Parses ``text`` as the rule ``start`` and returns its value. Raises ParseError."""
        from lark.exceptions import UnexpectedInput

        try:
            return self._parser().parse(text, start=start)
        except UnexpectedInput as exc:
            raise self._translate(exc, text) from None
        except ParseError as exc:
            # A builder has only its part of the text, although its offsets count from the start of the whole. If its
            # part ended too early, the whole text may continue: report what follows there.
            if exc.message == ENDED and exc.offset < len(text):
                exc.message = f"unexpected {shown(text, exc.offset)}"
            raise moved(exc, text, 0) from None

    def follows(self, text: str, start: str) -> set[str]:
        """Returns the names of the terminals that may follow ``text``; none if ``text`` is wrong already."""
        from lark.exceptions import UnexpectedInput

        state: Any = self._parser().parse_interactive(text, start=start)
        try:
            state.exhaust_lexer()
        except (UnexpectedInput, ParseError):
            return set()
        # accepts() would call the builders with an empty token, which they refuse; choices() calls no builder.
        return {name for name in state.choices() if name.isupper()}

    def _translate(self, exc: Any, text: str) -> ParseError:
        from lark.exceptions import UnexpectedCharacters

        if isinstance(exc, UnexpectedCharacters):
            offset, allowed = exc.pos_in_stream or 0, exc.allowed
        else:
            token = exc.token
            offset = len(text) if token.type == "$END" else int(token.start_pos)
            allowed = exc.expected
        expected = sorted({self._names[name] for name in allowed or () if name in self._names})
        found = _FOUND.match(text, offset)
        said = f"unexpected {found[0]!r}" if found is not None else ENDED
        if "VALUE" in (allowed or ()) and found is not None and found[0] in _QUOTES:
            return ParseError("the quote is never closed", text=text, offset=offset, expected=(found[0],))
        return ParseError(said, text=text, offset=offset, expected=expected)
